/* SPDX-License-Identifier: ISC */
#include "seal/lru.h"
#include "tests/support/guard.h"
#include "tests/unit/seal_pair.h"

#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { LRU = 8 };

static struct seal_pair pair;
static uint8_t sealed[70000], out[70000];
static const struct seal_demand anything = {.unbound_ok = true};

static void setup(void)
{
	pair_init(&pair, LRU);
}

static void teardown(void)
{
	pair_fini(&pair);
}

static enum seal_error open_with(const struct seal_demand *demand, struct slice bytes,
                                 struct seal_opened *opened)
{
	return seal_open(pair.opener, demand, slice_str("a/b"), bytes, pair.now, out, opened);
}

static enum seal_error open_any(struct slice bytes)
{
	struct seal_opened opened;

	return open_with(&anything, bytes, &opened);
}

/* Policy on authenticated data. */
struct policy_row {
	uint8_t flags; /* sealed */
	struct seal_demand demand;
	int64_t age_us;
	const char *error;
};

#define MIN INT64_C(60000000)
#define U SEAL_UTF8
#define R SEAL_RETAIN
#define W SEAL_WILL
#define N SEAL_UNBOUND

static const struct policy_row policies[] = {
    {0, {.n_keys = 0}, 0, "OK"},
    {U, {.n_keys = 0}, 0, "OK"},
    {N, {.n_keys = 0}, 0, "E_UNBOUND"},
    {N, {.unbound_ok = true}, 0, "OK"},
    {0, {.connect_will = true}, 0, "E_WILL"},
    {W, {.connect_will = true}, 0, "OK"},
    {W, {.n_keys = 0}, 0, "OK"}, /* a broker publishes a Will as any other message */
    {R, {.n_keys = 0}, 0, "OK"},
    {R, {.retain = true}, 0, "OK"},
    {0, {.retain = true}, 0, "E_RETAIN"},
    {R, {.strict_retain = true}, 0, "E_RETAIN"},
    {R, {.strict_retain = true, .retain = true}, 0, "OK"},
    {0, {.strict_retain = true, .retain = true}, 0, "E_RETAIN"},
    {0, {.strict_retain = true}, 0, "OK"},
    /* freshness */
    {0, {.max_age_us = MIN}, MIN, "OK"},
    {0, {.max_age_us = MIN}, MIN + 1, "E_STALE"},
    {0, {.max_age_us = MIN}, -MIN, "OK"},
    {0, {.max_age_us = MIN}, -MIN - 1, "E_STALE"},
    {0, {.max_age_us = 1}, 0, "OK"},
    {0, {.max_age_us = INT64_MAX}, MIN, "OK"},
    {0, {.n_keys = 0}, 1000 * MIN, "OK"},
    {0, {.n_keys = 0}, -1000 * MIN, "OK"},
    {R, {.max_age_us = MIN}, MIN + 1, "E_STALE"}, /* carried with RETAIN = 0 */
    {R, {.max_age_us = MIN, .retain = true}, 100 * MIN, "OK"},
    {R, {.max_age_us = MIN, .retain = true}, -100 * MIN, "OK"},
    {0, {.max_age_us = MIN, .retain = true}, 0, "E_RETAIN"},
    {W, {.max_age_us = MIN}, 100 * MIN, "OK"},
    {W, {.max_age_us = MIN}, -MIN - 1, "E_STALE"},
    /* the order */
    {N | R, {.connect_will = true, .strict_retain = true, .max_age_us = MIN}, 9 * MIN, "E_UNBOUND"},
    {R, {.connect_will = true, .strict_retain = true, .max_age_us = MIN}, 9 * MIN, "E_WILL"},
    {R, {.strict_retain = true, .max_age_us = MIN}, 9 * MIN, "E_RETAIN"},
};

START_TEST(policy)
{
	const struct policy_row *row = &policies[_i];
	struct seal_message m = {
	    .flags = row->flags, .topic = slice_str("a/b"), .payload = slice_str("payload")};
	struct seal_opened opened;
	static const uint8_t zero[7];
	struct slice bytes = pair_seal(&pair, &m, sealed);

	pair.now.real_us += row->age_us;
	for (int i = 0; i < 2; i++) {
		memset(out, 0xee, sizeof out);
		enum seal_error e = open_with(&row->demand, bytes, &opened);
		ck_assert_str_eq(seal_error_name(e), row->error);
		ck_assert_int_eq(opened.key, 0);
		ck_assert_uint_eq(out[7], 0xee);
		if (e != SEAL_OK)
			ck_assert_mem_eq(out, zero, 7);
		else
			expect_bytes(opened.payload, m.payload, "payload");
	}
}
END_TEST

/* Scope: which keys the rule names. Index 0 has sealed. */
struct scope_row {
	uint16_t keys[3];
	size_t n;
	const char *error;
};

static const struct scope_row scopes[] = {
    {{0}, 1, "OK"},          {{1, 2, 0}, 3, "OK"}, {{1, 2}, 2, "E_SCOPE"},
    {{1}, 1, "E_SCOPE"},     {{0}, 0, "E_SCOPE"}, /* it names none */
    {{65535}, 1, "E_SCOPE"},
};

START_TEST(scope)
{
	const struct scope_row *row = &scopes[_i];
	struct seal_message m = {.topic = slice_str("a/b"), .payload = slice_str("x")};
	struct seal_demand demand = {.keys = row->keys, .n_keys = row->n};
	struct slice bytes = pair_seal(&pair, &m, sealed);
	struct seal_opened opened;

	for (int i = 0; i < 2; i++) { /* unknown, and, the second time, with its context kept */
		ck_assert_str_eq(seal_error_name(open_with(&demand, bytes, &opened)), row->error);
		ck_assert_int_eq(opened.key, 0);
		ck_assert_int_eq(open_any(bytes), SEAL_OK);
	}
}
END_TEST

/* Several faults at once: the first of the order of checks is told. */
START_TEST(order)
{
	static const uint16_t other[] = {1};
	struct seal_message m = {.flags = N, .topic = slice_str("a/b"), .payload = slice_str("x")};
	struct seal_demand demand = {.keys = other, .n_keys = 1, .retain = true};
	struct slice bytes = pair_seal(&pair, &m, sealed);
	struct seal_opened opened;

	sealed[30] ^= 1;
	ck_assert_int_eq(open_with(&demand, bytes, &opened), SEAL_E_SCOPE);
	ck_assert_int_eq(opened.key, 0);
	demand.keys = NULL;
	ck_assert_int_eq(open_with(&demand, bytes, &opened), SEAL_E_AUTH);
	ck_assert_int_eq(opened.key, 0);
	sealed[30] ^= 1;
	ck_assert_int_eq(open_with(&demand, bytes, &opened), SEAL_E_UNBOUND);
	demand.unbound_ok = true;
	ck_assert_int_eq(open_with(&demand, bytes, &opened), SEAL_E_RETAIN);
	sealed[1] ^= 1;
	ck_assert_int_eq(open_with(&demand, bytes, &opened), SEAL_E_KEY);
	ck_assert_int_eq(opened.key, -1);
	ck_assert_int_eq(open_with(&demand, slice_of(sealed, 39), &opened), SEAL_E_SHORT);
	sealed[0] ^= 0x40;
	ck_assert_int_eq(open_with(&demand, slice_of(sealed, 39), &opened), SEAL_E_VERSION);
	ck_assert_int_eq(open_with(&demand, slice_of(sealed, 0), &opened), SEAL_E_SHORT);
	ck_assert_int_eq(open_with(&demand, slice_of(NULL, 0), &opened), SEAL_E_SHORT);
	ck_assert_int_eq(opened.key, -1);
}
END_TEST

static bool is_wiped(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (out[i] != 0)
			return false;
	}
	return out[n] == 0xee;
}

/* A payload size a row: both engines, one and several segments. Every byte that is changed fails,
 * and nothing stays. */
static const size_t tampered[] = {0, 1, 100, 512, 513, 16385};

START_TEST(every_byte_counts)
{
	static uint8_t payload[16385];
	struct seal_message m = {.topic = slice_str("a/b"),
	                         .payload = slice_of(payload, tampered[_i])};
	bool small = tampered[_i] < 1000;

	pair_fill(payload, sizeof payload);
	struct slice bytes = pair_seal(&pair, &m, sealed);
	for (size_t i = 0; i<bytes.n; i += i> 1000 && i + 1000 < bytes.n ? 37 : 1) {
		for (unsigned bit = 0; bit < 8; bit += small ? 1 : 5) {
			sealed[i] ^= (uint8_t)(1u << bit);
			memset(out, 0xee, m.payload.n + 1);
			enum seal_error e = open_any(bytes);
			enum seal_error want = i == 0 && bit >= 6 ? SEAL_E_VERSION
			                       : i >= 1 && i <= 4 ? SEAL_E_KEY
			                                          : SEAL_E_AUTH;
			if (e != want || (e != SEAL_E_VERSION && !is_wiped(m.payload.n)))
				ck_abort_msg("byte %zu, bit %u: %s", i, bit, seal_error_name(e));
			sealed[i] ^= (uint8_t)(1u << bit);
		}
	}
	ck_assert_int_eq(open_any(bytes), SEAL_OK);
	for (size_t n = small ? 0 : bytes.n - 50; n < bytes.n; n++) {
		struct slice cut = guard_copy(slice_of(sealed, n));
		ck_assert_int_ne(open_any(cut), SEAL_OK);
		guard_free(cut);
	}
}
END_TEST

/* A later segment's fault is found when the first ones are written already: all of it is wiped. */
START_TEST(late_fault_wipes_all)
{
	static uint8_t payload[50000];
	struct seal_message m = {.topic = slice_str("a/b"),
	                         .payload = slice_of(payload, sizeof payload)};

	pair_fill(payload, sizeof payload);
	struct slice bytes = pair_seal(&pair, &m, sealed);
	for (size_t i = 0; i < 4; i++) {
		size_t at = i == 3 ? bytes.n - 1 : SEAL_HEADER + i * (SEAL_SEGMENT + SEAL_TAG);
		sealed[at] ^= 1;
		memset(out, 0xee, sizeof payload + 1);
		ck_assert_int_eq(open_any(bytes), SEAL_E_AUTH);
		ck_assert(is_wiped(sizeof payload));
		sealed[at] ^= 1;
	}
}
END_TEST

START_TEST(other_topic)
{
	struct seal_message m = {.topic = slice_str("a/b"), .payload = slice_str("x")};
	static const char *const topics[] = {"", "a", "a/", "a/c", "a/b/", "A/b", "a/b\0"};
	struct slice bytes = pair_seal(&pair, &m, sealed);
	struct seal_opened opened;

	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
		struct slice topic = slice_of(topics[i], strlen(topics[i]) + (i == 6));
		ck_assert_int_eq(
		    seal_open(pair.opener, &anything, topic, bytes, pair.now, out, &opened),
		    SEAL_E_AUTH);
	}
	m.flags = N;
	bytes = pair_seal(&pair, &m, sealed);
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		ck_assert_int_eq(seal_open(pair.opener, &anything, slice_str(topics[i]), bytes,
		                           pair.now, out, &opened),
		                 SEAL_OK);
}
END_TEST

/* Many sessions, far more than are kept, in an order that evicts and comes back: every one opens,
 * every time. */
START_TEST(eviction)
{
	enum { SESSIONS = 5 * LRU, SIZE = SEAL_OVERHEAD_MIN + 4 };
	static uint8_t stored[SESSIONS][SIZE];
	uint32_t random = 12345;

	for (uint32_t i = 0; i < SESSIONS; i++) {
		uint32_t payload = i;
		struct seal_message m = {.topic = slice_str("a/b"),
		                         .payload = slice_of(&payload, 4)};
		pair_salt(&pair, i + 1);
		ck_assert_uint_eq(pair_seal(&pair, &m, stored[i]).n, SIZE);
	}
	for (int i = 0; i < 2000; i++) {
		random = random * 1664525 + 1013904223;
		uint32_t which = (random >> 16) % (i % 100 < 50 ? SESSIONS : LRU);
		struct slice bytes = slice_of(stored[which], SIZE);
		struct seal_opened opened;
		ck_assert_int_eq(open_with(&anything, bytes, &opened), SEAL_OK);
		ck_assert_mem_eq(opened.payload.p, &which, 4);
		stored[which][SIZE - 1] ^= 1;
		ck_assert_int_eq(open_any(bytes), SEAL_E_AUTH);
		stored[which][SIZE - 1] ^= 1;
	}
}
END_TEST

enum { STORED = SEAL_OVERHEAD_MIN + 1 };

/* One envelope of each of n sessions. */
static void store(uint8_t (*stored)[STORED], uint32_t n)
{
	struct seal_message m = {.topic = slice_str("a/b"), .payload = slice_str("x")};

	for (uint32_t i = 0; i < n; i++) {
		pair_salt(&pair, i + 1);
		ck_assert_uint_eq(pair_seal(&pair, &m, stored[i]).n, STORED);
	}
}

/* From here on only what is kept opens: nothing right can be derived any more. */
static void lose_key(void)
{
	memset(pair.ring.keys[0].secret, 0, SEAL_KEY_SIZE);
}

static enum seal_error open_stored(const uint8_t stored[STORED])
{
	return open_any(slice_of(stored, STORED));
}

/* Junk of a known key and unknown salts, however much of it, and of unknown keys, flushes nothing
 * that was good. */
START_TEST(junk_evicts_nothing)
{
	static uint8_t stored[LRU][STORED], junk[STORED];

	store(stored, LRU);
	for (size_t i = 0; i < LRU; i++)
		ck_assert_int_eq(open_stored(stored[i]), SEAL_OK);
	memcpy(junk, stored[0], STORED);
	for (uint32_t i = 0; i < 20 * LRU; i++) {
		memcpy(junk + 5, &i, sizeof i);
		ck_assert_int_eq(open_stored(junk), SEAL_E_AUTH);
		junk[1] ^= 1;
		ck_assert_int_eq(open_stored(junk), SEAL_E_KEY);
		junk[1] ^= 1;
	}
	lose_key();
	for (size_t i = 0; i < LRU; i++)
		ck_assert_int_eq(open_stored(stored[i]), SEAL_OK);
}
END_TEST

/* One session more than are kept: the one that was used longest ago goes, by a good message only,
 * and a hit counts as use. */
START_TEST(oldest_goes)
{
	static uint8_t stored[LRU + 2][STORED];

	store(stored, LRU + 2);
	for (size_t i = 0; i < LRU; i++)
		ck_assert_int_eq(open_stored(stored[i]), SEAL_OK);
	ck_assert_int_eq(open_stored(stored[0]), SEAL_OK);
	stored[LRU][STORED - 1] ^= 1;
	ck_assert_int_eq(open_stored(stored[LRU]), SEAL_E_AUTH);
	ck_assert_int_eq(open_stored(stored[LRU + 1]), SEAL_OK); /* in place of 1 */
	lose_key();
	stored[LRU][STORED - 1] ^= 1;
	for (size_t i = 0; i < LRU + 2; i++)
		ck_assert_int_eq(open_stored(stored[i]),
		                 i == 1 || i == LRU ? SEAL_E_AUTH : SEAL_OK);
}
END_TEST

/* The LRU by itself: what was used last stays, what was not goes, and each id has its own context.
 */
START_TEST(lru_order)
{
	struct lru *l = lru_new(3);
	struct aead *a[5];
	uint8_t id[5][LRU_ID_SIZE] = {{0}};
	int key = -1;

	for (uint8_t i = 0; i < 5; i++) {
		a[i] = aead_new(AEAD_OPEN);
		id[i][LRU_ID_SIZE - 1] = (uint8_t)(i + 1);
	}
	for (int i = 0; i < 3; i++) {
		ck_assert(!lru_full(l));
		ck_assert_ptr_null(lru_find(l, id[i], &key));
		ck_assert_ptr_null(lru_put(l, id[i], i, a[i]));
	}
	ck_assert(lru_full(l));
	ck_assert_ptr_eq(lru_find(l, id[0], &key), a[0]);
	ck_assert_int_eq(key, 0);
	ck_assert_ptr_eq(lru_put(l, id[3], 3, a[3]), a[1]);
	ck_assert_ptr_null(lru_find(l, id[1], &key));
	ck_assert_ptr_eq(lru_find(l, id[2], &key), a[2]);
	ck_assert_ptr_eq(lru_find(l, id[0], &key), a[0]);
	ck_assert_ptr_eq(lru_put(l, id[4], 4, a[4]), a[3]);
	ck_assert_ptr_eq(lru_put(l, id[1], 1, a[1]), a[2]);
	ck_assert_ptr_eq(lru_find(l, id[4], &key), a[4]);
	ck_assert_int_eq(key, 4);
	aead_unref(a[2]);
	aead_unref(a[3]);
	lru_free(l);
	lru_free(NULL);
	l = lru_new(0); /* one is the least */
	ck_assert(!lru_full(l));
	lru_free(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("opener");
	TCase *t = tcase_create("opener");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, policy, 0, ROWS(policies));
	tcase_add_loop_test(t, scope, 0, ROWS(scopes));
	tcase_add_test(t, order);
	tcase_add_loop_test(t, every_byte_counts, 0, ROWS(tampered));
	tcase_add_test(t, late_fault_wipes_all);
	tcase_add_test(t, other_topic);
	tcase_add_test(t, eviction);
	tcase_add_test(t, junk_evicts_nothing);
	tcase_add_test(t, oldest_goes);
	tcase_add_test(t, lru_order);
	suite_add_tcase(s, t);
	return suite_run(s);
}
