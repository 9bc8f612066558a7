/* SPDX-License-Identifier: ISC */
/* The one book of counts for the whole process: who waits, and who is connected. A
 * mutex, taken when a connection comes, when its CONNECT is judged, and when it goes. */
#ifndef WORKER_GATE_H
#define WORKER_GATE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;

struct gate_limits {
	size_t max_pending, max_pending_per_address, max_connections;
};

enum gate_answer {
	GATE_OPEN,
	GATE_FULL, /* too many wait: one that waits longest may be closed for it, then ask again */
	GATE_ADDRESS /* too many wait from this address (an IPv6 one: from its /64) */
};

struct gate *gate_new(size_t n_listeners, struct err *e);
void gate_free(struct gate *g);

/* A connection was accepted and waits for its CONNECT to be judged. */
enum gate_answer gate_arrive(struct gate *g, size_t listener, const uint8_t source[16],
                             const struct gate_limits *limits);

/* It waits no more: it goes, or it is connected (`connects`: true is wanted, and false is returned
 * where max_connections are). */
void gate_depart(struct gate *g, size_t listener, const uint8_t source[16]);
bool gate_connect(struct gate *g, size_t listener, const struct gate_limits *limits);
void gate_disconnect(struct gate *g, size_t listener);

/* Counts now. */
size_t gate_pending(struct gate *g, size_t listener);
size_t gate_connected(struct gate *g, size_t listener);

#endif
