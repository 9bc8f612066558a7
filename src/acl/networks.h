/* SPDX-License-Identifier: ISC */
/* Very many addresses and networks: 5 bytes for one of IPv4, and a look-up that reads one line of memory which the caches
 * do not hold. IPv6 takes 21 bytes for an address and 18 for a network, and a line more. */
#ifndef ACL_NETWORKS_H
#define ACL_NETWORKS_H

#include "acl/cidr.h"
#include "acl/set.h"

enum { ACL_TREE_LEVELS = 8 };

/* Sorted keys, then every 16th of them, then every 16th of those …: where each level is. */
struct acl_tree {
	size_t n, start[ACL_TREE_LEVELS], count[ACL_TREE_LEVELS];
	unsigned levels;
};

/* Zeroed is empty. Filled by _add(), then made ready by _finish(), after which it does not change. */
struct acl_networks {
	uint64_t *found; /* of IPv4, before _finish(): address << 8 | bits */
	size_t n_found, size_found;
	struct acl_cidr *found_v6;
	size_t n_found_v6, size_found_v6;
	struct acl_tree v4, v6;
	uint32_t *keys;    /* of IPv4 */
	uint64_t *v6_high; /* the keys of IPv6: the first half of each network … */
	uint64_t *v6_low;  /* … and the second, without the levels above */
	uint8_t *bits, *v6_bits;
	struct acl_set hosts; /* single addresses of IPv6 */
};

/* 0, or -1 without memory. */
int acl_networks_add(struct acl_networks *n, const struct acl_cidr *c);
int acl_networks_finish(struct acl_networks *n);
void acl_networks_fini(struct acl_networks *n);

bool acl_networks_empty(const struct acl_networks *n);
bool acl_networks_has(const struct acl_networks *n, const struct acl_address *a);

#endif
