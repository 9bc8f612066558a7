/* SPDX-License-Identifier: ISC */
/* The bans of the state in memory. Inside store/ only. */
#ifndef STORE_MEMORY_BAN_H
#define STORE_MEMORY_BAN_H

#include "store/backend.h"

struct memory_bans {
	struct store_ban *all; /* sorted by kind and value; each owns its bytes */
	size_t n;
};

/* Runs a STORE_BAN or STORE_UNBAN. */
enum store_status memory_ban(struct memory_bans *bans, struct store_op *op);

int memory_ban_each(const struct memory_bans *bans, store_ban_fn *found, void *ctx);

/* A copy that owns all of it, to be put back where a batch is undone. 0, or -1 without memory. */
int memory_bans_copy(struct memory_bans *to, const struct memory_bans *from);
void memory_bans_free(struct memory_bans *bans);

#endif
