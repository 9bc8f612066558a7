/* SPDX-License-Identifier: ISC */
/* Connections just accepted, on their way to the worker that is to have them. */
#ifndef WORKER_ARRIVALS_H
#define WORKER_ARRIVALS_H

#include "net/addr.h"
#include "worker/worker.h"

/* Takes an accepted descriptor to the worker that has the fewest connections: to `w`, which
 * accepted it, at once (conn_accept()), to another as mail. On w's thread. */
void arrivals_take(struct worker *w, size_t listener, int fd, const struct net_addr *peer);

#endif
