/* SPDX-License-Identifier: ISC */
/* The administrator's half of the SQLite state, and how a user's record is read and bound, which
 * both halves need. Each change is one statement, so it is a transaction of its own and durable
 * when it returns. */
#include "store/record.h"
#include "store/sqlite.h"

#include <limits.h>

int store_sqlite_finish(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

void store_sqlite_bind(sqlite3_stmt *st, int at, const void *p, size_t n)
{
	(void)sqlite3_bind_blob64(st, at, n == 0 ? "" : p, n, SQLITE_STATIC);
}

static bool column_unsigned(sqlite3_stmt *st, int at, unsigned *out)
{
	int64_t value = sqlite3_column_int64(st, at);

	if (value < 0 || value > INT_MAX)
		return false;
	*out = (unsigned)value;
	return true;
}

struct slice store_sqlite_bytes(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at); /* before its length, says SQLite */

	return slice_of(p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(st, at));
}

/* What the file's own checks should have refused is refused here again. */
bool store_sqlite_record(sqlite3_stmt *st, struct store_user *u)
{
	unsigned kind, algorithm;
	struct otp_params *p = &u->params;

	if (!column_unsigned(st, 0, &kind) || !column_unsigned(st, 1, &algorithm) ||
	    !column_unsigned(st, 2, &p->digits) || !column_unsigned(st, 3, &p->step) ||
	    !column_unsigned(st, 4, &p->back) || !column_unsigned(st, 5, &p->fwd) ||
	    !column_unsigned(st, 6, &p->window) || !column_unsigned(st, 7, &p->resync) ||
	    !column_unsigned(st, 13, &u->budget))
		return false;
	p->kind = (enum otp_kind)kind;
	p->algorithm = (enum otp_algorithm)algorithm;
	u->state.mark = sqlite3_column_int64(st, 8);
	u->state.pending = sqlite3_column_int64(st, 9);
	u->state.pending_at = sqlite3_column_int64(st, 10);
	struct slice source = store_sqlite_bytes(st, 11);
	if (source.n != sizeof u->state.pending_source)
		return false;
	memcpy(u->state.pending_source, source.p, source.n);
	u->blob = store_sqlite_bytes(st, 12);
	u->locked = sqlite3_column_int(st, 14) != 0;
	u->stale = sqlite3_column_int(st, 15) != 0;
	u->expires = sqlite3_column_int64(st, 16);
	u->last_login = sqlite3_column_int64(st, 17);
	u->guesses = sqlite3_column_double(st, 18);
	u->guesses_at = sqlite3_column_int64(st, 19);
	u->login = store_sqlite_bytes(st, 20);
	return store_user_check(u, NULL) == 0;
}

int store_sqlite_user_add(struct store_backend *b, const struct store_user *u, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_ADD];
	const struct otp_params *p = &u->params;
	const int64_t numbers[] = {p->kind,       p->algorithm,     p->digits,          p->step,
	                           p->back,       p->fwd,           p->window,          p->resync,
	                           u->state.mark, u->state.pending, u->state.pending_at};

	if (store_user_check(u, e) != 0)
		return -1;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		(void)sqlite3_bind_int64(st, (int)i + 1, numbers[i]);
	store_sqlite_bind(st, 12, u->state.pending_source, sizeof u->state.pending_source);
	store_sqlite_bind(st, 13, u->blob.p, u->blob.n);
	(void)sqlite3_bind_int64(st, 14, u->budget);
	(void)sqlite3_bind_int(st, 15, u->locked ? 1 : 0);
	(void)sqlite3_bind_int(st, 16, u->stale ? 1 : 0);
	(void)sqlite3_bind_int64(st, 17, u->expires);
	store_sqlite_bind(st, 18, u->name.p, u->name.n);
	(void)sqlite3_bind_int64(st, 19, u->created);
	store_sqlite_bind(st, 20, u->login.p, u->login.n);
	int rc = store_sqlite_finish(st);
	if (rc == SQLITE_CONSTRAINT_UNIQUE)
		return store_user_exists(u->name, e);
	return rc == SQLITE_DONE ? 0 : store_sqlite_error(s, "add a user", e);
}

static int drop(struct store_backend *b, enum store_sql which, struct slice name, const char *what,
                struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[which];

	store_sqlite_bind(st, 1, name.p, name.n);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return store_sqlite_error(s, what, e);
	return sqlite3_changes(s->db) == 0 ? 1 : 0;
}

int store_sqlite_user_remove(struct store_backend *b, struct slice name, struct err *e)
{
	return drop(b, SQL_REMOVE, name, "remove a user", e);
}

int store_sqlite_user_forget(struct store_backend *b, struct slice name, struct err *e)
{
	return drop(b, SQL_FORGET, name, "forget a user", e);
}

/* The statement of an edit, bound but for the name. */
static sqlite3_stmt *prepare_edit(const struct store_sqlite *s, const struct store_edit *edit,
                                  int64_t reset_mark)
{
	static const enum store_sql statements[] = {
	    [STORE_LOCK] = SQL_LOCK,   [STORE_UNLOCK] = SQL_LOCK, [STORE_EXPIRE] = SQL_EXPIRE,
	    [STORE_RESET] = SQL_RESET, [STORE_LOGIN] = SQL_LOGIN, [STORE_RESYNC] = SQL_RESYNC};
	const int64_t values[] = {
	    [STORE_LOCK] = 1,           [STORE_UNLOCK] = 0, [STORE_EXPIRE] = edit->expires,
	    [STORE_RESET] = reset_mark, [STORE_LOGIN] = 0,  [STORE_RESYNC] = edit->mark};
	sqlite3_stmt *st = s->sql[statements[edit->kind]];

	(void)sqlite3_bind_int64(st, 2, values[edit->kind]);
	if (edit->kind == STORE_RESET)
		(void)sqlite3_bind_int64(st, 3, edit->now);
	if (edit->kind == STORE_LOGIN)
		store_sqlite_bind(st, 2, edit->login.p, edit->login.n);
	return st;
}

struct marks {
	const struct store_edit *edit;
	int64_t mark, reset; /* the mark that is there, and what a reset makes of it */
};

static int look_at_mark(void *ctx, const struct store_user *u)
{
	struct marks *m = ctx;

	m->mark = u->state.mark;
	m->reset = store_reset_mark(&u->params, u->state.mark, m->edit->now);
	return 0;
}

static int forgive_all(const struct store_sqlite *s, struct slice name, struct err *e)
{
	sqlite3_stmt *st = s->sql[SQL_FORGIVE_ALL];

	store_sqlite_bind(st, 1, name.p, name.n);
	return store_sqlite_finish(st) == SQLITE_DONE ? 0
	                                              : store_sqlite_error(s, "change a user", e);
}

static int edit_user(struct store_backend *b, struct slice name, const struct store_edit *edit,
                     struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	struct marks m = {.edit = edit};
	int there = store_sqlite_user_find(b, name, look_at_mark, &m, e);

	if (there != 0)
		return there;
	if (edit->kind == STORE_RESYNC && m.mark >= edit->mark)
		return store_edit_conflict(e);
	if (store_login_check(edit, e) != 0)
		return -1;
	sqlite3_stmt *st = prepare_edit(s, edit, m.reset);
	store_sqlite_bind(st, 1, name.p, name.n);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return store_sqlite_error(s, "change a user", e);
	if (sqlite3_changes(s->db) != 0)
		return edit->kind == STORE_RESET ? forgive_all(s, name, e) : 0;
	return edit->kind == STORE_RESYNC ? store_edit_conflict(e) : 1;
}

/* In one transaction, so that no login comes between the look and the change. */
int store_sqlite_user_edit(struct store_backend *b, struct slice name,
                           const struct store_edit *edit, struct err *e)
{
	if (b->ops->begin(b, e) != 0)
		return -1;
	int result = edit_user(b, name, edit, e);
	if (result == 0)
		return b->ops->commit(b, e);
	b->ops->rollback(b);
	return result;
}

/* Calls found() for each row of a query of records, until it returns not 0. */
static int each_row(const struct store_sqlite *s, sqlite3_stmt *st,
                    int (*found)(void *ctx, const struct store_user *u), void *ctx, size_t *n,
                    struct err *e)
{
	int result = 0, rc = SQLITE_ROW;

	while (result == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_user u = {.name = store_sqlite_bytes(st, STORE_SQLITE_COLUMNS)};
		u.created = sqlite3_column_int64(st, STORE_SQLITE_COLUMNS + 1);
		++*n;
		if (!store_sqlite_record(st, &u))
			result = err_set(e, "%s: the record of a user is damaged", s->path);
		else
			result = found(ctx, &u);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		result = store_sqlite_error(s, "read the users", e);
	(void)sqlite3_reset(st);
	return result;
}

int store_sqlite_user_each(struct store_backend *b,
                           int (*found)(void *ctx, const struct store_user *u), void *ctx,
                           struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	size_t n = 0;

	return each_row(s, s->sql[SQL_EACH], found, ctx, &n, e);
}

int store_sqlite_user_find(struct store_backend *b, struct slice name,
                           int (*found)(void *ctx, const struct store_user *u), void *ctx,
                           struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	size_t n = 0;

	store_sqlite_bind(s->sql[SQL_FIND], 1, name.p, name.n);
	int result = each_row(s, s->sql[SQL_FIND], found, ctx, &n, e);
	return result == 0 && n == 0 ? 1 : result;
}

int store_sqlite_user_sources(struct store_backend *b, struct slice name,
                              int (*found)(void *ctx, const uint8_t source[16],
                                           int64_t last_success),
                              void *ctx, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_SOURCES];
	int result = 0, rc = SQLITE_ROW;

	store_sqlite_bind(st, 1, name.p, name.n);
	while (result == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct slice source = store_sqlite_bytes(st, 0);
		result = source.n != 16
		             ? err_set(e, "%s: the record of a source is damaged", s->path)
		             : found(ctx, source.p, sqlite3_column_int64(st, 1));
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		result = store_sqlite_error(s, "read the sources", e);
	(void)sqlite3_reset(st);
	return result;
}
