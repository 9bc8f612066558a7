/* SPDX-License-Identifier: ISC */
/* A session's requests to the store. The request outlives the connection where it must: the answer
 * then goes nowhere. */
#ifndef WORKER_LOGIN_H
#define WORKER_LOGIN_H

#include "proxy/session.h"
#include "store/store.h"

struct conn;
struct worker;

/* One request at a time a connection. */
struct login {
	struct store_op op; /* first */
	struct conn *conn;  /* NULL: nobody waits for the answer any more */
	struct worker *worker;
	uint8_t user[STORE_USER_MAX];
};

/* Each sends a request for the connection's session. The answers to the first two come to
 * conn_taken() and conn_consumed(). False where there is no memory, or, for TAKE, where the user
 * name is longer than any that is stored. */
bool login_take(struct conn *c);
bool login_consume(struct conn *c);
void login_settle(struct conn *c);

/* The login was accepted, and its password may come again. */
void login_lease(struct conn *c);

/* The connection goes: what is under way answers to nobody. */
void login_forget(struct conn *c);

#endif
