/* SPDX-License-Identifier: ISC */
/* check-config --probe: whether the brokers are there, as this machine sees them. */
#include "ctl/ctl.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0, or -1 with errno. */
static int connect_within(const struct addrinfo *a, int timeout_ms)
{
	int error = 0, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof error;

	if (fd < 0)
		return -1;
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
		error = errno;
		if (error == EINPROGRESS)
			error = poll(&wait, 1, timeout_ms) == 1 &&
			                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0
			            ? error
			            : ETIMEDOUT;
	}
	(void)close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* One configured address: a name may stand for several. */
static bool answers(const struct conf_broker *b, const struct conf_address *at)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	char service[8];
	bool reached = false;

	(void)snprintf(service, sizeof service, "%u", at->port);
	int r = getaddrinfo(at->host, service, &hints, &list);
	for (const struct addrinfo *a = list; r == 0 && a != NULL && !reached; a = a->ai_next)
		reached = connect_within(a, (int)b->connect_timeout_ms) == 0;
	(void)fprintf(stderr, "broker %s: %s port %u: %s\n", b->name, at->host, at->port,
	              r != 0    ? gai_strerror(r)
	              : reached ? "connected"
	                        : strerror(errno));
	if (r == 0)
		freeaddrinfo(list);
	return reached;
}

int ctl_probe(const struct conf *conf)
{
	int result = CTL_OK;

	for (size_t i = 0; i < conf->n_brokers; i++) {
		const struct conf_broker *b = &conf->brokers[i];
		bool reached = false;
		for (size_t k = 0; k < b->n_addresses; k++)
			reached = answers(b, &b->addresses[k]) || reached;
		if (!reached)
			result = CTL_FAILED;
	}
	return result;
}
