/* SPDX-License-Identifier: ISC */
/* Nothing opens but what was sealed here, whole and unchanged. The first byte chooses: any bytes,
 * which must fail; a message that is sealed, perhaps changed in one byte, and opened; or an inner
 * message. */
#include "base/secret.h"
#include "seal/inner.h"
#include "seal/opener.h"
#include "seal/sealer.h"
#include "tests/fuzz/fuzz.h"

static struct {
	struct keyring ring;
	struct sealer *sealer;
	struct opener *opener;
	struct now now;
} f = {.now = {1000, INT64_C(1790000000000000)}};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t one[SEAL_KEY_SIZE] = "the first key of the fuzz target";
	static const uint8_t two[SEAL_KEY_SIZE] = "the other key of the fuzz target";

	(void)argc;
	(void)argv;
	FUZZ_CHECK(secret_init() == 0);
	FUZZ_CHECK(keyring_add(&f.ring, "one", one, NULL) == 0);
	FUZZ_CHECK(keyring_add(&f.ring, "two", two, NULL) == 0);
	f.sealer = sealer_new(&f.ring.keys[0], NULL);
	f.opener = opener_new(&f.ring, 3, NULL);
	FUZZ_CHECK(f.sealer != NULL && f.opener != NULL);
	return 0;
}

static uint8_t take_byte(struct slice *s)
{
	uint8_t byte = s->n == 0 ? 0 : s->p[0];

	*s = slice_from(*s, 1);
	return byte;
}

static struct slice take_bytes(struct slice *s, size_t n)
{
	struct slice taken = slice_of(s->p, n < s->n ? n : s->n);

	*s = slice_from(*s, taken.n);
	return taken;
}

static void *zeroed(size_t n)
{
	void *p = calloc(1, n + 1);

	FUZZ_CHECK(p != NULL);
	return p;
}

static void expect_wiped(const uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(out[i] == 0);
}

/* Opens with the most lenient demand; what fails leaves nothing. */
static enum seal_error open_bytes(struct slice topic, struct slice bytes, uint8_t *out,
                                  struct seal_opened *opened)
{
	struct seal_demand demand = {.unbound_ok = true};
	enum seal_error e = seal_open(f.opener, &demand, topic, bytes, f.now, out, opened);
	struct envelope env;

	if (e != SEAL_OK) {
		FUZZ_CHECK(opened->payload.p == NULL && opened->props.p == NULL);
		if (envelope_get(bytes, &env) == SEAL_OK)
			expect_wiped(out, env.inner);
	}
	return e;
}

static void open_any(struct slice in)
{
	struct slice topic = take_bytes(&in, take_byte(&in) % 8);
	uint8_t *out = zeroed(in.n);
	struct seal_opened opened;

	FUZZ_CHECK(open_bytes(topic, in, out, &opened) != SEAL_OK);
	free(out);
}

static void expect_same(const struct seal_message *m, const struct seal_opened *opened)
{
	FUZZ_CHECK(slice_eq(opened->payload, m->payload));
	FUZZ_CHECK(opened->has_props == m->has_props && slice_eq(opened->props, m->props));
	FUZZ_CHECK((opened->flags & 0x0f) == m->flags && opened->key == 0);
}

/* Seals, changes one byte where `change` is not 0, and opens. */
static void seal_and_open(const struct seal_message *m, size_t at, uint8_t change)
{
	bool ok = false;
	size_t inner = seal_inner_size(m, &ok), size = envelope_size(inner);
	struct seal_opened opened;

	if (!ok)
		return;
	uint8_t *bytes = zeroed(size), *out = zeroed(inner);
	FUZZ_CHECK(seal_message(f.sealer, m, f.now, bytes) == SEAL_OK);
	bytes[at % size] ^= change;
	enum seal_error e = open_bytes(m->topic, slice_of(bytes, size), out, &opened);
	if (change != 0)
		FUZZ_CHECK(e != SEAL_OK && e != SEAL_E_INTERNAL);
	else if (e == SEAL_OK)
		expect_same(m, &opened);
	else /* the input gave properties that may not stand inside */
		FUZZ_CHECK(e == SEAL_E_INNER && m->has_props);
	free(bytes);
	free(out);
}

static void seal_any(struct slice in)
{
	uint8_t salt[SEAL_SALT_SIZE] = {take_byte(&in) % 5};
	struct seal_message m = {.flags = take_byte(&in) & 0x0f};
	uint8_t form = take_byte(&in), change = take_byte(&in);
	size_t at = (size_t)take_byte(&in) << 8;

	at |= take_byte(&in);
	m.has_props = (form & 1) != 0;
	m.pad_to = (form & 2) != 0 ? 16 + (size_t)(form >> 2) * 16 : 0;
	m.topic = take_bytes(&in, take_byte(&in));
	if (m.has_props)
		m.props = take_bytes(&in, take_byte(&in));
	m.payload = in;
	FUZZ_CHECK(sealer_renew(f.sealer, salt, f.now, NULL) == 0);
	seal_and_open(&m, at, (form & 0x80) != 0 ? change : 0);
}

/* What is read from an inner message, written again, is that message. */
static void inner_any(struct slice in)
{
	uint8_t flags = take_byte(&in) & (SEAL_PROPS | SEAL_PADDED);
	struct slice props, payload;
	struct inner again;

	if (inner_get(in, flags, &props, &payload) != SEAL_OK)
		return;
	FUZZ_CHECK(payload.n <= in.n && props.n <= in.n - payload.n);
	FUZZ_CHECK(payload.n == 0 || payload.p + payload.n == in.p + in.n);
	if ((flags & SEAL_PADDED) != 0)
		return;
	FUZZ_CHECK(inner_make(&again, flags != 0 ? &props : NULL, 0, payload) &&
	           again.size == in.n);
	for (size_t i = 0; i < again.n; i++)
		FUZZ_CHECK(slice_eq(take_bytes(&in, again.piece[i].n), again.piece[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	switch (take_byte(&in) % 4) {
	case 0:
		open_any(in);
		break;
	case 1:
		inner_any(in);
		break;
	default:
		seal_any(in);
	}
	return 0;
}
