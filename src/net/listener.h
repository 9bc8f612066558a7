/* SPDX-License-Identifier: ISC */
/* Sockets: those that listen, those that were accepted, those that are dialled. All non-blocking
 * and closed on exec. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/addr.h"

#include <stdbool.h>

/* Binds and listens; *bound gets the address with the port that the kernel chose. The descriptor,
 * or -1. */
int net_listen(const struct net_addr *at, struct net_addr *bound, struct err *e);

/* Takes over a listening TCP socket that somebody else opened; *bound gets its address. 0, or -1
 * where it is none; it is the caller's to close then. */
int net_adopt(int fd, struct net_addr *bound, struct err *e);

enum net_accept { NET_ACCEPTED, NET_NONE, NET_NO_DESCRIPTORS };

/* Takes one connection, with no delay and with TCP keep-alive. NET_NONE: nobody waits, or the one who did is gone. NET_NO_DESCRIPTORS:
 * EMFILE, ENFILE, ENOMEM: the caller pauses, since the listener stays readable. */
enum net_accept net_accept(int listening, int *fd, struct net_addr *peer);

/* Begins to connect; the descriptor becomes writable when that has ended. The descriptor, or -1.
 * keepalive_s: seconds of silence before the kernel probes the peer, 0 none. */
int net_dial(const struct net_addr *to, unsigned keepalive_s, struct err *e);

/* Whether it is connected already, as a peer on the same host is at once: then there is nothing to wait for. */
bool net_connected(int fd);

/* The result of a connect that was under way: 0, or -1 and the reason. */
int net_dialled(int fd, struct err *e);

#endif
