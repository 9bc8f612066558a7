/* SPDX-License-Identifier: ISC */
/* Inside the room: the life of one SALT: its age, what was sealed under it, and the next message number. Pure numbers. */
#ifndef SEAL_EPOCH_H
#define SEAL_EPOCH_H

#include "base/now.h"

#include <stdbool.h>
#include <stddef.h>

#define EPOCH_SEGMENTS_MAX (UINT64_C(1) << 32)
#define EPOCH_BYTES_MAX (UINT64_C(1) << 38)
#define EPOCH_SEGMENTS_SPARE (UINT64_C(1) << 20)
#define EPOCH_BYTES_SPARE (UINT64_C(1) << 30)

enum { EPOCH_AGE_MS = 3600 * 1000, EPOCH_SKEW_US = 1000 * 1000 };

struct epoch {
	bool begun;
	struct now born;
	uint64_t next;     /* the least number that is still free */
	uint64_t segments; /* sealed so far */
	uint64_t bytes;
};

void epoch_begin(struct epoch *e, struct now now);

/* Whether a new one is due, see sealer_stale(). */
bool epoch_stale(const struct epoch *e, struct now now);

/* max(last + 1, now.real_us), last being 0 at first. */
uint64_t epoch_number(const struct epoch *e, struct now now);

/* Uses a number for a message of so many segments and bytes. False, and nothing is used, where the number is used already or
 * too large, or the hard limits would be passed. */
bool epoch_spend(struct epoch *e, uint64_t num, uint64_t segments, uint64_t bytes);

#endif
