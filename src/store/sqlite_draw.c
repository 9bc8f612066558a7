/* SPDX-License-Identifier: ISC */
/* Drawn codes in the SQLite state. The row is read and written inside a transaction that holds the
 * write lock from its start, so two processes cannot draw the same code; one statement writes it,
 * so it undoes itself. What was forgotten to make room for it may as well stay so. */
#include "store/draw.h"
#include "store/record.h"
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
		                          .turn = sqlite3_column_int64(st, 3),
		                          .at = sqlite3_column_int64(st, 4)};
	(void)sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

/* 0, or -1 where it failed. */
static int count(sqlite3_stmt *st, int64_t *first, int64_t *second)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW) {
		*first = sqlite3_column_int64(st, 0);
		if (second != NULL)
			*second = sqlite3_column_int64(st, 1);
	}
	(void)sqlite3_reset(st);
	return rc == SQLITE_ROW ? 0 : -1;
}

static enum store_status make_room(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *trim = s->sql[SQL_DRAW_TRIM];
	int64_t n = 0;

	if (count(s->sql[SQL_DRAW_BARREN], &n, NULL) != 0)
		return failed(s, op, "count drawn codes");
	if (n < STORE_DRAW_BARREN)
		return STORE_DONE;
	(void)sqlite3_bind_int64(trim, 1, op->now - STORE_DRAW_BARREN_SECONDS);
	(void)sqlite3_bind_int64(trim, 2, op->now + STORE_DRAW_BARREN_SECONDS);
	(void)sqlite3_bind_int64(trim, 3, n - STORE_DRAW_BARREN + 1);
	if (store_sqlite_finish(trim) != SQLITE_DONE)
		return failed(s, op, "forget a drawn code");
	return sqlite3_changes(s->db) > 0 ? STORE_DONE : store_op_fail(op, STORE_DRAWS_FULL);
}

enum store_status store_sqlite_draw(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *st = s->sql[SQL_DRAW];
	enum store_status status = STORE_DONE;
	struct store_draws d;

	if (fetch(s, op, &d) != 0)
		return failed(s, op, "read a drawn code");
	if (d.last < 0 && op->verb == STORE_DRAW)
		status = make_room(s, op);
	if (status == STORE_DONE)
		status = store_draws_run(&d, op);
	if (status != STORE_DONE || d.last < 0)
		return status;
	store_sqlite_bind(st, 1, op->drawer, sizeof op->drawer);
	(void)sqlite3_bind_int64(st, 2, d.last);
	(void)sqlite3_bind_int64(st, 3, d.good);
	(void)sqlite3_bind_int64(st, 4, d.answered);
	(void)sqlite3_bind_int64(st, 5, d.turn);
	(void)sqlite3_bind_int64(st, 6, d.at);
	return store_sqlite_finish(st) == SQLITE_DONE ? STORE_DONE : failed(s, op, "draw a code");
}

int store_sqlite_draws(struct store_backend *b, int64_t since, int64_t *all, int64_t *unused,
                       struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_DRAWS];

	(void)sqlite3_bind_int64(st, 1, since);
	return count(st, all, unused) == 0 ? 0 : store_sqlite_error(s, "count drawn codes", e);
}

int store_sqlite_forget_draws(struct store_backend *b, int64_t since, int64_t *n, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_DRAW_FORGET];

	(void)sqlite3_bind_int64(st, 1, since);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return store_sqlite_error(s, "forget drawn codes", e);
	*n = sqlite3_changes(s->db);
	return 0;
}
