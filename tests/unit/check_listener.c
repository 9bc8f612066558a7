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
	ck_assert_int_eq(close(fd) | close(dialled) | close(listening), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listener");
	TCase *t = tcase_create("listener");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, both_ends_are_tuned, 0, 4);
	suite_add_tcase(s, t);
	return suite_run(s);
}
