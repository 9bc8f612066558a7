/* SPDX-License-Identifier: ISC */
#include "seal/epoch.h"
#include "tests/support/suite.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))
#define REAL INT64_C(1790000000000000)

struct stale_row {
	int64_t mono_ms, real_us; /* since the epoch began */
	uint64_t segments, bytes;
	bool stale;
};

static const struct stale_row stales[] = {
    {0, 0, 0, 0, false},
    {1000, 1000000, 0, 0, false},
    {3599999, 3599999000, 0, 0, false},
    {3600000, 3600000000, 0, 0, true},
    {9999999, 9999999000, 0, 0, true},
    {-1, -1000, 0, 0, true}, /* the monotonic clock never goes back: another machine */
    {0, 1000000, 0, 0, false},
    {0, 1000001, 0, 0, true},
    {0, -1000000, 0, 0, false},
    {0, -1000001, 0, 0, true},
    {2000, 0, 0, 0, true}, /* the wall clock stood still */
    {2000, 1000000, 0, 0, false},
    {1000, REAL, 0, 0, true},
    {1000, INT64_MAX - REAL, 0, 0, true},
    {1000, INT64_MIN, 0, 0, true},
    {INT64_MAX - 5000, 0, 0, 0, true},
    {0, 0, (UINT64_C(1) << 32) - (1 << 20) - 1, 0, false},
    {0, 0, (UINT64_C(1) << 32) - (1 << 20), 0, true},
    {0, 0, 0, (UINT64_C(1) << 38) - (1 << 30) - 1, false},
    {0, 0, 0, (UINT64_C(1) << 38) - (1 << 30), true},
};

START_TEST(stale)
{
	const struct stale_row *row = &stales[_i];
	struct epoch e = {0};
	struct now now = {5000, REAL};

	ck_assert(epoch_stale(&e, now));
	epoch_begin(&e, now);
	ck_assert(epoch_spend(&e, 1, row->segments, row->bytes));
	now.mono_ms += row->mono_ms;
	now.real_us = row->real_us == INT64_MIN ? INT64_MIN : now.real_us + row->real_us;
	ck_assert_int_eq(epoch_stale(&e, now), row->stale);
}
END_TEST

struct spend_row {
	uint64_t segments, bytes, more_segments, more_bytes;
	bool good;
};

static const struct spend_row spends[] = {
    {0, 0, UINT64_C(1) << 32, UINT64_C(1) << 38, true},
    {0, 0, (UINT64_C(1) << 32) + 1, 0, false},
    {0, 0, 1, (UINT64_C(1) << 38) + 1, false},
    {UINT64_C(1) << 32, 0, 1, 0, false},
    {(UINT64_C(1) << 32) - 1, 0, 1, 0, true},
    {1, UINT64_C(1) << 38, 1, 0, true},
    {1, UINT64_C(1) << 38, 1, 1, false},
    {1, 1, UINT64_MAX, 0, false},
    {1, 1, 1, UINT64_MAX, false},
};

/* The hard limits hold also where nobody asked whether it is stale; what is refused uses nothing
 * up. */
START_TEST(spend_limits)
{
	const struct spend_row *row = &spends[_i];
	struct epoch e = {0};

	ck_assert(!epoch_spend(&e, 1, 1, 1)); /* not begun */
	epoch_begin(&e, (struct now){0, 0});
	ck_assert(epoch_spend(&e, 7, row->segments, row->bytes));
	ck_assert_int_eq(epoch_spend(&e, 8, row->more_segments, row->more_bytes), row->good);
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 0}), row->good ? 9 : 8);
}
END_TEST

START_TEST(numbers)
{
	struct epoch e = {0};
	const uint64_t end = UINT64_C(1) << 56;

	epoch_begin(&e, (struct now){0, 0});
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, -5}), 1);
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 0}), 1);
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 100}), 100);
	ck_assert(epoch_spend(&e, 100, 1, 1));
	ck_assert(!epoch_spend(&e, 100, 1, 1));
	ck_assert(!epoch_spend(&e, 99, 1, 1));
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 100}), 101);
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 3}), 101);
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 102}), 102);
	ck_assert(!epoch_spend(&e, end, 1, 1));
	ck_assert(epoch_spend(&e, end - 1, 1, 1));
	ck_assert_uint_eq(epoch_number(&e, (struct now){0, 0}), end);
	ck_assert(!epoch_spend(&e, epoch_number(&e, (struct now){0, 0}), 1, 1));
	ck_assert(!epoch_spend(&e, UINT64_MAX, 1, 1));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("epoch");
	TCase *t = tcase_create("epoch");

	tcase_add_loop_test(t, stale, 0, ROWS(stales));
	tcase_add_loop_test(t, spend_limits, 0, ROWS(spends));
	tcase_add_test(t, numbers);
	suite_add_tcase(s, t);
	return suite_run(s);
}
