/* SPDX-License-Identifier: ISC */
/* Very many addresses and networks: 5 bytes for one of IPv4, and a look-up that reads one line of memory which the caches
 * do not hold. IPv6 takes 21 bytes for an address and 17 for a network. */
#ifndef ACL_NETWORKS_H
#define ACL_NETWORKS_H

#include "acl/cidr.h"
#include "acl/set.h"

enum { ACL_TREE_LEVELS = 8 };

/* Zeroed is empty. Filled by _add(), then made ready by _finish(), after which it does not change. */
struct acl_networks {
	uint64_t *found; /* of IPv4, before _finish(): address << 8 | bits */
	size_t n_found, size_found;
	uint32_t *keys; /* of IPv4: sorted, then every 16th of them, then every 16th of those … */
	uint8_t *bits;
	size_t n_v4, start[ACL_TREE_LEVELS], count[ACL_TREE_LEVELS];
	unsigned levels;
	struct acl_cidr *v6;
	size_t n_v6, size_v6;
	struct acl_set hosts; /* single addresses of IPv6 */
};

/* 0, or -1 without memory. */
int acl_networks_add(struct acl_networks *n, const struct acl_cidr *c);
int acl_networks_finish(struct acl_networks *n);
void acl_networks_fini(struct acl_networks *n);

bool acl_networks_empty(const struct acl_networks *n);
bool acl_networks_has(const struct acl_networks *n, const struct acl_address *a);

#endif
