/* SPDX-License-Identifier: ISC */
/* What others do to the file: mqsecproxyctl, another gateway. The file's own journal
 * (sqlite_schema.c) tells who was refused; to look whether it has grown costs no more than a lock.
 * A time that runs out is no change of the file, so it is asked for by itself. */
#include "store/record.h"
#include "store/sqlite.h"

int store_sqlite_watch_begin(struct store_sqlite *s, struct err *e)
{
	sqlite3_stmt *st = s->sql[SQL_LAST_REVOKED];

	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		s->last_revoked = sqlite3_column_int64(st, 0);
	s->watched_at = -1;
	(void)sqlite3_reset(st);
	return rc == SQLITE_ROW ? 0 : store_sqlite_error(s, "read the state", e);
}

/* Calls found() with the first column of each row; the second, where there is one, is how far it
 * has come. */
static int names(sqlite3_stmt *st, void (*found)(void *ctx, struct slice name), void *ctx,
                 int64_t *last)
{
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (last != NULL)
			*last = sqlite3_column_int64(st, 1);
		found(ctx, store_sqlite_bytes(st, 0));
	}
	(void)sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int ran_out(struct store_sqlite *s, int64_t now, void (*found)(void *ctx, struct slice name),
                   void *ctx)
{
	sqlite3_stmt *st = s->sql[SQL_RAN_OUT];
	int64_t before = s->watched_at;

	s->watched_at = now;
	if (before < 0 || now <= before)
		return 0;
	(void)sqlite3_bind_int64(st, 1, before);
	(void)sqlite3_bind_int64(st, 2, now);
	return names(st, found, ctx, NULL);
}

int store_sqlite_revoked(struct store_backend *b, int64_t now,
                         void (*found)(void *ctx, struct slice name), void *ctx, struct err *e)
{
	struct store_sqlite *s = (struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_REVOKED];

	(void)sqlite3_bind_int64(st, 1, s->last_revoked);
	if (ran_out(s, now, found, ctx) != 0 || names(st, found, ctx, &s->last_revoked) != 0)
		return store_sqlite_error(s, "look at the users", e);
	return 0;
}

struct count {
	struct store_census *out;
	int64_t now;
};

static int count_one(void *ctx, const struct store_user *u)
{
	struct count *c = ctx;

	store_census_add(c->out, u, c->now);
	return 0;
}

int store_sqlite_census(struct store_backend *b, int64_t now, struct store_census *out,
                        struct err *e)
{
	struct count c = {.out = out, .now = now};

	*out = (struct store_census){0};
	return store_sqlite_user_each(b, count_one, &c, e);
}
