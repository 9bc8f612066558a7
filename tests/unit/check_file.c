/* SPDX-License-Identifier: ISC */
#include "sys/file.h"
#include "tests/support/suite.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct mode_row {
	unsigned mode;
	int result;
};

static const struct mode_row modes[] = {
    {0400, 0},  {0600, 0},  {0640, 0},  {0440, 0},  {0700, 0},  {0660, -1},
    {0610, -1}, {0604, -1}, {0602, -1}, {0601, -1}, {0644, -1}, {0777, -1},
};

START_TEST(secret_mode)
{
	const char *path = scratch_file("key", "hush", modes[_i].mode);
	struct buf b = {.cap = 100};
	struct err e = {""};

	ck_assert_int_eq(file_read(NULL, path, true, &b, &e), modes[_i].result);
	if (modes[_i].result == 0) {
		expect_bytes(buf_view(&b), slice_str("hush"), "content");
	} else {
		char want[16];
		(void)snprintf(want, sizeof want, "mode %04o", modes[_i].mode);
		ck_assert_uint_eq(b.len, 0);
		ck_assert_ptr_nonnull(strstr(e.text, want));
		ck_assert_ptr_nonnull(strstr(e.text, "chmod g-wx,o= "));
		ck_assert_ptr_null(strstr(e.text, "hush"));
	}
	buf_free(&b);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(file_read(NULL, path, false, &b, &e), 0);
	buf_free(&b);
}
END_TEST

/* Root checks files on behalf of the service's user; anybody else trusts root and himself only. */
START_TEST(secret_owner)
{
	const char *path = scratch_file("key", "hush", 0640);
	struct buf b = {.cap = 100};
	struct err e = {""};

	if (geteuid() != 0)
		return; /* nobody else can be given a file */
	ck_assert_int_eq(chown(path, 1234, 65534), 0);
	ck_assert_int_eq(chown(scratch_folder(), 65534, 65534), 0);
	ck_assert_int_eq(file_read(NULL, path, true, &b, &e), 0);
	buf_free(&b);
	/* The test has a process of its own. */
	ck_assert(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	ck_assert_int_eq(file_read(NULL, path, true, &b, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "1234"));
	ck_assert_int_eq(file_read(NULL, path, false, &b, &e), 0);
	buf_free(&b);
}
END_TEST

START_TEST(secret_kind)
{
	const char *pipe_path = scratch_path("pipe"), *link_path = scratch_path("link");
	struct buf b = {.cap = 100};
	struct err e = {""};

	ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
	ck_assert_int_eq(file_read(NULL, pipe_path, true, &b, &e), -1); /* and does not wait */
	ck_assert_int_eq(file_read(NULL, scratch_folder(), true, &b, &e), -1);
	ck_assert_int_eq(file_read(NULL, scratch_folder(), false, &b, &e), -1);
	ck_assert_int_eq(symlink(scratch_file("key", "hush", 0600), link_path), 0);
	ck_assert_int_eq(file_read(NULL, link_path, true, &b, &e), 0);
	expect_bytes(buf_view(&b), slice_str("hush"), "through a link");
	buf_free(&b);
	scratch_file("key", "hush", 0644);
	ck_assert_int_eq(file_read(NULL, link_path, true, &b, &e), -1);
}
END_TEST

struct cap_row {
	size_t size, cap;
	int result;
};

static const struct cap_row caps[] = {{0, 0, 0},           {1, 0, -1},         {10, 10, 0},
                                      {11, 10, -1},        {16384, 16384, 0},  {16385, 16384, -1},
                                      {50000, 1 << 20, 0}, {50000, 49999, -1}, {50000, 50000, 0}};

START_TEST(bounded)
{
	const struct cap_row *row = &caps[_i];
	struct buf b = {.cap = row->cap + 3};
	struct err e = {""};
	char *content = malloc(row->size + 1);

	ck_assert_ptr_nonnull(content);
	memset(content, 'x', row->size);
	content[row->size] = '\0';
	ck_assert_int_eq(buf_append(&b, slice_str("abc")), 0);
	ck_assert_int_eq(file_read(NULL, scratch_file("f", content, 0600), true, &b, &e),
	                 row->result);
	ck_assert_uint_eq(b.len, row->result == 0 ? row->size + 3 : 3);
	ck_assert(memcmp(buf_view(&b).p, "abc", 3) == 0);
	if (row->result == 0)
		ck_assert(memcmp(buf_view(&b).p + 3, content, row->size) == 0);
	buf_free(&b);
	free(content);
}
END_TEST

/* Somebody goes on writing until he is told to end, or for long. */
static _Noreturn void write_on(const char *path)
{
	enum { TIMES = 1 << 20 };
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	for (int i = 0; i < TIMES && fd >= 0 && write(fd, "x\n", 2) == 2; i++)
		continue;
	_exit(0);
}

/* What was read while it was written is neither the old nor the new. */
START_TEST(written_meanwhile)
{
	const char *path = scratch_file("list", "a\n", 0600);
	struct buf b = {.cap = 4 << 20};
	struct err e = {""};
	int result = 0;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		write_on(path);
	while (result == 0 && waitpid(child, NULL, WNOHANG) == 0) {
		result = file_read(NULL, path, false, &b, &e);
		ck_assert_uint_eq(b.len == 0, result != 0);
		buf_free(&b);
	}
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	ck_assert_int_eq(result, -1);
	ck_assert_ptr_nonnull(strstr(e.text, "was changed while it was read"));
	ck_assert_int_eq(file_read(NULL, path, false, &b, &e), 0);
	buf_free(&b);
}
END_TEST

/* Whoever is called at night does not know who runs this. */
START_TEST(not_for_this_user)
{
	enum { SOMEBODY = 65534 };
	struct buf b = {.cap = 100};
	struct err e = {""};
	char want[80];
	const char *path = scratch_file("theirs", "x", 0);

	bool root = geteuid() == 0;
	if (root)
		ck_assert_int_eq(seteuid(SOMEBODY), 0);
	const struct passwd *entry = getpwuid(geteuid());
	ck_assert_ptr_nonnull(entry);
	(void)snprintf(want, sizeof want, ": Permission denied for user %s (%lu)", entry->pw_name,
	               (unsigned long)geteuid());
	int result = file_read(NULL, path, true, &b, &e);
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(result, -1);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	ck_assert_msg(strstr(e.text, want) != NULL, "%s", e.text);
}
END_TEST

START_TEST(missing)
{
	struct buf b = {.cap = 100};
	struct err e = {""};

	ck_assert_int_eq(file_read(NULL, scratch_path("none"), false, &b, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
	ck_assert_ptr_nonnull(strstr(e.text, scratch_path("none")));
}
END_TEST

struct credential_row {
	const char *path;
	int result;
};

static const struct credential_row credentials[] = {
    {"@key", 0}, {"@", -1}, {"@.", -1}, {"@..", -1}, {"@../key", -1}, {"@a/b", -1}, {"@none", -1},
};

START_TEST(credential)
{
	struct buf b = {.cap = 100};
	struct err e = {""};

	scratch_file("key", "hush", 0400);
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	ck_assert_int_eq(file_read(NULL, credentials[_i].path, true, &b, &e), -1);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", scratch_folder(), 1), 0);
	ck_assert_int_eq(file_read(NULL, credentials[_i].path, true, &b, &e),
	                 credentials[_i].result);
	if (credentials[_i].result == 0)
		expect_bytes(buf_view(&b), slice_str("hush"), "credential");
	buf_free(&b);
}
END_TEST

struct found {
	char names[64];
	int stop_after;
};

static int found(void *ctx, const char *path)
{
	struct found *f = ctx;

	strncat(f->names, strrchr(path, '/'), sizeof f->names - strlen(f->names) - 1);
	return f->stop_after > 0 && --f->stop_after == 0 ? -1 : 0;
}

START_TEST(globbing)
{
	struct found all = {.names = ""}, two = {.stop_after = 2}, none = {.names = ""};

	scratch_file("b.conf", "", 0600);
	scratch_file("a.conf", "", 0600);
	scratch_file("c.conf", "", 0600);
	scratch_file("d.conf~", "", 0600);
	ck_assert_int_eq(file_glob(NULL, scratch_path("*.conf"), found, &all, NULL), 0);
	ck_assert_str_eq(all.names, "/a.conf/b.conf/c.conf");
	ck_assert_int_eq(file_glob(NULL, scratch_path("*.conf"), found, &two, NULL), -1);
	ck_assert_str_eq(two.names, "/a.conf/b.conf");
	ck_assert_int_eq(file_glob(NULL, scratch_path("*.none"), found, &none, NULL), 0);
	ck_assert_int_eq(file_glob(NULL, scratch_path("none.d/*.conf"), found, &none, NULL), 0);
	ck_assert_str_eq(none.names, "");
}
END_TEST

static const unsigned create_modes[] = {0600, 0640, 0644, 0400};

START_TEST(create)
{
	const char *path = scratch_path("new");
	struct stat st;
	struct buf b = {.cap = 100};

	(void)umask(_i % 2 == 0 ? 0 : 0777);
	ck_assert_int_eq(file_create(path, create_modes[_i], (gid_t)-1, slice_str("content"), NULL),
	                 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, create_modes[_i]);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_eq(file_read(NULL, path, false, &b, NULL), 0);
	expect_bytes(buf_view(&b), slice_str("content"), "content");
	buf_free(&b);
	ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

START_TEST(create_group)
{
	const char *path = scratch_path("new");
	struct stat st;

	ck_assert_int_eq(file_create(path, 0640, getegid(), slice_str("x"), NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_gid, getegid());
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(file_create(scratch_path("other"), 0640, 65534, slice_str("x"), NULL), 0);
	ck_assert_int_eq(stat(scratch_path("other"), &st), 0);
	ck_assert_uint_eq(st.st_gid, 65534);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(create_never_replaces)
{
	const char *path = scratch_file("old", "old", 0600);
	struct err e = {""};
	struct buf b = {.cap = 100};

	ck_assert_int_eq(file_create(path, 0600, (gid_t)-1, slice_str("new"), &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "exists already"));
	ck_assert_int_eq(file_read(NULL, path, true, &b, NULL), 0);
	expect_bytes(buf_view(&b), slice_str("old"), "content");
	buf_free(&b);
	ck_assert_int_eq(symlink("nowhere", scratch_path("link")), 0);
	ck_assert_int_eq(file_create(scratch_path("link"), 0600, (gid_t)-1, slice_str("new"), &e),
	                 -1);
	ck_assert_uint_eq(scratch_count(), 2);
}
END_TEST

START_TEST(create_leaves_nothing)
{
	const struct rlimit little = {4, 4};
	struct err e = {""};

	ck_assert_int_eq(file_create(scratch_path("none/new"), 0600, (gid_t)-1, slice_str("x"), &e),
	                 -1);
	ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
	ck_assert_int_eq(
	    file_create(scratch_path("new"), 0600, (gid_t)-1, slice_str("too long"), &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "too large"));
	ck_assert_uint_eq(scratch_count(), 0);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, secret_mode, 0, ROWS(modes));
	tcase_add_test(t, secret_owner);
	tcase_add_test(t, secret_kind);
	tcase_add_loop_test(t, bounded, 0, ROWS(caps));
	tcase_add_test(t, written_meanwhile);
	tcase_add_test(t, not_for_this_user);
	tcase_add_test(t, missing);
	tcase_add_loop_test(t, credential, 0, ROWS(credentials));
	tcase_add_test(t, globbing);
	tcase_add_loop_test(t, create, 0, ROWS(create_modes));
	tcase_add_test(t, create_group);
	tcase_add_test(t, create_never_replaces);
	tcase_add_test(t, create_leaves_nothing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
