/* SPDX-License-Identifier: ISC */
/* Segment by segment comes what comes whole; and what is half done goes on, whatever becomes of
 * sealer and opener meanwhile. */
#include "tests/unit/seal_pair.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { MOST = 5 * SEAL_SEGMENT };

static struct seal_pair pair;
static uint8_t payload[MOST], whole[MOST + 3000], sealed[MOST + 3000], out[MOST + SEAL_SEGMENT];
static const struct seal_demand anything = {.unbound_ok = true};
static const uint8_t props[] = {0x03, 0, 1, 'j', 0x26, 0, 1, 'a', 0, 0};

static void setup(void)
{
	pair_init(&pair, 2);
	pair_fill(payload, sizeof payload);
}

static void teardown(void)
{
	pair_fini(&pair);
}

static struct seal_message message(size_t n)
{
	return (struct seal_message){.topic = slice_str("a/b"), .payload = slice_of(payload, n)};
}

/* Seals what is left of the payload. */
static void seal_rest(struct seal_stream *rest, const struct seal_message *m, uint8_t *at)
{
	while (rest->left != 0) {
		size_t n = seal_stream_next(rest);
		const uint8_t *text = m->payload.p + m->payload.n - rest->left;
		ck_assert_int_eq(seal_stream_seal(rest, text, at), SEAL_OK);
		at += n + SEAL_TAG;
	}
	seal_stream_end(rest);
}

static size_t first_out(size_t inner)
{
	return envelope_first(envelope_size(inner));
}

static size_t inner_of(const struct seal_message *m)
{
	bool ok;

	return seal_inner_size(m, &ok);
}

static const size_t lengths[] = {0,     1,     400,   511,   512,   16383, 16384,
                                 16385, 32767, 32768, 32769, 49152, 70000, MOST};
static const size_t pads[] = {0, 16, 1024};

/* length × padding × properties: the same bytes as in one go, under the same number and SALT. */
START_TEST(sealed_alike)
{
	struct seal_message m = message(lengths[_i % ROWS(lengths)]);
	struct seal_stream rest;

	m.pad_to = pads[_i / ROWS(lengths) % ROWS(pads)];
	m.has_props = _i / ROWS(lengths) / ROWS(pads) != 0;
	if (m.has_props)
		m.props = slice_of(props, sizeof props);
	struct slice want = pair_seal(&pair, &m, whole);
	pair_salt(&pair, 0);
	memset(sealed, 0xee, sizeof sealed);
	ck_assert_int_eq(seal_begin(pair.sealer, &m, pair.now, sealed, &rest), SEAL_OK);
	size_t first = first_out(inner_of(&m));
	ck_assert_uint_eq(sealed[first], 0xee);
	ck_assert_uint_eq(rest.left, inner_of(&m) < SEAL_SEGMENT ? 0 : inner_of(&m) - SEAL_SEGMENT);
	seal_rest(&rest, &m, sealed + first);
	expect_bytes(slice_of(sealed, want.n), want, "envelope");
	ck_assert_uint_eq(sealed[want.n], 0xee);
}
END_TEST

/* Opens an envelope by segments to `out`; returns what the first failure was, and where. */
static enum seal_error open_by_segments(struct slice bytes, struct slice *got, size_t *released)
{
	struct seal_opened opened;
	struct seal_stream rest;
	enum seal_error e = seal_open_begin(pair.opener, &anything, slice_str("a/b"), bytes,
	                                    pair.now, out, &opened, &rest);
	const uint8_t *at = bytes.p + envelope_first(bytes.n);

	*released = e == SEAL_OK ? SEAL_SEGMENT : 0;
	*got = opened.payload;
	got->n += rest.left;
	while (e == SEAL_OK && rest.left != 0) {
		size_t n = seal_stream_next(&rest);
		e = seal_stream_open(&rest, at, out + *released);
		at += n + SEAL_TAG;
		*released += e == SEAL_OK ? n : 0;
	}
	seal_stream_end(&rest);
	return e;
}

START_TEST(opened_alike)
{
	struct seal_message m = message(lengths[_i % ROWS(lengths)]);
	struct slice got;
	size_t released;

	m.pad_to = pads[_i / ROWS(lengths) % ROWS(pads)];
	m.has_props = _i / ROWS(lengths) / ROWS(pads) != 0;
	if (m.has_props)
		m.props = slice_of(props, sizeof props);
	ck_assert_int_eq(open_by_segments(pair_seal(&pair, &m, sealed), &got, &released), SEAL_OK);
	expect_bytes(got, m.payload, "payload");
}
END_TEST

/* A byte of each segment, its tag or the header is changed: what stands before it was released, and
 * nothing of it or behind it. */
START_TEST(changed)
{
	enum { UNIT = SEAL_SEGMENT + SEAL_TAG };
	struct seal_message m = message(3 * SEAL_SEGMENT + 5);
	struct slice bytes = pair_seal(&pair, &m, sealed), got;
	size_t released, segment = (size_t)_i / 3, last = segment == 3 ? 5 + SEAL_TAG : UNIT,
	                 in = _i % 3 == 0   ? 0
	                      : _i % 3 == 1 ? last / 2
	                                    : last - 1;

	memset(out, 0, sizeof out);
	sealed[SEAL_HEADER + segment * UNIT + in] ^= 0x10;
	ck_assert_int_eq(open_by_segments(bytes, &got, &released), SEAL_E_AUTH);
	ck_assert_uint_eq(released, segment * SEAL_SEGMENT);
	expect_bytes(slice_of(out, released), slice_of(payload, released), "released");
	for (size_t i = released; i < sizeof out; i++)
		ck_assert_uint_eq(out[i], 0);
}
END_TEST

/* Segments of two messages of the same sealer, or of one in another order, do not mix. */
START_TEST(spliced)
{
	enum { UNIT = SEAL_SEGMENT + SEAL_TAG };
	struct seal_message m = message(4 * SEAL_SEGMENT);
	struct slice bytes = pair_seal(&pair, &m, sealed), got;
	size_t released;

	(void)pair_seal(&pair, &m, whole);
	memcpy(sealed + SEAL_HEADER + (size_t)_i * UNIT,
	       _i == 1 ? sealed + SEAL_HEADER + 2 * UNIT : whole + SEAL_HEADER + (size_t)_i * UNIT,
	       UNIT);
	ck_assert_int_eq(open_by_segments(bytes, &got, &released), SEAL_E_AUTH);
	ck_assert_uint_eq(released, (size_t)_i * SEAL_SEGMENT);
}
END_TEST

/* The sealer takes a new SALT, seals others, is freed: the message goes on under its own key. */
START_TEST(sealer_moves_on)
{
	struct seal_message m = message(3 * SEAL_SEGMENT), other = message(20000);
	size_t first = first_out(m.payload.n), n = envelope_size(m.payload.n), released;
	struct seal_stream rest;
	struct slice got;

	ck_assert_int_eq(seal_begin(pair.sealer, &m, pair.now, sealed, &rest), SEAL_OK);
	for (uint32_t salt = 1; salt < 4; salt++) {
		pair_salt(&pair, salt);
		struct slice bytes = pair_seal(&pair, &other, whole);
		ck_assert_int_eq(open_by_segments(bytes, &got, &released), SEAL_OK);
	}
	sealer_free(pair.sealer);
	pair.sealer = NULL;
	seal_rest(&rest, &m, sealed + first);
	ck_assert_int_eq(open_by_segments(slice_of(sealed, n), &got, &released), SEAL_OK);
	expect_bytes(got, m.payload, "payload");
}
END_TEST

/* The context is evicted by others, or never got into the LRU's place, or the opener is freed. */
START_TEST(opener_moves_on)
{
	struct seal_message m = message(3 * SEAL_SEGMENT), other = message(20000);
	struct slice bytes = pair_seal(&pair, &m, sealed), got;
	struct seal_opened opened;
	struct seal_stream rest;
	static uint8_t opened_to[3 * SEAL_SEGMENT];
	size_t released;

	ck_assert_int_eq(seal_open_begin(pair.opener, &anything, m.topic, bytes, pair.now,
	                                 opened_to, &opened, &rest),
	                 SEAL_OK);
	for (uint32_t salt = 1; salt < 9; salt++) {
		pair_salt(&pair, salt);
		struct slice more = pair_seal(&pair, &other, whole);
		ck_assert_int_eq(open_by_segments(more, &got, &released), SEAL_OK);
		expect_bytes(got, other.payload, "another payload");
		whole[SEAL_HEADER] ^= 1;
		ck_assert_int_eq(open_by_segments(more, &got, &released), SEAL_E_AUTH);
	}
	opener_free(pair.opener);
	pair.opener = NULL;
	const uint8_t *at = sealed + envelope_first(bytes.n);
	for (size_t done = SEAL_SEGMENT; rest.left != 0; done += SEAL_SEGMENT) {
		ck_assert_int_eq(seal_stream_open(&rest, at, opened_to + done), SEAL_OK);
		at += SEAL_SEGMENT + SEAL_TAG;
	}
	seal_stream_end(&rest);
	expect_bytes(slice_of(opened_to, sizeof opened_to), m.payload, "payload");
}
END_TEST

/* What the first segment vouches for is judged before the others are there. */
START_TEST(first_judges)
{
	struct seal_message m = message(2 * SEAL_SEGMENT);
	struct seal_demand demand = {.retain = true};
	struct seal_opened opened;
	struct seal_stream rest;

	m.flags = _i == 0 ? 0 : SEAL_UNBOUND | SEAL_RETAIN;
	struct slice bytes = pair_seal(&pair, &m, sealed);
	memset(sealed + SEAL_HEADER + SEAL_SEGMENT + SEAL_TAG, 0, SEAL_SEGMENT + SEAL_TAG);
	ck_assert_int_eq(
	    seal_open_begin(pair.opener, &demand, m.topic, bytes, pair.now, out, &opened, &rest),
	    _i == 0 ? SEAL_E_RETAIN : SEAL_E_UNBOUND);
	ck_assert_ptr_null(rest.aead);
	for (size_t i = 0; i < SEAL_SEGMENT; i++)
		ck_assert_uint_eq(out[i], 0);
	seal_stream_end(&rest);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("stream");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, sealed_alike, 0, ROWS(lengths) * ROWS(pads) * 2);
	tcase_add_loop_test(t, opened_alike, 0, ROWS(lengths) * ROWS(pads) * 2);
	tcase_add_loop_test(t, changed, 0, 12);
	tcase_add_loop_test(t, spliced, 1, 4);
	tcase_add_test(t, sealer_moves_on);
	tcase_add_test(t, opener_moves_on);
	tcase_add_loop_test(t, first_judges, 0, 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
