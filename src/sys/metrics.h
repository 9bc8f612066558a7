/* SPDX-License-Identifier: ISC */
/* Counters, one set a thread, summed when somebody asks. Adding costs no lock and shares no cache line. */
#ifndef SYS_METRICS_H
#define SYS_METRICS_H

#include "base/counter.h"

#include <stdbool.h>
#include <stddef.h>

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
	X(UNKNOWN_USERS_PASSED, "unknown-users-passed")             \
	X(LOGINS_LEASED, "logins-leased")                           \
	X(BANS_MADE, "bans-made")                                   \
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
	X(PAYLOADS_TOLERATED, "payloads-tolerated")                 \
	X(BYTES_FROM_CLIENTS, "bytes-from-clients")                 \
	X(BYTES_FROM_BROKERS, "bytes-from-brokers")                 \
	X(BUFFERED, "buffered-bytes") /* goes up and down */        \
	X(BACKPRESSURE_MS, "backpressure-ms")                       \
	X(LINES_SUPPRESSED, "log-lines-suppressed")

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
	_Alignas(64) struct counter count[METRIC_ALL];
};

static inline size_t metric_failed(bool up, size_t reason)
{
	return (size_t)METRIC_COUNT + (up ? 0u : METRIC_REASONS) + reason;
}

/* which: an enum metric or metric_failed(). The owner's thread only. */
static inline void metrics_add(struct metrics *m, size_t which, uint64_t n)
{
	counter_add(&m->count[which], n);
}

/* Any thread. */
static inline uint64_t metrics_get(const struct metrics *m, size_t which)
{
	return counter_get(&m->count[which]);
}

const char *metrics_name(enum metric which);

/* Durations by fixed buckets, from 10 µs to 10 s; the last one is for what took longer. */
enum { HISTOGRAM_BOUNDS = 19, HISTOGRAM_BUCKETS };

struct histogram {
	struct counter bucket[HISTOGRAM_BUCKETS];
	struct counter sum_us;
};

/* A histogram, or several, as read. */
struct histogram_sum {
	uint64_t bucket[HISTOGRAM_BUCKETS], sum_us;
};

/* Microseconds. The owner's thread only. */
void histogram_add(struct histogram *h, int64_t us);

/* Adds what was counted so far. Any thread. */
void histogram_read(const struct histogram *h, struct histogram_sum *into);

/* The upper bound of a bucket in microseconds; i is below HISTOGRAM_BOUNDS. */
int64_t histogram_bound(size_t i);

uint64_t histogram_total(const struct histogram_sum *h);

/* The duration in microseconds that a share q (0 to 1) of all did not exceed, interpolated within its
 * bucket; of what lies beyond the last bound, that bound. 0 where there is none. */
int64_t histogram_quantile(const struct histogram_sum *h, double q);

#endif
