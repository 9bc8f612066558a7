/* SPDX-License-Identifier: ISC */
/* The count of passes, and the steps of SQLite: each statement, and below it each write, sync,
 * truncation and removal, which come here since a program's own functions go before those of its
 * libraries. Only what concerns files counts: pipes and sockets are not written so. */
#include "crash.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	unsigned long at; /* 0: never */
	const char *step, *from;
	atomic_bool counts;
	atomic_ulong passes;
} crash;

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("CRASH_AT");

	crash.at = at == NULL ? 0 : strtoul(at, NULL, 10);
	crash.step = getenv("CRASH_AT_STEP");
	crash.from = getenv("CRASH_FROM");
	atomic_store(&crash.counts, crash.from == NULL);
}

/* The signal comes before the call returns, so no thread that gets here goes on. */
void crash_pass(const char *step)
{
	if (crash.from != NULL && strcmp(step, crash.from) == 0)
		atomic_store(&crash.counts, true);
	if (crash.at == 0 || !atomic_load(&crash.counts) ||
	    (crash.step != NULL && strcmp(step, crash.step) != 0))
		return;
	if (atomic_fetch_add(&crash.passes, 1) + 1 != crash.at)
		return;
	(void)dprintf(STDERR_FILENO, "crash step=%s\n", step);
	(void)kill(getpid(), SIGKILL);
}

CRASH_STEP(int, sqlite3_step, (sqlite3_stmt * st), (st))
CRASH_STEP(int, sqlite3_exec,
           (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *ctx,
            char **error),
           (db, sql, row, ctx, error))

/* Torn: a power cut may leave the first half of a write. */
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
	crash_pass("pwrite64");
	ssize_t first = syscall(SYS_pwrite64, fd, bytes, n / 2, at);
	if (first < 0 || (size_t)first < n / 2)
		return first;
	crash_pass("pwrite64");
	ssize_t rest =
	    syscall(SYS_pwrite64, fd, (const char *)bytes + first, n - n / 2, at + first);
	crash_pass("pwrite64");
	return rest < 0 ? (first == 0 ? rest : first) : first + rest;
}

static int passing(const char *step, long number, long a, long b)
{
	crash_pass(step);
	int result = (int)syscall(number, a, b);
	crash_pass(step);
	return result;
}

int fdatasync(int fd)
{
	return passing("fdatasync", SYS_fdatasync, fd, 0);
}

int fsync(int fd)
{
	return passing("fsync", SYS_fsync, fd, 0);
}

int ftruncate64(int fd, off64_t size)
{
	return passing("ftruncate64", SYS_ftruncate, fd, size);
}

int unlink(const char *path)
{
	return passing("unlink", SYS_unlink, (long)path, 0);
}
