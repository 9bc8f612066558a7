/* SPDX-License-Identifier: ISC */
/* A set of byte strings that takes 21 bytes a member and one cache miss a look-up, however long the members are. */
#ifndef ACL_SET_H
#define ACL_SET_H

#include "base/slice.h"

struct acl_print;

/* Zeroed is the empty set, for which there is no room for anything. */
struct acl_set {
	struct acl_print *slots;
	size_t n_slots, n;
	uint8_t key[16];
};

/* Makes room for so many members. 0, or -1 without memory. */
int acl_set_init(struct acl_set *s, size_t most);
void acl_set_fini(struct acl_set *s);

/* Adds a member; no more than were said. */
void acl_set_add(struct acl_set *s, struct slice member);

bool acl_set_has(const struct acl_set *s, struct slice member);

#endif
