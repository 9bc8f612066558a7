/* SPDX-License-Identifier: ISC */
/* The tables, as the steps from each version of the schema to the next: a new file takes all of
 * them, an old one those that it lacks, so both end up the same. A step that was released is never
 * changed; what it wrote is in files already. */
#include "store/sqlite.h"
#include "store/throttle.h"

/* Who was refused from some moment on is written down by the file itself, so that a daemon learns
 * of it whoever changed the row, and with what program. Old entries go: a daemon looks every
 * moment. */
#define REVOKE(who)                                              \
	" BEGIN INSERT INTO revoked(name) VALUES(" who ".name);" \
	" DELETE FROM revoked WHERE id < last_insert_rowid() - 100000; END;"

static const char *const steps[STORE_SQLITE_SCHEMA] = {
    /* 1: users and their known-good sources */
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
    ") STRICT, WITHOUT ROWID;",
    /* 2: users who are refused, and since when; codes that were drawn for brokers */
    "ALTER TABLE user ADD COLUMN locked INTEGER NOT NULL DEFAULT 0 CHECK(locked IN (0, 1));"
    "ALTER TABLE user ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK(stale IN (0, 1));"
    "ALTER TABLE user ADD COLUMN expires INTEGER NOT NULL DEFAULT 0 CHECK(expires >= 0);"
    "ALTER TABLE user ADD COLUMN last_login INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX user_expires ON user(expires) WHERE expires > 0;"
    "CREATE TABLE revoked(id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL) STRICT;"
    "CREATE TRIGGER user_refused AFTER UPDATE OF locked, stale, expires ON user"
    " WHEN new.locked > old.locked OR new.stale > old.stale"
    " OR (new.expires <> old.expires AND new.expires BETWEEN 1 AND unixepoch())" REVOKE(
        "new") "CREATE TRIGGER user_removed AFTER DELETE ON user" REVOKE("old")
    "CREATE TABLE draw("
    " key BLOB NOT NULL PRIMARY KEY CHECK(length(key) = 32),"
    " last INTEGER NOT NULL CHECK(last >= 0),"
    " good INTEGER NOT NULL CHECK(good BETWEEN -1 AND last),"
    " answered INTEGER NOT NULL CHECK(answered BETWEEN good AND last),"
    " turn INTEGER NOT NULL CHECK(turn >= 0)"
    ") STRICT, WITHOUT ROWID;",
    /* 3: bans; sources that have to wait after their failures */
    "CREATE TABLE ban("
    " kind INTEGER NOT NULL CHECK(kind IN (1, 2, 3)),"
    " value BLOB NOT NULL CHECK(length(value) BETWEEN 1 AND 1024),"
    " since INTEGER NOT NULL CHECK(since >= 0),"
    " until INTEGER NOT NULL CHECK(until >= 0),"
    " automatic INTEGER NOT NULL CHECK(automatic IN (0, 1)),"
    " reason BLOB NOT NULL CHECK(length(reason) <= 200),"
    " PRIMARY KEY(kind, value)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX ban_until ON ban(until) WHERE until > 0;"
    "CREATE TABLE failure("
    " user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,"
    " source BLOB NOT NULL CHECK(length(source) = 16),"
    " failures INTEGER NOT NULL CHECK(failures >= 1),"
    " last INTEGER NOT NULL CHECK(last >= 0),"
    " PRIMARY KEY(user_id, source)"
    ") STRICT, WITHOUT ROWID;",
    /* 4: who has to wait without a row of a user, a table of a fixed size; when codes were drawn */
    "CREATE TABLE wait("
    " at INTEGER PRIMARY KEY CHECK(at BETWEEN 0 AND 8191),"
    " tag BLOB NOT NULL CHECK(length(tag) = 16),"
    " last INTEGER NOT NULL CHECK(last >= 1),"
    " value INTEGER NOT NULL CHECK(value >= 0)"
    ") STRICT;"
    "ALTER TABLE draw ADD COLUMN at INTEGER NOT NULL DEFAULT 0;"
    "UPDATE draw SET at = unixepoch();"
    "CREATE INDEX draw_fruitless ON draw(at) WHERE good = -1;",
    /* 5: who was removed, and is no stranger who might come in without a code */
    "CREATE TABLE removed(name BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;"
    "INSERT INTO removed SELECT DISTINCT name FROM revoked WHERE name NOT IN"
    " (SELECT name FROM user);"
    "CREATE TRIGGER user_kept_in_mind AFTER DELETE ON user"
    " BEGIN INSERT OR IGNORE INTO removed(name) VALUES(old.name); END;",
    /* 6: what the broker is shown in place of a user's own login */
    "ALTER TABLE user ADD COLUMN login BLOB NOT NULL DEFAULT x'' CHECK(length(login) <= 1064);",
    /* 7: how often an administrator changed a user */
    "ALTER TABLE user ADD COLUMN edition INTEGER NOT NULL DEFAULT 0;",
};

_Static_assert(STORE_USER_MAX == 256 && STORE_BLOB_MAX == 168 && STORE_LOGIN_MAX == 1064 && STORE_BAN_VALUE_MAX == 1024 &&
                   STORE_BAN_REASON_MAX == 200 && THROTTLE_SIZE == 8192,
               "the schema's checks follow store.h");

int store_sqlite_upgrade(sqlite3 *db, int64_t from)
{
	char pragmas[96];
	int rc = SQLITE_OK;

	if (from == STORE_SQLITE_SCHEMA)
		return SQLITE_OK;
	for (int64_t i = from; i < STORE_SQLITE_SCHEMA && rc == SQLITE_OK; i++)
		rc = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return rc;
	(void)sqlite3_snprintf(sizeof pragmas, pragmas,
	                       "PRAGMA application_id=%d; PRAGMA user_version=%d;",
	                       STORE_SQLITE_APPLICATION, STORE_SQLITE_SCHEMA);
	return sqlite3_exec(db, pragmas, NULL, NULL, NULL);
}
