/* SPDX-License-Identifier: ISC */
/* What the files of the pool share among themselves; nobody else includes this. */
#ifndef WORKER_POOL_INSIDE_H
#define WORKER_POOL_INSIDE_H

#include "worker/doors.h"
#include "worker/pool.h"
#include "worker/users.h"
#include "worker/worker.h"

#include <stdatomic.h>

struct pool {
	pthread_mutex_t lock; /* for the change of the snapshot, and of the store's first opening */
	struct snapshot *snapshot;
	struct worker_shared shared;
	struct worker **workers;
	size_t n_workers, n_listeners;
	size_t descriptors;
	struct doors doors;
	atomic_bool draining;
	struct beat *beats; /* by worker */
	uint8_t *key;       /* the state key */
	struct users users;
};

/* Has run() done on each worker's thread, all at once, and returns when all are done. Main thread.
 */
void pool_on_every_worker(struct pool *p, void (*run)(struct worker *w, void *arg), void *arg);

/* Opens the state, if it is not open, and puts its bans in force. 0 or -1. Main thread. */
int pool_open_store(struct pool *p, const struct conf *c, struct err *e);

#endif
