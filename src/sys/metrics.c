/* SPDX-License-Identifier: ISC */
/* The names stand beside the symbols in one list, so neither can be forgotten. */
#include "sys/metrics.h"

#include <stddef.h>

const char *metrics_name(enum metric which)
{
	static const char *const names[] = {
#define X(symbol, name) [METRIC_##symbol] = (name),
	    METRICS(X)
#undef X
	};

	return (size_t)which < METRIC_COUNT ? names[which] : NULL;
}

/* The usual series, near enough to logarithmic that an error is at most a factor of 2.5. */
static const int64_t bounds_us[HISTOGRAM_BOUNDS] = {
    10,    25,    50,     100,    250,    500,     1000,    2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

int64_t histogram_bound(size_t i)
{
	return bounds_us[i];
}

void histogram_add(struct histogram *h, int64_t us)
{
	size_t i = 0;

	if (us < 0)
		us = 0;
	while (i < HISTOGRAM_BOUNDS && us > bounds_us[i])
		i++;
	counter_add(&h->bucket[i], 1);
	counter_add(&h->sum_us, (uint64_t)us);
}

void histogram_read(const struct histogram *h, struct histogram_sum *into)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += counter_get(&h->bucket[i]);
	into->sum_us += counter_get(&h->sum_us);
}

uint64_t histogram_total(const struct histogram_sum *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		n += h->bucket[i];
	return n;
}

int64_t histogram_quantile(const struct histogram_sum *h, double q)
{
	double rank = q * (double)histogram_total(h), below = 0;

	if (rank <= 0)
		return 0;
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		double here = (double)h->bucket[i];
		if (here > 0 && below + here >= rank) {
			int64_t low = i == 0 ? 0 : bounds_us[i - 1];
			double part = (rank - below) / here;
			return low + (int64_t)(part * (double)(bounds_us[i] - low));
		}
		below += here;
	}
	return bounds_us[HISTOGRAM_BOUNDS - 1];
}
