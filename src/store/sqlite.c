/* SPDX-License-Identifier: ISC */
/* The state in one SQLite file. The heart is one statement: the mark is set only where it is still
 * lower, inside a transaction that holds the write lock from its start, so two processes cannot
 * both be first. A request that fails is undone alone by its savepoint; where SQLite undid the
 * whole transaction (a full disk, no memory) the batch is lost and its commit says so. */
#include "store/sqlite.h"
#include "store/record.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT op",
    [SQL_RELEASE] = "RELEASE op",
    [SQL_UNDO] = "ROLLBACK TO op",
    [SQL_FETCH] = "SELECT " STORE_SQLITE_RECORD ", id, edition FROM user WHERE name = ?1",
    [SQL_KNOWN] = "SELECT 1 FROM source WHERE user_id = ?1 AND source = ?2 AND last_success >= ?3",
    [SQL_TAKE] = "UPDATE user SET guesses = ?2, guesses_at = max(guesses_at, ?3) WHERE id = ?1",
    [SQL_ADMITTED] = "SELECT locked, stale, expires FROM user WHERE id = ?1",
    [SQL_CONSUME] = "UPDATE user SET mark = ?2, pending = -1, guesses = min(guesses + ?3, budget),"
                    " last_login = ?4 WHERE id = ?1 AND mark < ?2 AND NOT locked AND NOT stale"
                    " AND (expires = 0 OR expires > ?4)",
    [SQL_SEEN_AGAIN] = "UPDATE source SET last_success = ?3 WHERE user_id = ?1 AND source = ?2",
    [SQL_REMEMBER] = "INSERT INTO source(user_id, source, last_success) VALUES(?1, ?2, ?3)",
    [SQL_TRIM] =
        "DELETE FROM source WHERE user_id = ?1 AND source NOT IN (SELECT source FROM source"
        " WHERE user_id = ?1 ORDER BY source = ?2 DESC, last_success DESC LIMIT ?3)",
    [SQL_SETTLE] =
        "UPDATE user SET guesses = min(guesses + ?2, budget),"
        " pending = CASE WHEN ?4 >= max(mark, 0) THEN ?4 WHEN ?3 THEN -1 ELSE pending END,"
        " pending_at = CASE WHEN ?4 >= max(mark, 0) THEN ?5 ELSE pending_at END,"
        " pending_source = CASE WHEN ?4 >= max(mark, 0) THEN ?6 ELSE pending_source END"
        " WHERE id = ?1",
    [SQL_FAILURES] = "SELECT failures, last FROM failure WHERE user_id = ?1 AND source = ?2",
    [SQL_FAILED] = "INSERT INTO failure(user_id, source, failures, last) VALUES(?1, ?2, 1, ?3)"
                   " ON CONFLICT(user_id, source) DO UPDATE SET"
                   " failures = CASE WHEN last < ?4 THEN 1 ELSE failures + 1 END,"
                   " last = excluded.last",
    [SQL_FAILED_TRIM] =
        "DELETE FROM failure WHERE user_id = ?1 AND (last < ?3 OR source NOT IN"
        " (SELECT source FROM failure WHERE user_id = ?1 ORDER BY source = ?2 DESC, last DESC"
        " LIMIT ?4))",
    [SQL_FORGIVE] = "DELETE FROM failure WHERE user_id = ?1 AND source = ?2",
    [SQL_FORGIVE_ALL] = "DELETE FROM failure WHERE user_id = (SELECT id FROM user WHERE name = ?1)",
    [SQL_DRAWN] = "SELECT last, good, answered, turn, at FROM draw WHERE key = ?1",
    [SQL_DRAW] =
        "INSERT INTO draw(key, last, good, answered, turn, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
        " ON CONFLICT(key) DO UPDATE SET last = excluded.last, good = excluded.good,"
        " answered = excluded.answered, turn = excluded.turn, at = excluded.at",
    [SQL_DRAW_BARREN] = "SELECT count(*) FROM draw WHERE good = -1",
    [SQL_DRAW_TRIM] = "DELETE FROM draw WHERE key IN (SELECT key FROM draw"
                      " WHERE good = -1 AND (at < ?1 OR at > ?2) ORDER BY at LIMIT ?3)",
    [SQL_DRAWS] = "SELECT count(*), total(at < ?1) FROM draw",
    [SQL_DRAW_FORGET] = "DELETE FROM draw WHERE at < ?1",
    [SQL_ADD] =
        "INSERT INTO user(" STORE_SQLITE_RECORD ", name, created)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, 0,"
        " ?14, ?19, ?20, ?18, ?19)",
    [SQL_REMOVE] = "DELETE FROM user WHERE name = ?1",
    [SQL_REMOVED] = "SELECT 1 FROM removed WHERE name = ?1",
    [SQL_FORGET] = "DELETE FROM removed WHERE name = ?1",
    [SQL_LOCK] = "UPDATE user SET locked = ?2, edition = edition + 1 WHERE name = ?1",
    [SQL_EXPIRE] = "UPDATE user SET expires = ?2, edition = edition + 1 WHERE name = ?1",
    [SQL_LOGIN] = "UPDATE user SET login = ?2, edition = edition + 1 WHERE name = ?1",
    [SQL_RESET] = "UPDATE user SET mark = min(mark, ?2), pending = -1, guesses = budget,"
                  " guesses_at = ?3, edition = edition + 1 WHERE name = ?1",
    [SQL_RESYNC] = "UPDATE user SET mark = ?2, pending = -1, stale = 0, edition = edition + 1"
                   " WHERE name = ?1 AND mark < ?2",
    [SQL_BAN] = "INSERT INTO ban(kind, value, since, until, automatic, reason)"
                " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(kind, value) DO UPDATE SET"
                " since = excluded.since, until = excluded.until,"
                " automatic = excluded.automatic, reason = excluded.reason",
    [SQL_UNBAN] = "DELETE FROM ban WHERE kind = ?1 AND value = ?2",
    [SQL_BANS_OVER] = "DELETE FROM ban WHERE until > 0 AND until <= ?1",
    [SQL_BANS] = "SELECT kind, value, since, until, automatic, reason FROM ban"
                 " ORDER BY kind, value",
    [SQL_WAIT_PUT] = "REPLACE INTO wait(at, tag, last, value) VALUES(?1, ?2, ?3, ?4)",
    [SQL_WAITS] = "SELECT at, tag, last, value FROM wait",
    [SQL_EACH] = "SELECT " STORE_SQLITE_RECORD ", name, created FROM user ORDER BY name",
    [SQL_FIND] = "SELECT " STORE_SQLITE_RECORD ", name, created FROM user WHERE name = ?1",
    [SQL_SOURCES] = "SELECT source.source, last_success FROM source JOIN user ON user.id = user_id"
                    " WHERE name = ?1 ORDER BY last_success DESC, source.source",
    [SQL_LAST_REVOKED] = "SELECT coalesce(max(id), 0) FROM revoked",
    [SQL_REVOKED] = "SELECT name, id FROM revoked WHERE id > ?1 ORDER BY id",
    [SQL_RAN_OUT] = "SELECT name FROM user WHERE expires > ?1 AND expires <= ?2 AND expires > 0",
};

static struct store_sqlite *sqlite_of(struct store_backend *b)
{
	return (struct store_sqlite *)b;
}

static int run(const struct store_sqlite *s, enum store_sql which)
{
	return store_sqlite_finish(s->sql[which]);
}

/* 1: a row, 0: none, -1: an error. */
static int has_row(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static void sqlite_rollback(struct store_backend *b)
{
	const struct store_sqlite *s = sqlite_of(b);

	if (!sqlite3_get_autocommit(s->db))
		(void)run(s, SQL_ROLLBACK);
}

static int sqlite_begin(struct store_backend *b, struct err *e)
{
	struct store_sqlite *s = sqlite_of(b);

	sqlite_rollback(b); /* of a batch whose own could not be done */
	s->lost = false;
	return run(s, SQL_BEGIN) == SQLITE_DONE ? 0 : store_sqlite_error(s, "begin", e);
}

static int sqlite_commit(struct store_backend *b, struct err *e)
{
	const struct store_sqlite *s = sqlite_of(b);

	if (!s->lost && run(s, SQL_COMMIT) == SQLITE_DONE)
		return 0;
	if (s->lost)
		(void)err_set(e, "%s", s->why.text);
	else
		(void)store_sqlite_error(s, "commit", e);
	sqlite_rollback(b);
	return -1;
}

static enum store_status sql_failed(const struct store_sqlite *s, struct store_op *op,
                                    const char *what)
{
	(void)store_sqlite_error(s, what, &op->err);
	return STORE_FAILED;
}

struct guesses {
	double left;
	int64_t at;
	unsigned budget;
};

/* Of somebody who is not there. */
static enum store_status missing(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *st = s->sql[SQL_REMOVED];

	if (!op->strangers)
		return STORE_UNKNOWN;
	store_sqlite_bind(st, 1, op->user.p, op->user.n);
	int removed = has_row(st);
	if (removed < 0)
		return sql_failed(s, op, "look for a removed user");
	return removed != 0 ? STORE_UNKNOWN : STORE_STRANGER;
}

static enum store_status fetch(const struct store_sqlite *s, struct store_op *op, struct guesses *g)
{
	sqlite3_stmt *st = s->sql[SQL_FETCH];
	struct store_user u = {.name = op->user};
	enum store_status status = STORE_DONE;

	store_sqlite_bind(st, 1, op->user.p, op->user.n);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_DONE) {
		status = missing(s, op);
	} else if (rc != SQLITE_ROW) {
		status = sql_failed(s, op, "read a user");
	} else if (!store_sqlite_record(st, &u)) {
		status = store_op_fail(op, "%s: the record of a user is damaged", s->path);
	} else {
		status = store_user_admitted(u.locked, u.stale, u.expires, op->now);
	}
	if (status == STORE_DONE) {
		op->params = u.params;
		op->state = u.state;
		memcpy(op->blob, u.blob.p, u.blob.n);
		op->blob_len = u.blob.n;
		if (u.login.n != 0)
			memcpy(op->login, u.login.p, u.login.n);
		op->login_len = u.login.n;
		op->id = sqlite3_column_int64(st, STORE_SQLITE_COLUMNS);
		op->edition = sqlite3_column_int64(st, STORE_SQLITE_COLUMNS + 1);
		*g = (struct guesses){u.guesses, u.guesses_at, u.budget};
	}
	(void)sqlite3_reset(st);
	return status;
}

static enum store_status take_guess(const struct store_sqlite *s, struct store_op *op,
                                    const struct guesses *g)
{
	sqlite3_stmt *st = s->sql[SQL_TAKE];
	double left = store_guesses_now(g->left, g->at, g->budget, op->now);

	if (left < 1)
		return STORE_EXHAUSTED;
	(void)sqlite3_bind_int64(st, 1, op->id);
	(void)sqlite3_bind_double(st, 2, left - 1);
	(void)sqlite3_bind_int64(st, 3, op->now);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return sql_failed(s, op, "take a guess");
	op->guess_taken = true;
	return STORE_DONE;
}

static enum store_status take(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *known = s->sql[SQL_KNOWN];
	struct guesses g = {0, 0, 0};

	op->guess_taken = false;
	op->blob_len = op->login_len = 0;
	if (op->user.n > STORE_USER_MAX)
		return missing(s, op);
	enum store_status status = fetch(s, op, &g);
	if (status != STORE_DONE)
		return status;
	int delayed =
	    store_resyncs(&op->state, op->source, op->now) ? 0 : store_sqlite_delayed(s, op);
	if (delayed != 0) {
		op->blob_len = 0;
		return delayed > 0 ? STORE_DELAYED : sql_failed(s, op, "read the failures");
	}
	(void)sqlite3_bind_int64(known, 1, op->id);
	store_sqlite_bind(known, 2, op->source, sizeof op->source);
	(void)sqlite3_bind_int64(known, 3, op->now - STORE_SOURCE_SECONDS);
	int good = has_row(known);
	if (good == 1)
		return STORE_DONE;
	status = good < 0 ? sql_failed(s, op, "read the known sources") : take_guess(s, op, &g);
	if (status != STORE_DONE)
		op->blob_len = 0;
	return status;
}

/* Why a mark was not raised. */
static enum store_status not_raised(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *st = s->sql[SQL_ADMITTED];
	enum store_status status = STORE_UNKNOWN;

	(void)sqlite3_bind_int64(st, 1, op->id);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		status = store_user_admitted(sqlite3_column_int(st, 0) != 0,
		                             sqlite3_column_int(st, 1) != 0,
		                             sqlite3_column_int64(st, 2), op->now);
	(void)sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return sql_failed(s, op, "look for a user");
	return status == STORE_DONE ? STORE_CONFLICT : status;
}

static int run_with_source(sqlite3_stmt *st, const struct store_op *op)
{
	(void)sqlite3_bind_int64(st, 1, op->id);
	store_sqlite_bind(st, 2, op->source, sizeof op->source);
	(void)sqlite3_bind_int64(st, 3, op->now);
	return store_sqlite_finish(st);
}

/* Only a source that is new can be one too many. */
static enum store_status remember(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *trim = s->sql[SQL_TRIM];

	if (run_with_source(s->sql[SQL_SEEN_AGAIN], op) != SQLITE_DONE)
		return sql_failed(s, op, "remember a source");
	if (sqlite3_changes(s->db) != 0)
		return STORE_DONE;
	if (run_with_source(s->sql[SQL_REMEMBER], op) != SQLITE_DONE)
		return sql_failed(s, op, "remember a source");
	(void)sqlite3_bind_int64(trim, 1, op->id);
	store_sqlite_bind(trim, 2, op->source, sizeof op->source);
	(void)sqlite3_bind_int64(trim, 3, STORE_SOURCES);
	return store_sqlite_finish(trim) == SQLITE_DONE ? STORE_DONE
	                                                : sql_failed(s, op, "forget old sources");
}

static enum store_status consume(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *st = s->sql[SQL_CONSUME];

	(void)sqlite3_bind_int64(st, 1, op->id);
	(void)sqlite3_bind_int64(st, 2, op->mark);
	(void)sqlite3_bind_int(st, 3, op->give_back ? 1 : 0);
	(void)sqlite3_bind_int64(st, 4, op->now);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return sql_failed(s, op, "raise a mark");
	if (sqlite3_changes(s->db) == 0)
		return not_raised(s, op);
	if (store_sqlite_forgive(s, op) != SQLITE_DONE)
		return sql_failed(s, op, "forget the failures");
	return remember(s, op);
}

static enum store_status settle(const struct store_sqlite *s, struct store_op *op)
{
	sqlite3_stmt *st = s->sql[SQL_SETTLE];

	(void)sqlite3_bind_int64(st, 1, op->id);
	(void)sqlite3_bind_int(st, 2, op->give_back ? 1 : 0);
	(void)sqlite3_bind_int(st, 3, op->forget_pending ? 1 : 0);
	(void)sqlite3_bind_int64(st, 4, op->pending);
	(void)sqlite3_bind_int64(st, 5, op->now);
	store_sqlite_bind(st, 6, op->source, sizeof op->source);
	if (store_sqlite_finish(st) != SQLITE_DONE)
		return sql_failed(s, op, "settle a verdict");
	if (sqlite3_changes(s->db) == 0)
		return STORE_UNKNOWN;
	return !op->failed || store_sqlite_failed(s, op) == SQLITE_DONE
	           ? STORE_DONE
	           : sql_failed(s, op, "count a failure");
}

static enum store_status ban(const struct store_sqlite *s, struct store_op *op)
{
	int changed = 1;

	if (!store_ban_valid(&op->ban))
		return store_op_fail(op, "that cannot be kept as a ban");
	int rc = op->verb == STORE_BAN ? store_sqlite_ban(s, &op->ban, op->now)
	                               : store_sqlite_unban(s, &op->ban, &changed);
	if (rc != SQLITE_DONE)
		return sql_failed(s, op, "keep or forget a ban");
	return changed == 0 ? STORE_UNKNOWN : STORE_DONE;
}

/* The first page is written also where the number stays what it was. */
static enum store_status touch(const struct store_sqlite *s, struct store_op *op)
{
	char text[48];

	(void)snprintf(text, sizeof text, "PRAGMA user_version = %d", STORE_SQLITE_SCHEMA);
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK
	           ? STORE_DONE
	           : sql_failed(s, op, "write to the state");
}

static enum store_status run_verb(const struct store_sqlite *s, struct store_op *op)
{
	if (op->now < 0 && op->verb != STORE_CONSUME)
		return store_op_fail(op, "the time is before 1970");
	switch (op->verb) {
	case STORE_TAKE:
		return take(s, op);
	case STORE_CONSUME:
		return consume(s, op);
	case STORE_SETTLE:
		return settle(s, op);
	case STORE_DRAW:
	case STORE_DRAWN:
		return store_sqlite_draw(s, op);
	case STORE_BAN:
	case STORE_UNBAN:
		return ban(s, op);
	case STORE_YIELD: /* never comes here */
		return STORE_DONE;
	case STORE_TOUCH:
		return touch(s, op);
	}
	return store_op_fail(op, "there is no such request");
}

static void lose_batch(struct store_sqlite *s, const struct err *why)
{
	s->lost = true;
	s->why = *why;
}

/* What writes more than once needs a savepoint; a single statement undoes itself. */
static void sqlite_run(struct store_backend *b, struct store_op *op)
{
	struct store_sqlite *s = sqlite_of(b);
	bool several = op->verb == STORE_CONSUME || (op->verb == STORE_SETTLE && op->failed);

	op->err.text[0] = '\0';
	if (s->lost) {
		(void)store_op_fail(op, "%s", s->why.text);
		return;
	}
	if (several && run(s, SQL_SAVEPOINT) != SQLITE_DONE)
		op->status = sql_failed(s, op, "start a request");
	else
		op->status = run_verb(s, op);
	if (op->status == STORE_FAILED && sqlite3_get_autocommit(s->db)) {
		lose_batch(s, &op->err);
		return;
	}
	if (!several)
		return;
	if (op->status == STORE_FAILED && run(s, SQL_UNDO) != SQLITE_DONE)
		lose_batch(s, &op->err);
	else if (run(s, SQL_RELEASE) != SQLITE_DONE) {
		op->status = sql_failed(s, op, "end a request");
		lose_batch(s, &op->err);
	}
}

static void sqlite_close(struct store_backend *b)
{
	struct store_sqlite *s = sqlite_of(b);

	store_sqlite_disconnect(s);
	free(s);
}

struct store_backend *store_sqlite_open(const char *path, struct err *e)
{
	static const struct store_backend_ops ops = {
	    .begin = sqlite_begin,
	    .run = sqlite_run,
	    .commit = sqlite_commit,
	    .rollback = sqlite_rollback,
	    .user_add = store_sqlite_user_add,
	    .user_remove = store_sqlite_user_remove,
	    .user_forget = store_sqlite_user_forget,
	    .user_edit = store_sqlite_user_edit,
	    .user_each = store_sqlite_user_each,
	    .ban_each = store_sqlite_ban_each,
	    .user_find = store_sqlite_user_find,
	    .user_sources = store_sqlite_user_sources,
	    .revoked = store_sqlite_revoked,
	    .census = store_sqlite_census,
	    .wait_put = store_sqlite_wait_put,
	    .wait_each = store_sqlite_wait_each,
	    .close = sqlite_close,
	};
	struct store_sqlite *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, "out of memory");
		return NULL;
	}
	s->base.ops = &ops;
	if (store_sqlite_connect(s, path, texts, e) == 0)
		return &s->base;
	sqlite_close(&s->base);
	return NULL;
}
