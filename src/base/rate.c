/* SPDX-License-Identifier: ISC */
/* What is kept is the time at which all that came would have come one by one. It is never more than
 * the burst ahead of the clock, so a clock and a limit of any size stay far from the end of int64.
 */
#include "base/rate.h"

#define NS_PER_MS INT64_C(1000000)

struct rate rate_of(size_t n, uint64_t per_ms)
{
	int64_t count = (int64_t)n;

	if (n == 0)
		return (struct rate){0, 0};
	/* Rounded up, so that rounding never lets one more through. */
	return (struct rate){.step_ns = ((int64_t)per_ms * NS_PER_MS + count - 1) / count,
	                     .burst = count};
}

int64_t rate_wait(const struct rate *r, int64_t spent, int64_t now_ns)
{
	int64_t ahead = spent > now_ns ? spent - now_ns : 0, most = (r->burst - 1) * r->step_ns;

	return r->burst == 0 || ahead <= most ? 0 : ahead - most;
}

int64_t rate_within(const struct rate *r, int64_t spent, int64_t now_ns)
{
	int64_t most = now_ns + r->burst * r->step_ns;

	return spent < most ? spent : most;
}

int64_t rate_spend(const struct rate *r, int64_t spent, int64_t now_ns)
{
	return (spent > now_ns ? spent : now_ns) + r->step_ns;
}
