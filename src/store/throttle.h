/* SPDX-License-Identifier: ISC */
/* Limits that cost no look into the database: how often a source may replay, how long one waits at a name that nobody has.
 * Tables of a fixed size under a key, so that no choice of names or addresses fills a bucket on purpose, and nobody reads
 * a name in a copy of them; the oldest entry makes room. What changes is written by the batch that changes it. Inside
 * store/ only, one thread. */
#ifndef STORE_THROTTLE_H
#define STORE_THROTTLE_H

#include "store/backend.h"

enum {
	THROTTLE_BUCKETS = 512,
	THROTTLE_WAYS = 8,
	THROTTLE_SIZE = 2 * THROTTLE_BUCKETS * THROTTLE_WAYS, /* entries in all */
	THROTTLE_DOUBT = 6 /* failures that a name begins with where what was kept could not be read */
};

struct throttle_entry {
	uint8_t tag[SECRET_HASH_SIZE];
	int64_t last;  /* s; 0 free */
	int64_t value; /* replays: as base/rate.h keeps it; names: failures */
	bool changed;  /* since it was written */
};

struct throttle {
	uint8_t key[SECRET_HASH_KEY_SIZE];
	bool kept;     /* in the database */
	int64_t doubt; /* s: when something could not be read; 0 never */
	struct throttle_entry entries[THROTTLE_SIZE]; /* first those of replays, then those of names */
	uint16_t changes[THROTTLE_SIZE];
	size_t n_changes;
};

/* t is zeroed. The key is random, and nothing is kept. */
void throttle_init(struct throttle *t);

/* From now on everything is kept in that database, under that key; what is there already is read. 0, or -1 and the reason:
 * then whoever is not known is taken to have replayed all but once, and to have failed THROTTLE_DOUBT times. */
int throttle_load(struct throttle *t, const uint8_t key[SECRET_HASH_KEY_SIZE], struct store_backend *b, int64_t now,
                  struct err *e);

/* Within a batch: writes what has changed. 0 or -1. */
int throttle_save(const struct throttle *t, struct store_backend *b, struct err *e);

/* The batch is durable. */
void throttle_saved(struct throttle *t);

/* Who asks for what, as one value under the key: user and source. */
void throttle_tag(const struct throttle *t, const struct store_op *op, uint8_t tag[SECRET_HASH_SIZE]);

/* Before a request is run: false where it is refused already, its status STORE_REPLAYING. */
bool throttle_admits(struct throttle *t, struct store_op *op);

/* After a request was run: counts replays; a name that nobody has answers as one that somebody has (STORE_DELAYED in place of
 * STORE_UNKNOWN) while its source waits. */
void throttle_count(struct throttle *t, struct store_op *op);

#endif
