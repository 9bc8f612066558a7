/* SPDX-License-Identifier: ISC */
/* The codes that are added to logins toward a broker: the secret is read, its turn awaited, the
 * counter or step made durable, and the code handed to the session, which is the only one to write
 * it. All on the connection's worker. */
#ifndef WORKER_INJECT_H
#define WORKER_INJECT_H

#include <stdbool.h>

struct conn;

/* Begins to draw a code for the connection's session; it comes to conn_drawn(). False where none
 * can be drawn; the reason is logged. */
bool inject_draw(struct conn *c);

/* The session has done with its code, or with waiting for one: whoever is behind goes on, and the
 * store learns how it went. Nothing where no code is drawn. */
void inject_done(struct conn *c);

#endif
