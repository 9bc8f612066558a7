/* SPDX-License-Identifier: ISC */
#include "sys/privs.h"
#include "tests/support/suite.h"
#include "tests/unit/scratch.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own: what is given up does not come back. Returns its exit status; the steps
 * are numbered. */
static int in_child(int (*steps)(void))
{
	int status = 0;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(steps());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int hardened(void)
{
	struct rlimit core;
	struct err e;

	if (privs_harden(&e) != 0)
		return 1;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 2;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

START_TEST(harden)
{
	ck_assert_int_eq(in_child(hardened), 0);
}
END_TEST

static int becomes_owner_of_folder(void)
{
	struct err e;
	gid_t groups[8] = {4242};

	if (setgroups(1, groups) != 0)
		return 7;
	if (chown(scratch_folder(), 65533, 65534) != 0)
		return 1;
	if (privs_become_owner(scratch_path("state.db"), &e) != 0)
		return 2;
	if (getuid() != 65533 || geteuid() != 65533 || getgid() != 65534 || getegid() != 65534)
		return 3;
	if (getgroups(8, groups) != 0)
		return 4;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return 5;
	return privs_become_owner("/", &e) == 0 && getuid() == 65533 ? 0 : 6;
}

static int becomes_owner_of_file(void)
{
	const char *path = scratch_file("state.db", "", 0600);

	if (chown(scratch_folder(), 65533, 65533) != 0 || chown(path, 65532, 65531) != 0)
		return 1;
	if (privs_become_owner(path, NULL) != 0)
		return 2;
	return getuid() == 65532 && getgid() == 65531 ? 0 : 3;
}

static int stays_root(void)
{
	struct err e = {""};

	if (privs_become_owner(scratch_path("state.db"), &e) != 0 || geteuid() != 0)
		return 1;
	if (privs_become_owner(scratch_path("none/state.db"), &e) != -1)
		return 2;
	return e.text[0] != '\0' ? 0 : 3;
}

static int stays_who_it_is(void)
{
	uid_t before = geteuid();

	return privs_become_owner("/", NULL) == 0 && geteuid() == before ? 0 : 1;
}

/* Who is not root changes nothing; the other rows need root. */
static int (*const owners[])(void) = {stays_who_it_is, becomes_owner_of_folder,
                                      becomes_owner_of_file, stays_root};

START_TEST(become_owner)
{
	ck_assert_int_eq(in_child(owners[_i]), 0);
}
END_TEST

static int raised(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	rlim_t hard = limit.rlim_max;
	limit.rlim_cur = 32;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 2;
	if (privs_raise_descriptors() != hard)
		return 3;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == hard ? 0 : 4;
}

START_TEST(descriptors)
{
	ck_assert_int_eq(in_child(raised), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("privs");
	TCase *t = tcase_create("privs");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_test(t, harden);
	tcase_add_loop_test(t, become_owner, 0,
	                    geteuid() == 0 ? (int)(sizeof owners / sizeof owners[0]) : 1);
	tcase_add_test(t, descriptors);
	suite_add_tcase(s, t);
	return suite_run(s);
}
