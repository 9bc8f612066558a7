/* SPDX-License-Identifier: ISC */
/* What a file is gets asked of the opened descriptor, never of the path, so nobody can exchange it
 * in between; links are followed, since that is how keys are mounted. Contents go straight into the
 * caller's buffer, which wipes itself. A file that is made appears under its name only when it is
 * whole and durable. */
#include "sys/file.h"

#include "base/secret.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384, QUOTE = 160, ENTRY_MAX = 1024 };

/* Turns "@NAME" into the credential's path; anything else stays what it is. */
static int resolve(const char *path, char *out, size_t size, struct err *e)
{
	char quote[QUOTE];
	int n;

	if (path[0] != '@') {
		n = snprintf(out, size, "%s", path);
	} else {
		const char *folder = secure_getenv("CREDENTIALS_DIRECTORY"), *name = path + 1;
		if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
		    strcmp(name, "..") == 0)
			return err_set(e, "\"%s\" names no credential",
			               text_escape(slice_str(path), quote, sizeof quote));
		if (folder == NULL || *folder == '\0')
			return err_set(
			    e,
			    "%s is a systemd credential, and this program was given none "
			    "(LoadCredential= in the unit)",
			    text_escape(slice_str(path), quote, sizeof quote));
		n = snprintf(out, size, "%s/%s", folder, name);
	}
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return err_errno(e, "%s", text_escape(slice_str(path), quote, sizeof quote));
	}
	return 0;
}

struct user_text {
	char text[64];
};

/* "mqsecproxy (996)": who is woken at night does not know the number. */
static struct user_text user_text(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char room[ENTRY_MAX];
	struct user_text u;

	if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found != NULL)
		(void)snprintf(u.text, sizeof u.text, "%.32s (%lu)", found->pw_name,
		               (unsigned long)uid);
	else
		(void)snprintf(u.text, sizeof u.text, "%lu", (unsigned long)uid);
	return u;
}

static int check_secret(const struct stat *st, const char *path, struct err *e)
{
	if (!S_ISREG(st->st_mode))
		return err_set(e, "%s is not a regular file", path);
	/* Root, who may read it anyway, checks files on behalf of the service's user. */
	if (st->st_uid != 0 && geteuid() != 0 && st->st_uid != geteuid())
		return err_set(e,
		               "%s belongs to user %s, but a secret must belong to root or to the "
		               "user who reads it, %s: chown it",
		               path, user_text(st->st_uid).text, user_text(geteuid()).text);
	/* The cure takes nothing from the owner's group: through it the service reads its keys. */
	if ((st->st_mode & 0037) != 0)
		return err_set(e, "%s has mode %04o, others could use the secret: chmod g-wx,o= %s",
		               path, (unsigned)(st->st_mode & 07777), path);
	return 0;
}

static ssize_t read_some(int fd, void *to, size_t n)
{
	ssize_t got;

	do
		got = read(fd, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* A full buffer is an error only if there is one byte more. */
static int read_beyond(int fd, const char *path, size_t cap, struct err *e)
{
	uint8_t one = 0;
	ssize_t got = read_some(fd, &one, 1);

	secret_wipe(&one, 1);
	if (got < 0)
		return err_errno(e, "%s", path);
	return got == 0 ? 0 : err_set(e, "%s is larger than %zu bytes", path, cap);
}

/* One piece of memory for a file whose size is known: a long list is not copied while it grows.
 * What the size says is only a hint. */
static void make_room(const struct stat *st, struct buf *out)
{
	if (S_ISREG(st->st_mode) && st->st_size > 0 &&
	    (uintmax_t)st->st_size + CHUNK <= buf_room(out))
		(void)buf_reserve(out, (size_t)st->st_size + CHUNK);
}

static int read_all(int fd, const char *path, struct buf *out, struct err *e)
{
	for (;;) {
		size_t want = buf_room(out) < CHUNK ? buf_room(out) : CHUNK;
		if (want == 0)
			return read_beyond(fd, path, out->cap, e);
		uint8_t *to = buf_reserve(out, want);
		if (to == NULL)
			return err_set(e, "%s: out of memory", path);
		ssize_t got = read_some(fd, to, want);
		if (got < 0)
			return err_errno(e, "%s", path);
		if (got == 0)
			return 0;
		buf_added(out, (size_t)got);
	}
}

/* Between two looks at it somebody wrote, so what was read may be a part of each. */
static int check_still(int fd, const char *path, const struct stat *before, struct err *e)
{
	struct stat now;

	if (fstat(fd, &now) != 0)
		return err_errno(e, "%s", path);
	if (!S_ISREG(now.st_mode) ||
	    (now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	     now.st_mtim.tv_nsec == before->st_mtim.tv_nsec))
		return 0;
	return err_set(
	    e, "%s was changed while it was read: write it under another name and rename it", path);
}

int file_read(void *ctx, const char *path, bool secret, struct buf *out, struct err *e)
{
	char full[PATH_MAX];
	size_t before = out->len;

	(void)ctx;
	if (resolve(path, full, sizeof full, e) != 0)
		return -1;
	/* Without O_NONBLOCK a pipe in the place of a secret would be waited for before it is
	 * refused. */
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY | (secret ? O_NONBLOCK : 0));
	if (fd < 0 && errno == EACCES)
		return err_set(e, "%s: Permission denied for user %s (namei -l shows where)", full,
		               user_text(geteuid()).text);
	if (fd < 0)
		return err_errno(e, "%s", full);
	struct stat st;
	int result = fstat(fd, &st) != 0 ? err_errno(e, "%s", full) : 0;
	if (result == 0 && secret)
		result = check_secret(&st, full, e);
	if (result == 0) {
		make_room(&st, out);
		result = read_all(fd, full, out, e);
	}
	if (result == 0)
		result = check_still(fd, full, &st, e);
	(void)close(fd);
	if (result != 0 && out->p != NULL) {
		secret_wipe(out->p + out->start + before, out->len - before);
		out->len = before;
		if (before == 0)
			buf_free(out);
	}
	return result;
}

int64_t file_written(const char *path)
{
	struct stat st;

	return path[0] != '@' && stat(path, &st) == 0 ? (int64_t)st.st_mtime : -1;
}

/* A folder that is not there holds no file; one that cannot be read might. */
static int unreadable(const char *path, int why)
{
	(void)path;
	return why != ENOENT && why != ENOTDIR;
}

int file_glob(void *ctx, const char *pattern, int (*found)(void *found_ctx, const char *path),
              void *found_ctx, struct err *e)
{
	glob_t g = {0};
	int result = 0;

	(void)ctx;
	switch (glob(pattern, 0, unreadable, &g)) {
	case 0:
		for (size_t i = 0; i < g.gl_pathc && result == 0; i++)
			result = found(found_ctx, g.gl_pathv[i]);
		break;
	case GLOB_NOMATCH:
		break;
	case GLOB_NOSPACE:
		result = err_set(e, "%s: out of memory", pattern);
		break;
	default:
		result = err_set(e, "%s: a folder on the way cannot be read", pattern);
	}
	globfree(&g);
	return result;
}

static int write_all(int fd, struct slice s)
{
	while (s.n != 0) {
		ssize_t put = write(fd, s.p, s.n);
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0)
			s = slice_from(s, (size_t)put);
	}
	return 0;
}

static int sync_folder(const char *path)
{
	char copy[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(copy, path, n + 1);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int result = fsync(fd), why = errno;
	(void)close(fd);
	errno = why;
	return result;
}

/* Everything that can fail is done before the file has its name, but for the folder's sync. */
static int fill_and_name(int fd, const char *temporary, const char *path, unsigned mode,
                         unsigned gid, struct slice content)
{
	if (gid != (gid_t)-1 && fchown(fd, (uid_t)-1, gid) != 0)
		return -1;
	if (fchmod(fd, (mode_t)mode) != 0 || write_all(fd, content) != 0 || fsync(fd) != 0)
		return -1;
	if (link(temporary, path) != 0)
		return -1;
	if (sync_folder(path) == 0)
		return 0;
	int why = errno;
	(void)unlink(path);
	errno = why;
	return -1;
}

int file_create(const char *path, unsigned mode, unsigned gid, struct slice content, struct err *e)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);

	if (n < 0 || (size_t)n >= sizeof temporary)
		return err_set(e, "the name of the file to make is too long");
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "cannot make %s", path);
	int result = fill_and_name(fd, temporary, path, mode, gid, content);
	int why = errno;
	(void)close(fd);
	(void)unlink(temporary);
	errno = why;
	if (result != 0)
		(void)(why == EEXIST ? err_set(e, "%s exists already", path)
		                     : err_errno(e, "cannot make %s", path));
	return result;
}
