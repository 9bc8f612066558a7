/* SPDX-License-Identifier: ISC */
/* Each key has TALLY_WAYS places that it may be in. While those are not all taken by others nothing
 * is lost. When they are, the lowest number goes on to stand for whoever comes: the lowest of a set
 * never falls while it is full, so it is an upper bound for all who were put out. A limit thus
 * holds under any flood of names, and the price, that a newcomer is held to it sooner, is paid only
 * by those who share places with the flood; where those are the hash's key keeps secret. */
#include "worker/tally.h"

#include <stdlib.h>

struct place {
	uint64_t key;
	int64_t number;
};

struct tally {
	size_t sets; /* a power of two */
	struct place places[];
};

struct tally *tally_new(size_t places)
{
	struct tally *t = calloc(1, sizeof *t + places * sizeof t->places[0]);

	if (t != NULL)
		t->sets = places / TALLY_WAYS;
	return t;
}

void tally_free(struct tally *t)
{
	free(t);
}

int64_t *tally_at(struct tally *t, uint64_t key, int64_t over, bool *known)
{
	struct place *set = &t->places[(key & (t->sets - 1)) * TALLY_WAYS], *lowest = set;

	*known = false;
	for (struct place *p = set; p < set + TALLY_WAYS; p++) {
		if (p->key == key && p->number > over) {
			*known = true;
			return &p->number;
		}
		if (p->number < lowest->number)
			lowest = p;
	}
	lowest->key = key;
	if (lowest->number <= over)
		lowest->number = 0;
	return &lowest->number;
}
