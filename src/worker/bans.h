/* SPDX-License-Identifier: ISC */
/* The bans in force, for look-ups. Not locked: the gate does that. */
#ifndef WORKER_BANS_H
#define WORKER_BANS_H

#include "acl/cidr.h"
#include "store/store.h"

struct bans;

/* Beyond that many only what is over makes room. So many of them are for administrators alone, whom
 * no crowd of addresses that got themselves banned can keep from it. */
enum { BANS_MAX = 100000, BANS_BY_HAND = 1000 };

/* The value of an address ban: a network. */
enum { BANS_ADDRESS_SIZE = 17 };
void bans_address_put(const struct acl_cidr *c, uint8_t out[BANS_ADDRESS_SIZE]);
bool bans_address_get(struct slice value, struct acl_cidr *out);

struct bans *bans_new(void);
void bans_free(struct bans *b); /* NULL-safe */

/* Everything is copied; takes the place of a ban of the same value. Times are seconds since the
 * epoch. -1 where there are too many, or no memory, or it is none. */
int bans_add(struct bans *b, const struct store_ban *ban, int64_t now, struct err *e);

/* False where there was none. */
bool bans_remove(struct bans *b, enum store_ban_kind kind, struct slice value);

/* A ban that is not over and holds, or NULL; there until the next change. */
const struct store_ban *bans_of_address(const struct bans *b, const uint8_t address[16],
                                        int64_t now);
const struct store_ban *bans_of_name(const struct bans *b, enum store_ban_kind kind,
                                     struct slice name, int64_t now);

size_t bans_count(const struct bans *b);

/* Those that are not over, the newest first, until found() returns not 0. */
void bans_each(const struct bans *b, int64_t now, store_ban_fn *found, void *ctx);

#endif
