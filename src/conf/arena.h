/* SPDX-License-Identifier: ISC */
/* Memory that lives as long as one load: taken in small pieces, given back at once. */
#ifndef CONF_ARENA_H
#define CONF_ARENA_H

#include "base/slice.h"

struct arena_chunk;

/* Zeroed is empty. */
struct arena {
	struct arena_chunk *chunks;
};

/* n zeroed bytes, aligned for anything, or NULL. */
void *arena_take(struct arena *a, size_t n);

/* A copy with a NUL behind it, or NULL. */
char *arena_text(struct arena *a, struct slice s);

void arena_free(struct arena *a);

#endif
