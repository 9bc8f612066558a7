/* SPDX-License-Identifier: ISC */
/* Copies of the state. A copy is read in one transaction, so it is one moment of it whoever writes
 * meanwhile. One that comes back is first made safe in memory, then put into the file in one
 * transaction: whoever looks, after a crash too, sees the old state or the new one. */
#include "store/sqlite.h"

#include <limits.h>
#include <stdlib.h>

/* Where SQLite's file header says whether there is a write-ahead log; 1 is none. A database in
 * memory has none, and a copy is to be one file. */
enum { HEADER = 100, LOG_AT = 18 };

static int fail(sqlite3 *db, const char *what, struct err *e)
{
	return err_set(e, "cannot %s: %s", what, db == NULL ? "out of memory" : sqlite3_errmsg(db));
}

/* All of one database into another, in one transaction. */
static int copy_all(sqlite3 *from, sqlite3 *to, struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

	if (b == NULL)
		return fail(to, "copy the state", e);
	(void)sqlite3_backup_step(b, -1);
	return sqlite3_backup_finish(b) == SQLITE_OK ? 0 : fail(to, "copy the state", e);
}

int store_sqlite_backup(struct store_backend *b, struct buf *out, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	sqlite3 *memory = NULL;
	sqlite3_int64 n = 0;
	int result = -1;

	if (sqlite3_open(":memory:", &memory) != SQLITE_OK)
		(void)fail(memory, "copy the state", e);
	else
		result = copy_all(s->db, memory, e);
	unsigned char *image = result == 0 ? sqlite3_serialize(memory, "main", &n, 0) : NULL;
	(void)sqlite3_close(memory);
	if (result != 0)
		return -1;
	if (image == NULL || n < HEADER) {
		sqlite3_free(image);
		return err_set(e, "out of memory");
	}
	image[LOG_AT] = image[LOG_AT + 1] = 1;
	if (buf_append(out, slice_of(image, (size_t)n)) != 0)
		result = err_set(e, "the state is larger than %zu bytes", out->cap);
	sqlite3_free(image);
	return result;
}

struct complaints {
	void (*found)(void *ctx, const char *complaint);
	void *ctx;
};

static int complain(void *arg, int n, char **values, char **names)
{
	const struct complaints *c = arg;

	(void)names;
	if (n > 0 && values[0] != NULL && strcmp(values[0], "ok") != 0)
		c->found(c->ctx, values[0]);
	return 0;
}

int store_sqlite_check(struct store_backend *b, void (*found)(void *ctx, const char *complaint),
                       void *ctx, struct err *e)
{
	const struct store_sqlite *s = (const struct store_sqlite *)b;
	struct complaints c = {found, ctx};

	if (sqlite3_exec(s->db,
	                 "PRAGMA integrity_check;"
	                 " SELECT 'a row of ' || \"table\" || ' refers to nobody'"
	                 " FROM pragma_foreign_key_check",
	                 complain, &c, NULL) != SQLITE_OK)
		return store_sqlite_error(s, "check the state", e);
	return 0;
}

/* The copy as a database in memory. NULL and the reason. */
static sqlite3 *open_image(struct slice image, struct err *e)
{
	sqlite3 *db = NULL;

	if (image.n < HEADER || image.n > INT_MAX) {
		(void)err_set(e, "the copy is no database");
		return NULL;
	}
	unsigned char *own = sqlite3_malloc64(image.n);
	if (own == NULL || sqlite3_open(":memory:", &db) != SQLITE_OK) {
		(void)err_set(e, "out of memory");
		sqlite3_free(own);
		(void)sqlite3_close(db);
		return NULL;
	}
	memcpy(own, image.p, image.n);
	own[LOG_AT] = own[LOG_AT + 1] = 1;
	/* it takes the memory, also where it fails */
	if (sqlite3_deserialize(db, "main", own, (sqlite3_int64)image.n, (sqlite3_int64)image.n,
	                        SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) ==
	    SQLITE_OK)
		return db;
	(void)fail(db, "read the copy", e);
	(void)sqlite3_close(db);
	return NULL;
}

static void count_complaint(void *ctx, const char *complaint)
{
	(void)complaint;
	++*(size_t *)ctx;
}

static int is_sound(struct store_sqlite *s, struct err *e)
{
	size_t complaints = 0;
	int version = store_sqlite_whose(s, e);

	if (version == 0)
		return err_set(e, "the copy is empty");
	if (version < 0)
		return -1;
	if (store_sqlite_check(&s->base, count_complaint, &complaints, e) != 0)
		return -1;
	if (complaints != 0)
		return err_set(e, "the copy is damaged");
	return sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
	               store_sqlite_upgrade(s->db, version) == SQLITE_OK &&
	               sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK
	           ? 0
	           : fail(s->db, "bring the copy up to date", e);
}

/* No code that may have been used since the copy was made is to come again. */
static int make_safe(sqlite3 *db, int64_t now, struct err *e)
{
	char *text = sqlite3_mprintf("UPDATE user SET mark = max(mark, %lld / step + fwd)"
	                             " WHERE kind = %d AND step > 0;"
	                             "UPDATE user SET stale = 1 WHERE kind = %d;"
	                             "UPDATE user SET pending = -1;",
	                             (long long)now, OTP_TOTP, OTP_HOTP);

	int rc = text == NULL ? SQLITE_NOMEM : sqlite3_exec(db, text, NULL, NULL, NULL);
	sqlite3_free(text);
	return rc == SQLITE_OK ? 0 : fail(db, "make the copy safe", e);
}

/* To leave the write-ahead log is possible for the only one who has the file open. */
static int be_alone(const struct store_sqlite *s, struct err *e)
{
	(void)sqlite3_busy_timeout(s->db, 0);
	if (sqlite3_exec(s->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	if ((sqlite3_errcode(s->db) & 0xff) == SQLITE_BUSY)
		return err_set(e, "%s: is in use: stop mqsecproxy first", s->path);
	return store_sqlite_error(s, "leave the write-ahead log", e);
}

int store_sqlite_restore(const char *path, struct slice image, int64_t now, struct err *e)
{
	struct store_sqlite copy = {.path = sqlite3_mprintf("the copy")};
	struct store_backend *b = NULL;
	int result = -1;

	copy.db = open_image(image, e);
	if (copy.db != NULL && is_sound(&copy, e) == 0 && make_safe(copy.db, now, e) == 0)
		b = store_sqlite_open(path, e);
	if (b != NULL) {
		const struct store_sqlite *s = (const struct store_sqlite *)b;
		result = be_alone(s, e) == 0 ? copy_all(copy.db, s->db, e) : -1;
		b->ops->close(b);
	}
	(void)sqlite3_close(copy.db);
	sqlite3_free(copy.path);
	return result;
}
