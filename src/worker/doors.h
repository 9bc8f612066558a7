/* SPDX-License-Identifier: ISC */
/* The sockets that connections come in by: opened here, or by the service manager and passed on. */
#ifndef WORKER_DOORS_H
#define WORKER_DOORS_H

#include "sys/activation.h"
#include "worker/snapshot.h"

struct doors {
	size_t n;
	int *fds;
	size_t *listener; /* the number of the listener of each */
	char (*address)[NET_ADDR_TEXT];
};

/* Opens all. A listener that sockets were passed for, by its name, has those and none of its
 * `listen` lines; one that was passed for nobody, or that is exposed without the listener's
 * insecure-ok, is an error. Says event=listening for each. 0 or -1; doors_close() in both cases. */
int doors_open(struct doors *d, const struct snapshot *s, const struct activation *passed,
               struct err *e);

/* Closes the sockets and keeps the rest. */
void doors_shut(struct doors *d);
void doors_close(struct doors *d);

#endif
