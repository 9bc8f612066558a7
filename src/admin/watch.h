/* SPDX-License-Identifier: ISC */
/* The requests about clients: `connections [listener NAME] [client-id HEX] [user HEX] [address
 * TEXT] [limit N]`, answered with `found N` and a line each, and `trace HEX`, answered with lines
 * until the asker goes (worker/trace.h). */
#ifndef ADMIN_WATCH_H
#define ADMIN_WATCH_H

#include "admin/control.h"
#include "worker/pool.h"

void watch_connections(struct pool *pool, struct slice line, struct buf *answer);

/* One at a time: *watch is NULL where nobody watches, and becomes that again. */
struct watch;
void watch_trace(struct watch **watch, struct event_base *base, struct pool *pool,
                 struct slice line, struct buf *answer, struct request *asker);

/* Ends the watch, also toward its asker. NULL-safe. */
void watch_end(struct watch *w);

#endif
