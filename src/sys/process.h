/* SPDX-License-Identifier: ISC */
/* What the kernel says of this process. */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdint.h>

struct process {
	uint64_t open_fds, max_fds, resident_bytes;
	double cpu_seconds; /* user and system */
};

/* What cannot be read is 0. */
void process_read(struct process *out);

#endif
