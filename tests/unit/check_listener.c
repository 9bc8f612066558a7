/* SPDX-License-Identifier: ISC */
#include "net/listener.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

static int option(int fd, int level, int which)
{
	int value = -1;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(fd, level, which, &value, &len), 0);
	return value;
}

static void expect_tuned(int fd, int keepalive_s)
{
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), keepalive_s);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), keepalive_s / 4 + 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static int accepted(int listening)
{
	struct pollfd p = {.fd = listening, .events = POLLIN};
	struct net_addr peer;
	int fd = -1;

	ck_assert_int_eq(poll(&p, 1, 30000), 1);
	ck_assert_int_eq(net_accept(listening, &fd, &peer), NET_ACCEPTED);
	return fd;
}

/* A listener of our own, or one that somebody else opened; IPv4 or IPv6: both ends of a connection
 * are told at once what is written, and find out when the other is gone. */
START_TEST(both_ends_are_tuned)
{
	struct net_addr at, bound;
	struct err e = {""};
	bool ours = _i % 2 == 0;

	ck_assert_int_eq(net_addr_numeric(_i < 2 ? "127.0.0.1" : "::1", 0, &at), 0);
	int listening =
	    ours ? net_listen(&at, &bound, &e) : socket(at.ss.ss_family, SOCK_STREAM, 0);
	if (_i >= 2 && listening < 0)
		return; /* no IPv6 here */
	ck_assert_msg(listening >= 0, "%s", e.text);
	if (!ours) {
		if (bind(listening, (const struct sockaddr *)&at.ss, at.len) != 0 && _i >= 2)
			return;
		ck_assert_int_eq(listen(listening, 8), 0);
		ck_assert_int_eq(net_adopt(listening, &bound, &e), 0);
	}
	int dialled = net_dial(&bound, 20, &e);
	ck_assert_msg(dialled >= 0, "%s", e.text);
	int fd = accepted(listening);
	expect_tuned(fd, 60);
	expect_tuned(dialled, 20);
	ck_assert(net_connected(dialled));
	ck_assert_int_eq(close(fd) | close(dialled) | close(listening), 0);
}
END_TEST

/* A listener that does not take anybody more, and then nobody at all. */
START_TEST(who_waits_is_not_connected)
{
	struct net_addr at, bound;
	struct err e = {""};
	int fds[64], n = 0;

	ck_assert_int_eq(net_addr_numeric("127.0.0.1", 0, &at), 0);
	int listening = net_listen(&at, &bound, &e);
	ck_assert_msg(listening >= 0, "%s", e.text);
	ck_assert_int_eq(listen(listening, 0), 0);
	do {
		fds[n] = net_dial(&bound, 0, &e);
		ck_assert_msg(fds[n] >= 0, "%s", e.text);
	} while (net_connected(fds[n++]) && n < 64);
	ck_assert_int_lt(n, 64);
	ck_assert_int_gt(n, 1);
	ck_assert_int_eq(close(listening), 0);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(close(fds[i]), 0);
	int refused = net_dial(&bound, 0, &e);
	if (refused < 0)
		return; /* told at once */
	ck_assert(!net_connected(refused));
	ck_assert_int_eq(net_dialled(refused, &e), -1);
	ck_assert_int_eq(close(refused), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listener");
	TCase *t = tcase_create("listener");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, both_ends_are_tuned, 0, 4);
	tcase_add_test(t, who_waits_is_not_connected);
	suite_add_tcase(s, t);
	return suite_run(s);
}
