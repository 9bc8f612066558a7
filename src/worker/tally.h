/* SPDX-License-Identifier: ISC */
/* One number for each key, in a table that never grows: for what is counted about peers who can
 * make up as many names as they like. A number is a time, or begins with one: the higher, the later
 * it may be forgotten. */
#ifndef WORKER_TALLY_H
#define WORKER_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;

enum { TALLY_WAYS = 8 };

/* A table of `places`, a power of two and at least TALLY_WAYS. NULL without memory. */
struct tally *tally_new(size_t places);
void tally_free(struct tally *t); /* NULL-safe */

/* The number of a key (a keyed hash), to be read and changed until the next call. One that is not
 * above `over` is forgotten and may make room. *known: the key was there. Else its number is 0, or,
 * where there is no room, the lowest of those that share its place, and that key is put out: so
 * who comes in its stead, and itself when it comes back, is thought to have at least as much
 * behind him as he has. */
int64_t *tally_at(struct tally *t, uint64_t key, int64_t over, bool *known);

#endif
