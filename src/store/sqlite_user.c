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

static struct slice column_bytes(sqlite3_stmt *st, int at)
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
	struct slice source = column_bytes(st, 11);
	if (source.n != sizeof u->state.pending_source)
		return false;
	memcpy(u->state.pending_source, source.p, source.n);
	u->blob = column_bytes(st, 12);
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
	store_sqlite_bind(st, 15, u->name.p, u->name.n);
	(void)sqlite3_bind_int64(st, 16, u->created);
	int rc = store_sqlite_finish(st);
	if (rc == SQLITE_CONSTRAINT_UNIQUE)
		return store_user_exists(u->name, e);
	return rc == SQLITE_DONE ? 0 : store_sqlite_error(s, "add a user", e);
}

int store_sqlite_user_remove(struct store_backend *b, struct slice name, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_REMOVE];

	store_sqlite_bind(st, 1, name.p, name.n);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return store_sqlite_error(s, "remove a user", e);
	return sqlite3_changes(s->db) == 0 ? 1 : 0;
}

int store_sqlite_user_each(struct store_backend *b,
                           int (*found)(void *ctx, const struct store_user *u), void *ctx,
                           struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_EACH];
	int result = 0, rc = SQLITE_ROW;

	while (result == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_user u = {.name = column_bytes(st, STORE_SQLITE_COLUMNS)};
		u.created = sqlite3_column_int64(st, STORE_SQLITE_COLUMNS + 1);
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
