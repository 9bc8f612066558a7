/* SPDX-License-Identifier: ISC */
/* Open addressing over keyed hashes of 127 bits, which stand for the members: texts are not kept.
 * Two texts have the same hash with a probability of 2^-127, and nobody can search for such a pair,
 * or for members that crowd one place, since the key is random and never leaves this process. */
#include "acl/set.h"

#include "base/secret.h"

#include <stdlib.h>

/* Both zero: an empty slot. */
struct acl_print {
	uint64_t a, b;
};

int acl_set_init(struct acl_set *s, size_t most)
{
	size_t n = most + most / 3 * 2 + 1;

	if (n > UINT32_MAX)
		return -1;
	s->slots = calloc(n, sizeof *s->slots);
	s->n_slots = s->slots == NULL ? 0 : n;
	secret_random(s->key, sizeof s->key);
	return s->slots == NULL ? -1 : 0;
}

void acl_set_fini(struct acl_set *s)
{
	free(s->slots);
	*s = (struct acl_set){0};
}

/* The slot of a member, or the empty one where it would go. */
static size_t find(const struct acl_set *s, struct slice member, struct acl_print *print)
{
	uint8_t hash[SECRET_HASH_SIZE];

	secret_hash(s->key, member, hash);
	memcpy(&print->a, hash, 8);
	memcpy(&print->b, hash + 8, 8);
	print->a |= 1;
	size_t i = (size_t)((print->b >> 32) * s->n_slots >> 32);
	while (s->slots[i].a != 0 && (s->slots[i].a != print->a || s->slots[i].b != print->b))
		i = i + 1 == s->n_slots ? 0 : i + 1;
	return i;
}

void acl_set_add(struct acl_set *s, struct slice member)
{
	struct acl_print print;
	size_t i = find(s, member, &print);

	s->n += s->slots[i].a == 0;
	s->slots[i] = print;
}

bool acl_set_has(const struct acl_set *s, struct slice member)
{
	struct acl_print print;

	return s->n != 0 && s->slots[find(s, member, &print)].a != 0;
}
