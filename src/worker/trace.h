/* SPDX-License-Identifier: ISC */
/* One client watched: a line for each packet that it sends or gets, and for each verdict about it.
 * Never a payload, a password or a code. Who is not watched pays one look at a pointer a read. */
#ifndef WORKER_TRACE_H
#define WORKER_TRACE_H

#include "proxy/session.h"
#include "sys/mailbox.h"

enum { TRACE_WAITING_MAX = 4096 /* lines on their way; what is more is counted and left out */ };

/* What others have chosen, its first TRACE_SHOWN bytes, as one word: in hexadecimal, `-` for none.
 */
enum { TRACE_SHOWN = 512, TRACE_WORD = 2 * TRACE_SHOWN + 1 };
const char *trace_word(struct slice s, char out[TRACE_WORD]);

struct trace;
struct conn;

/* Lines, with their end, are delivered to line() in the thread that drains the mailbox; lost:
 * how many were left out before it. NULL without memory. A line is SECONDS packet up|down TYPE SIZE
 * QOS RETAIN TOPIC SECONDS note up|down KIND TOPIC RULE WORDS… topic and rule in hexadecimal, `-`
 * for none. */
typedef void trace_fn(void *ctx, struct slice line, uint64_t lost);
struct trace *trace_new(struct slice client_id, struct mailbox *to, trace_fn *line, void *ctx);

/* Nobody uses it any more, and the mailbox was drained. NULL-safe. */
void trace_free(struct trace *t);

/* On the worker's thread. Watches a connection from here on, where it is the client's: `left` bytes
 * by side are still to come of a packet in passage. */
void trace_look(struct conn *c, const uint32_t left[2]);

/* What the session consumed of a view, packets or parts of them. */
void trace_bytes(struct conn *c, enum side from, struct slice view, size_t consumed);
void trace_note(struct conn *c, const struct session_note *n);

/* The connection is watched no more. */
void trace_forget(struct conn *c);

#endif
