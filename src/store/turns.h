/* SPDX-License-Identifier: ISC */
/* One evaluation at a time for each user and source; others wait, in the order in which they came.
 * Kept within the requests themselves. Inside store/ only, one thread. */
#ifndef STORE_TURNS_H
#define STORE_TURNS_H

#include "store/store.h"

enum { TURNS_BUCKETS = 1024 };

struct turns {
	struct store_op *holders[TURNS_BUCKETS];
};

/* Whether a request, its turn.tag set, has the turn now. Otherwise it is kept, and comes out of
 * turns_end() when it has. */
bool turns_begin(struct turns *t, struct store_op *op);

/* Gives a turn up, if it is held. The next, which now holds it, or NULL. */
struct store_op *turns_end(struct turns *t, struct store_op *op);

/* Any request that still waits, taken out, or NULL: at the end, when nobody gives a turn up. */
struct store_op *turns_abandon(struct turns *t);

#endif
