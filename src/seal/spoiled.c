/* SPDX-License-Identifier: ISC */
/* A ring of 64-bit hashes under a random key, each one atomic word: a reader sees an old one or a
 * new one, and that two messages share one does not happen. */
#include "seal/spoiled.h"

#include "base/secret.h"

#include <stdatomic.h>
#include <stdlib.h>

struct spoiled {
	uint8_t key[SECRET_HASH_KEY_SIZE];
	_Atomic size_t next;
	_Atomic uint64_t hashes[SPOILED_KEPT]; /* 0: none */
};

struct spoiled *spoiled_new(void)
{
	struct spoiled *s = calloc(1, sizeof *s);

	if (s != NULL)
		secret_random(s->key, sizeof s->key);
	return s;
}

void spoiled_free(struct spoiled *s)
{
	free(s);
}

static uint64_t hash_of(const struct spoiled *s, const uint8_t id[SPOILED_ID])
{
	uint8_t hash[SECRET_HASH_SIZE];
	uint64_t word;

	secret_hash(s->key, slice_of(id, SPOILED_ID), hash);
	memcpy(&word, hash, sizeof word);
	return word | 1;
}

void spoiled_add(struct spoiled *s, const uint8_t id[SPOILED_ID])
{
	if (spoiled_has(s, id))
		return;
	size_t at = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
	atomic_store_explicit(&s->hashes[at % SPOILED_KEPT], hash_of(s, id), memory_order_relaxed);
}

bool spoiled_has(const struct spoiled *s, const uint8_t id[SPOILED_ID])
{
	uint64_t word = hash_of(s, id);

	for (size_t i = 0; i < SPOILED_KEPT; i++) {
		if (atomic_load_explicit(&s->hashes[i], memory_order_relaxed) == word)
			return true;
	}
	return false;
}
