/* SPDX-License-Identifier: ISC */
/* What a database must be able to do. Synchronous, one thread at a time; async.c makes the store of it, mqsecproxyctl uses
 * it directly. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "base/buf.h"
#include "base/secret.h"
#include "store/store.h"

/* A user as the administrator sees it. Strings are borrowed during the call. */
struct store_user {
	struct slice name;
	struct otp_params params;
	struct otp_state state;
	unsigned budget;        /* guesses that the credential holds when full, otp_guess_budget() */
	struct slice blob;      /* the sealed secret */
	struct slice login;     /* the sealed login for the broker; empty: none */
	int64_t created;        /* seconds since the epoch, as all times here */
	bool locked;            /* by an administrator */
	bool stale;             /* HOTP: the counter comes from an old copy and counts for nothing until a resync */
	int64_t expires;        /* from then on refused; 0 never */
	/* read, but begun anew by user_add */
	int64_t last_login;     /* 0 none yet */
	double guesses;         /* left at guesses_at, store_guesses_now() */
	int64_t guesses_at;
};

/* What an administrator changes in a user. */
enum store_edit_kind {
	STORE_LOCK,
	STORE_UNLOCK,
	STORE_EXPIRE, /* at `expires` */
	STORE_RESET,  /* guesses full, no source has to wait, no pending resync; a TOTP mark that lies beyond the window at `now` becomes the end of that
	               * window: no mark is lowered into it, so nothing that is accepted there was used before */
	STORE_LOGIN,  /* `login` takes the place of the one for the broker; empty: there is none any more */
	STORE_RESYNC  /* HOTP: the mark becomes `mark`, which must be higher; no longer stale */
};
struct store_edit {
	enum store_edit_kind kind;
	int64_t now, expires, mark;
	struct slice login;
};

/* "ok", or why the user is refused at `now`: "locked", "expired", "stale", "ahead" (a mark that no code can pass). Static. */
const char *store_user_condition(const struct store_user *u, int64_t now);

/* What is in the budget at `now`, where `guesses` were in it at `at`: refilled linearly, never
 * above `budget`. A clock that goes backwards neither adds nor loses. */
double store_guesses_now(double guesses, int64_t at, unsigned budget, int64_t now);

/* Who has to wait, as throttle.h keeps it: a numbered row, of somebody who cannot be told from it. */
struct store_wait {
	unsigned at;
	uint8_t tag[SECRET_HASH_SIZE];
	int64_t last, value;
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

	/* Administration, each durable when it returns. add: -1 where the name exists ("… exists already"). remove and edit: 1
	 * where there was no such user. Who is removed is no stranger until forgotten (forget: 1 where nobody is). each: calls found() in the order of names until it returns not 0, and returns that; find
	 * does so for one user, and returns 1 where there is none; sources: for the known-good sources of a user, newest first.
	 * found() may not call the database. Never within a batch, but for add, which is then as durable as the batch. */
	int (*user_add)(struct store_backend *b, const struct store_user *u, struct err *e);
	int (*user_remove)(struct store_backend *b, struct slice name, struct err *e);
	int (*user_forget)(struct store_backend *b, struct slice name, struct err *e);
	int (*user_edit)(struct store_backend *b, struct slice name, const struct store_edit *edit, struct err *e);
	int (*user_each)(struct store_backend *b, int (*found)(void *ctx, const struct store_user *u), void *ctx, struct err *e);
	int (*user_find)(struct store_backend *b, struct slice name, int (*found)(void *ctx, const struct store_user *u), void *ctx,
	                 struct err *e);
	int (*user_sources)(struct store_backend *b, struct slice name,
	                    int (*found)(void *ctx, const uint8_t source[16], int64_t last_success), void *ctx, struct err *e);

	/* Who else changes the state is seen here, never within a batch. revoked: names the users who were locked, removed, made
	 * stale or whose time ran out since the last call (since the opening, at first), whoever did it. */
	int (*revoked)(struct store_backend *b, int64_t now, void (*found)(void *ctx, struct slice name), void *ctx,
	               struct err *e);
	int (*census)(struct store_backend *b, int64_t now, struct store_census *out, struct err *e);

	/* All bans, those that are over too; as user_each. */
	int (*ban_each)(struct store_backend *b, store_ban_fn *found, void *ctx, struct err *e);

	/* put: within a batch, in the place of the row of that number; 0, or -1 and the batch cannot be committed. each: as
	 * user_each. NULL where nothing outlives the process. */
	int (*wait_put)(struct store_backend *b, const struct store_wait *w, struct err *e);
	int (*wait_each)(struct store_backend *b, int (*found)(void *ctx, const struct store_wait *w), void *ctx, struct err *e);

	void (*close)(struct store_backend *b);
};

/* SQLite: WAL, synchronous=FULL, busy timeout 5 s, file mode 0600, schema version inside (a newer one is refused). Makes the file
 * where it is missing. */
struct store_backend *store_sqlite_open(const char *path, struct err *e);

/* Of an SQLite state that is open. backup: appends the whole database, as a file, while others use it. check: looks at every
 * page and reference, calls found() for each complaint. */
int store_sqlite_backup(struct store_backend *b, struct buf *out, struct err *e);
int store_sqlite_check(struct store_backend *b, void (*found)(void *ctx, const char *complaint), void *ctx, struct err *e);

/* The counters of codes drawn for brokers: how many there are, and of how many none was drawn since that time; forgets the
 * latter (*n: so many). One that is forgotten begins anew, so a verifier that knows the secret refuses its codes until
 * they have come to where they were. */
int store_sqlite_draws(struct store_backend *b, int64_t since, int64_t *all, int64_t *unused, struct err *e);
int store_sqlite_forget_draws(struct store_backend *b, int64_t since, int64_t *n, struct err *e);

/* Puts a copy in the place of what is in the state, which nobody else may have open. A copy knows nothing of the codes that
 * were used since it was made: TOTP marks rise to the end of the window at `now`, HOTP users are stale. 0, or -1 and
 * nothing has changed. */
int store_sqlite_restore(const char *path, struct slice image, int64_t now, struct err *e);

/* The key of the secrets in an SQLite state, as store_key_load() gives it. But where the state holds something that a key
 * was needed for, none is made, and one that opens no user's secret is refused. opens: whether it opens this one's. */
typedef bool store_opens_fn(const uint8_t key[32], const struct store_user *u);
int store_key_of(struct store_backend *b, const char *path, store_opens_fn *opens, uint8_t key[32], struct err *e);

/* In memory, for tests and trials: gone with the process. */
struct store_backend *store_memory_open(struct err *e);

/* Makes a store of a database, which it takes, also when it fails. store_open() does this; tests bring databases of their own. */
struct store *store_start(struct store_backend *takes_b, struct err *e);

#endif
