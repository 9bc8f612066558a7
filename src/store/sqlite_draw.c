/* SPDX-License-Identifier: ISC */
/* Drawn codes in the SQLite state. The row is read and written inside a transaction that holds the
 * write lock from its start, so two processes cannot draw the same code; one statement writes, so
 * it undoes itself. */
#include "store/draw.h"
#include "store/sqlite.h"

static enum store_status failed(const struct store_sqlite *s, struct store_op *op, const char *what)
{
	(void)store_sqlite_error(s, what, &op->err);
	return STORE_FAILED;
}

static int fetch(const struct store_sqlite *s, const struct store_op *op, struct store_draws *d)
{
	sqlite3_stmt *st = s->sql[SQL_DRAWN];

	*d = store_draws_none;
	store_sqlite_bind(st, 1, op->drawer, sizeof op->drawer);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*d = (struct store_draws){.last = sqlite3_column_int64(st, 0),
		                          .good = sqlite3_column_int64(st, 1),
		                          .answered = sqlite3_column_int64(st, 2),
		                          .turn = sqlite3_column_int64(st, 3)};
	(void)sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

enum store_status store_sqlite_draw(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *st = s->sql[SQL_DRAW];
	struct store_draws d;

	if (fetch(s, op, &d) != 0)
		return failed(s, op, "read a drawn code");
	enum store_status status = store_draws_run(&d, op);
	if (status != STORE_DONE || d.last < 0)
		return status;
	store_sqlite_bind(st, 1, op->drawer, sizeof op->drawer);
	(void)sqlite3_bind_int64(st, 2, d.last);
	(void)sqlite3_bind_int64(st, 3, d.good);
	(void)sqlite3_bind_int64(st, 4, d.answered);
	(void)sqlite3_bind_int64(st, 5, d.turn);
	return store_sqlite_finish(st) == SQLITE_DONE ? STORE_DONE : failed(s, op, "draw a code");
}
