/* SPDX-License-Identifier: ISC */
#include "base/rate.h"
#include "tests/support/suite.h"

#define S INT64_C(1000000000)

/* How many of those who ask all the time get through within a time, the burst included. */
static int64_t through(const struct rate *r, int64_t from, int64_t to)
{
	int64_t spent = 0, now = from, n = 0;

	while (now <= to) {
		int64_t wait = rate_wait(r, spent, now);
		if (wait != 0) {
			now += wait;
			continue;
		}
		spent = rate_spend(r, spent, now);
		n++;
	}
	return n;
}

static const struct row {
	size_t n;
	uint64_t per_ms;
	int64_t seconds, through;
} rows[] = {
    {1, 1000, 0, 1},
    {1, 1000, 10, 11},
    {5, 1000, 0, 5},
    {5, 1000, 10, 55},
    {3, 1000, 3, 11}, /* 333,333,334 ns apart, so the twelfth is late */
    {1000000, 100, 0, 1000000},
    {1, 86400000, 86399, 1},
    {1, 86400000, 86400, 2},
    {2, 86400000, 43200, 3},
    {1000000, 86400000, 0, 1000000},
};

START_TEST(over_time)
{
	struct rate r = rate_of(rows[_i].n, rows[_i].per_ms);
	int64_t starts[] = {0, 1, 77 * S, INT64_MAX / 2};

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		ck_assert_int_eq(through(&r, starts[i], starts[i] + rows[_i].seconds * S),
		                 rows[_i].through);
}
END_TEST

START_TEST(no_limit)
{
	struct rate r = rate_of(0, 1000);

	ck_assert_int_eq(rate_wait(&r, INT64_MAX, 0), 0);
}
END_TEST

/* A pause saves up the burst, and no more. */
START_TEST(saving_up)
{
	struct rate r = rate_of(4, 4000);
	int64_t spent = 0, now = 100 * S;

	for (int i = 0; i < 4; i++)
		spent = rate_spend(&r, spent, now);
	ck_assert_int_eq(rate_wait(&r, spent, now), S);
	ck_assert_int_eq(rate_wait(&r, spent, now + S - 1), 1);
	ck_assert_int_eq(rate_wait(&r, spent, now + S), 0);
	ck_assert_int_eq(through(&r, now + 1000 * S, now + 1000 * S), 4);
	/* Two are saved after two seconds. */
	now += 2 * S;
	spent = rate_spend(&r, rate_spend(&r, spent, now), now);
	ck_assert_int_eq(rate_wait(&r, spent, now), S);
}
END_TEST

START_TEST(another_limit)
{
	struct rate old = rate_of(1, 3600000), new = rate_of(2, 2000);
	int64_t spent = rate_within(&new, rate_spend(&old, 0, S), S);

	ck_assert_int_eq(rate_wait(&new, spent, S), S);
	ck_assert_int_eq(rate_within(&new, spent, S), spent);
	ck_assert_int_eq(rate_wait(&new, rate_within(&new, spent, 2 * S), 2 * S), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rate");
	TCase *t = tcase_create("rate");

	tcase_add_loop_test(t, over_time, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_test(t, no_limit);
	tcase_add_test(t, saving_up);
	tcase_add_test(t, another_limit);
	suite_add_tcase(s, t);
	return suite_run(s);
}
