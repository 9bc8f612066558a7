/* SPDX-License-Identifier: ISC */
#include "tests/support/suite.h"
#include "worker/deadlines.h"

enum { MANY = 300, STEPS = 20000 };

/* The same numbers each time. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* The earliest by looking at all; 0 none. */
static int64_t earliest(const struct deadline *all, size_t *n)
{
	int64_t at = 0;

	*n = 0;
	for (size_t i = 0; i < MANY; i++) {
		if (all[i].at != 0 && (at == 0 || all[i].at < at))
			at = all[i].at;
		*n += all[i].at != 0;
	}
	return at;
}

static void agree(const struct deadlines *d, const struct deadline *all)
{
	size_t n;
	int64_t at = earliest(all, &n);
	const struct deadline *next = deadlines_next(d);

	ck_assert_uint_eq(d->n, n);
	ck_assert_int_eq(next == NULL ? 0 : next->at, at);
	for (size_t i = 0; i < MANY; i++)
		ck_assert(all[i].at == 0 || d->heap[all[i].place] == &all[i]);
}

/* Put in, moved to either side and taken out in any order, with many at the same time: the next one
 * is always the one that a look at all finds. */
START_TEST(any_order)
{
	struct deadline all[MANY] = {{0}};
	struct deadlines d = {0};
	uint32_t r = 1;

	ck_assert_int_eq(deadlines_reserve(&d, MANY), 0);
	for (size_t i = 0; i < STEPS; i++) {
		size_t which = next_random(&r) % MANY;
		/* Now mostly filled, now mostly emptied. */
		bool out = next_random(&r) % 8 < (i / 2000 % 2 == 0 ? 2 : 6);
		int64_t at = out ? 0 : 1 + next_random(&r) % (i % 3 == 0 ? 10 : 1000000);
		deadlines_set(&d, &all[which], at);
		ck_assert_int_eq(all[which].at, at);
		agree(&d, all);
	}
	deadlines_fini(&d);
}
END_TEST

START_TEST(one_by_one)
{
	struct deadline all[MANY] = {{0}};
	struct deadlines d = {0};
	int64_t before = 0;

	ck_assert_ptr_null(deadlines_next(&d));
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_int_eq(deadlines_reserve(&d, i + 1), 0);
		deadlines_set(&d, &all[i], 1 + (int64_t)(i * 7919 % MANY));
	}
	for (size_t i = 0; i < MANY; i++) {
		struct deadline *x = deadlines_next(&d);
		ck_assert_int_eq(x->at, before + 1);
		before = x->at;
		deadlines_set(&d, x, 0);
		deadlines_set(&d, x, 0);
	}
	ck_assert_ptr_null(deadlines_next(&d));
	deadlines_fini(&d);
	deadlines_fini(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("deadlines");
	TCase *t = tcase_create("deadlines");

	tcase_add_test(t, any_order);
	tcase_add_test(t, one_by_one);
	suite_add_tcase(s, t);
	return suite_run(s);
}
