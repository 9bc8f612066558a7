/* SPDX-License-Identifier: ISC */
/* Who failed how often, in the SQLite state, so that a restart shortens no delay. An evaluated
 * failure of a stranger has cost a guess, so the rows are few; those kept are bounded all the same,
 * and what is a month old goes. Who has to wait for another reason is in rows that throttle.c
 * numbers. */
#include "store/record.h"
#include "store/sqlite.h"

#include <limits.h>

static sqlite3_stmt *bound(const struct store_sqlite *s, enum store_sql which,
                           const struct store_op *op)
{
	sqlite3_stmt *st = s->sql[which];

	(void)sqlite3_bind_int64(st, 1, op->id);
	store_sqlite_bind(st, 2, op->source, sizeof op->source);
	return st;
}

int store_sqlite_delayed(const struct store_sqlite *s, const struct store_op *op)
{
	sqlite3_stmt *st = bound(s, SQL_FAILURES, op);
	int result = -1, rc = sqlite3_step(st);

	if (rc == SQLITE_DONE)
		result = 0;
	else if (rc == SQLITE_ROW)
		result = store_delayed(sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
		                       op->now);
	(void)sqlite3_reset(st);
	return result;
}

int store_sqlite_failed(const struct store_sqlite *s, const struct store_op *op)
{
	sqlite3_stmt *trim = bound(s, SQL_FAILED_TRIM, op), *st = bound(s, SQL_FAILED, op);

	(void)sqlite3_bind_int64(st, 3, op->now);
	(void)sqlite3_bind_int64(st, 4, op->now - STORE_SOURCE_SECONDS);
	int rc = store_sqlite_finish(st);
	if (rc != SQLITE_DONE)
		return rc;
	(void)sqlite3_bind_int64(trim, 3, op->now - STORE_SOURCE_SECONDS);
	(void)sqlite3_bind_int64(trim, 4, STORE_FAILURES);
	return store_sqlite_finish(trim);
}

int store_sqlite_forgive(const struct store_sqlite *s, const struct store_op *op)
{
	return store_sqlite_finish(bound(s, SQL_FORGIVE, op));
}

int store_sqlite_wait_put(struct store_backend *b, const struct store_wait *w, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_WAIT_PUT];

	/* Where the batch is undone already this would be a commit of its own. */
	if (s->lost)
		return err_set(e, "%s", s->why.text);
	(void)sqlite3_bind_int64(st, 1, w->at);
	store_sqlite_bind(st, 2, w->tag, sizeof w->tag);
	(void)sqlite3_bind_int64(st, 3, w->last);
	(void)sqlite3_bind_int64(st, 4, w->value);
	return store_sqlite_finish(st) == SQLITE_DONE
	           ? 0
	           : store_sqlite_error(s, "write who has to wait", e);
}

int store_sqlite_wait_each(struct store_backend *b,
                           int (*found)(void *ctx, const struct store_wait *w), void *ctx,
                           struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_WAITS];
	int rc = SQLITE_DONE, result = 0;

	while (result == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct slice tag = store_sqlite_bytes(st, 1);
		int64_t at = sqlite3_column_int64(st, 0);
		struct store_wait w = {.at = at < 0 || at > UINT_MAX ? UINT_MAX : (unsigned)at,
		                       .last = sqlite3_column_int64(st, 2),
		                       .value = sqlite3_column_int64(st, 3)};
		memcpy(w.tag, tag.p, tag.n < sizeof w.tag ? tag.n : sizeof w.tag);
		result = found(ctx, &w);
	}
	if (result == 0 && rc != SQLITE_DONE)
		result = store_sqlite_error(s, "read who has to wait", e);
	(void)sqlite3_reset(st);
	return result;
}
