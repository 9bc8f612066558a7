/* SPDX-License-Identifier: ISC */
/* Options are set where the socket listens, since what it accepts takes them over: that spares
 * calls for each connection. Nothing here blocks. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <unistd.h>

enum { BACKLOG = 4096, CLIENT_KEEPALIVE_S = 60 };

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* No delay, and TCP keep-alive after so many seconds, 0 none. Where it listens, what it accepts has
 * the same, which spares five calls a connection. */
static void tune(int fd, unsigned keepalive_s)
{
	/* None of these is worth a failure: the connection works without them. */
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (keepalive_s == 0)
		return;
	(void)set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)keepalive_s);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)(keepalive_s / 4 + 1));
	(void)set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

/* What is to be done about it. */
static const char *cure(int why)
{
	switch (why) {
	case EADDRINUSE:
		return " (ss -ltnp tells who has the port)";
	case EADDRNOTAVAIL:
		return " (no interface of this machine has the address)";
	case EACCES:
		return " (a port below 1024 takes CAP_NET_BIND_SERVICE, or a socket of systemd)";
	default:
		return "";
	}
}

int net_listen(const struct net_addr *at, struct net_addr *bound, struct err *e)
{
	char text[NET_ADDR_TEXT];
	int fd = socket(at->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(e, "no socket for %s", net_addr_text(at, text));
	(void)set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	tune(fd, CLIENT_KEEPALIVE_S);
	if (at->ss.ss_family == AF_INET6)
		(void)set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	bound->len = sizeof bound->ss;
	if (bind(fd, (const struct sockaddr *)&at->ss, at->len) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound->ss, &bound->len) != 0) {
		err_errno(e, "cannot listen on %s%s", net_addr_text(at, text), cure(errno));
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int get(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

int net_adopt(int fd, struct net_addr *bound, struct err *e)
{
	bound->len = sizeof bound->ss;
	if (getsockname(fd, (struct sockaddr *)&bound->ss, &bound->len) != 0)
		return err_errno(e, "descriptor %d", fd);
	if ((bound->ss.ss_family != AF_INET && bound->ss.ss_family != AF_INET6) ||
	    get(fd, SO_TYPE) != SOCK_STREAM)
		return err_set(e, "it is no TCP socket");
	if (get(fd, SO_ACCEPTCONN) != 1)
		return err_set(e, "it does not listen (Accept=no is needed in the socket unit)");
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return err_errno(e, "descriptor %d", fd);
	tune(fd, CLIENT_KEEPALIVE_S);
	(void)listen(fd, BACKLOG); /* whatever the backlog was */
	return 0;
}

enum net_accept net_accept(int listening, int *fd, struct net_addr *peer)
{
	peer->len = sizeof peer->ss;
	*fd = accept4(listening, (struct sockaddr *)&peer->ss, &peer->len,
	              SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (*fd >= 0)
		return NET_ACCEPTED;
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return NET_NO_DESCRIPTORS;
	default:
		return NET_NONE;
	}
}

int net_dial(const struct net_addr *to, unsigned keepalive_s, struct err *e)
{
	char text[NET_ADDR_TEXT];
	int fd = socket(to->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(e, "no socket for %s", net_addr_text(to, text));
	tune(fd, keepalive_s);
	if (connect(fd, (const struct sockaddr *)&to->ss, to->len) == 0 || errno == EINPROGRESS)
		return fd;
	err_errno(e, "%s", net_addr_text(to, text));
	(void)close(fd);
	return -1;
}

bool net_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;

	return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

int net_dialled(int fd, struct err *e)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return err_errno(e, "getsockopt");
	if (error == 0)
		return 0;
	errno = error;
	return err_errno(e, "connect");
}
