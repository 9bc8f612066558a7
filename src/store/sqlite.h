/* SPDX-License-Identifier: ISC */
/* What the parts of the SQLite state share: sqlite_open.c makes the connection, sqlite.c answers
 * requests, sqlite_user.c is the administrator's. Inside store/ only (and for tests that have to
 * hold a lock or fill the disk). */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/backend.h"

#include <sqlite3.h>

enum {
	STORE_SQLITE_APPLICATION = 0x4d515350, /* "MQSP" in the file's header */
	STORE_SQLITE_SCHEMA = 1,               /* its user_version */
	STORE_SQLITE_BUSY_MS = 5000
};

enum store_sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVEPOINT,
	SQL_RELEASE,
	SQL_UNDO,
	SQL_FETCH,
	SQL_KNOWN,
	SQL_TAKE,
	SQL_EXISTS,
	SQL_CONSUME,
	SQL_REMEMBER,
	SQL_TRIM,
	SQL_SETTLE,
	SQL_ADD,
	SQL_REMOVE,
	SQL_EACH,
	SQL_COUNT
};

struct store_sqlite {
	struct store_backend base; /* first: its address is the backend's */
	sqlite3 *db;
	sqlite3_stmt *sql[SQL_COUNT];
	char *path;
	bool lost;      /* the running batch was undone by SQLite itself */
	struct err why; /* lost: the reason */
};

/* Opens or makes the file, checks whose it is, brings the schema, prepares `texts`. 0 or -1; s is
 * zeroed before, and is given to store_sqlite_disconnect() in either case. */
int store_sqlite_connect(struct store_sqlite *s, const char *path,
                         const char *const texts[SQL_COUNT], struct err *e);
void store_sqlite_disconnect(struct store_sqlite *s);

/* What a query of a user's record begins with, for store_sqlite_record(). */
#define STORE_SQLITE_RECORD                                                                        \
	"kind, algorithm, digits, step, back, fwd, \"window\", resync, mark, pending, pending_at," \
	" pending_source, secret, budget"
enum { STORE_SQLITE_COLUMNS = 14 };

/* Reads the columns of STORE_SQLITE_RECORD; u->name is there already. The blob is borrowed until
 * the statement moves on. false: the record is damaged. */
bool store_sqlite_record(sqlite3_stmt *st, struct store_user *u);

/* Runs a statement without rows: SQLITE_DONE or the error, the statement ready for its next use. */
int store_sqlite_finish(sqlite3_stmt *st);

/* Binds bytes that outlive the step that uses them; no bytes are an empty blob, not NULL. */
void store_sqlite_bind(sqlite3_stmt *st, int at, const void *p, size_t n);

int store_sqlite_user_add(struct store_backend *b, const struct store_user *u, struct err *e);
int store_sqlite_user_remove(struct store_backend *b, struct slice name, struct err *e);
int store_sqlite_user_each(struct store_backend *b,
                           int (*found)(void *ctx, const struct store_user *u), void *ctx,
                           struct err *e);

/* "PATH: cannot WHAT: reason", from the connection's last error. Returns -1. */
int store_sqlite_error(const struct store_sqlite *s, const char *what, struct err *e);

#endif
