/* SPDX-License-Identifier: ISC */
/* Who is due when: a binary heap, the next one on top. Each entry lives in what it stands for and
 * knows its place, so a worker needs one timer for all its connections. It knows no clock. */
#ifndef WORKER_DEADLINES_H
#define WORKER_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: not in it. */
struct deadline {
	int64_t at;   /* 0: not in it */
	size_t place; /* in the heap */
};

/* Zeroed: empty. */
struct deadlines {
	struct deadline **heap; /* each at or before those at 2 · place + 1 and + 2 */
	size_t n, room;
};

/* Room for n entries in all, which is then there for good: to set one does not fail. 0, or -1
 * without memory. */
int deadlines_reserve(struct deadlines *d, size_t n);
void deadlines_fini(struct deadlines *d);

/* Puts it in, moves it, or, at 0, takes it out. */
void deadlines_set(struct deadlines *d, struct deadline *x, int64_t at);

/* The next one, or NULL. */
static inline struct deadline *deadlines_next(const struct deadlines *d)
{
	return d->n == 0 ? NULL : d->heap[0];
}

#endif
