/* SPDX-License-Identifier: ISC */
/* The file is made by us, not by SQLite, so that it has mode 0600 from its first moment (its -wal
 * and -shm take that over) and a durable name. Nothing is written to a file before it is known to
 * be ours: no journal mode, no schema. Two processes may come at once: the schema is made in one
 * transaction that looks again. */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int damaged(const struct store_sqlite *s, const char *what, struct err *e)
{
	return err_set(e,
	               "%s: cannot %s: the state is damaged: move it (and -wal, -shm) away, then "
	               "mqsecproxyctl store restore",
	               s->path, what);
}

int store_sqlite_error(const struct store_sqlite *s, const char *what, struct err *e)
{
	int system = sqlite3_system_errno(s->db), code = sqlite3_errcode(s->db) & 0xff;

	if (code == SQLITE_CORRUPT)
		return damaged(s, what, e);
	if (system != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN ||
	                    code == SQLITE_FULL || code == SQLITE_READONLY)) {
		char why[128];
		return err_set(e, "%s: cannot %s: %s (%s)", s->path, what, sqlite3_errmsg(s->db),
		               strerror_r(system, why, sizeof why));
	}
	return err_set(e, "%s: cannot %s: %s", s->path, what, sqlite3_errmsg(s->db));
}

int store_sqlite_number(const struct store_sqlite *s, const char *text, int64_t *out)
{
	sqlite3_stmt *st = NULL;

	int rc = sqlite3_prepare_v2(s->db, text, -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : -1;
}

/* Whether the first column of a query's first row is that text. SQLITE_OK, SQLITE_MISMATCH, or
 * SQLite's code. */
static int query_is(const struct store_sqlite *s, const char *text, const char *want)
{
	sqlite3_stmt *st = NULL;

	int rc = sqlite3_prepare_v2(s->db, text, -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const unsigned char *got = sqlite3_column_text(st, 0);
		rc = got != NULL && strcmp((const char *)got, want) == 0 ? SQLITE_OK
		                                                         : SQLITE_MISMATCH;
	}
	(void)sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_MISMATCH : rc;
}

static int run_text(const struct store_sqlite *s, const char *text, const char *what, struct err *e)
{
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK
	           ? 0
	           : store_sqlite_error(s, what, e);
}

/* A name that a crash forgets takes every mark with it. */
static int sync_folder(const char *path, struct err *e)
{
	char copy[PATH_MAX];

	(void)snprintf(copy, sizeof copy, "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0) {
		(void)err_errno(e, "%s: cannot make its folder durable", path);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	(void)close(fd);
	return 0;
}

/* A file that is there is not opened here: to close a descriptor of it would give up the locks that
 * another connection of this process holds on it. */
static int make_file(const char *path, struct err *e)
{
	struct stat st;

	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd >= 0)
		(void)close(fd);
	else if (errno != EEXIST)
		return err_errno(e,
		                 errno == ENOENT ? "%s: the folder of the state is not there "
		                                   "(install -d -m 700 -o USER of the "
		                                   "service)"
		                                 : "%s: cannot make the state",
		                 path);
	if (stat(path, &st) != 0)
		return err_errno(e, "%s: cannot open the state", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: the state must be a regular file", path);
	if (access(path, W_OK) != 0) /* SQLite would not say that it is a read-only file system */
		return err_errno(e, "%s: cannot write the state", path);
	return st.st_size == 0 ? sync_folder(path, e) : 0;
}

int store_sqlite_whose(const struct store_sqlite *s, struct err *e)
{
	int64_t application = 0, version = 0, tables = 0;

	if (store_sqlite_number(s, "PRAGMA application_id", &application) != 0 ||
	    store_sqlite_number(s, "PRAGMA user_version", &version) != 0 ||
	    store_sqlite_number(s, "SELECT count(*) FROM sqlite_schema", &tables) != 0)
		return store_sqlite_error(s, "read the state", e);
	if (application == 0 && version == 0 && tables == 0)
		return 0;
	if (application != STORE_SQLITE_APPLICATION)
		return err_set(e, "%s: is a database of another program", s->path);
	if (version > STORE_SQLITE_SCHEMA)
		return err_set(
		    e, "%s: was written by a newer version (schema %lld, this program knows %d)",
		    s->path, (long long)version, STORE_SQLITE_SCHEMA);
	if (version < 1)
		return err_set(e, "%s: has no known schema (%lld)", s->path, (long long)version);
	return (int)version;
}

/* The same from one snapshot: another process may be making the schema meanwhile. */
static int whose_now(const struct store_sqlite *s, struct err *e)
{
	if (run_text(s, "BEGIN", "read the state", e) != 0)
		return -1;
	int version = store_sqlite_whose(s, e);
	(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return version;
}

/* A file of ours that somebody opened to others, and what SQLite made beside it with the same mode.
 */
static int close_to_others(const struct store_sqlite *s, struct err *e)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct stat st;
		(void)snprintf(path, sizeof path, "%s%s", s->path, ends[i]);
		if (stat(path, &st) != 0 || (st.st_mode & 07777) == 0600)
			continue;
		if (chmod(path, 0600) != 0)
			return err_errno(e, "%s: cannot take it from others (chmod 600)", path);
	}
	return 0;
}

/* The switch to WAL is refused, without waiting, while another process makes it. */
static int use_wal(const struct store_sqlite *s, struct err *e)
{
	for (int waited = 0;; waited += 10) {
		int rc = query_is(s, "PRAGMA journal_mode=WAL", "wal");
		if (rc == SQLITE_OK)
			return 0;
		if (rc == SQLITE_MISMATCH)
			return err_set(e, "%s: its file system allows no write-ahead log", s->path);
		if ((rc & 0xff) != SQLITE_BUSY || waited >= STORE_SQLITE_BUSY_MS)
			return store_sqlite_error(s, "start the write-ahead log", e);
		(void)sqlite3_sleep(10);
	}
}

static int bring_schema(const struct store_sqlite *s, struct err *e)
{
	if (run_text(s, "BEGIN IMMEDIATE", "lock the state", e) != 0)
		return -1;
	int version = store_sqlite_whose(s, e);
	if (version >= 0 && store_sqlite_upgrade(s->db, version) != SQLITE_OK)
		version = store_sqlite_error(s, "make the tables", e);
	if (version >= 0 && run_text(s, "COMMIT", "make the tables", e) == 0)
		return 0;
	if (!sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

static int check_content(const struct store_sqlite *s, struct err *e)
{
	int rc = query_is(s, "PRAGMA quick_check(1)", "ok");

	if (rc == SQLITE_OK)
		return 0;
	if (rc == SQLITE_MISMATCH)
		return damaged(s, "use what is in it", e);
	return store_sqlite_error(s, "check the state", e);
}

static int prepare_all(struct store_sqlite *s, const char *const texts[SQL_COUNT], struct err *e)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		if (sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &s->sql[i],
		                       NULL) != SQLITE_OK)
			return store_sqlite_error(s, "prepare a statement", e);
	}
	return 0;
}

/* "./" before what is not absolute: SQLite gives names like ":memory:" a meaning. */
static int keep_path(struct store_sqlite *s, const char *path, struct err *e)
{
	if (*path == '\0' || strlen(path) >= PATH_MAX - 8)
		return err_set(e, "the path of the state is empty or too long");
	s->path = sqlite3_mprintf("%s%s", *path == '/' ? "" : "./", path);
	return s->path == NULL ? err_set(e, "out of memory") : 0;
}

int store_sqlite_connect(struct store_sqlite *s, const char *path,
                         const char *const texts[SQL_COUNT], struct err *e)
{
	static const char settings[] = "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA "
	                               "secure_delete=ON; PRAGMA temp_store=MEMORY;";

	if (keep_path(s, path, e) != 0 || make_file(s->path, e) != 0)
		return -1;
	if (sqlite3_open_v2(s->path, &s->db,
	                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	                    NULL) != SQLITE_OK)
		return s->db == NULL ? err_set(e, "out of memory")
		                     : store_sqlite_error(s, "open the state", e);
	(void)sqlite3_busy_timeout(s->db, STORE_SQLITE_BUSY_MS);
	if (whose_now(s, e) < 0 || close_to_others(s, e) != 0 || use_wal(s, e) != 0 ||
	    run_text(s, settings, "set up the state", e) != 0)
		return -1;
	if (bring_schema(s, e) != 0 || check_content(s, e) != 0)
		return -1;
	return prepare_all(s, texts, e) != 0 ? -1 : store_sqlite_watch_begin(s, e);
}

void store_sqlite_disconnect(struct store_sqlite *s)
{
	for (size_t i = 0; i < SQL_COUNT; i++)
		(void)sqlite3_finalize(s->sql[i]);
	(void)sqlite3_close(s->db);
	sqlite3_free(s->path);
}
