/* SPDX-License-Identifier: ISC */
/* The memory never shrinks, as it is 8 bytes for each of the most connections that there were. */
#include "worker/deadlines.h"

#include <stdlib.h>

enum { FIRST_ROOM = 16 };

int deadlines_reserve(struct deadlines *d, size_t n)
{
	size_t room = d->room == 0 ? FIRST_ROOM : d->room;

	if (n <= d->room)
		return 0;
	while (room < n)
		room *= 2;
	struct deadline **heap = realloc(d->heap, room * sizeof(struct deadline *));
	if (heap == NULL)
		return -1;
	d->heap = heap;
	d->room = room;
	return 0;
}

void deadlines_fini(struct deadlines *d)
{
	free(d->heap);
	*d = (struct deadlines){0};
}

static void put(struct deadlines *d, struct deadline *x, size_t place)
{
	d->heap[place] = x;
	x->place = place;
}

/* To where it belongs, from a place that is free for it. */
static void settle(struct deadlines *d, struct deadline *x, size_t place)
{
	while (place != 0 && d->heap[(place - 1) / 2]->at > x->at) {
		put(d, d->heap[(place - 1) / 2], place);
		place = (place - 1) / 2;
	}
	for (size_t below = 2 * place + 1; below < d->n; below = 2 * place + 1) {
		if (below + 1 < d->n && d->heap[below + 1]->at < d->heap[below]->at)
			below++;
		if (d->heap[below]->at >= x->at)
			break;
		put(d, d->heap[below], place);
		place = below;
	}
	put(d, x, place);
}

void deadlines_set(struct deadlines *d, struct deadline *x, int64_t at)
{
	struct deadline *moved = x;
	size_t place = x->at == 0 ? d->n : x->place;

	if (x->at == 0 && at == 0)
		return;
	if (x->at == 0)
		d->n++;
	/* The last one fills the gap. */
	if (at == 0)
		moved = d->heap[--d->n];
	x->at = at;
	if (place != d->n)
		settle(d, moved, place);
}
