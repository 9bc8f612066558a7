/* SPDX-License-Identifier: ISC */
#include "tests/support/suite.h"
#include "worker/leases.h"

#include <pthread.h>

enum { MANY = 200000 };

static struct lease lease_of(uint64_t n)
{
	struct lease l = {.id = 1, .edition = 2};

	memcpy(l.tag, &n, sizeof n);
	return l;
}

static struct leases *start(void)
{
	struct err e = {""};
	struct leases *l = leases_new(&e);

	ck_assert_msg(l != NULL, "%s", e.text);
	return l;
}

/* From the grant on, for so long, and for exactly that. */
START_TEST(held)
{
	struct leases *l = start();
	struct lease a = lease_of(1), other = a;

	ck_assert(!leases_held(l, &a, 1000, 60000));
	leases_grant(l, &a, 1000);
	ck_assert(leases_held(l, &a, 1000, 60000));
	ck_assert(leases_held(l, &a, 60999, 60000));
	ck_assert(!leases_held(l, &a, 61000, 60000));
	ck_assert(!leases_held(l, &a, 999, 60000));
	ck_assert(!leases_held(l, &a, 1000, 0));
	ck_assert(leases_held(l, &a, 1005, 10) && !leases_held(l, &a, 1010, 10));
	other.id++;
	ck_assert(!leases_held(l, &other, 1000, 60000));
	other = a;
	other.edition++;
	ck_assert(!leases_held(l, &other, 1000, 60000));
	for (size_t i = 0; i < sizeof a.tag; i++) {
		other = a;
		other.tag[i] ^= 1;
		ck_assert(!leases_held(l, &other, 1000, 60000));
	}
	leases_grant(l, &a, 50000); /* a fresh code: anew */
	ck_assert(leases_held(l, &a, 109999, 60000) && !leases_held(l, &a, 110000, 60000));
	leases_free(l);
}
END_TEST

/* Whatever comes, the table keeps its size, the newest are in it, and nobody else is. */
START_TEST(crowd)
{
	struct leases *l = start();
	size_t kept = 0;

	for (uint64_t i = 0; i < MANY; i++) {
		struct lease a = lease_of(i);
		leases_grant(l, &a, (int64_t)i);
		ck_assert(leases_held(l, &a, (int64_t)i, MANY));
	}
	for (uint64_t i = 0; i < MANY; i++) {
		struct lease a = lease_of(i), never = lease_of(MANY + i);
		kept += leases_held(l, &a, MANY, 2 * MANY);
		ck_assert(!leases_held(l, &never, MANY, 2 * MANY));
	}
	ck_assert_uint_le(kept, LEASES_BUCKETS * LEASES_WAYS);
	ck_assert_uint_ge(kept, LEASES_BUCKETS * LEASES_WAYS * 9 / 10);
	for (uint64_t i = MANY - LEASES_BUCKETS; i < MANY; i++) {
		struct lease a = lease_of(i);
		ck_assert(leases_held(l, &a, MANY, 2 * MANY));
	}
	leases_free(l);
}
END_TEST

static void *grant_some(void *ctx)
{
	for (uint64_t i = 0; i < 10000; i++) {
		struct lease a = lease_of(i);
		leases_grant(ctx, &a, 5);
		if (!leases_held(ctx, &a, 5, 100))
			return ctx;
	}
	return NULL;
}

START_TEST(threads)
{
	struct leases *l = start();
	pthread_t t[4];
	void *failed;

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, grant_some, l), 0);
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(t[i], &failed);
		ck_assert_ptr_null(failed);
	}
	leases_free(l);
}
END_TEST

START_TEST(keys)
{
	struct leases *a = start(), *b = start();

	ck_assert(memcmp(leases_key(a), leases_key(b), SECRET_HASH_KEY_SIZE) != 0);
	leases_free(a);
	leases_free(b);
	leases_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leases");
	TCase *t = tcase_create("leases");

	tcase_add_test(t, held);
	tcase_add_test(t, crowd);
	tcase_add_test(t, threads);
	tcase_add_test(t, keys);
	suite_add_tcase(s, t);
	return suite_run(s);
}
