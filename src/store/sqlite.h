/* SPDX-License-Identifier: ISC */
/* What the parts of the SQLite state share: sqlite_open.c makes the connection, sqlite_schema.c its
 * tables, sqlite.c answers requests, sqlite_draw.c those about drawn codes, sqlite_user.c is the
 * administrator's, sqlite_watch.c sees what others change. Inside store/ only (and for tests that
 * have to hold a lock or fill the disk). */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/backend.h"

#include <sqlite3.h>

enum {
	STORE_SQLITE_APPLICATION = 0x4d515350, /* "MQSP" in the file's header */
	STORE_SQLITE_SCHEMA = 7,               /* its user_version */
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
	SQL_ADMITTED,
	SQL_CONSUME,
	SQL_SEEN_AGAIN,
	SQL_REMEMBER,
	SQL_TRIM,
	SQL_SETTLE,
	SQL_FAILURES,
	SQL_FAILED,
	SQL_FAILED_TRIM,
	SQL_FORGIVE,
	SQL_FORGIVE_ALL,
	SQL_DRAWN,
	SQL_DRAW,
	SQL_DRAW_BARREN,
	SQL_DRAW_TRIM,
	SQL_DRAWS,
	SQL_DRAW_FORGET,
	SQL_ADD,
	SQL_REMOVE,
	SQL_REMOVED,
	SQL_FORGET,
	SQL_LOCK,
	SQL_EXPIRE,
	SQL_LOGIN,
	SQL_RESET,
	SQL_RESYNC,
	SQL_EACH,
	SQL_FIND,
	SQL_SOURCES,
	SQL_LAST_REVOKED,
	SQL_REVOKED,
	SQL_RAN_OUT,
	SQL_BAN,
	SQL_UNBAN,
	SQL_BANS_OVER,
	SQL_BANS,
	SQL_WAIT_PUT,
	SQL_WAITS,
	SQL_COUNT
};

struct store_sqlite {
	struct store_backend base; /* first: its address is the backend's */
	sqlite3 *db;
	sqlite3_stmt *sql[SQL_COUNT];
	char *path;
	int64_t last_revoked, watched_at; /* as far as revoked() has looked */
	bool lost;                        /* the running batch was undone by SQLite itself */
	struct err why;                   /* lost: the reason */
};

/* Opens or makes the file, checks whose it is, brings the schema, prepares `texts`. 0 or -1; s is
 * zeroed before, and is given to store_sqlite_disconnect() in either case. */
int store_sqlite_connect(struct store_sqlite *s, const char *path,
                         const char *const texts[SQL_COUNT], struct err *e);
void store_sqlite_disconnect(struct store_sqlite *s);

/* Whether the database is a state: its version of the schema, 0 where it is empty, -1 where it is
 * none or damaged. */
int store_sqlite_whose(const struct store_sqlite *s, struct err *e);

/* One number from a query. 0 or -1. */
int store_sqlite_number(const struct store_sqlite *s, const char *text, int64_t *out);

/* Brings the tables of a database from that version of the schema (0: empty) to the present one,
 * within the running transaction. SQLite's code. */
int store_sqlite_upgrade(sqlite3 *db, int64_t from);

/* What a query of a user's record begins with, for store_sqlite_record(). */
#define STORE_SQLITE_RECORD                                                                        \
	"kind, algorithm, digits, step, back, fwd, \"window\", resync, mark, pending, pending_at," \
	" pending_source, secret, budget, locked, stale, expires, last_login, guesses, "           \
	"guesses_at,"                                                                              \
	" login"
enum { STORE_SQLITE_COLUMNS = 21 };

/* Reads the columns of STORE_SQLITE_RECORD; u->name is there already. Blob and login are borrowed
 * until the statement moves on. false: the record is damaged. */
bool store_sqlite_record(sqlite3_stmt *st, struct store_user *u);

/* Runs a statement without rows: SQLITE_DONE or the error, the statement ready for its next use. */
int store_sqlite_finish(sqlite3_stmt *st);

/* Binds bytes that outlive the step that uses them; no bytes are an empty blob, not NULL. */
void store_sqlite_bind(sqlite3_stmt *st, int at, const void *p, size_t n);

int store_sqlite_user_add(struct store_backend *b, const struct store_user *u, struct err *e);
int store_sqlite_user_remove(struct store_backend *b, struct slice name, struct err *e);
int store_sqlite_user_forget(struct store_backend *b, struct slice name, struct err *e);
int store_sqlite_user_each(struct store_backend *b,
                           int (*found)(void *ctx, const struct store_user *u), void *ctx,
                           struct err *e);

int store_sqlite_user_edit(struct store_backend *b, struct slice name,
                           const struct store_edit *edit, struct err *e);
int store_sqlite_user_find(struct store_backend *b, struct slice name,
                           int (*found)(void *ctx, const struct store_user *u), void *ctx,
                           struct err *e);
int store_sqlite_user_sources(struct store_backend *b, struct slice name,
                              int (*found)(void *ctx, const uint8_t source[16],
                                           int64_t last_success),
                              void *ctx, struct err *e);
int store_sqlite_revoked(struct store_backend *b, int64_t now,
                         void (*found)(void *ctx, struct slice name), void *ctx, struct err *e);
int store_sqlite_census(struct store_backend *b, int64_t now, struct store_census *out,
                        struct err *e);

/* Where revoked() begins. 0 or -1. */
int store_sqlite_watch_begin(struct store_sqlite *s, struct err *e);

/* sqlite_ban.c: STORE_BAN, STORE_UNBAN, and what there is. SQLITE_DONE or the error; *changed: so
 * many bans were. */
int store_sqlite_ban(const struct store_sqlite *s, const struct store_ban *ban, int64_t now);
int store_sqlite_unban(const struct store_sqlite *s, const struct store_ban *ban, int *changed);
int store_sqlite_ban_each(struct store_backend *b, store_ban_fn *found, void *ctx, struct err *e);

/* A column as bytes, borrowed until the statement moves on. */
struct slice store_sqlite_bytes(sqlite3_stmt *st, int at);

/* sqlite_delay.c: whether the source of a request has to wait at its credential (1), or not (0);
 * one more failure of it; none any more. -1 or SQLite's code where it fails. */
int store_sqlite_delayed(const struct store_sqlite *s, const struct store_op *op);
int store_sqlite_failed(const struct store_sqlite *s, const struct store_op *op);
int store_sqlite_forgive(const struct store_sqlite *s, const struct store_op *op);

/* sqlite_delay.c: as backend.h has them. */
int store_sqlite_wait_put(struct store_backend *b, const struct store_wait *w, struct err *e);
int store_sqlite_wait_each(struct store_backend *b,
                           int (*found)(void *ctx, const struct store_wait *w), void *ctx,
                           struct err *e);

/* sqlite_draw.c: answers DRAW and DRAWN; what is for the administrator is in backend.h. */
enum store_status store_sqlite_draw(const struct store_sqlite *s, struct store_op *op);

/* "PATH: cannot WHAT: reason", from the connection's last error. Returns -1. */
int store_sqlite_error(const struct store_sqlite *s, const char *what, struct err *e);

#endif
