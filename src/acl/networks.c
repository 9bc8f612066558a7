/* SPDX-License-Identifier: ISC */
/* Two networks are apart, or one holds the other: with those taken out that stand in another, the
 * only candidate for an address is the last one that does not begin behind it. A plain binary
 * search for it would miss the caches at every step; with every 16th key taken out into a level of
 * its own, and so on, each step but the last stays within a small array, and all 16 keys of a step
 * lie together.
 *
 * The keys of IPv6 are first halves. Networks within one such half, longer than 64 bits, lie side
 * by side, and none holds them. */
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
	struct acl_cidr *v6 = grow(n->found_v6, n->n_found_v6, &n->size_found_v6, sizeof *v6);

	if (v6 == NULL)
		return -1;
	n->found_v6 = v6;
	v6[n->n_found_v6++] = *c;
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
	struct acl_cidr *v6 = n->found_v6;
	size_t kept = 0;

	if (n->n_found_v6 != 0)
		qsort(v6, n->n_found_v6, sizeof *v6, compare_v6);
	for (size_t i = 0; i < n->n_found_v6; i++) {
		if (kept == 0 || !acl_cidr_match(&v6[kept - 1], &v6[i].base))
			v6[kept++] = v6[i];
	}
	n->n_found_v6 = kept;
}

/* Where the levels of n keys are, each a sixteenth of the one below; each is filled up to whole
 * steps. How many keys that makes in all. */
static size_t lay_out(struct acl_tree *t, size_t n)
{
	size_t total = 0, m = t->n = n;

	do {
		t->start[t->levels] = total;
		t->count[t->levels] = m;
		total += (m + FAN - 1) / FAN * FAN;
		m = (m + FAN - 1) / FAN;
		t->levels++;
	} while (m > 1);
	return total;
}

/* For keys of a width: _fill() copies the lowest level, n keys, to those above; what was not set is
 * the highest key. _last() is the number of the last key that is not above a, or -1. */
#define TREE(name, type)                                                                     \
	static void name##_fill(const struct acl_tree *t, type *keys)                        \
	{                                                                                    \
		for (unsigned l = 1; l < t->levels; l++) {                                   \
			for (size_t i = t->start[l - 1]; i < t->start[l]; i += FAN)          \
				keys[t->start[l] + (i - t->start[l - 1]) / FAN] = keys[i];   \
		}                                                                            \
	}                                                                                    \
                                                                                             \
	static int64_t name##_last(const struct acl_tree *t, const type *tree, type a)       \
	{                                                                                    \
		size_t at = 0;                                                               \
                                                                                             \
		for (unsigned l = t->levels; l-- > 0;) {                                     \
			const type *keys = tree + t->start[l] + at * FAN;                    \
			type more = 0;                                                       \
			for (size_t i = 0; i < FAN; i++)                                     \
				more += keys[i] <= a;                                        \
			if (more == 0)                                                       \
				return -1;                                                   \
			at = at * FAN + more - 1;                                            \
			/* For the highest address, what fills the step is not behind it. */ \
			at = at < t->count[l] ? at : t->count[l] - 1;                        \
		}                                                                            \
		return (int64_t)at;                                                          \
	}

TREE(tree32, uint32_t)
TREE(tree64, uint64_t)

static int build_v4(struct acl_networks *n)
{
	size_t total = lay_out(&n->v4, n->n_found);

	n->keys = malloc((total + 1) * sizeof *n->keys);
	n->bits = malloc(n->v4.n + 1);
	if (n->keys == NULL || n->bits == NULL)
		return -1;
	memset(n->keys, 0xff, total * sizeof *n->keys);
	for (size_t i = 0; i < n->v4.n; i++) {
		n->keys[i] = (uint32_t)(n->found[i] >> 8);
		n->bits[i] = n->found[i] & 0xff;
	}
	tree32_fill(&n->v4, n->keys);
	return 0;
}

static uint64_t half(const uint8_t *p)
{
	uint64_t out = 0;

	for (size_t i = 0; i < 8; i++)
		out = out << 8 | p[i];
	return out;
}

static int build_v6(struct acl_networks *n)
{
	size_t total = lay_out(&n->v6, n->n_found_v6);

	n->v6_high = malloc((total + 1) * sizeof *n->v6_high);
	n->v6_low = malloc((n->v6.n + 1) * sizeof *n->v6_low);
	n->v6_bits = malloc(n->v6.n + 1);
	if (n->v6_high == NULL || n->v6_low == NULL || n->v6_bits == NULL)
		return -1;
	memset(n->v6_high, 0xff, total * sizeof *n->v6_high);
	for (size_t i = 0; i < n->v6.n; i++) {
		n->v6_high[i] = half(n->found_v6[i].base.b);
		n->v6_low[i] = half(n->found_v6[i].base.b + 8);
		n->v6_bits[i] = n->found_v6[i].bits;
	}
	tree64_fill(&n->v6, n->v6_high);
	return 0;
}

/* Single addresses go into the set; what is left are networks. */
static int part_hosts(struct acl_networks *n)
{
	struct acl_cidr *v6 = n->found_v6;
	size_t hosts = 0, kept = 0;

	for (size_t i = 0; i < n->n_found_v6; i++)
		hosts += v6[i].bits == HOST_BITS;
	if (hosts == 0)
		return 0;
	if (acl_set_init(&n->hosts, hosts) != 0)
		return -1;
	for (size_t i = 0; i < n->n_found_v6; i++) {
		if (v6[i].bits == HOST_BITS)
			acl_set_add(&n->hosts, slice_of(v6[i].base.b, sizeof v6[i].base.b));
		else
			v6[kept++] = v6[i];
	}
	n->n_found_v6 = kept;
	return 0;
}

static void drop_found(struct acl_networks *n)
{
	free(n->found);
	free(n->found_v6);
	n->found = NULL;
	n->found_v6 = NULL;
}

int acl_networks_finish(struct acl_networks *n)
{
	thin_v4(n);
	if (build_v4(n) != 0 || part_hosts(n) != 0)
		return -1;
	thin_v6(n);
	if (build_v6(n) != 0)
		return -1;
	drop_found(n);
	return 0;
}

void acl_networks_fini(struct acl_networks *n)
{
	drop_found(n);
	free(n->keys);
	free(n->bits);
	free(n->v6_high);
	free(n->v6_low);
	free(n->v6_bits);
	acl_set_fini(&n->hosts);
}

bool acl_networks_empty(const struct acl_networks *n)
{
	return n->v4.n == 0 && n->v6.n == 0 && n->hosts.n == 0;
}

static bool has_v4(const struct acl_networks *n, uint32_t a)
{
	int64_t at = tree32_last(&n->v4, n->keys, a);

	return at >= 0 && v4_holds(n->keys[at], n->bits[at], a);
}

static bool half_holds(uint64_t base, unsigned bits, uint64_t a)
{
	return bits == 0 || (base ^ a) >> (64 - bits) == 0;
}

/* Of those that have the first half of an address, up to the last of them, the last one that does
 * not begin behind it: first in steps that double, since they are few or very many. -1: there is
 * none. */
static int64_t last_low(const struct acl_networks *n, int64_t last, uint64_t high, uint64_t low)
{
	int64_t step = 1, above = last + 1, below = last;

	while (below >= 0 && n->v6_high[below] == high && n->v6_low[below] > low) {
		above = below;
		below -= step;
		step *= 2;
	}
	below = below < -1 ? -1 : below;
	while (above - below > 1) {
		int64_t middle = below + (above - below) / 2;
		if (n->v6_high[middle] == high && n->v6_low[middle] > low)
			above = middle;
		else
			below = middle;
	}
	return below >= 0 && n->v6_high[below] == high ? below : -1;
}

static bool has_v6(const struct acl_networks *n, const struct acl_address *a)
{
	uint64_t high = half(a->b), low = half(a->b + 8);
	int64_t at = tree64_last(&n->v6, n->v6_high, high);

	if (at < 0)
		return false;
	if (n->v6_bits[at] <= 64)
		return half_holds(n->v6_high[at], n->v6_bits[at], high);
	at = last_low(n, at, high, low);
	return at >= 0 && half_holds(n->v6_low[at], n->v6_bits[at] - 64u, low);
}

bool acl_networks_has(const struct acl_networks *n, const struct acl_address *a)
{
	if (acl_address_is_v4(a))
		return n->v4.n != 0 && has_v4(n, v4_of(a));
	return (n->v6.n != 0 && has_v6(n, a)) ||
	       acl_set_has(&n->hosts, slice_of(a->b, sizeof a->b));
}
