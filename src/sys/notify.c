/* SPDX-License-Identifier: ISC */
/* The protocol of sd_notify(3) by hand: libsystemd would bring four more libraries for it. */
#include "sys/notify.h"

#include "base/text.h"
#include "sys/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1000 };

/* 0, or -1 where the name can be no socket's. */
static int parse_name(struct notify *n, const char *name)
{
	size_t size = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || name[1] == '\0' || size >= sizeof n->to.sun_path)
		return -1;
	n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(n->to.sun_path, name, size);
	n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	if (name[0] == '@')
		n->to.sun_path[0] = '\0'; /* abstract: the length ends it */
	else
		n->len++;
	return 0;
}

static uint64_t number_of(const char *name)
{
	const char *text = getenv(name);
	uint64_t value = 0;

	if (text == NULL || text_number(slice_str(text), 1, INT64_MAX, &value, NULL) != 0)
		return 0;
	return value;
}

void notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = -1};
	if (name == NULL || parse_name(n, name) != 0)
		return;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A watchdog that was meant for a parent is none of ours. */
	if (getenv("WATCHDOG_PID") == NULL || number_of("WATCHDOG_PID") == (uint64_t)getpid())
		n->watchdog_ms = number_of("WATCHDOG_USEC") / 1000;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}

void notify_say(const struct notify *n, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	if (n->fd < 0)
		return;
	va_start(ap, format);
	int size = vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	if (size <= 0)
		return;
	if ((size_t)size >= sizeof message)
		size = sizeof message - 1;
	(void)sendto(n->fd, message, (size_t)size, MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
	             n->len);
}

void notify_reloading(const struct notify *n)
{
	notify_say(n, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
}
