/* SPDX-License-Identifier: ISC */
#include "store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/store_behaviour.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store_backend *open_path(const char *path)
{
	struct err e = {""};
	struct store_backend *b = store_sqlite_open(path, &e);

	if (b == NULL)
		ck_abort_msg("%s", e.text);
	return b;
}

static struct store_backend *open_state(void)
{
	return open_path(scratch_path("state.db"));
}

static void expect_refused(const char *path, const char *why)
{
	struct err e = {""};

	ck_assert_ptr_null(store_sqlite_open(path, &e));
	ck_assert_msg(strstr(e.text, why) != NULL, "the reason is \"%s\"", e.text);
}

static sqlite3 *raw_open(const char *path)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void raw_exec(sqlite3 *db, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		ck_abort_msg("%s: %s", text, why);
}

static void expect_pragma(sqlite3 *db, const char *text, const char *want)
{
	sqlite3_stmt *st = NULL;

	ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	ck_assert_str_eq((const char *)sqlite3_column_text(st, 0), want);
	(void)sqlite3_finalize(st);
}

START_TEST(settings)
{
	struct store_backend *b = open_state();
	sqlite3 *db = ((struct store_sqlite *)b)->db;

	expect_pragma(db, "PRAGMA journal_mode", "wal");
	expect_pragma(db, "PRAGMA synchronous", "2");
	expect_pragma(db, "PRAGMA foreign_keys", "1");
	expect_pragma(db, "PRAGMA secure_delete", "1");
	expect_pragma(db, "PRAGMA busy_timeout", "5000");
	expect_pragma(db, "PRAGMA user_version", "7");
	b->ops->close(b);
}
END_TEST

/* A reset that cannot end all delays has not filled the guesses either, and nothing is held. */
START_TEST(reset_is_whole)
{
	const struct store_edit reset = {.kind = STORE_RESET, .now = 1};
	struct store_backend *b = open_state();
	sqlite3 *db = ((struct store_sqlite *)b)->db;
	struct err e = {""};

	store_behaviour_user(b, "ann", 0);
	raw_exec(db, "UPDATE user SET guesses = 0.5");
	raw_exec(db, "INSERT INTO failure SELECT id, zeroblob(16), 1, 1 FROM user");
	raw_exec(db, "CREATE TRIGGER stuck BEFORE DELETE ON failure"
	             " BEGIN SELECT RAISE(ABORT, 'stuck'); END");
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &reset, &e), -1);
	ck_assert_msg(strstr(e.text, "stuck") != NULL, "%s", e.text);
	ck_assert_int_eq(sqlite3_get_autocommit(db), 1);
	expect_pragma(db, "SELECT guesses FROM user", "0.5");
	raw_exec(db, "DROP TRIGGER stuck");
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &reset, &e), 0);
	expect_pragma(db, "SELECT count(*) FROM failure", "0");
	b->ops->close(b);
}
END_TEST

static void expect_mode(const char *path, unsigned mode)
{
	struct stat st;

	ck_assert_msg(stat(path, &st) == 0, "%s is not there", path);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

START_TEST(nobody_else_may_read)
{
	(void)umask(0);
	struct store_backend *b = open_state();

	store_behaviour_user(b, "ann", 0);
	expect_mode(scratch_path("state.db"), 0600);
	expect_mode(scratch_path("state.db-wal"), 0600);
	expect_mode(scratch_path("state.db-shm"), 0600);
	b->ops->close(b);
	ck_assert_int_eq(chmod(scratch_path("state.db"), 0664), 0);
	b = open_state();
	expect_mode(scratch_path("state.db"), 0600);
	expect_mode(scratch_path("state.db-wal"), 0600);
	expect_mode(scratch_path("state.db-shm"), 0600);
	b->ops->close(b);
}
END_TEST

START_TEST(kept_over_a_restart)
{
	struct store_backend *b = open_state();
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	struct store_op consume = {.verb = STORE_CONSUME, .id = op.id, .now = 1000, .mark = 6};
	store_behaviour_run(b, &consume);
	b->ops->close(b);
	b = open_state();
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	ck_assert_int_eq(op.state.mark, 6);
	ck_assert(!op.guess_taken);
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(consume.status, STORE_CONFLICT);
	b->ops->close(b);
}
END_TEST

START_TEST(delays_are_kept_over_a_restart)
{
	struct store_backend *b = open_state();
	struct store_op failed = {
	    .verb = STORE_SETTLE, .id = 1, .now = 1000, .failed = true, .pending = -1};
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1001};

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &failed);
	store_behaviour_run(b, &failed);
	b->ops->close(b);
	b = open_state();
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DELAYED);
	op.now = 1002;
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
	expect_pragma(((struct store_sqlite *)b)->db, "SELECT count(*) FROM failure", "0");
	b->ops->close(b);
}
END_TEST

START_TEST(removal_takes_the_sources_along)
{
	struct store_backend *b = open_state();
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	struct store_op consume = {.verb = STORE_CONSUME, .id = op.id, .now = 1000, .mark = 6};
	store_behaviour_run(b, &consume);
	expect_pragma(((struct store_sqlite *)b)->db, "SELECT count(*) FROM source", "1");
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
	expect_pragma(((struct store_sqlite *)b)->db, "SELECT count(*) FROM source", "0");
	b->ops->close(b);
}
END_TEST

START_TEST(garbage)
{
	char text[5000];

	memset(text, 'g', sizeof text);
	text[sizeof text - 1] = '\0';
	const char *path = scratch_file("state.db", text, 0644);
	expect_refused(path, "not a database");
	expect_mode(path, 0644); /* what is not ours is left alone */
}
END_TEST

START_TEST(another_program)
{
	const char *path = scratch_path("state.db");
	sqlite3 *db = raw_open(path);

	raw_exec(db, "CREATE TABLE moz_places(id)");
	expect_refused(path, "another program");
	raw_exec(db, "PRAGMA application_id=7");
	expect_refused(path, "another program");
	expect_pragma(db, "PRAGMA journal_mode", "delete");
	(void)sqlite3_close(db);
}
END_TEST

START_TEST(newer_schema)
{
	struct store_backend *b = open_state();

	raw_exec(((struct store_sqlite *)b)->db, "PRAGMA user_version=8");
	b->ops->close(b);
	expect_refused(scratch_path("state.db"), "newer version (schema 8, this program knows 7)");
}
END_TEST

/* The tables as version 1 wrote them, with one user. */
static const char version_1[] =
    "CREATE TABLE user("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name BLOB NOT NULL UNIQUE CHECK(length(name) BETWEEN 1 AND 256),"
    " kind INTEGER NOT NULL CHECK(kind IN (1, 2)),"
    " algorithm INTEGER NOT NULL CHECK(algorithm IN (1, 2, 3)),"
    " digits INTEGER NOT NULL CHECK(digits BETWEEN 6 AND 8),"
    " step INTEGER NOT NULL CHECK(step BETWEEN 0 AND 1000000000),"
    " back INTEGER NOT NULL CHECK(back BETWEEN 0 AND 1000000000),"
    " fwd INTEGER NOT NULL CHECK(fwd BETWEEN 0 AND 1000000000),"
    " \"window\" INTEGER NOT NULL CHECK(\"window\" BETWEEN 0 AND 1000000000),"
    " resync INTEGER NOT NULL CHECK(resync BETWEEN 0 AND 1000000000),"
    " secret BLOB NOT NULL CHECK(length(secret) BETWEEN 1 AND 168),"
    " mark INTEGER NOT NULL CHECK(mark >= -1),"
    " pending INTEGER NOT NULL CHECK(pending >= -1),"
    " pending_at INTEGER NOT NULL,"
    " pending_source BLOB NOT NULL CHECK(length(pending_source) = 16),"
    " guesses REAL NOT NULL CHECK(guesses BETWEEN 0 AND budget),"
    " guesses_at INTEGER NOT NULL,"
    " budget INTEGER NOT NULL CHECK(budget BETWEEN 0 AND 1000000000),"
    " created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE source("
    " user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
    " source BLOB NOT NULL CHECK(length(source) = 16),"
    " last_success INTEGER NOT NULL CHECK(last_success >= 0),"
    " PRIMARY KEY(user_id, source)"
    ") STRICT, WITHOUT ROWID;"
    "PRAGMA application_id=0x4d515350; PRAGMA user_version=1; PRAGMA journal_mode=WAL;"
    "INSERT INTO user VALUES(5, CAST('ann' AS BLOB), 1, 2, 8, 0, 0, 0, 10, 100,"
    " CAST('sealed' AS BLOB), 7, -1, 0, zeroblob(16), 4, 1000, 5, 1000);"
    "INSERT INTO source VALUES(5, zeroblob(16), 900);";

/* What the file says of its tables, for comparison. */
static void tables_of(const char *path, char *out, size_t size)
{
	sqlite3 *db = raw_open(path);
	sqlite3_stmt *st = NULL;
	size_t n = 0;

	ck_assert_int_eq(sqlite3_prepare_v2(db,
	                                    "SELECT name || ': ' || sql FROM sqlite_schema"
	                                    " WHERE sql IS NOT NULL ORDER BY name",
	                                    -1, &st, NULL),
	                 SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW && n < size)
		n += (size_t)snprintf(out + n, size - n, "%s\n",
		                      (const char *)sqlite3_column_text(st, 0));
	ck_assert_uint_lt(n, size);
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(db);
}

START_TEST(older_schema)
{
	char upgraded[8192], fresh[8192];
	sqlite3 *db = raw_open(scratch_path("state.db"));
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};

	raw_exec(db, version_1);
	struct store_backend *b = open_state();
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	ck_assert_int_eq(op.state.mark, 7);
	ck_assert(!op.guess_taken);
	expect_pragma(db, "PRAGMA user_version", "7");
	expect_pragma(db, "SELECT locked + stale + expires + last_login FROM user", "0");
	/* whoever has it open from before goes on */
	raw_exec(db, "UPDATE user SET mark = 8 WHERE mark = 7");
	(void)sqlite3_close(db);
	b->ops->close(b);
	b = open_path(scratch_path("fresh.db"));
	b->ops->close(b);
	tables_of(scratch_path("state.db"), upgraded, sizeof upgraded);
	tables_of(scratch_path("fresh.db"), fresh, sizeof fresh);
	ck_assert_str_eq(upgraded, fresh);
}
END_TEST

/* Whom an older version removed is no stranger. */
START_TEST(removed_before)
{
	struct store_backend *b = open_state();
	struct store_op op = {
	    .verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000, .strangers = true};

	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "bob", 0);
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
	raw_exec(((struct store_sqlite *)b)->db,
	         "DROP TRIGGER user_kept_in_mind; DROP TABLE removed;"
	         "ALTER TABLE user DROP COLUMN login; ALTER TABLE user DROP COLUMN edition; PRAGMA "
	         "user_version=4;");
	b->ops->close(b);
	b = open_state();
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_UNKNOWN);
	op.user = slice_str("eve");
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_STRANGER);
	expect_pragma(((struct store_sqlite *)b)->db, "SELECT count(*) FROM removed", "1");
	b->ops->close(b);
}
END_TEST

/* The file itself writes down who is refused, whoever changes the row. */
START_TEST(changed_by_hand)
{
	struct store_backend *b = open_state();
	sqlite3 *db = raw_open(scratch_path("state.db"));
	char names[64] = "";

	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "bob", 0);
	store_behaviour_user(b, "eve", 0);
	raw_exec(
	    db,
	    "UPDATE user SET locked = 1 WHERE name = CAST('bob' AS BLOB);"
	    "UPDATE user SET last_login = 5; DELETE FROM user WHERE name = CAST('eve' AS BLOB)");
	ck_assert_int_eq(b->ops->revoked(b, 2000, store_behaviour_name, names, NULL), 0);
	ck_assert_str_eq(names, "bob eve ");
	(void)sqlite3_close(db);
	b->ops->close(b);
	names[0] = '\0';
	b = open_state();
	ck_assert_int_eq(b->ops->revoked(b, 2000, store_behaviour_name, names, NULL), 0);
	ck_assert_str_eq(names, "");
	b->ops->close(b);
}
END_TEST

/* Every page but the first is overwritten in turn. */
START_TEST(damaged)
{
	struct store_backend *b = open_state();
	char name[16], junk[4096];
	struct stat st;

	for (int i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof name, "user%d", i);
		store_behaviour_user(b, name, 0);
	}
	b->ops->close(b);
	memset(junk, 0x5a, sizeof junk);
	int fd = open(scratch_path("state.db"), O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_gt(st.st_size, (_i + 1) * 4096);
	ck_assert_int_eq(pwrite(fd, junk, sizeof junk, (_i + 1) * 4096), sizeof junk);
	(void)close(fd);
	struct err e = {""};
	ck_assert_ptr_null(store_sqlite_open(scratch_path("state.db"), &e));
	ck_assert_ptr_nonnull(strstr(e.text, "the state is damaged: move it"));
}
END_TEST

START_TEST(damaged_record)
{
	struct store_backend *b = open_state();
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};

	store_behaviour_user(b, "ann", 0);
	raw_exec(((struct store_sqlite *)b)->db,
	         "PRAGMA ignore_check_constraints=1; UPDATE user SET secret = zeroblob(100000)");
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_FAILED);
	ck_assert_ptr_nonnull(strstr(op.err.text, "damaged"));
	b->ops->close(b);
	expect_refused(scratch_path("state.db"), "damaged");
}
END_TEST

START_TEST(bad_paths)
{
	expect_refused("", "empty");
	expect_refused(scratch_path("none/state.db"), "No such file");
	expect_refused(scratch_folder(), "regular file");
	ck_assert_int_eq(chdir(scratch_folder()), 0);
	struct store_backend *b = open_path(":memory:");
	b->ops->close(b);
	expect_mode("./:memory:", 0600);
	b = open_path("file:x?mode=memory");
	b->ops->close(b);
	expect_mode("./file:x?mode=memory", 0600);
}
END_TEST

/* Root may write anywhere, so this becomes somebody else first. */
static int refused_in_read_only_folder(bool there)
{
	struct err e = {""};

	if (geteuid() == 0 && (chown(scratch_folder(), 65534, 65534) != 0 || setuid(65534) != 0))
		return 1;
	if (store_sqlite_open(scratch_path("state.db"), &e) != NULL)
		return 2;
	return strstr(e.text, there ? "readonly" : "Permission denied") != NULL ? 0 : 3;
}

START_TEST(read_only_folder)
{
	bool there = _i == 1;
	int status = 0;

	if (there) {
		struct store_backend *b = open_state();
		b->ops->close(b);
		if (geteuid() == 0)
			ck_assert_int_eq(chown(scratch_path("state.db"), 65534, 65534), 0);
	}
	ck_assert_int_eq(chmod(scratch_folder(), 0500), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(refused_in_read_only_folder(there));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(chmod(scratch_folder(), 0700), 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* Another process, or the tool, holds the database for longer than we wait. */
START_TEST(locked)
{
	struct store_backend *b = open_state();
	sqlite3 *db = raw_open(scratch_path("state.db"));
	struct err e = {""};

	store_behaviour_user(b, "ann", 0);
	(void)sqlite3_busy_timeout(((struct store_sqlite *)b)->db, 1);
	raw_exec(db, "BEGIN IMMEDIATE");
	ck_assert_int_eq(b->ops->begin(b, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "locked"));
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), &e), -1);
	ck_assert_int_eq(
	    b->ops->user_edit(b, slice_str("ann"), &(struct store_edit){.kind = STORE_LOCK}, &e),
	    -1);
	raw_exec(db, "ROLLBACK");
	ck_assert_int_eq(b->ops->begin(b, &e), 0);
	ck_assert_int_eq(b->ops->commit(b, &e), 0);
	(void)sqlite3_close(db);
	b->ops->close(b);
}
END_TEST

/* The log cannot grow: nothing of the batch may have happened, and all is well again when there is
 * room. */
START_TEST(no_room_for_the_log)
{
	struct store_backend *b = open_state();
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};
	struct rlimit limit;
	struct stat st;
	struct err e = {""};

	(void)signal(SIGXFSZ, SIG_IGN);
	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	struct store_op consume = {.verb = STORE_CONSUME, .id = op.id, .now = 1000, .mark = 6};
	ck_assert_int_eq(stat(scratch_path("state.db-wal"), &st), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur =
	    (rlim_t)st.st_size + (rlim_t)_i * 1000; /* at once, and in the middle of a frame */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(b->ops->begin(b, &e), 0);
		b->ops->run(b, &consume);
		ck_assert_int_eq(b->ops->commit(b, &e), -1);
		ck_assert(e.text[0] != '\0');
	}
	limit.rlim_cur = before;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(consume.status, STORE_DONE);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.state.mark, 6);
	b->ops->close(b);
}
END_TEST

/* A touch writes, though nothing changes: where there is no room it fails. */
START_TEST(touched)
{
	struct store_backend *b = open_state();
	struct store_op touch = {.verb = STORE_TOUCH, .now = 1000};
	struct rlimit limit;
	struct stat st;
	struct err e = {""};

	(void)signal(SIGXFSZ, SIG_IGN);
	store_behaviour_user(b, "ann", 0);
	for (int i = 0; i < 3; i++) {
		store_behaviour_run(b, &touch);
		ck_assert_int_eq(touch.status, STORE_DONE);
	}
	ck_assert_int_eq(stat(scratch_path("state.db-wal"), &st), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)st.st_size;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(b->ops->begin(b, &e), 0);
	b->ops->run(b, &touch);
	ck_assert_int_eq(b->ops->commit(b, &e), -1);
	limit.rlim_cur = before;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_behaviour_run(b, &touch);
	ck_assert_int_eq(touch.status, STORE_DONE);
	b->ops->close(b);
	b = open_state(); /* it is the same state, and of the same schema */
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	b->ops->close(b);
}
END_TEST

/* The database may not have one page more: requests that need one fail alone or with their batch,
 * none by half. */
START_TEST(no_room_for_pages)
{
	struct store_backend *b = open_state();
	sqlite3 *db = ((struct store_sqlite *)b)->db;
	char name[32];
	struct err e = {""};
	int added = 0;

	store_behaviour_user(b, "ann", 0);
	raw_exec(db, "PRAGMA max_page_count=1"); /* what there is is kept, but no more */
	struct store_user u = {.params = {.kind = OTP_HOTP, .algorithm = OTP_SHA1, .digits = 6},
	                       .blob = slice_str("x")};
	for (int result = 0; result == 0 && added < 1000; added++) {
		(void)snprintf(name, sizeof name, "user%d", added);
		u.name = slice_str(name);
		result = b->ops->user_add(b, &u, &e);
	}
	ck_assert_int_lt(added, 1000);
	ck_assert_ptr_nonnull(strstr(e.text, "full"));
	/* user N has id N + 2; sources fill the other table's page until it would have to split */
	int failed = 0, done = 0;
	for (int64_t mark = 1; failed == 0 && mark < 200; mark++) {
		struct store_op op = {.verb = STORE_CONSUME,
		                      .id = 1 + mark % 10,
		                      .now = 1000,
		                      .mark = mark,
		                      .source = {(uint8_t)mark}};
		ck_assert_int_eq(b->ops->begin(b, &e), 0);
		b->ops->run(b, &op);
		int committed = b->ops->commit(b, &e);
		failed += committed != 0 || op.status == STORE_FAILED;
		done += committed == 0 && op.status == STORE_DONE;
		if (failed == 0)
			continue;
		raw_exec(db, "PRAGMA max_page_count=100000");
		store_behaviour_run(b, &op); /* not a conflict: the mark was not raised */
		ck_assert_int_eq(op.status, STORE_DONE);
	}
	ck_assert_int_gt(done, 0);
	ck_assert_int_eq(failed, 1);
	b->ops->close(b);
}
END_TEST

/* SQLite may undo a whole transaction because of one request (no memory, a full disk): then nothing
 * of the batch may happen, what is run after it included. */
START_TEST(batch_undone_by_sqlite)
{
	struct store_backend *b = open_state();
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000},
	                failing = op;
	struct err e = {""};

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	struct store_op before = {.verb = STORE_CONSUME, .id = op.id, .now = 1000, .mark = 1},
	                after = before;
	after.mark = 2;
	failing.now = -1;
	ck_assert_int_eq(b->ops->begin(b, &e), 0);
	b->ops->run(b, &before);
	raw_exec(((struct store_sqlite *)b)->db, "ROLLBACK");
	b->ops->run(b, &failing);
	b->ops->run(b, &after);
	ck_assert_int_eq(after.status, STORE_FAILED);
	ck_assert_int_eq(b->ops->commit(b, &e), -1);
	ck_assert_str_eq(e.text, failing.err.text);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.state.mark, 0);
	b->ops->close(b);
}
END_TEST

/* Two connections, as daemon and tool have them: each sees at once what the other did. */
START_TEST(two_at_once)
{
	struct store_backend *a = open_state(), *b = open_state();
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000};

	store_behaviour_user(a, "ann", 0);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	struct store_op consume = {.verb = STORE_CONSUME, .id = op.id, .now = 1000, .mark = 6};
	store_behaviour_run(a, &consume);
	ck_assert_int_eq(consume.status, STORE_DONE);
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(consume.status, STORE_CONFLICT);
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
	store_behaviour_run(a, &op);
	ck_assert_int_eq(op.status, STORE_UNKNOWN);
	a->ops->close(a);
	b->ops->close(b);
}
END_TEST

static void *open_and_close(void *ctx)
{
	struct err e = {""};
	struct store_backend *b = store_sqlite_open(ctx, &e);

	if (b != NULL)
		b->ops->close(b);
	else
		fprintf(stderr, "# %s\n", e.text);
	return b;
}

/* Whoever comes first makes the file, all can use it; several rounds, for the race is narrow. */
START_TEST(made_by_several)
{
	char path[512];
	pid_t children[4];

	(void)snprintf(path, sizeof path, "%s", scratch_path("state.db"));
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		ck_assert_int_ge(children[i], 0);
		if (children[i] == 0)
			_exit(open_and_close(path) != NULL ? 0 : 1);
	}
	for (int i = 0; i < 4; i++) {
		int status = 0;
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

struct restored {
	int64_t mark, pending;
	bool stale;
};

static int look_at_user(void *ctx, const struct store_user *u)
{
	*(struct restored *)ctx = (struct restored){u->state.mark, u->state.pending, u->stale};
	return 0;
}

/* No code that may have been used since a copy was made comes again with it: at 3000 the window of
 * a step of 30 s ends with 101, and counters count for nothing. A mark beyond stays. */
START_TEST(restored_safely)
{
	static const struct restored rows[] = {
	    {-1, -1, false}, {99, -1, false}, {100, 7, false}, {101, -1, false}, {5000, -1, false}};
	struct buf image = {.cap = 1 << 24};
	struct store_backend *b = open_state();
	struct err e = {""};
	char name[8];

	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		bool totp = i % 2 == 0;
		(void)snprintf(name, sizeof name, "u%zu", i);
		struct store_user u = {
		    .name = slice_str(name),
		    .params = {.kind = totp ? OTP_TOTP : OTP_HOTP,
		               .algorithm = OTP_SHA1,
		               .digits = 6,
		               .step = totp ? 30 : 0,
		               .back = totp,
		               .fwd = totp},
		    .state = {.mark = rows[i / 2].mark, .pending = rows[i / 2].pending},
		    .blob = slice_str("sealed"),
		};
		ck_assert_int_eq(b->ops->user_add(b, &u, &e), 0);
	}
	ck_assert_int_eq(store_sqlite_backup(b, &image, &e), 0);
	b->ops->close(b);
	ck_assert_int_eq(store_sqlite_restore(scratch_path("other.db"), buf_view(&image), 3000, &e),
	                 0);
	buf_free(&image);
	b = open_path(scratch_path("other.db"));
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const struct restored *was = &rows[i / 2];
		struct restored now;
		(void)snprintf(name, sizeof name, "u%zu", i);
		ck_assert_int_eq(b->ops->user_find(b, slice_str(name), look_at_user, &now, &e), 0);
		ck_assert_int_eq(now.mark, i % 2 == 0 && was->mark < 101 ? 101 : was->mark);
		ck_assert_int_eq(now.pending, -1);
		ck_assert_int_eq(now.stale, i % 2 == 1);
	}
	b->ops->close(b);
}
END_TEST

START_TEST(key_is_made_once)
{
	uint8_t first[32], second[32] = {0};
	struct err e = {""};
	struct stat st;

	ck_assert_int_eq(store_key_load(scratch_path("state.key"), first, &e), 0);
	ck_assert_int_eq(store_key_load(scratch_path("state.key"), second, &e), 0);
	ck_assert(memcmp(first, second, 32) == 0);
	expect_mode(scratch_path("state.key"), 0600);
	ck_assert_int_eq(stat(scratch_path("state.key"), &st), 0);
	ck_assert_int_eq(st.st_size, 65);
	ck_assert_int_eq(store_key_load(scratch_path("other.key"), second, &e), 0);
	ck_assert(memcmp(first, second, 32) != 0);
}
END_TEST

START_TEST(key_by_several)
{
	uint8_t keys[4][32] = {{0}};
	int pipes[2];
	pid_t children[4];

	ck_assert_int_eq(pipe(pipes), 0);
	for (int i = 0; i < 4; i++) {
		children[i] = fork();
		ck_assert_int_ge(children[i], 0);
		if (children[i] == 0) {
			int result = store_key_load(scratch_path("state.key"), keys[0], NULL);
			_exit(result == 0 && write(pipes[1], keys[0], 32) == 32 ? 0 : 1);
		}
	}
	for (int i = 0; i < 4; i++) {
		int status = 0;
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(read(pipes[0], keys[i], 32), 32);
		ck_assert(memcmp(keys[0], keys[i], 32) == 0);
	}
	ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

#define HEX16 "00112233445566778899aAbBcCdDeEfF"

struct key_row {
	const char *content;
	unsigned mode;
	int result;
};

static const struct key_row keys[] = {
    {HEX16 HEX16, 0600, 0},
    {HEX16 HEX16 "\n", 0600, 0},
    {HEX16 HEX16 "\r\n", 0640, 0},
    {HEX16 HEX16 "\n", 0644, -1},
    {HEX16 HEX16 "0", 0600, -1},
    {HEX16 "\n", 0600, -1},
    {"", 0600, -1},
    {HEX16 HEX16 HEX16, 0600, -1},
    {"g" HEX16 HEX16, 0600, -1},
};

START_TEST(key_file)
{
	const char *path = scratch_file("state.key", keys[_i].content, keys[_i].mode);
	uint8_t key[32];
	struct err e = {""};

	ck_assert_int_eq(store_key_load(path, key, &e), keys[_i].result);
	if (keys[_i].result == 0) {
		ck_assert_uint_eq(key[31], 0xff);
		ck_assert_uint_eq(key[1], 0x11);
	} else {
		ck_assert_ptr_nonnull(strstr(e.text, path));
		ck_assert_ptr_null(strstr(e.text, "2233"));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_sqlite");
	TCase *rules = tcase_create("behaviour"), *t = tcase_create("sqlite"),
	      *k = tcase_create("key");

	tcase_add_checked_fixture(rules, scratch_make, scratch_remove);
	store_behaviour_add(rules, open_state);
	suite_add_tcase(s, rules);
	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_test(t, settings);
	tcase_add_test(t, nobody_else_may_read);
	tcase_add_test(t, kept_over_a_restart);
	tcase_add_test(t, delays_are_kept_over_a_restart);
	tcase_add_test(t, removal_takes_the_sources_along);
	tcase_add_test(t, garbage);
	tcase_add_test(t, another_program);
	tcase_add_test(t, newer_schema);
	tcase_add_test(t, older_schema);
	tcase_add_test(t, removed_before);
	tcase_add_test(t, changed_by_hand);
	tcase_add_loop_test(t, damaged, 0, 4);
	tcase_add_test(t, damaged_record);
	tcase_add_test(t, bad_paths);
	tcase_add_loop_test(t, read_only_folder, 0, 2);
	tcase_add_test(t, locked);
	tcase_add_loop_test(t, no_room_for_the_log, 0, 5);
	tcase_add_test(t, touched);
	tcase_add_test(t, no_room_for_pages);
	tcase_add_test(t, batch_undone_by_sqlite);
	tcase_add_test(t, two_at_once);
	tcase_add_test(t, reset_is_whole);
	tcase_add_test(t, restored_safely);
	tcase_add_loop_test(t, made_by_several, 0, 20);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(k, scratch_make, scratch_remove);
	tcase_add_test(k, key_is_made_once);
	tcase_add_test(k, key_by_several);
	tcase_add_loop_test(k, key_file, 0, (int)(sizeof keys / sizeof keys[0]));
	suite_add_tcase(s, k);
	return suite_run(s);
}
