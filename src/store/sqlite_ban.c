/* SPDX-License-Identifier: ISC */
/* Bans in the SQLite state. A ban is one row by what it bans, so that to ban twice is to ban once;
 * rows that are over go with the next ban that is kept, so that the table is not larger than what
 * is in force. */
#include "store/record.h"
#include "store/sqlite.h"

int store_sqlite_ban(const struct store_sqlite *s, const struct store_ban *ban, int64_t now)
{
	sqlite3_stmt *over = s->sql[SQL_BANS_OVER], *st = s->sql[SQL_BAN];

	(void)sqlite3_bind_int64(over, 1, now);
	int rc = store_sqlite_finish(over);
	if (rc != SQLITE_DONE)
		return rc;
	(void)sqlite3_bind_int(st, 1, (int)ban->kind);
	store_sqlite_bind(st, 2, ban->value.p, ban->value.n);
	(void)sqlite3_bind_int64(st, 3, ban->since);
	(void)sqlite3_bind_int64(st, 4, ban->until);
	(void)sqlite3_bind_int(st, 5, ban->automatic ? 1 : 0);
	store_sqlite_bind(st, 6, ban->reason.p, ban->reason.n);
	return store_sqlite_finish(st);
}

int store_sqlite_unban(const struct store_sqlite *s, const struct store_ban *ban, int *changed)
{
	sqlite3_stmt *st = s->sql[SQL_UNBAN];

	(void)sqlite3_bind_int(st, 1, (int)ban->kind);
	store_sqlite_bind(st, 2, ban->value.p, ban->value.n);
	int rc = store_sqlite_finish(st);
	*changed = sqlite3_changes(s->db);
	return rc;
}

int store_sqlite_ban_each(struct store_backend *b, store_ban_fn *found, void *ctx, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3_stmt *st = s->sql[SQL_BANS];
	int result = 0, rc = SQLITE_ROW;

	while (result == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_ban ban = {.kind = (enum store_ban_kind)sqlite3_column_int(st, 0),
		                        .value = store_sqlite_bytes(st, 1),
		                        .since = sqlite3_column_int64(st, 2),
		                        .until = sqlite3_column_int64(st, 3),
		                        .automatic = sqlite3_column_int(st, 4) != 0,
		                        .reason = store_sqlite_bytes(st, 5)};
		if (!store_ban_valid(&ban))
			result = err_set(e, "%s: the record of a ban is damaged", s->path);
		else
			result = found(ctx, &ban);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		result = store_sqlite_error(s, "read the bans", e);
	(void)sqlite3_reset(st);
	return result;
}
