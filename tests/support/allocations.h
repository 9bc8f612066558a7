/* SPDX-License-Identifier: ISC */
/* Counts allocations in a program that is linked with --wrap=malloc,--wrap=calloc,--wrap=realloc:
 * its own and libcrypto's, which come by another door. */
#ifndef SUPPORT_ALLOCATIONS_H
#define SUPPORT_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

struct allocations {
	size_t ours, theirs;
};

/* Before libcrypto allocates anything: its allocations count from here on. False: too late. */
bool allocations_watch(void);

/* So many there were up to now. */
struct allocations allocations_now(void);

#endif
