/* SPDX-License-Identifier: ISC */
/* The last CONNECTs that were refused, for whoever looks. A mutex, taken only when one is refused.
 */
#ifndef WORKER_REFUSALS_H
#define WORKER_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

enum { REFUSALS_KEPT = 50 };

/* Text is escaped and cut; "" where it is not known. */
struct refused {
	int64_t real_us;
	char listener[64], peer[64], client_id[64], verdict[24];
	char rule[160]; /* FILE:LINE of what decided */
};

struct refusals;

struct refusals *refusals_new(void); /* NULL without memory */
void refusals_free(struct refusals *r);

/* Any thread. */
void refusals_add(struct refusals *r, const struct refused *one);

/* The last ones, the newest first. Returns how many. Any thread. */
size_t refusals_read(struct refusals *r, struct refused out[REFUSALS_KEPT]);

#endif
