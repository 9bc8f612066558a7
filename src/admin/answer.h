/* SPDX-License-Identifier: ISC */
/* What HTTP answers, apart from how it moves. */
#ifndef ADMIN_ANSWER_H
#define ADMIN_ANSWER_H

#include "base/buf.h"

#include <stdbool.h>

enum { ANSWER_MAX = 64 * 1024 * 1024 };

/* Of a request: its first line, and its Host (n 0: none came). */
struct question {
	struct slice line, host;
};

/* Whether it is GET or HEAD, of HTTP/1, and for this host: a name that a stranger made resolve to
 * 127.0.0.1 is none of ours, so no web page can read what stands here. *path is then set, without
 * its query. Else the status to answer. */
int answer_judge(const struct question *q, bool *head, struct slice *path);

/* Appends a whole response. nonce: what the page's style is allowed by, or NULL. head: without its
 * body. 0, or -1 where there is no room or memory. */
int answer_put(struct buf *out, int status, const char *type, const char *nonce, struct slice body,
               bool head);

/* The same for a line of plain text. */
int answer_text(struct buf *out, int status, const char *text, bool head);

#endif
