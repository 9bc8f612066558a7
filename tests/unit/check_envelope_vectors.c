/* SPDX-License-Identifier: ISC */
/* Every record of envelope.txt: what is sealed has the bytes written there, and opens; what must
 * fail fails with its error and leaves nothing behind. */
#include "base/text.h"
#include "seal/opener.h"
#include "seal/sealer.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEALS = 45, FAILS = 60, GEOMETRIES = 19 };

static const struct now now = {1000, INT64_C(1790990739000000)};
static struct vectors vs;
static const struct vector *seals[SEALS], *fails[FAILS], *geometries[GEOMETRIES];

/* The records of one kind; the count is part of the test. */
static void collect(const char *kind, const struct vector **out, size_t n)
{
	size_t found = 0;

	if (vectors_count(&vs, kind) != n) {
		fprintf(stderr, "envelope.txt: not %zu records [%s]\n", n, kind);
		abort();
	}
	for (size_t i = 0; i < vs.n; i++) {
		if (strcmp(vs.v[i].kind, kind) == 0)
			out[found++] = &vs.v[i];
	}
}

static uint64_t number(const struct vector *v, const char *name)
{
	uint64_t value = 0;

	ck_assert_int_eq(text_number(slice_str(vector_need(v, name)), 0, UINT64_MAX, &value, NULL),
	                 0);
	return value;
}

static bool listed(const char *list, const char *name)
{
	const char *at = strstr(list, name);

	return at != NULL && (at[strlen(name)] == ',' || at[strlen(name)] == '\0');
}

/* The keys of the file whose names are in the list. */
static void ring_of(struct keyring *ring, const char *list)
{
	*ring = (struct keyring){0};
	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		if (strcmp(v->kind, "key") != 0 || !listed(list, vector_need(v, "name")))
			continue;
		ck_assert_int_eq(keyring_add(ring, vector_need(v, "name"),
		                             unhex(vector_need(v, "key_hex")).p, NULL),
		                 0);
	}
	ck_assert_uint_gt(ring->n, 0);
}

static struct slice topic_of(const struct vector *v)
{
	char prefix[16], fill;
	size_t n = 0;
	const char *spec = vector_get(v, "topic_fill");

	if (spec == NULL)
		return unhex(vector_need(v, "topic_hex"));
	ck_assert_int_eq(sscanf(spec, "%15s %c %zu", prefix, &fill, &n), 3);
	uint8_t *p = kept_bytes(n);
	memset(p, fill, n);
	memcpy(p, prefix, strlen(prefix));
	return slice_of(p, n);
}

static struct slice payload_of(const struct vector *v)
{
	if (vector_get(v, "payload_hex") != NULL)
		return unhex(vector_need(v, "payload_hex"));
	size_t n = (size_t)number(v, "payload_len"),
	       seed = (size_t)number(v, "payload_pattern_seed");
	uint8_t *p = kept_bytes(n);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((i ^ (i >> 8) ^ ((i >> 14) * 31)) + seed);
	return slice_of(p, n);
}

static void expect_sha256(struct slice bytes, const struct vector *v)
{
	uint8_t digest[32];

	ck_assert_int_eq(EVP_Digest(bytes.p, bytes.n, digest, NULL, EVP_sha256(), NULL), 1);
	expect_bytes(slice_of(digest, sizeof digest), unhex(vector_need(v, "envelope_sha256")),
	             "SHA-256");
}

static struct seal_message message_of(const struct vector *v)
{
	const char *props = vector_get(v, "props_hex");

	return (struct seal_message){
	    .flags = (uint8_t)(number(v, "flags") & 0x0f),
	    .topic = topic_of(v),
	    .has_props = props != NULL,
	    .props = props == NULL ? slice_of(NULL, 0) : unhex(props),
	    .pad_to = (size_t)number(v, "pad_to"),
	    .payload = payload_of(v),
	};
}

/* Seals a record. */
static struct slice envelope_of(const struct vector *v, const struct seal_message *m)
{
	struct keyring ring;
	bool ok = false;
	size_t inner = seal_inner_size(m, &ok), size = envelope_size(inner);
	uint8_t *out = kept_bytes(size);

	ck_assert(ok);
	ck_assert_uint_eq(inner, number(v, "inner_len"));
	ring_of(&ring, vector_need(v, "key"));
	struct sealer *s = sealer_new(&ring.keys[0], NULL);
	ck_assert_int_eq(sealer_renew(s, unhex(vector_need(v, "salt_hex")).p, now, NULL), 0);
	ck_assert_int_eq(seal_message_numbered(s, m, number(v, "num"), out), SEAL_OK);
	sealer_free(s);
	keyring_fini(&ring);
	return slice_of(out, size);
}

static void expect_envelope(struct slice bytes, const struct vector *v)
{
	ck_assert_uint_eq(bytes.n, number(v, "envelope_len"));
	if (vector_get(v, "envelope_hex") != NULL) {
		expect_bytes(bytes, unhex(vector_need(v, "envelope_hex")), "envelope");
	} else {
		expect_bytes(slice_of(bytes.p, 64), unhex(vector_need(v, "envelope_first64_hex")),
		             "first");
		expect_bytes(slice_of(bytes.p + bytes.n - 64, 64),
		             unhex(vector_need(v, "envelope_last64_hex")), "last");
	}
	expect_sha256(bytes, v);
}

/* Opens twice: with a fresh context, and with the one that is kept. */
static void expect_opens(struct slice bytes, const struct seal_message *m, const struct vector *v)
{
	struct keyring ring;
	uint8_t flags = (uint8_t)number(v, "flags");
	struct seal_demand demand = {.retain = (flags & SEAL_RETAIN) != 0,
	                             .strict_retain = true,
	                             .connect_will = (flags & SEAL_WILL) != 0,
	                             .unbound_ok = true};
	struct slice given = guard_copy(bytes), topic = guard_copy(m->topic);
	uint8_t *out = malloc((size_t)number(v, "inner_len") + 1);
	struct seal_opened opened;

	ring_of(&ring, "K0,K1,K2,K3");
	struct opener *o = opener_new(&ring, 4, NULL);
	ck_assert(o != NULL && out != NULL);
	for (int i = 0; i < 2; i++) {
		enum seal_error e = seal_open(o, &demand, topic, given, now, out, &opened);
		ck_assert_str_eq(seal_error_name(e), "OK");
		ck_assert_uint_eq(opened.flags, flags);
		ck_assert_uint_eq(opened.num, number(v, "num"));
		ck_assert_str_eq(ring.keys[opened.key].name, vector_need(v, "key"));
		ck_assert_int_eq(opened.has_props, m->has_props);
		expect_bytes(opened.props, m->props, "properties");
		expect_bytes(opened.payload, m->payload, "payload");
	}
	opener_free(o);
	keyring_fini(&ring);
	guard_free(given);
	guard_free(topic);
	free(out);
}

START_TEST(seal)
{
	const struct vector *v = seals[_i];
	struct seal_message m = message_of(v);
	struct slice bytes = envelope_of(v, &m);
	struct envelope env;

	expect_envelope(bytes, v);
	ck_assert_int_eq(envelope_get(bytes, &env), SEAL_OK);
	ck_assert_uint_eq(env.flags, number(v, "flags"));
	ck_assert_uint_eq(env.num, number(v, "num"));
	ck_assert_uint_eq(env.segments, number(v, "segments"));
	ck_assert_uint_eq(env.inner, number(v, "inner_len"));
	ck_assert_uint_eq(bytes.n - m.payload.n, number(v, "overhead"));
	expect_opens(bytes, &m, v);
}
END_TEST

/* Slices "ID:OFFSET:LENGTH" of sealed envelopes, put together. */
static size_t build(const char *list, uint8_t *out, size_t size)
{
	char id[64];
	size_t offset = 0, n = 0, at = 0;

	for (const char *p = list; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		ck_assert_int_eq(sscanf(p, "%63[^:]:%zu:%zu", id, &offset, &n), 3);
		for (size_t i = 0; i < SEALS; i++) {
			if (strcmp(vector_need(seals[i], "id"), id) != 0)
				continue;
			struct slice from = unhex(vector_get(seals[i], "envelope_hex") != NULL
			                              ? vector_need(seals[i], "envelope_hex")
			                              : "");
			struct seal_message m = message_of(seals[i]);
			if (from.n == 0)
				from = envelope_of(seals[i], &m);
			ck_assert(offset <= from.n && n <= from.n - offset && n <= size - at);
			memcpy(out + at, from.p + offset, n);
			at += n;
			break;
		}
	}
	return at;
}

static struct slice broken(const struct vector *v)
{
	if (vector_get(v, "envelope_hex") != NULL)
		return unhex(vector_need(v, "envelope_hex"));
	size_t size = (size_t)number(v, "envelope_len"), at = 0;
	unsigned byte = 0;
	uint8_t *out = kept_bytes(size);
	ck_assert_uint_eq(build(vector_need(v, "build"), out, size), size);
	if (vector_get(v, "xor") != NULL) {
		ck_assert_int_eq(sscanf(vector_need(v, "xor"), "%zu:%x", &at, &byte), 2);
		ck_assert_uint_lt(at, size);
		out[at] ^= (uint8_t)byte;
	}
	expect_sha256(slice_of(out, size), v);
	return slice_of(out, size);
}

START_TEST(open_fail)
{
	const struct vector *v = fails[_i];
	struct slice bytes = guard_copy(broken(v)), topic = guard_copy(topic_of(v));
	struct seal_demand demand = {.retain = number(v, "retain") != 0, .unbound_ok = true};
	struct keyring ring;
	struct seal_opened opened;
	uint8_t *out = malloc(bytes.n + 1);

	ck_assert_ptr_nonnull(out);
	memset(out, 0xee, bytes.n + 1);
	ring_of(&ring, vector_need(v, "keys"));
	struct opener *o = opener_new(&ring, 4, NULL);
	enum seal_error e = seal_open(o, &demand, topic, bytes, now, out, &opened);
	ck_assert_str_eq(seal_error_name(e), vector_need(v, "error"));
	ck_assert(opened.payload.p == NULL && opened.props.p == NULL && opened.flags == 0);
	size_t written =
	    bytes.n > SEAL_OVERHEAD_MIN ? bytes.n : 0; /* what is not wiped is untouched */
	for (size_t i = 0; i < written; i++)
		ck_assert(out[i] == 0 || out[i] == 0xee);
	for (size_t i = 0; e >= SEAL_E_KEY && i < bytes.n - SEAL_OVERHEAD_MIN && i < SEAL_SEGMENT;
	     i++)
		ck_assert_uint_eq(out[i], 0);
	opener_free(o);
	keyring_fini(&ring);
	guard_free(bytes);
	guard_free(topic);
	free(out);
}
END_TEST

/* The envelope of a record, too large to be made: only its length counts. */
START_TEST(geometry)
{
	const struct vector *v = geometries[_i];
	size_t size = (size_t)number(v, "envelope_len");
	uint8_t *bytes = calloc(1, size);
	struct envelope env;

	ck_assert_ptr_nonnull(bytes);
	bytes[0] = 0x80;
	enum seal_error e = envelope_get(slice_of(bytes, size), &env);
	if (vector_get(v, "error") != NULL) {
		ck_assert_str_eq(seal_error_name(e), vector_need(v, "error"));
	} else {
		ck_assert_int_eq(e, SEAL_OK);
		ck_assert_uint_eq(env.inner, number(v, "inner_len"));
		ck_assert_uint_eq(env.segments, number(v, "segments"));
		ck_assert_uint_eq(envelope_size(env.inner), size);
	}
	free(bytes);
}
END_TEST

/* Every inner length around every segment boundary has one envelope length, and the others have
 * none. */
START_TEST(geometry_is_one_to_one)
{
	static uint8_t bytes[4 * 16400 + 64] = {0x80};
	struct envelope env;
	size_t inner = 0;

	for (size_t n = SEAL_OVERHEAD_MIN; n <= sizeof bytes; n++) {
		enum seal_error e = envelope_get(slice_of(bytes, n), &env);
		if (n == envelope_size(inner)) {
			ck_assert(e == SEAL_OK && env.inner == inner);
			inner++;
		} else {
			ck_assert_int_eq(e, SEAL_E_LENGTH);
		}
	}
	ck_assert_uint_gt(inner, (size_t)4 * SEAL_SEGMENT - 64);
}
END_TEST

/* M's length has four bytes. Only the header is looked at, so the rest need not be there. */
START_TEST(geometry_ends)
{
	static const uint8_t header[SEAL_HEADER] = {0x80};
	struct envelope env;
	size_t most = envelope_size(UINT32_MAX);

	ck_assert_int_eq(envelope_get(slice_of(header, most), &env), SEAL_OK);
	ck_assert_uint_eq(env.inner, UINT32_MAX);
	ck_assert_int_eq(envelope_get(slice_of(header, most + 1), &env), SEAL_E_LENGTH);
}
END_TEST

START_TEST(error_names)
{
	static const char *const names[] = {
	    "OK",     "E_PLAIN",   "E_VERSION", "E_SHORT",  "E_LENGTH", "E_TOO_LARGE", "E_KEY",   "E_SCOPE",
	    "E_AUTH", "E_UNBOUND", "E_WILL",    "E_RETAIN", "E_STALE",  "E_INNER", "E_INTERNAL"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_str_eq(seal_error_name((enum seal_error)i), names[i]);
	ck_assert_int_eq(SEAL_E_INTERNAL, 14);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("envelope vectors");
	TCase *t = tcase_create("envelope vectors");

	vs = vectors_read("envelope.txt");
	collect("seal", seals, SEALS);
	collect("open_fail", fails, FAILS);
	collect("geometry", geometries, GEOMETRIES);
	tcase_add_loop_test(t, seal, 0, SEALS);
	tcase_add_loop_test(t, open_fail, 0, FAILS);
	tcase_add_loop_test(t, geometry, 0, GEOMETRIES);
	tcase_add_test(t, geometry_is_one_to_one);
	tcase_add_test(t, geometry_ends);
	tcase_add_test(t, error_names);
	suite_add_tcase(s, t);
	int status = suite_run(s);
	vectors_free(&vs);
	return status;
}
