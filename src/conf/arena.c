/* SPDX-License-Identifier: ISC */
/* The tree of a configuration is built of thousands of small pieces that all die together: one
 * owner for all of them is one place to free, on every path out. */
#include "conf/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 16384 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) uint8_t bytes[];
};

static struct arena_chunk *new_chunk(struct arena *a, size_t n)
{
	size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
	struct arena_chunk *chunk = calloc(1, sizeof *chunk + size);

	if (chunk == NULL)
		return NULL;
	chunk->size = size;
	chunk->next = a->chunks;
	a->chunks = chunk;
	return chunk;
}

void *arena_take(struct arena *a, size_t n)
{
	struct arena_chunk *chunk = a->chunks;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	if (chunk == NULL || n > chunk->size - chunk->used)
		chunk = new_chunk(a, n);
	if (chunk == NULL)
		return NULL;
	void *p = chunk->bytes + chunk->used;
	chunk->used += n;
	return p;
}

char *arena_text(struct arena *a, struct slice s)
{
	char *p = s.n == SIZE_MAX ? NULL : arena_take(a, s.n + 1);

	if (p != NULL && s.n != 0)
		memcpy(p, s.p, s.n);
	return p;
}

void arena_free(struct arena *a)
{
	while (a->chunks != NULL) {
		struct arena_chunk *chunk = a->chunks;
		a->chunks = chunk->next;
		free(chunk);
	}
}
