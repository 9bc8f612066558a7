/* SPDX-License-Identifier: ISC */
/* Why connections end, as metrics count it. */
#ifndef WORKER_CLOSED_H
#define WORKER_CLOSED_H

/* X(symbol, name). The first that is found is what counts. */
#define CLOSED(X)                                                                              \
	X(OTHER, "other")       /* none of the others */                                       \
	X(CLIENT, "client")     /* it went, or broke off */                                    \
	X(BROKER, "broker")     /* the same */                                                 \
	X(REFUSED, "refused")   /* its CONNECT, or the connection at once */                   \
	X(TIMEOUT, "timeout")   /* no CONNECT in time */                                       \
	X(EVICTED, "evicted")   /* without a CONNECT, to make room */                          \
	X(STALLED, "stalled")   /* took nothing for stall-timeout */                           \
	X(SILENT, "keep_alive") /* said nothing for twice its keep-alive */                    \
	X(DENIED, "denied")     /* by rules: a message, or the client itself after a reload */ \
	X(KICKED, "kicked")                                                                    \
	X(BANNED, "banned")                                                                    \
	X(SHUTDOWN, "shutdown")                                                                \
	X(PROTOCOL, "protocol") /* any other error in what a side sent */

enum closed {
#define X(symbol, name) CLOSED_##symbol,
	CLOSED(X)
#undef X
	    CLOSED_COUNT
};

#endif
