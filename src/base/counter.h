/* SPDX-License-Identifier: ISC */
/* A number that one thread adds to and any thread may read. Adding costs what it costs to add: no lock, no shared line. */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	_Atomic uint64_t n;
};

/* The owner's thread only. */
static inline void counter_add(struct counter *c, uint64_t n)
{
	atomic_store_explicit(&c->n, atomic_load_explicit(&c->n, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Any thread. */
static inline uint64_t counter_get(const struct counter *c)
{
	return atomic_load_explicit(&c->n, memory_order_relaxed);
}

#endif
