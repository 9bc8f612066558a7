/* SPDX-License-Identifier: ISC */
#include "sys/metrics.h"
#include "tests/support/suite.h"

struct bucket_row {
	int64_t us;
	size_t bucket;
};

static const struct bucket_row buckets[] = {
    {-1, 0},  {0, 0},    {10, 0},       {11, 1},        {25, 1},        {26, 2},         {500, 5},
    {501, 6}, {1000, 6}, {9999999, 18}, {10000000, 18}, {10000001, 19}, {INT64_MAX, 19},
};

/* A bound belongs to its bucket, as Prometheus wants it. */
START_TEST(bucket)
{
	const struct bucket_row *row = &buckets[_i];
	struct histogram h = {0};
	struct histogram_sum sum = {0};

	histogram_add(&h, row->us);
	histogram_read(&h, &sum);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		ck_assert_uint_eq(sum.bucket[i], i == row->bucket ? 1 : 0);
	ck_assert_uint_eq(sum.sum_us, row->us < 0 ? 0 : (uint64_t)row->us);
	histogram_read(&h, &sum); /* adds */
	ck_assert_uint_eq(histogram_total(&sum), 2);
}
END_TEST

START_TEST(bounds_rise)
{
	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
		ck_assert_int_gt(histogram_bound(i), histogram_bound(i - 1));
}
END_TEST

START_TEST(quantiles)
{
	struct histogram_sum h = {0};

	ck_assert_int_eq(histogram_quantile(&h, 0.5), 0);
	h.bucket[6] = 100; /* 500 to 1000 µs */
	ck_assert_int_eq(histogram_quantile(&h, 0.5), 750);
	ck_assert_int_eq(histogram_quantile(&h, 1), 1000);
	h.bucket[8] = 100; /* 2500 to 5000 µs */
	ck_assert_int_eq(histogram_quantile(&h, 0.5), 1000);
	ck_assert_int_eq(histogram_quantile(&h, 0.75), 3750);
	h.bucket[HISTOGRAM_BUCKETS - 1] = 1000;
	ck_assert_int_eq(histogram_quantile(&h, 0.99), 10000000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_loop_test(t, bucket, 0, (int)(sizeof buckets / sizeof buckets[0]));
	tcase_add_test(t, bounds_rise);
	tcase_add_test(t, quantiles);
	suite_add_tcase(s, t);
	return suite_run(s);
}
