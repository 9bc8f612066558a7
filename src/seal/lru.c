/* SPDX-License-Identifier: ISC */
/* One array of entries, chained by index twice: in their hash bucket, and by last use. The hash is
 * keyed, since ids come from the wire and a chain must not be grown on purpose. */
#include "seal/lru.h"

#include "base/secret.h"

#include <sodium.h>
#include <stdlib.h>

static const uint32_t NONE = UINT32_MAX;

struct entry {
	uint8_t id[LRU_ID_SIZE];
	struct aead *aead;
	int key;
	uint32_t next;         /* in the bucket */
	uint32_t newer, older; /* by last use */
};

struct lru {
	struct entry *entries;
	uint32_t *buckets;
	uint32_t size, used, mask;
	uint32_t newest, oldest;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

struct lru *lru_new(size_t entries)
{
	struct lru *l = calloc(1, sizeof *l);
	uint32_t size = entries == 0 ? 1 : entries < (1u << 20) ? (uint32_t)entries : 1u << 20;
	uint32_t buckets = 1;

	if (l == NULL)
		return NULL;
	while (buckets < size)
		buckets *= 2;
	l->size = size;
	l->mask = buckets - 1;
	l->newest = l->oldest = NONE;
	l->entries = calloc(size, sizeof *l->entries);
	l->buckets = malloc(buckets * sizeof *l->buckets);
	if (l->entries == NULL || l->buckets == NULL) {
		lru_free(l);
		return NULL;
	}
	for (uint32_t i = 0; i < buckets; i++)
		l->buckets[i] = NONE;
	secret_random(l->hash_key, sizeof l->hash_key);
	return l;
}

void lru_free(struct lru *l)
{
	if (l == NULL)
		return;
	for (uint32_t i = 0; i < l->used; i++)
		aead_unref(l->entries[i].aead);
	free(l->entries);
	free(l->buckets);
	free(l);
}

static uint32_t *bucket_of(struct lru *l, const uint8_t id[LRU_ID_SIZE])
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t index;

	(void)crypto_shorthash(hash, id, LRU_ID_SIZE, l->hash_key);
	memcpy(&index, hash, sizeof index);
	return &l->buckets[index & l->mask];
}

static void unlink_use(struct lru *l, struct entry *e)
{
	*(e->newer == NONE ? &l->newest : &l->entries[e->newer].older) = e->older;
	*(e->older == NONE ? &l->oldest : &l->entries[e->older].newer) = e->newer;
}

static void link_newest(struct lru *l, uint32_t i)
{
	struct entry *e = &l->entries[i];

	e->newer = NONE;
	e->older = l->newest;
	*(l->newest == NONE ? &l->oldest : &l->entries[l->newest].newer) = i;
	l->newest = i;
}

struct aead *lru_find(struct lru *l, const uint8_t id[LRU_ID_SIZE], int *key)
{
	/* What comes in one read is mostly from one sender, and needs no hash. */
	uint32_t i = l->newest;

	if (i == NONE || memcmp(l->entries[i].id, id, LRU_ID_SIZE) != 0)
		i = *bucket_of(l, id);
	while (i != NONE && memcmp(l->entries[i].id, id, LRU_ID_SIZE) != 0)
		i = l->entries[i].next;
	if (i == NONE)
		return NULL;
	if (i != l->newest) {
		unlink_use(l, &l->entries[i]);
		link_newest(l, i);
	}
	*key = l->entries[i].key;
	return l->entries[i].aead;
}

bool lru_full(const struct lru *l)
{
	return l->used == l->size;
}

/* Takes the oldest entry out of both chains. */
static uint32_t evict(struct lru *l)
{
	uint32_t i = l->oldest, *at = bucket_of(l, l->entries[i].id);

	while (*at != i)
		at = &l->entries[*at].next;
	*at = l->entries[i].next;
	unlink_use(l, &l->entries[i]);
	return i;
}

struct aead *lru_put(struct lru *l, const uint8_t id[LRU_ID_SIZE], int key, struct aead *aead)
{
	uint32_t i = lru_full(l) ? evict(l) : l->used++;
	struct entry *e = &l->entries[i];
	struct aead *gone = e->aead;
	uint32_t *bucket = bucket_of(l, id);

	memcpy(e->id, id, LRU_ID_SIZE);
	e->aead = aead;
	e->key = key;
	e->next = *bucket;
	*bucket = i;
	link_newest(l, i);
	return gone;
}
