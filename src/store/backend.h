/* SPDX-License-Identifier: ISC */
/* What a database must be able to do. Synchronous, one thread at a time; async.c makes the store of it, mqsecproxyctl uses
 * it directly. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

/* A user as the administrator sees it. Strings are borrowed during the call. */
struct store_user {
	struct slice name;
	struct otp_params params;
	struct otp_state state;
	unsigned budget;        /* guesses that the credential holds when full, otp_guess_budget() */
	struct slice blob;      /* the sealed secret */
	int64_t created;        /* seconds since the epoch */
};

struct store_backend {
	const struct store_backend_ops *ops;
};

struct store_backend_ops {
	/* A batch: between begin and commit (or rollback), run() is called for each request and fills its status; a request that
	 * fails leaves nothing behind, the others go on. Where commit returns -1 nothing of the batch has happened (the caller
	 * fails all of it), and the next batch may begin. Where begin returns -1 there is no batch. */
	int (*begin)(struct store_backend *b, struct err *e);
	void (*run)(struct store_backend *b, struct store_op *op);
	int (*commit)(struct store_backend *b, struct err *e);
	void (*rollback)(struct store_backend *b);

	/* Administration, each durable when it returns. add: -1 where the name exists ("… exists already"). remove: 1 where
	 * there was no such user. each: calls found() in the order of names until it returns not 0, and returns that; found() may
	 * not call the database. Never within a batch. */
	int (*user_add)(struct store_backend *b, const struct store_user *u, struct err *e);
	int (*user_remove)(struct store_backend *b, struct slice name, struct err *e);
	int (*user_each)(struct store_backend *b, int (*found)(void *ctx, const struct store_user *u), void *ctx, struct err *e);

	void (*close)(struct store_backend *b);
};

/* SQLite: WAL, synchronous=FULL, busy timeout 5 s, file mode 0600, schema version inside (a newer one is refused). Makes the file
 * where it is missing. */
struct store_backend *store_sqlite_open(const char *path, struct err *e);

/* In memory, for tests and trials: gone with the process. */
struct store_backend *store_memory_open(struct err *e);

/* Makes a store of a database, which it takes, also when it fails. store_open() does this; tests bring databases of their own. */
struct store *store_start(struct store_backend *takes_b, struct err *e);

#endif
