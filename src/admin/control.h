/* SPDX-License-Identifier: ISC */
/* The control socket: one request a connection, a line in, an answer out. Only root and the
 * daemon's own user are served. */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "base/buf.h"
#include "base/err.h"

#include <event2/event.h>

enum { CONTROL_REQUEST_MAX = 4096, CONTROL_ANSWER_MAX = 16 * 1024 * 1024 };

struct control;

/* Answers one request (a line without its end) into `answer`, whose first line is "ok", "failed" or
 * "bad-configuration". */
struct request;
typedef void control_fn(void *ctx, struct slice request, struct buf *answer, struct request *asker);

/* Called while a request is answered: its connection stays, for more of the answer, until either
 * side ends it; ended() is called then, once. */
void control_keep(struct request *asker, void (*ended)(void *ctx), void *ctx);

/* More of an answer. False, and nothing is sent, where the asker takes too little. */
bool control_send(struct request *asker, struct slice bytes);
void control_end(struct request *asker);

/* A socket that a dead process left behind is replaced, one that is served is an error. NULL and
 * the reason. */
struct control *control_new(struct event_base *base, const char *path, control_fn *fn, void *ctx,
                            struct err *e);
void control_free(struct control *c);

/* Appends text to an answer, at most 511 bytes of it. */
void control_say(struct buf *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next word of a request, which is taken off; empty at its end. */
struct slice control_word(struct slice *line);

#endif
