/* SPDX-License-Identifier: ISC */
#include "seal/aead.h"
#include "seal/cmac.h"
#include "tests/support/guard.h"
#include "tests/unit/seal_pair.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

static struct seal_pair pair;
static uint8_t out[70000];
static bool no_key, no_seal; /* libcrypto fails there */

int __real_xaes_derive(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE],
                       const uint8_t salt[XAES_SALT_SIZE], uint8_t derived[2 * CMAC_SIZE]);
int __wrap_xaes_derive(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE],
                       const uint8_t salt[XAES_SALT_SIZE], uint8_t derived[2 * CMAC_SIZE]);
int __wrap_xaes_derive(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE],
                       const uint8_t salt[XAES_SALT_SIZE], uint8_t derived[2 * CMAC_SIZE])
{
	return no_key ? -1 : __real_xaes_derive(c, key, salt, derived);
}

enum aead_result __real_aead_seal(struct aead *a, const uint8_t iv[AEAD_IV_SIZE],
                                  const struct slice aad[2], const struct slice *pieces,
                                  size_t n_pieces, uint8_t *to);
enum aead_result __wrap_aead_seal(struct aead *a, const uint8_t iv[AEAD_IV_SIZE],
                                  const struct slice aad[2], const struct slice *pieces,
                                  size_t n_pieces, uint8_t *to);
enum aead_result __wrap_aead_seal(struct aead *a, const uint8_t iv[AEAD_IV_SIZE],
                                  const struct slice aad[2], const struct slice *pieces,
                                  size_t n_pieces, uint8_t *to)
{
	enum aead_result r = __real_aead_seal(a, iv, aad, pieces, n_pieces, to);

	return no_seal ? AEAD_FAILED : r;
}

static void setup(void)
{
	pair_init(&pair, 8);
}

static void teardown(void)
{
	pair_fini(&pair);
}

static struct seal_message message(const char *payload)
{
	return (struct seal_message){.topic = slice_str("a/b"), .payload = slice_str(payload)};
}

/* The number in the header of what was just sealed. */
static uint64_t sealed_number(const struct seal_message *m)
{
	struct envelope env;

	ck_assert_int_eq(envelope_get(pair_seal(&pair, m, out), &env), SEAL_OK);
	return env.num;
}

static bool is_zero(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (out[i] != 0)
			return false;
	}
	return true;
}

START_TEST(new_is_stale)
{
	struct sealer *s = sealer_new(&pair.ring.keys[1], NULL);
	struct seal_message m = message("x");

	ck_assert(sealer_stale(s, pair.now));
	memset(out, 0xee, sizeof out);
	ck_assert_int_eq(seal_message(s, &m, pair.now, out), SEAL_E_INTERNAL);
	ck_assert(is_zero(pair_size(&m)));
	ck_assert_uint_eq(out[pair_size(&m)], 0xee);
	sealer_free(s);
	sealer_free(NULL);
}
END_TEST

START_TEST(stale_by_time)
{
	struct now now = pair.now;

	ck_assert(!sealer_stale(pair.sealer, now));
	now.mono_ms += 3599999;
	now.real_us += INT64_C(3599999000);
	ck_assert(!sealer_stale(pair.sealer, now));
	now.mono_ms++;
	ck_assert(sealer_stale(pair.sealer, now));
	now = pair.now;
	now.real_us += 1000000;
	ck_assert(!sealer_stale(pair.sealer, now));
	now.real_us++;
	ck_assert(sealer_stale(pair.sealer, now));
	now.real_us = pair.now.real_us - 1000001;
	ck_assert(sealer_stale(pair.sealer, now));
	pair.now = now;
	pair_salt(&pair, 1);
	ck_assert(!sealer_stale(pair.sealer, now));
}
END_TEST

/* Hours of traffic with a clock that is set now and then, asked before each message as a worker
 * does: a new SALT each hour and at each step, and no number twice under one. */
START_TEST(renewed)
{
	enum { PERIOD_S = 7, MESSAGES = 4 * 3600 / PERIOD_S };
	struct seal_message m = message("x");
	struct seal_demand demand = {0};
	struct seal_opened opened;
	struct envelope env;
	uint8_t last_salt[SEAL_SALT_SIZE], back[1];
	uint64_t last = 0;
	uint32_t salts = 0;

	for (int i = 0; i < MESSAGES; i++) {
		pair.now.mono_ms += PERIOD_S * 1000;
		pair.now.real_us += PERIOD_S * INT64_C(1000000);
		if (i == 700 || i == 720)
			pair.now.real_us -= INT64_C(1500000);
		if (i == 710)
			pair.now.real_us += INT64_C(86400000000);
		if (i == 715) /* too little to tell from a clock that is slewed */
			pair.now.real_us -= INT64_C(900000);
		if (sealer_stale(pair.sealer, pair.now))
			pair_salt(&pair, ++salts);
		struct slice bytes = pair_seal(&pair, &m, out);
		ck_assert_int_eq(envelope_get(bytes, &env), SEAL_OK);
		bool same = i != 0 && memcmp(env.salt, last_salt, sizeof last_salt) == 0;
		ck_assert(!same || env.num > last);
		memcpy(last_salt, env.salt, sizeof last_salt);
		last = env.num;
		ck_assert_int_eq(
		    seal_open(pair.opener, &demand, m.topic, bytes, pair.now, back, &opened),
		    SEAL_OK);
	}
	/* The hours count from the last step on: 515 messages each. */
	ck_assert_uint_eq(salts, 1 + 3 + (MESSAGES - 720 - 1) / 515);
}
END_TEST

/* The number rises whatever the clock does, and is the clock where that is ahead. */
START_TEST(number_rises)
{
	static const int64_t clock[] = {100, 100, 50, 0, -7, 101, 102, 500, 499, INT64_MIN};
	static const uint64_t want[] = {100, 101, 102, 103, 104, 105, 106, 500, 501, 502};
	struct seal_message m = message("x");

	for (size_t i = 0; i < sizeof clock / sizeof clock[0]; i++) {
		pair.now.real_us = clock[i];
		ck_assert_uint_eq(sealed_number(&m), want[i]);
	}
	pair.now.real_us = 3;
	pair_salt(&pair, 1); /* a new SALT begins anew */
	ck_assert_uint_eq(sealed_number(&m), 3);
}
END_TEST

START_TEST(number_ends)
{
	struct seal_message m = message("x");
	const uint64_t end = UINT64_C(1) << 56;

	ck_assert_int_eq(seal_message_numbered(pair.sealer, &m, end, out), SEAL_E_INTERNAL);
	ck_assert_int_eq(seal_message_numbered(pair.sealer, &m, end - 1, out), SEAL_OK);
	ck_assert_int_eq(seal_message_numbered(pair.sealer, &m, end - 1, out), SEAL_E_INTERNAL);
	ck_assert_int_eq(seal_message_numbered(pair.sealer, &m, 5, out), SEAL_E_INTERNAL);
	memset(out, 0xee, sizeof out);
	ck_assert_int_eq(seal_message(pair.sealer, &m, pair.now, out), SEAL_E_INTERNAL);
	ck_assert(is_zero(pair_size(&m)));
	pair_salt(&pair, 1);
	pair.now.real_us = (int64_t)end;
	ck_assert_int_eq(seal_message(pair.sealer, &m, pair.now, out), SEAL_E_INTERNAL);
}
END_TEST

/* Flags P and Z are the sealer's own, whatever the caller sets. */
START_TEST(flags)
{
	struct seal_message m = message("x");
	struct envelope env;

	m.flags = (uint8_t)_i;
	ck_assert_int_eq(envelope_get(pair_seal(&pair, &m, out), &env), SEAL_OK);
	ck_assert_uint_eq(env.flags, _i & 0x0f);
	m.pad_to = 16;
	m.has_props = true;
	ck_assert_int_eq(envelope_get(pair_seal(&pair, &m, out), &env), SEAL_OK);
	ck_assert_uint_eq(env.flags, (_i & 0x0f) | 0x30);
	ck_assert_uint_eq(env.inner, 16);
}
END_TEST

START_TEST(prefix_too_large)
{
	static uint8_t big[SEAL_PREFIX_MAX];
	struct seal_message m = message("x");
	bool ok = true;

	m.has_props = true;
	m.props = slice_of(big, sizeof big);
	ck_assert_uint_eq(seal_inner_size(&m, &ok), 0);
	ck_assert(!ok);
	out[0] = 0xee;
	ck_assert_int_eq(seal_message(pair.sealer, &m, pair.now, out), SEAL_E_INTERNAL);
	ck_assert_uint_eq(out[0], 0xee); /* nothing has a size, nothing is written */
}
END_TEST

/* Sealing and opening at every length around what changes: engine, segment, padding, properties. */
static const size_t lengths[] = {0,     1,     15,    16,    17,    343,   344,   345,
                                 383,   384,   385,   511,   512,   513,   16383, 16384,
                                 16385, 16767, 16768, 16769, 32767, 32768, 32769, 49152};
static const size_t pads[] = {0, 16, 1000, 1024};

START_TEST(round_trip)
{
	static uint8_t payload[49152], back[60000];
	static const uint8_t props[] = {0x03, 0, 1, 'j', 0x26, 0, 1, 'a', 0, 0};
	struct seal_opened opened;

	pair_fill(payload, sizeof payload);
	for (size_t i = 0; i < 2 * ROWS(pads); i++) {
		struct seal_message m = {.topic = slice_str("a/b"),
		                         .has_props = i % 2 == 1,
		                         .pad_to = pads[i / 2],
		                         .payload = slice_of(payload, lengths[_i])};
		struct seal_demand demand = {0};
		if (m.has_props)
			m.props = slice_of(props, sizeof props);
		struct slice bytes = pair_seal(&pair, &m, out);
		ck_assert_int_eq(
		    seal_open(pair.opener, &demand, m.topic, bytes, pair.now, back, &opened),
		    SEAL_OK);
		expect_bytes(opened.payload, m.payload, "payload");
		expect_bytes(opened.props, m.props, "properties");
		ck_assert(m.pad_to == 0 ||
		          (opened.payload.p + m.payload.n - back) % (int)m.pad_to == 0);
	}
}
END_TEST

/* Topics of every length around what is one piece of associated data with the header: opened by
 * hand, by libcrypto over header || m || topic, and by the opener. */
START_TEST(topic_lengths)
{
	static const size_t topics[] = {1, 2, 226, 227, 228, 229, 255, 256, 1000, 65535};
	static uint8_t letters[65535], back[8];
	uint8_t salt[SEAL_SALT_SIZE], derived[AEAD_KEY_SIZE], head[SEAL_HEADER + 4] = {0}, iv[12];
	struct aead *open = aead_new(AEAD_OPEN);
	struct cmac *cmac = cmac_new();
	struct slice topic = guard_copy(slice_of(memset(letters, 't', 65535), topics[_i]));
	struct seal_message m = {.topic = topic, .payload = slice_str("text")};
	struct slice bytes = pair_seal(&pair, &m, out), aad[2] = {{head, sizeof head}, topic};
	struct seal_demand demand = {0};
	struct seal_opened opened;

	memcpy(head, out, SEAL_HEADER);
	head[SEAL_HEADER + 3] = 4;
	memcpy(salt, out + 5, sizeof salt);
	memcpy(iv, out + 17, 7);
	memcpy(iv + 7, "\0\0\0\0\1", 5);
	ck_assert_int_eq(xaes_derive(cmac, pair.ring.keys[0].secret, salt, derived), 0);
	aead_slow(open);
	aead_set_key(open, derived);
	ck_assert_int_eq(aead_open(open, iv, aad, slice_from(bytes, SEAL_HEADER), back), AEAD_OK);
	expect_bytes(slice_of(back, 4), m.payload, "by hand");
	ck_assert_int_eq(seal_open(pair.opener, &demand, topic, bytes, pair.now, back, &opened),
	                 SEAL_OK);
	letters[topics[_i] - 1] = 'u';
	ck_assert_int_eq(seal_open(pair.opener, &demand, slice_of(letters, topic.n), bytes,
	                           pair.now, back, &opened),
	                 SEAL_E_AUTH);
	aead_unref(open);
	cmac_free(cmac);
	guard_free(topic);
}
END_TEST

/* Without a key of the new salt nothing is sealed, under the old one neither. */
START_TEST(failed_renewal)
{
	static const uint8_t salt[SEAL_SALT_SIZE] = {9};
	struct seal_message m = message("text");
	struct err e = {""};

	(void)pair_seal(&pair, &m, out);
	no_key = true;
	ck_assert_int_eq(sealer_renew(pair.sealer, salt, pair.now, &e), -1);
	ck_assert(e.text[0] != '\0');
	ck_assert(sealer_stale(pair.sealer, pair.now));
	ck_assert_int_eq(seal_message(pair.sealer, &m, pair.now, out), SEAL_E_INTERNAL);
	no_key = false;
	pair_salt(&pair, 9);
	ck_assert_int_eq(seal_message(pair.sealer, &m, pair.now, out), SEAL_OK);
}
END_TEST

/* Nothing of a seal that failed is left, and its number is used up. */
START_TEST(failed_seal)
{
	struct seal_message m = message("text");
	struct seal_stream rest;

	for (int begin = 0; begin < 2; begin++) {
		memset(out, 0xee, sizeof out);
		no_seal = true;
		ck_assert_int_eq(begin != 0 ? seal_begin(pair.sealer, &m, pair.now, out, &rest)
		                            : seal_message(pair.sealer, &m, pair.now, out),
		                 SEAL_E_INTERNAL);
		no_seal = false;
		ck_assert(is_zero(pair_size(&m)));
		ck_assert_uint_eq(out[pair_size(&m)], 0xee);
		ck_assert_uint_eq(sealed_number(&m),
		                  (uint64_t)pair.now.real_us + 2 * (size_t)begin + 1);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sealer");
	TCase *t = tcase_create("sealer");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, new_is_stale);
	tcase_add_test(t, stale_by_time);
	tcase_add_test(t, renewed);
	tcase_add_test(t, number_rises);
	tcase_add_test(t, number_ends);
	tcase_add_loop_test(t, flags, 0, 0x40);
	tcase_add_test(t, prefix_too_large);
	tcase_add_test(t, failed_renewal);
	tcase_add_test(t, failed_seal);
	tcase_add_loop_test(t, round_trip, 0, ROWS(lengths));
	tcase_add_loop_test(t, topic_lengths, 0, 10);
	suite_add_tcase(s, t);
	return suite_run(s);
}
