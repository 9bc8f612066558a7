/* SPDX-License-Identifier: ISC */
/* What check_store_async.c shows through the store, and what it cannot: a disk that fails for long,
 * and a month that goes by. */
#include "store/record.h"
#include "store/throttle.h"
#include "tests/support/suite.h"

#include <stdlib.h>

static size_t written;
static bool broken;

static int put(struct store_backend *b, const struct store_wait *w, struct err *e)
{
	(void)b;
	ck_assert_uint_lt(w->at, THROTTLE_SIZE);
	written++;
	return broken ? err_set(e, "no room") : 0;
}

static int each(struct store_backend *b, int (*found)(void *ctx, const struct store_wait *w),
                void *ctx, struct err *e)
{
	(void)b;
	(void)found;
	(void)ctx;
	(void)e;
	return 0;
}

static const struct store_backend_ops ops = {.wait_put = put, .wait_each = each};
static struct store_backend database = {&ops};
static struct throttle *t;

static void setup(void)
{
	static const uint8_t key[SECRET_HASH_KEY_SIZE] = {3};

	written = 0;
	broken = false;
	t = calloc(1, sizeof *t);
	ck_assert_ptr_nonnull(t);
	throttle_init(t);
	ck_assert_int_eq(throttle_load(t, key, &database, 1000, NULL), 0);
}

static void teardown(void)
{
	free(t);
}

static struct store_op unknown(int64_t now)
{
	struct store_op op = {.verb = STORE_TAKE,
	                      .status = STORE_UNKNOWN,
	                      .user = slice_str("nobody"),
	                      .source = {9},
	                      .now = now};

	throttle_count(t, &op);
	return op;
}

static void replayed(uint8_t source)
{
	struct store_op op = {
	    .verb = STORE_SETTLE, .replayed = true, .source = {source}, .now = 1000};

	throttle_count(t, &op);
}

/* However long nothing can be written, an entry waits once to be written. */
START_TEST(waits_once)
{
	struct err e;

	broken = true;
	for (size_t i = 0; i < (size_t)2 * THROTTLE_SIZE; i++) {
		replayed((uint8_t)(i % 2));
		ck_assert_uint_le(t->n_changes, 2);
	}
	ck_assert_int_eq(throttle_save(t, &database, &e), -1);
	ck_assert_uint_eq(t->n_changes, 2);
	broken = false;
	written = 0;
	ck_assert_int_eq(throttle_save(t, &database, &e), 0);
	throttle_saved(t);
	ck_assert_uint_eq(written, 2);
	ck_assert_int_eq(throttle_save(t, &database, &e), 0);
	ck_assert_uint_eq(written, 2);
	replayed(1);
	ck_assert_uint_eq(t->n_changes, 1);
}
END_TEST

/* Failures at a name that nobody has are forgotten after a month without one, as at a name that
 * somebody has. */
START_TEST(month)
{
	int64_t now = 1000;

	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(unknown(now).status, STORE_UNKNOWN);
		ck_assert_int_eq(unknown(now).status, STORE_DELAYED);
		now += STORE_DELAY_MAX;
	}
	now += STORE_SOURCE_SECONDS;
	ck_assert_int_eq(unknown(now).status, STORE_UNKNOWN);
	ck_assert_int_eq(unknown(now).status, STORE_DELAYED);
	/* after one failure one second, after six 32 */
	ck_assert_int_eq(unknown(now + 1).status, STORE_UNKNOWN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("throttle");
	TCase *c = tcase_create("throttle");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, waits_once);
	tcase_add_test(c, month);
	suite_add_tcase(s, c);
	return suite_run(s);
}
