/* SPDX-License-Identifier: ISC */
/* What the files of the gate share among themselves; nobody else includes this. */
#ifndef WORKER_GATE_OWN_H
#define WORKER_GATE_OWN_H

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
	size_t n;
	struct listener listeners[];
};

/* The key of a value under a limit of a filter. A limit that is changed begins anew: what was
 * counted under the old one means nothing. */
uint64_t gate_rate_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                       const struct conf_rate *limit, struct slice value);

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
