/* SPDX-License-Identifier: ISC */
/* Limits that need no database: how often a source may replay, how long one waits at a name that
 * nobody has. Tables of a fixed size under a random key, so that no choice of names or addresses
 * fills a bucket on purpose; the oldest entry makes room. Inside store/ only, one thread. */
#ifndef STORE_THROTTLE_H
#define STORE_THROTTLE_H

#include "base/secret.h"
#include "store/store.h"

enum { THROTTLE_BUCKETS = 512, THROTTLE_WAYS = 8 };

struct throttle_entry {
	uint8_t tag[SECRET_HASH_SIZE];
	int64_t last;  /* s; 0 free */
	int64_t value; /* replays: as base/rate.h keeps it; names: failures */
};

struct throttle {
	uint8_t key[SECRET_HASH_KEY_SIZE];
	struct throttle_entry replays[THROTTLE_BUCKETS][THROTTLE_WAYS];
	struct throttle_entry names[THROTTLE_BUCKETS][THROTTLE_WAYS];
};

/* t is zeroed. */
void throttle_init(struct throttle *t);

/* Who asks for what, as one value under the key: user and source. */
void throttle_tag(const struct throttle *t, const struct store_op *op,
                  uint8_t tag[SECRET_HASH_SIZE]);

/* Before a request is run: false where it is refused already, its status STORE_REPLAYING. */
bool throttle_admits(struct throttle *t, struct store_op *op);

/* After a request was run: counts replays; a name that nobody has answers as one that somebody has
 * (STORE_DELAYED in place of STORE_UNKNOWN) while its source waits. */
void throttle_count(struct throttle *t, struct store_op *op);

#endif
