/* SPDX-License-Identifier: ISC */
/* What the service manager is told: plain datagrams of lines NAME=VALUE (sd_notify(3)). Without a
 * manager nothing is sent. Main thread. */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: there is nobody to tell */
	struct sockaddr_un to;
	socklen_t len;
	uint64_t watchdog_ms; /* within which WATCHDOG=1 is wanted again and again; 0 never */
};

/* Reads NOTIFY_SOCKET (a path, or @ and an abstract name), WATCHDOG_USEC and WATCHDOG_PID. What is
 * malformed counts as not there. The descriptor stays open, so that a process that runs out of
 * them can still be told to be alive. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Sends one datagram, best effort; never blocks for long. */
void notify_say(const struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* RELOADING=1 with the time that the manager wants to see with it. READY=1 is to follow. */
void notify_reloading(const struct notify *n);

#endif
