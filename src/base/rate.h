/* SPDX-License-Identifier: ISC */
/* A limit of so many in a time, kept in one number for each who is limited (the Generic Cell Rate
 * Algorithm): `burst` may come at once, and from then on one every `step_ns`, whenever they are not
 * used saved up again to the burst. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate {
	int64_t step_ns; /* above 0 where there is a limit */
	int64_t burst;   /* 0: no limit */
};

/* n (at most a million) per so many milliseconds (at least 1, at most 31 days); n 0: no limit. */
struct rate rate_of(size_t n, uint64_t per_ms);

/* `spent` is what is kept: 0 for who has done nothing yet. How many nanoseconds until the next may
 * come; 0: now. */
int64_t rate_wait(const struct rate *r, int64_t spent, int64_t now_ns);

/* What is to be kept under this limit of what was kept under another: no more than its burst. */
int64_t rate_within(const struct rate *r, int64_t spent, int64_t now_ns);

/* One came: what is kept from now on. What is below now_ns may be forgotten. */
int64_t rate_spend(const struct rate *r, int64_t spent, int64_t now_ns);

#endif
