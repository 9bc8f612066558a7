/* SPDX-License-Identifier: ISC */
/* Where a broker is: addresses as they stand in the configuration, names as they resolve just now.
 * Names are resolved at start and on reload, and again by a thread of their own after a connection
 * failed, never on an event loop. */
#ifndef WORKER_BROKER_H
#define WORKER_BROKER_H

#include "conf/conf.h"
#include "net/addr.h"

#include <pthread.h>
#include <stdatomic.h>

enum { BROKER_ADDRESSES = 16 };

struct broker {
	const struct conf_broker *conf;
	bool has_names;
	pthread_mutex_t lock; /* for what stands below */
	struct net_addr addr[BROKER_ADDRESSES];
	size_t n;
	/* What the last attempt to connect came to, and when (monotonic ms; 0: none yet). */
	atomic_bool up;
	_Atomic int64_t told_ms;
};

void broker_init(struct broker *b, const struct conf_broker *conf);
void broker_fini(struct broker *b);

/* The addresses that need no resolving, or, where a broker of the same name is among the n former
 * ones and has names, what is known of it until its names are resolved. */
void broker_inherit(struct broker *b, struct broker *former, size_t n);

/* Resolves anew; blocks. What does not resolve is logged and left out; where nothing does, the old
 * addresses stay. */
void broker_resolve(struct broker *b);

/* Copies the i-th address; false where there is none. Any thread. */
bool broker_address(struct broker *b, size_t i, struct net_addr *out);
size_t broker_count(struct broker *b);

/* An attempt to connect succeeded, or failed at every address. Any thread. */
void broker_tells(struct broker *b, bool up, int64_t now_ms);

/* Whether the broker takes connections, by what the last attempt came to if that is at most
 * BROKER_FRESH_MS old, else by connecting to all its addresses at once, which may take
 * BROKER_PROBE_MS. For a thread that may wait. */
enum { BROKER_FRESH_MS = 2000, BROKER_PROBE_MS = 1000 };
bool broker_reachable(struct broker *b);

struct snapshot;

/* The thread that resolves again. */
struct resolver;
struct resolver *resolver_new(struct err *e);
void resolver_free(struct resolver *r);

/* Has the names of a snapshot's brokers resolved, at most once a second. Any thread, never blocks.
 */
void resolver_ask(struct resolver *r, struct snapshot *snapshot);

/* The same, and waits until it is done, but not longer than BROKER_RESOLVE_MS: a name server that
 * does not answer holds nothing up for long. Returns at once where no broker has a name. Main
 * thread. */
enum { BROKER_RESOLVE_MS = 2000 };
void resolver_wait(struct resolver *r, struct snapshot *snapshot);

#endif
