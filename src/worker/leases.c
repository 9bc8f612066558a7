/* SPDX-License-Identifier: ISC */
/* Nothing in the table is older than its grant, and a grant is never renewed by its use: so many
 * milliseconds after the code was accepted the password is worth nothing. */
#include "worker/leases.h"

#include <pthread.h>
#include <stdlib.h>

struct place {
	uint8_t tag[SECRET_HASH_SIZE];
	int64_t granted_ms;
	bool used;
};

struct leases {
	pthread_mutex_t lock;
	uint8_t key[SECRET_HASH_KEY_SIZE];
	struct place places[LEASES_BUCKETS][LEASES_WAYS];
};

struct leases *leases_new(struct err *e)
{
	struct leases *l = calloc(1, sizeof *l);

	if (l == NULL) {
		(void)err_set(e, "out of memory");
		return NULL;
	}
	(void)pthread_mutex_init(&l->lock, NULL);
	secret_random(l->key, sizeof l->key);
	return l;
}

void leases_free(struct leases *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_destroy(&l->lock);
	secret_wipe(l->key, sizeof l->key);
	free(l);
}

const uint8_t *leases_key(const struct leases *l)
{
	return l->key;
}

/* Tag, credential and edition as one. */
static void name_of(const struct leases *l, const struct lease *lease,
                    uint8_t name[SECRET_HASH_SIZE])
{
	uint8_t all[sizeof lease->tag + sizeof lease->id + sizeof lease->edition];

	memcpy(all, lease->tag, sizeof lease->tag);
	memcpy(all + sizeof lease->tag, &lease->id, sizeof lease->id);
	memcpy(all + sizeof lease->tag + sizeof lease->id, &lease->edition, sizeof lease->edition);
	secret_hash(l->key, slice_of(all, sizeof all), name);
}

/* The place of that name, or the one that it may have: free, or of the oldest. */
static struct place *place_of(struct leases *l, const uint8_t name[SECRET_HASH_SIZE], bool *there)
{
	struct place *ways = l->places[(name[0] | (size_t)name[1] << 8) % LEASES_BUCKETS];
	struct place *best = &ways[0];

	*there = false;
	for (struct place *p = ways; p < ways + LEASES_WAYS; p++) {
		*there = p->used && secret_equal(p->tag, name, sizeof p->tag);
		if (*there)
			return p;
		if (best->used && (!p->used || p->granted_ms < best->granted_ms))
			best = p;
	}
	return best;
}

void leases_grant(struct leases *l, const struct lease *lease, int64_t mono_ms)
{
	uint8_t name[SECRET_HASH_SIZE];
	bool there;

	name_of(l, lease, name);
	(void)pthread_mutex_lock(&l->lock);
	struct place *p = place_of(l, name, &there);
	memcpy(p->tag, name, sizeof p->tag);
	p->granted_ms = mono_ms;
	p->used = true;
	(void)pthread_mutex_unlock(&l->lock);
}

bool leases_held(struct leases *l, const struct lease *lease, int64_t mono_ms, int64_t within_ms)
{
	uint8_t name[SECRET_HASH_SIZE];
	bool there;

	name_of(l, lease, name);
	(void)pthread_mutex_lock(&l->lock);
	const struct place *p = place_of(l, name, &there);
	bool held = there && mono_ms >= p->granted_ms && mono_ms - p->granted_ms < within_ms;
	(void)pthread_mutex_unlock(&l->lock);
	return held;
}
