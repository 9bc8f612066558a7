/* SPDX-License-Identifier: ISC */
#include "sys/activation.h"
#include "sys/notify.h"
#include "tests/support/suite.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A socket that listens where NOTIFY_SOCKET says. */
static int manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	ck_assert_uint_lt(n, sizeof at.sun_path);
	memcpy(at.sun_path, name, n);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	socklen_t len = (socklen_t)(sizeof at.sun_family + n + (name[0] == '/'));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *heard(int fd)
{
	static char text[2000];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void clear(void)
{
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
}

START_TEST(told)
{
	char abstract[64];
	struct notify n;

	(void)snprintf(abstract, sizeof abstract, "@mqsecproxy-check-%ld", (long)getpid());
	int fd = manager(_i == 0 ? scratch_path("notify") : abstract);
	notify_open(&n);
	notify_say(&n, "READY=%d\nSTATUS=%s", 1, "serving");
	ck_assert_str_eq(heard(fd), "READY=1\nSTATUS=serving");
	struct timespec before, after;
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	notify_reloading(&n);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	uint64_t us = 0;
	ck_assert_int_eq(sscanf(heard(fd), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &us), 1);
	/* systemd takes an earlier time than that of its own order for another reload's. */
	ck_assert_uint_ge(us, (uint64_t)before.tv_sec * 1000000 + (uint64_t)before.tv_nsec / 1000);
	ck_assert_uint_le(us, (uint64_t)after.tv_sec * 1000000 + (uint64_t)after.tv_nsec / 1000);
	notify_close(&n);
	notify_say(&n, "STOPPING=1");
	ck_assert_str_eq(heard(fd), "");
	(void)close(fd);
}
END_TEST

static const char *const nobody[] = {NULL, "", "/", "@", "relative", "vsock:2:1", "/none/such"};

START_TEST(nobody_to_tell)
{
	struct notify n;

	if (nobody[_i] != NULL)
		(void)setenv("NOTIFY_SOCKET", nobody[_i], 1);
	notify_open(&n);
	notify_say(&n, "READY=1");
	notify_reloading(&n);
	notify_close(&n);
}
END_TEST

START_TEST(too_long_a_name)
{
	char name[sizeof((struct sockaddr_un *)0)->sun_path + 1];
	struct notify n;

	memset(name, 'x', sizeof name);
	name[0] = '/';
	name[sizeof name - 1] = '\0';
	(void)setenv("NOTIFY_SOCKET", name, 1);
	notify_open(&n);
	ck_assert_int_eq(n.fd, -1);
}
END_TEST

/* A flood of messages that nobody reads does not block. */
START_TEST(deaf)
{
	int fd = manager(scratch_path("deaf"));
	struct notify n;

	notify_open(&n);
	for (int i = 0; i < 10000; i++)
		notify_say(&n, "WATCHDOG=1");
	ck_assert_str_eq(heard(fd), "WATCHDOG=1");
	notify_close(&n);
	(void)close(fd);
}
END_TEST

struct watchdog_row {
	const char *usec, *pid; /* "self": this process */
	uint64_t ms;
};

static const struct watchdog_row watchdogs[] = {
    {"30000000", NULL, 30000},
    {"30000000", "self", 30000},
    {"30000000", "1", 0},
    {"30000000", "", 0},
    {"0", NULL, 0},
    {"-1", NULL, 0},
    {"1e9", NULL, 0},
    {NULL, "self", 0},
};

START_TEST(watchdog)
{
	const struct watchdog_row *row = &watchdogs[_i];
	char pid[24];
	struct notify n;

	(void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
	int fd = manager(scratch_path("watchdog"));
	if (row->usec != NULL)
		(void)setenv("WATCHDOG_USEC", row->usec, 1);
	if (row->pid != NULL)
		(void)setenv("WATCHDOG_PID", strcmp(row->pid, "self") == 0 ? pid : row->pid, 1);
	notify_open(&n);
	ck_assert_uint_eq(n.watchdog_ms, row->ms);
	notify_close(&n);
	(void)close(fd);
}
END_TEST

struct passed_row {
	const char *fds, *pid, *names;
	int result;
	size_t n;
	const char *first, *last;
};

static const struct passed_row passed[] = {
    {NULL, NULL, NULL, 0, 0, NULL, NULL},
    {"2", NULL, "a:b", 0, 0, NULL, NULL},
    {"2", "1", "a:b", 0, 0, NULL, NULL},
    {"2", "self", "a:b", 0, 2, "a", "b"},
    {"2", "self", "same:same", 0, 2, "same", "same"},
    {"1", "self", NULL, 0, 1, "unknown", "unknown"},
    {"2", "self", ":b", 0, 2, "", "b"},
    {"0", "self", "", 0, 0, NULL, NULL},
    {"2", "self", "a", -1, 0, NULL, NULL},
    {"2", "self", "a:b:c", -1, 0, NULL, NULL},
    {"257", "self", NULL, -1, 0, NULL, NULL},
    {"-1", "self", NULL, -1, 0, NULL, NULL},
    {"2 ", "self", "a:b", -1, 0, NULL, NULL},
    {"2", "me", "a:b", -1, 0, NULL, NULL},
};

START_TEST(passed_on)
{
	const struct passed_row *row = &passed[_i];
	struct activation a;
	struct err e = {""};
	char pid[24];

	(void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
	if (row->fds != NULL)
		(void)setenv("LISTEN_FDS", row->fds, 1);
	if (row->pid != NULL)
		(void)setenv("LISTEN_PID", strcmp(row->pid, "self") == 0 ? pid : row->pid, 1);
	if (row->names != NULL)
		(void)setenv("LISTEN_FDNAMES", row->names, 1);
	ck_assert_int_eq(activation_read(&a, &e), row->result);
	ck_assert_int_eq(e.text[0] != '\0', row->result != 0);
	ck_assert_uint_eq(a.n, row->n);
	if (row->n != 0) {
		ck_assert_str_eq(a.name[0], row->first);
		ck_assert_str_eq(a.name[row->n - 1], row->last);
	}
	activation_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_checked_fixture(t, clear, clear);
	tcase_add_loop_test(t, told, 0, 2);
	tcase_add_loop_test(t, nobody_to_tell, 0, (int)(sizeof nobody / sizeof nobody[0]));
	tcase_add_test(t, too_long_a_name);
	tcase_add_test(t, deaf);
	tcase_add_loop_test(t, watchdog, 0, (int)(sizeof watchdogs / sizeof watchdogs[0]));
	tcase_add_loop_test(t, passed_on, 0, (int)(sizeof passed / sizeof passed[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
