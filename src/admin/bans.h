/* SPDX-License-Identifier: ISC */
/* The requests about bans: `ban KIND VALUE MILLISECONDS REASON`, `unban KIND VALUE` and `bans`.
 * KIND is address, user or client-id. An address or a network is its text; names and reasons are
 * hexadecimal, no reason is `-`, and 0 milliseconds are for ever. `bans` answers with a line
 * `KIND VALUE SINCE UNTIL filter|hand REASON` each, the times in seconds since the epoch. */
#ifndef ADMIN_BANS_H
#define ADMIN_BANS_H

#include "base/buf.h"
#include "worker/pool.h"

void bans_ban(struct pool *pool, struct slice line, struct buf *answer);
void bans_unban(struct pool *pool, struct slice line, struct buf *answer);
void bans_list(struct pool *pool, struct buf *answer);

#endif
