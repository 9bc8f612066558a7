/* SPDX-License-Identifier: ISC */
/* Counters, one set a thread, summed when somebody asks. Adding costs no lock and shares no cache line. */
#ifndef SYS_METRICS_H
#define SYS_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(symbol, name in status) */
#define METRICS(X)                                                  \
	X(CONNECTIONS_ACCEPTED, "connections-accepted")             \
	X(CONNECTIONS_CLOSED, "connections-closed")                 \
	X(CONNECTIONS_REFUSED_AT_ACCEPT, "connections-refused")     \
	X(CONNECTS_ACCEPTED, "connects-accepted")                   \
	X(CONNECTS_REFUSED, "connects-refused")                     \
	X(CONNECTS_RATE_LIMITED, "connects-rate-limited")           \
	X(CONNECTS_OVER_LIMIT, "connects-over-limit")               \
	X(CONNECTS_BANNED, "connects-banned")                       \
	X(PUBLISHES_DELAYED, "publishes-delayed")                   \
	X(MESSAGES_DENIED, "messages-denied")                       \
	X(SUBSCRIPTIONS_DENIED, "subscriptions-denied")             \
	X(WOULD_DENY, "would-deny")                                 \
	X(PACKETS_UP, "packets-up")                                 \
	X(PACKETS_DOWN, "packets-down")                             \
	X(BYTES_UP, "bytes-up")                                     \
	X(BYTES_DOWN, "bytes-down")                                 \
	X(PAYLOADS_SEALED, "payloads-sealed")                       \
	X(PAYLOADS_OPENED, "payloads-opened")                       \
	X(PAYLOADS_FAILED, "payloads-failed")                       \
	X(PAYLOADS_TOLERATED, "payloads-tolerated")

enum metric {
#define X(symbol, name) METRIC_##symbol,
	METRICS(X)
#undef X
	METRIC_COUNT
};

/* Behind those stand the payloads that failed, by direction and reason. What a reason means and is
 * called is its user's: here it is a number below METRIC_REASONS. */
enum { METRIC_REASONS = 32, METRIC_ALL = METRIC_COUNT + 2 * METRIC_REASONS };

struct metrics {
	_Alignas(64) _Atomic uint64_t count[METRIC_ALL];
};

static inline size_t metric_failed(bool up, size_t reason)
{
	return (size_t)METRIC_COUNT + (up ? 0u : METRIC_REASONS) + reason;
}

/* which: an enum metric or metric_failed(). The owner's thread only. */
static inline void metrics_add(struct metrics *m, size_t which, uint64_t n)
{
	atomic_store_explicit(&m->count[which],
	    atomic_load_explicit(&m->count[which], memory_order_relaxed) + n, memory_order_relaxed);
}

/* Any thread. */
static inline uint64_t metrics_get(const struct metrics *m, size_t which)
{
	return atomic_load_explicit(&m->count[which], memory_order_relaxed);
}

const char *metrics_name(enum metric which);

#endif
