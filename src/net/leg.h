/* SPDX-License-Identifier: ISC */
/* One side of a connection: a descriptor, what was read and not yet used, what was written and not
 * yet taken. It moves bytes and decides nothing. One event at most is registered for it, for just
 * what is awaited now. */
#ifndef NET_LEG_H
#define NET_LEG_H

#include "base/buf.h"

#include <event2/event.h>
#include <event2/event_struct.h>

struct leg {
	struct event event;
	int fd;               /* -1: not there */
	short awaits;         /* EV_READ, EV_WRITE, EV_CLOSED, EV_ET as registered */
	bool eof : 1;         /* the peer's FIN was read and is still to be told */
	bool unheard : 1;     /* what is written no longer arrives; what comes is still read */
	bool shut_wanted : 1; /* shut the sending direction down behind what is written */
	bool shut_done : 1;
	bool close_wanted : 1; /* close behind what is written */
	bool full : 1;         /* `out` passed the high-water mark, and not the low one since */
	int64_t linger_until;  /* sent and shut; what still comes is thrown away until the peer
	                          closes, or then; 0 not so */
	int64_t taken_ms; /* when the peer last took something, or since when something waits for
	                     it; 0 nothing waits */
	size_t want;      /* bytes that must be in `in` before it is worth working on; 0 any */
	struct buf in, out;
};

enum leg_result { LEG_OK, LEG_EOF, LEG_AGAIN, LEG_BROKEN };

/* An empty leg whose buffers may hold max_buffer bytes each. The high-water mark of `out` is a
 * quarter of that, at most 128 KiB, the low one half of the high one. */
void leg_init(struct leg *l, size_t max_buffer);

/* Gives the leg its descriptor, which it owns from then on. ready is called on the base's thread
 * with `arg`. */
void leg_open(struct leg *l, struct event_base *base, int fd, event_callback_fn ready, void *arg);

/* Registers for EV_READ, EV_WRITE, EV_CLOSED as wanted, or for nothing. Costs nothing when nothing
 * changes. */
void leg_await(struct leg *l, short what);

/* Reads at most `size` bytes to `to`; LEG_OK: *n of them, at least one. */
enum leg_result leg_read(struct leg *l, uint8_t *to, size_t size, size_t *n);

/* Sends what the peer takes at once, keeps the rest in `out`. LEG_OK; LEG_BROKEN: the connection
 * does not take anything any more, or `out` is full. */
enum leg_result leg_write(struct leg *l, struct slice bytes, int64_t now_ms);

/* Sends what waits, then, when nothing waits any more, shuts the sending direction down if that, or
 * a close, is wanted. LEG_OK or LEG_BROKEN. */
enum leg_result leg_flush(struct leg *l, int64_t now_ms);

/* Writes no more: what waits is given up. */
void leg_give_up_writing(struct leg *l);

/* Closes the descriptor at once and wipes the buffers. */
void leg_close(struct leg *l);

#endif
