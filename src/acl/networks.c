/* SPDX-License-Identifier: ISC */
/* Two networks are apart, or one holds the other: with those taken out that stand in another, the
 * only candidate for an address is the last one that does not begin behind it. A plain binary
 * search for it would miss the caches at every step; with every 16th key taken out into a level of
 * its own, and so on, each step but the last stays within a small array, and all 16 keys of a step
 * lie together. */
#include "acl/networks.h"

#include <stdlib.h>

enum { V4_BITS = 96, HOST_BITS = 128, FAN = 16, FIRST_SIZE = 64 };

/* Room for one more element. */
static void *grow(void *array, size_t n, size_t *size, size_t width)
{
	if (n < *size)
		return array;
	size_t more = *size == 0 ? FIRST_SIZE : 2 * *size;
	void *p = realloc(array, more * width);
	if (p != NULL)
		*size = more;
	return p;
}

static uint32_t v4_of(const struct acl_address *a)
{
	const uint8_t *p = a->b + 12;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int add_v4(struct acl_networks *n, uint32_t base, unsigned bits)
{
	uint64_t *found = grow(n->found, n->n_found, &n->size_found, sizeof *found);

	if (found == NULL)
		return -1;
	n->found = found;
	found[n->n_found++] = (uint64_t)base << 8 | bits;
	return 0;
}

static int add_v6(struct acl_networks *n, const struct acl_cidr *c)
{
	struct acl_cidr *v6 = grow(n->v6, n->n_v6, &n->size_v6, sizeof *v6);

	if (v6 == NULL)
		return -1;
	n->v6 = v6;
	v6[n->n_v6++] = *c;
	return 0;
}

int acl_networks_add(struct acl_networks *n, const struct acl_cidr *c)
{
	static const struct acl_address all_v4 = {.b = {[10] = 0xff, [11] = 0xff}};

	if (c->bits >= V4_BITS && acl_address_is_v4(&c->base))
		return add_v4(n, v4_of(&c->base), c->bits - V4_BITS);
	/* A network so wide that IPv4 is a part of it stands on both sides. */
	if (c->bits < V4_BITS && acl_cidr_match(c, &all_v4) && add_v4(n, 0, 0) != 0)
		return -1;
	return add_v6(n, c);
}

static int compare_v4(const void *a, const void *b)
{
	uint64_t left, right;

	memcpy(&left, a, sizeof left);
	memcpy(&right, b, sizeof right);
	return left < right ? -1 : left > right;
}

/* By base, then the wider first: the struct is its bytes in that order. */
static int compare_v6(const void *a, const void *b)
{
	_Static_assert(sizeof(struct acl_cidr) == 17, "no padding");
	return memcmp(a, b, sizeof(struct acl_cidr));
}

static bool v4_holds(uint32_t base, unsigned bits, uint32_t a)
{
	return bits == 0 || (base ^ a) >> (32 - bits) == 0;
}

/* Sorts, and takes out what stands in another. */
static void thin_v4(struct acl_networks *n)
{
	size_t kept = 0;

	if (n->n_found != 0)
		qsort(n->found, n->n_found, sizeof *n->found, compare_v4);
	for (size_t i = 0; i < n->n_found; i++) {
		uint64_t last = kept == 0 ? 0 : n->found[kept - 1];
		if (kept == 0 ||
		    !v4_holds((uint32_t)(last >> 8), last & 0xff, (uint32_t)(n->found[i] >> 8)))
			n->found[kept++] = n->found[i];
	}
	n->n_found = kept;
}

static void thin_v6(struct acl_networks *n)
{
	size_t kept = 0;

	if (n->n_v6 != 0)
		qsort(n->v6, n->n_v6, sizeof *n->v6, compare_v6);
	for (size_t i = 0; i < n->n_v6; i++) {
		if (kept == 0 || !acl_cidr_match(&n->v6[kept - 1], &n->v6[i].base))
			n->v6[kept++] = n->v6[i];
	}
	n->n_v6 = kept;
}

/* The levels above the sorted keys, each a sixteenth of the one below; each is filled up to whole
 * steps with the highest key. */
static int build_tree(struct acl_networks *n)
{
	size_t total = 0, m = n->n_v4 = n->n_found;

	do {
		n->start[n->levels] = total;
		n->count[n->levels] = m;
		total += (m + FAN - 1) / FAN * FAN;
		m = (m + FAN - 1) / FAN;
		n->levels++;
	} while (m > 1);
	n->keys = malloc((total + 1) * sizeof *n->keys);
	n->bits = malloc(n->n_v4 + 1);
	if (n->keys == NULL || n->bits == NULL)
		return -1;
	memset(n->keys, 0xff, total * sizeof *n->keys);
	for (size_t i = 0; i < n->n_v4; i++) {
		n->keys[i] = (uint32_t)(n->found[i] >> 8);
		n->bits[i] = n->found[i] & 0xff;
	}
	for (unsigned l = 1; l < n->levels; l++) {
		for (size_t i = n->start[l - 1]; i < n->start[l]; i += FAN)
			n->keys[n->start[l] + (i - n->start[l - 1]) / FAN] = n->keys[i];
	}
	return 0;
}

/* Single addresses go into the set; what is left are networks. */
static int part_hosts(struct acl_networks *n)
{
	size_t hosts = 0, kept = 0;

	for (size_t i = 0; i < n->n_v6; i++)
		hosts += n->v6[i].bits == HOST_BITS;
	if (hosts == 0)
		return 0;
	if (acl_set_init(&n->hosts, hosts) != 0)
		return -1;
	for (size_t i = 0; i < n->n_v6; i++) {
		if (n->v6[i].bits == HOST_BITS)
			acl_set_add(&n->hosts, slice_of(n->v6[i].base.b, sizeof n->v6[i].base.b));
		else
			n->v6[kept++] = n->v6[i];
	}
	n->n_v6 = kept;
	return 0;
}

/* Gives back what was reserved and is not needed. */
static void shrink_v6(struct acl_networks *n)
{
	struct acl_cidr *v6 = realloc(n->v6, (n->n_v6 + 1) * sizeof *v6);

	if (v6 != NULL)
		n->v6 = v6;
}

int acl_networks_finish(struct acl_networks *n)
{
	thin_v4(n);
	if (build_tree(n) != 0 || part_hosts(n) != 0)
		return -1;
	free(n->found);
	n->found = NULL;
	thin_v6(n);
	shrink_v6(n);
	return 0;
}

void acl_networks_fini(struct acl_networks *n)
{
	free(n->found);
	free(n->keys);
	free(n->bits);
	free(n->v6);
	acl_set_fini(&n->hosts);
}

bool acl_networks_empty(const struct acl_networks *n)
{
	return n->n_v4 == 0 && n->n_v6 == 0 && n->hosts.n == 0;
}

static bool has_v4(const struct acl_networks *n, uint32_t a)
{
	size_t at = 0;

	for (unsigned l = n->levels; l-- > 0;) {
		const uint32_t *keys = n->keys + n->start[l] + at * FAN;
		uint32_t more = 0;
		for (size_t i = 0; i < FAN; i++)
			more += keys[i] <= a;
		if (more == 0)
			return false;
		at = at * FAN + more - 1;
		/* For the highest address, what fills the step is not behind it. */
		at = at < n->count[l] ? at : n->count[l] - 1;
	}
	return v4_holds(n->keys[at], n->bits[at], a);
}

static bool has_v6(const struct acl_networks *n, const struct acl_address *a)
{
	size_t low = 0, high = n->n_v6;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(n->v6[middle].base.b, a->b, sizeof a->b) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 && acl_cidr_match(&n->v6[low - 1], a);
}

bool acl_networks_has(const struct acl_networks *n, const struct acl_address *a)
{
	if (acl_address_is_v4(a))
		return n->n_v4 != 0 && has_v4(n, v4_of(a));
	return has_v6(n, a) || acl_set_has(&n->hosts, slice_of(a->b, sizeof a->b));
}
