/* SPDX-License-Identifier: ISC */
/* What the state says of its users, whoever changed it: who may not stay is cut off, and how many
 * there are is kept for the status. */
#ifndef WORKER_USERS_H
#define WORKER_USERS_H

#include "store/store.h"

#include <pthread.h>

struct worker;

struct users {
	struct store_watch watch;
	struct worker **workers; /* borrowed */
	size_t n_workers;
	pthread_mutex_t lock;
	bool known; /* under the lock, like what follows */
	struct store_census census;
};

void users_init(struct users *u);
void users_fini(struct users *u);

/* Has the store watched for these workers, which outlive it. Does nothing the second time. */
void users_watch(struct users *u, struct store *s, struct worker **workers, size_t n_workers);

/* The last census; false where there is none yet. Any thread. */
bool users_census(struct users *u, struct store_census *out);

#endif
