/* SPDX-License-Identifier: ISC */
/* The daemon's body: listeners, state, workers. Main thread only, but for what the workers do
 * themselves and what says otherwise. */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "conf/conf.h"
#include "store/store.h"
#include "sys/activation.h"
#include "sys/metrics.h"
#include "worker/closed.h"
#include "worker/refusals.h"
#include "worker/snapshot.h"

struct pool;

/* Opens the state, the listeners (or takes those that were passed) and starts the workers for a
 * conf, which it takes (also on failure). Says event=listening for each address. NULL and the
 * reason. */
struct pool *pool_new(struct conf *takes, size_t descriptors, const struct activation *passed,
                      struct err *e);

/* A new configuration for everybody, or, on -1, for nobody: built whole first, then handed out.
 * Takes the conf. */
int pool_reload(struct pool *p, struct conf *takes, struct err *e);

/* Accepts nobody any more and ends all connections over that time (-1: the configured grace). What
 * runs stays; only pool_free() ends it. */
void pool_drain(struct pool *p, int64_t over_ms);
bool pool_draining(const struct pool *p); /* any thread */

/* Tells every worker to stop within the configured grace, waits for them, frees everything. */
void pool_free(struct pool *p);

/* Whether every thread turned since the last call: each worker delivered the mail that was sent to
 * it then, and the store's thread, if there was something to do, took it up. From one thread,
 * always the same. True at the first call. */
bool pool_turned(struct pool *p);

/* What was counted, over all workers. Any thread. */
struct pool_status {
	size_t workers;
	uint64_t counts[METRIC_ALL];
	uint64_t packets[2][METER_TYPES]; /* by the side that sent them */
	uint64_t closed[CLOSED_COUNT];
	uint64_t
	    verdicts[VERDICT_COUNT]; /* over all listeners; equal names are counted as the first */
	struct histogram_sum login, dial, relay;
	struct store_stats store; /* all 0 where there is no state */
	bool has_users;           /* there is a state, and it was looked at */
	struct store_census users;
};
void pool_status(struct pool *p, struct pool_status *out);

/* The verdicts of one listener, by its number in the process. Any thread. */
void pool_verdicts(const struct pool *p, size_t listener, uint64_t out[VERDICT_COUNT]);

/* The configuration in force; the reference is the caller's. Any thread. */
struct snapshot *pool_snapshot(struct pool *p);

/* Refused CONNECTs; for refusals_read(). Any thread. */
struct refusals *pool_refusals(const struct pool *p);

/* Whether every worker takes its mail within so many milliseconds. Any thread, which waits. */
bool pool_alive(struct pool *p, int64_t ms);

/* Whether the state takes a write within so many milliseconds; true where no listener needs it. Any
 * thread, which waits. */
bool pool_state_writable(struct pool *p, int64_t ms);

/* The name of a reason, as metric_failed() counts it: E_PLAIN and so on; NULL behind the last. */
const char *pool_reason(size_t reason);

/* Calls found() for each rule or limit that denied something, or would have: its filter, what it
 * is, how often. */
typedef void pool_denial_fn(void *ctx, const char *filter, const struct snapshot_denier *denier,
                            unsigned long n);
void pool_denials(struct pool *p, pool_denial_fn *found, void *ctx);

size_t pool_listeners(const struct pool *p);
struct pool_listener_status {
	const char *name, *address; /* of its first address */
	size_t connections, pending;
};
void pool_listener_status(struct pool *p, size_t i, struct pool_listener_status *out);

/* Connections of a listener, by its number in the process. Any thread. */
void pool_connections(const struct pool *p, size_t i, size_t *pending, size_t *connected);

/* Connections of clients whose listener leads to that broker, by its index in conf. Any thread. */
size_t pool_broker_connections(struct pool *pool, const struct snapshot *s, size_t broker);

/* Connections that meet every criterion that is set, at most `limit` of them, a line each:
 * LISTENER PEER STATE VERSION SECONDS BUFFERED CLIENT-ID USER; VERSION, CLIENT-ID and USER (in
 * hexadecimal) are `-` where they are not known. *found counts them all. */
struct pool_who {
	struct slice listener, client_id, user; /* n 0: any */
	bool has_address;
	uint8_t address[16];
	size_t limit;
};
void pool_clients(struct pool *p, const struct pool_who *who, struct buf *out, size_t *found);

/* The bytes of an address as text. 0, or -1 where it is none. */
int pool_address(struct slice text, uint8_t out[16], struct err *e);

/* Watches from here on, or, NULL, no more: nobody uses the trace before then when it returns. */
struct trace;
void pool_trace(struct pool *p, struct trace *t);

/* Ends the sessions that match, with v5 code 0x98, and counts them. The value of an address is its
 * text. 0, or -1 where it is none. */
enum pool_kick { POOL_KICK_CLIENT_ID, POOL_KICK_USER, POOL_KICK_ADDRESS };
int pool_kick(struct pool *p, enum pool_kick by, struct slice value, size_t *kicked, struct err *e);

/* Bans: the value of an address is the text of an address or a network. A ban is in force when this
 * returns, and the connections that it is about are ended with v5 code 0x8A. -1 where it cannot be.
 * kept: it will be written to the state, which is opened, and made, for it; else why not. */
struct pool_ban {
	enum store_ban_kind kind;
	struct slice value, reason;
	int64_t ms; /* how long; 0: until it is lifted */
};
struct pool_banned {
	size_t cut; /* connections */
	bool kept;
	struct err why;
};
int pool_ban(struct pool *p, const struct pool_ban *order, struct pool_banned *out, struct err *e);

/* -1 where there is no such ban. */
int pool_unban(struct pool *p, enum store_ban_kind kind, struct slice value, struct err *e);

/* All that are in force, the newest first; found() may not call the pool. */
void pool_bans(struct pool *p, store_ban_fn *found, void *ctx);

/* The network of an address ban, as text into out. Returns out. */
const char *pool_ban_address(const struct store_ban *ban, char *out, size_t size);

#endif
