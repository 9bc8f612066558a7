/* SPDX-License-Identifier: ISC */
/* Inside the room: derived contexts by (KID, SALT), the least recently used given up first. Found in constant time, memory
 * taken once. Only what has proved itself by a good tag is put in, so strangers cannot flush it. */
#ifndef SEAL_LRU_H
#define SEAL_LRU_H

#include "seal/aead.h"

enum { LRU_ID_SIZE = 16 };

struct lru;

/* entries: at least 1 is taken. NULL without memory. The contexts that are in it are freed with it. */
struct lru *lru_new(size_t entries);
void lru_free(struct lru *l);

/* The context under that id, now the most recently used, with the index of its key; or NULL. Borrowed. */
struct aead *lru_find(struct lru *l, const uint8_t id[LRU_ID_SIZE], int *key);

bool lru_full(const struct lru *l);

/* Takes a context under an id that is not there. Returns the one that had to go, now the caller's, or NULL. */
struct aead *lru_put(struct lru *l, const uint8_t id[LRU_ID_SIZE], int key, struct aead *aead);

#endif
