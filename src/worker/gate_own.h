/* SPDX-License-Identifier: ISC */
/* What the files of the gate share among themselves; nobody else includes this. */
#ifndef WORKER_GATE_OWN_H
#define WORKER_GATE_OWN_H

#include "base/rate.h"
#include "base/secret.h"
#include "worker/gate.h"
#include "worker/tally.h"

#include <pthread.h>

#define NS_PER_MS INT64_C(1000000)

/* What is counted. The first three take a place while they last. */
enum gate_kind { BY_ADDRESS, BY_USER, BY_CLIENT, WAITING, TOLD, REFUSALS, KINDS };

struct listener {
	size_t pending, connected;
};

struct gate {
	pthread_mutex_t lock;
	uint8_t hash_key[SECRET_HASH_KEY_SIZE];
	void *counts; /* a search tree of how many there are of each key */
	struct tally *spent[KINDS];
	struct bans *bans;
	struct listener listeners[];
};

/* gate_count.c. Under the lock, like all that counts; keys need none.
 *
 * The key of a value; 0 where it is empty, so that it is not counted. scope: where it is. And where
 * it is a filter. */
uint64_t gate_key(const struct gate *g, enum gate_kind kind, struct slice scope,
                  struct slice value);
uint64_t gate_filter_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                         struct slice value);

/* The key of a value under a limit of a filter. A limit that is changed begins anew: what was
 * counted under the old one means nothing. */
uint64_t gate_rate_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                       const struct conf_rate *limit, struct slice value);

/* How many there are of a key (0: none); one more, or -1 without memory; one less. */
size_t gate_there_are(struct gate *g, uint64_t key);
int gate_count_up(struct gate *g, uint64_t key);
void gate_count_down(struct gate *g, uint64_t key);
void gate_counts_free(struct gate *g);

/* Counts one more of a key, where the rate allows it. */
bool gate_rate_allows(struct gate *g, enum gate_kind kind, const struct rate *r, uint64_t key,
                      struct now now);

/* What the address counts by. */
static inline struct slice gate_source(const struct gate_who *who)
{
	return slice_of(who->source, sizeof who->source);
}

static inline int64_t gate_seconds(struct now now)
{
	return now.real_us / 1000000;
}

#endif
