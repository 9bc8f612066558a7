/* SPDX-License-Identifier: ISC */
/* A configuration in force: the loaded conf and what was made of it, immutable (the brokers'
 * addresses aside), counted. */
#ifndef WORKER_SNAPSHOT_H
#define WORKER_SNAPSHOT_H

#include "conf/conf.h"
#include "proxy/meter.h"
#include "proxy/policy.h"
#include "worker/broker.h"
#include "worker/gate.h"

#include <stdatomic.h>

struct snapshot {
	atomic_uint refs;
	struct conf *conf;
	/* By the number that a listener has in the running process, which a reload does not change.
	 */
	const struct conf_listener **listeners;
	struct policy *policies;
	struct gate_limits *limits; /* as configured, or lowered to what the descriptors allow */
	size_t n_listeners;
	bool keeps_state; /* some listener checks one-time passwords, or its broker gets them */
	bool bans;        /* some listener's filter bans, which is to be remembered */
	struct broker *brokers; /* by index in conf */
	int64_t *key_written;   /* by index of the ring: see file_written() */
	struct payload_rule *rules;
	/* How often something of a filter denied, or would have: by filter in conf, by
	 * snapshot_denier(). */
	atomic_ulong **denials;
	/* What came of payloads: by worker, and behind the last what was carried over from the
	 * snapshot before; by rule. */
	size_t n_workers;
	struct payload_meter **meters;
};

/* Makes a snapshot of a conf, which it takes (also on failure). `before` is the one in force, or
 * NULL at start: what can only change with a restart must then be the same, or the reason is in e.
 * descriptors: how many the process may open. One
 * reference is the caller's. */
struct snapshot *snapshot_new(struct conf *takes, const struct snapshot *before, size_t descriptors,
                              struct err *e);

struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL-safe */

/* What of a filter can deny: its rules, by their number, and behind them its limits. */
struct snapshot_denier {
	const char *what; /* "connect" and so on, "limit", "ban"; NULL: no such limit is set */
	bool allow;       /* this rule does not deny */
	const char *file;
	unsigned line;
};
size_t snapshot_deniers(const struct conf_filter *f);
struct snapshot_denier snapshot_denier(const struct conf_filter *f, size_t i);

/* Counts n denials by a rule or limit of the listener's filter; a verdict without one is none. Any
 * thread. */
void snapshot_count(struct snapshot *s, size_t listener, const struct acl_verdict *v, size_t n);

/* Takes over the counts of a snapshot that nobody uses any more, for the rules that stand where
 * they stood, so that reloads do not set them back. Before anybody reads the counts of s. */
void snapshot_carry(struct snapshot *s, const struct snapshot *before);

/* What came of the payloads of a rule, summed. Any thread. */
struct snapshot_payloads {
	uint64_t n[2][METER_OPERATIONS][METER_RESULTS];
};
void snapshot_payloads(const struct snapshot *s, size_t rule, struct snapshot_payloads *out);

/* Adds to by_key, by index of the ring, how many payloads were sealed with each key. Any thread. */
void snapshot_key_use(const struct snapshot *s, uint64_t *by_key);

#endif
