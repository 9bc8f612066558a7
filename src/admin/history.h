/* SPDX-License-Identifier: ISC */
/* The last hour: what the counters stood at, minute by minute, so that any stretch of it is a
 * difference. One thread. */
#ifndef ADMIN_HISTORY_H
#define ADMIN_HISTORY_H

#include "worker/pool.h"

enum { HISTORY_MINUTES = 60 };

/* The counters at one moment. */
struct sample {
	int64_t mono_ms;
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t received[2], sent[2]; /* bytes by leg (enum side) */
	struct histogram_sum login, commit, relay;
};

struct history {
	struct sample
	    minutes[HISTORY_MINUTES + 1]; /* a ring; n of them, the last at [(first + n - 1) % …] */
	size_t first, n;
	struct sample recent[2]; /* the older one is what rates are reckoned from */
};

void history_read(struct pool *pool, struct sample *out);

/* To be called every few seconds; the first call begins the history, with nothing: what was
 * counted before it counts. */
void history_tick(struct history *h, const struct sample *now);

/* The sample i minutes back (0: the one that began this minute), or the oldest there is. Not before
 * the first tick. */
const struct sample *history_back(const struct history *h, size_t i);

/* What was counted in between. */
void history_difference(const struct sample *now, const struct sample *then, struct sample *out);

#endif
