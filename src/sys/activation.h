/* SPDX-License-Identifier: ISC */
/* Listening sockets that the service manager opened and passed on, each with a name
 * (sd_listen_fds_with_names(3)). */
#ifndef SYS_ACTIVATION_H
#define SYS_ACTIVATION_H

#include "base/err.h"

#include <stddef.h>

enum { ACTIVATION_MAX = 256, ACTIVATION_FIRST = 3 /* the descriptor of the first socket */ };

struct activation {
	size_t n;
	const char *name[ACTIVATION_MAX]; /* into `names`; "unknown" where there was none */
	char *names;
};

/* Reads LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES. What was meant for another process is nothing
 * here. 0, or -1 where they contradict each other. */
int activation_read(struct activation *a, struct err *e);
void activation_fini(struct activation *a);

#endif
