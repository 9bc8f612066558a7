/* SPDX-License-Identifier: ISC */
/* A process that holds keys gives away what it does not need: core files, debuggers of the same
 * user, and set-uid programs. */
#include "sys/privs.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int privs_harden(struct err *e)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_errno(e, "cannot forbid core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(e, "cannot make the process not dumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_errno(e, "cannot renounce new privileges");
	return 0;
}

/* stat() of path, or of its folder where there is no such path. */
static int stat_or_folder(const char *path, struct stat *st, struct err *e)
{
	char copy[PATH_MAX];
	size_t n = strlen(path);

	if (stat(path, st) == 0)
		return 0;
	if (errno != ENOENT || n >= sizeof copy)
		return err_errno(e, "%s", path);
	memcpy(copy, path, n + 1);
	const char *folder = dirname(copy);
	if (stat(folder, st) != 0)
		return err_errno(e, "%s", folder);
	return 0;
}

/* Groups first: without root they could not be changed any more. */
static int become(uid_t uid, gid_t gid, struct err *e)
{
	uid_t real, effective, saved;

	if (setgroups(0, NULL) != 0)
		return err_errno(e, "cannot give up the supplementary groups");
	if (setresgid(gid, gid, gid) != 0)
		return err_errno(e, "cannot become group %lu", (unsigned long)gid);
	if (setresuid(uid, uid, uid) != 0)
		return err_errno(e, "cannot become user %lu", (unsigned long)uid);
	if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid ||
	    saved != uid)
		return err_set(e, "the system did not make this user %lu", (unsigned long)uid);
	return 0;
}

int privs_become_owner(const char *path, struct err *e)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat_or_folder(path, &st, e) != 0)
		return -1;
	return st.st_uid == 0 ? 0 : become(st.st_uid, st.st_gid, e);
}

unsigned long privs_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	rlim_t soft = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	return (unsigned long)(setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft);
}
