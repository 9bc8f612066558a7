/* SPDX-License-Identifier: ISC */
/* The daemon's body: listeners, state, workers. Main thread only, but for what the workers do
 * themselves. */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "conf/conf.h"
#include "sys/activation.h"
#include "sys/metrics.h"

struct pool;

/* Opens the state, the listeners (or takes those that were passed) and starts the workers for a
 * conf, which it takes (also on failure). Says event=listening for each address. NULL and the
 * reason. */
struct pool *pool_new(struct conf *takes, size_t descriptors, const struct activation *passed,
                      struct err *e);

/* A new configuration for everybody, or, on -1, for nobody: built whole first, then handed out.
 * Takes the conf. */
int pool_reload(struct pool *p, struct conf *takes, struct err *e);

/* Tells every worker to stop within the configured grace, waits for them, frees everything. */
void pool_free(struct pool *p);

/* Whether every thread turned since the last call: each worker delivered the mail that was sent to
 * it then, and the store's thread, if there was something to do, took it up. From one thread,
 * always the same. True at the first call. */
bool pool_turned(struct pool *p);

/* What `status` shows. */
struct pool_status {
	size_t workers;
	uint64_t counts[METRIC_ALL];
};
void pool_status(struct pool *p, struct pool_status *out);

/* The name of a reason, as metric_failed() counts it: E_PLAIN and so on; NULL behind the last. */
const char *pool_reason(size_t reason);

size_t pool_listeners(const struct pool *p);
struct pool_listener_status {
	const char *name, *address; /* of its first address */
	size_t connections, pending;
};
void pool_listener_status(struct pool *p, size_t i, struct pool_listener_status *out);

/* Ends the sessions that match, with v5 code 0x98, and counts them. The value of an address is its
 * text. 0, or -1 where it is none. */
enum pool_kick { POOL_KICK_CLIENT_ID, POOL_KICK_USER, POOL_KICK_ADDRESS };
int pool_kick(struct pool *p, enum pool_kick by, struct slice value, size_t *kicked, struct err *e);

#endif
