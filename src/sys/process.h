/* SPDX-License-Identifier: ISC */
/* What the kernel says of this process and of the clock. */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdint.h>

struct process {
	uint64_t open_fds, max_fds, resident_bytes;
	double cpu_seconds; /* user and system */
};

/* What cannot be read is 0. */
void process_read(struct process *out);

/* Whether the wall clock follows a source of time: 1 or 0; -1 where that may not be asked (a
 * sandbox). */
int clock_synchronised(void);

#endif
