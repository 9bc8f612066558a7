/* SPDX-License-Identifier: ISC */
#ifndef SYS_PRIVS_H
#define SYS_PRIVS_H

#include "base/err.h"

/* No core dumps, not dumpable, no new privileges. Early in every program that will hold keys. 0 or -1. */
int privs_harden(struct err *e);

/* Where the caller is root: becomes the owner (user and group) of `path`, or, where path does not exist, of its folder;
 * a root-owned one changes nothing. So a tool run by root leaves no file that the service cannot write. 0 or -1. */
int privs_become_owner(const char *path, struct err *e);

/* Raises the soft limit of descriptors to the hard one and returns what is then allowed. */
unsigned long privs_raise_descriptors(void);

#endif
