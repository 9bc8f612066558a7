/* SPDX-License-Identifier: ISC */
/* Nothing leaves before its tag was good, and what a cipher wrote before a tag proved bad is wiped.
 * An unknown (KID, SALT) is tried in the one spare context; only when its first tag is good
 * does that context move into the LRU, so junk costs a derivation and no memory. */
#include "seal/opener.h"

#include "base/hot.h"
#include "base/secret.h"
#include "seal/aead.h"
#include "seal/cmac.h"
#include "seal/inner.h"
#include "seal/lru.h"
#include "seal/segment.h"

#include <stdlib.h>

enum { FUTURE_US = 60 * 1000 * 1000 };

struct opener {
	const struct keyring *ring;
	struct lru *lru;
	struct cmac *cmac;
	struct aead *spare;
};

struct opener *opener_new(const struct keyring *ring, size_t lru_entries, struct err *e)
{
	struct opener *o = calloc(1, sizeof *o);

	if (o != NULL) {
		o->ring = ring;
		if (ring->n == 0)
			return o;
		o->lru = lru_new(lru_entries);
		o->cmac = cmac_new();
		o->spare = aead_new(AEAD_OPEN);
		if (o->lru != NULL && o->cmac != NULL && o->spare != NULL)
			return o;
	}
	opener_free(o);
	err_set(e, "no memory for an opener, or libcrypto gives no AES-256-GCM");
	return NULL;
}

void opener_free(struct opener *o)
{
	if (o == NULL)
		return;
	lru_free(o->lru);
	cmac_free(o->cmac);
	aead_unref(o->spare);
	free(o);
}

int opener_key(const struct opener *o, const uint8_t kid[SEAL_KID_SIZE])
{
	return keyring_by_kid(o->ring, kid);
}

/* What one call is about, so that its steps need not pass it piece by piece. */
struct job {
	const struct seal_demand *demand;
	struct envelope env;
	struct slice topic, bytes;
	size_t first; /* bytes of inner message in the first segment */
	struct aead *aead;
	bool fresh; /* the spare, not in the LRU yet */
	int key;
};

static const uint8_t *job_id(const struct job *j)
{
	return j->env.kid; /* KID and SALT stand side by side */
}

static bool in_scope(const struct seal_demand *d, int key)
{
	for (size_t i = 0; d->keys != NULL && i < d->n_keys; i++) {
		if (d->keys[i] == key)
			return true;
	}
	return d->keys == NULL;
}

static enum seal_error find_key(struct opener *o, struct job *j)
{
	if (o->ring->n == 0)
		return SEAL_E_KEY;
	j->aead = lru_find(o->lru, job_id(j), &j->key);
	if (j->aead == NULL)
		j->key = keyring_by_kid(o->ring, j->env.kid);
	if (j->key < 0)
		return SEAL_E_KEY;
	if (!in_scope(j->demand, j->key))
		return SEAL_E_SCOPE;
	if (j->aead != NULL)
		return SEAL_OK;
	uint8_t derived[AEAD_KEY_SIZE];
	o->spare = aead_alone(o->spare, AEAD_OPEN);
	if (o->spare == NULL ||
	    xaes_derive(o->cmac, o->ring->keys[j->key].secret, j->env.salt, derived) != 0)
		return SEAL_E_INTERNAL;
	aead_set_key(o->spare, derived);
	secret_wipe(derived, sizeof derived);
	j->aead = o->spare;
	j->fresh = true;
	return SEAL_OK;
}

/* The spare has proved itself. Without memory for a new one it stays what it is: slower, not wrong.
 */
static void keep_spare(struct opener *o, struct job *j)
{
	struct aead *next = NULL;

	j->fresh = false;
	if (!lru_full(o->lru)) {
		next = aead_new(AEAD_OPEN);
		if (next == NULL)
			return;
	}
	struct aead *gone = lru_put(o->lru, job_id(j), j->key, j->aead);
	o->spare = next != NULL ? next : gone;
}

static enum seal_error open_first(struct opener *o, struct job *j, uint8_t *out)
{
	HOT_LOCAL uint8_t iv[AEAD_IV_SIZE], room[SEGMENT_AAD_ROOM];
	struct slice aad[2], sealed = slice_of(j->bytes.p + SEAL_HEADER, j->first + SEAL_TAG);

	memcpy(room, j->bytes.p, SEAL_HEADER);
	segment_aad(aad, room, j->env.inner, j->topic);
	segment_iv(iv, j->env.num, 0, j->env.segments == 1);
	enum aead_result r = aead_open(j->aead, iv, aad, sealed, out);
	if (r != AEAD_OK)
		return r == AEAD_BAD_TAG ? SEAL_E_AUTH : SEAL_E_INTERNAL;
	if (j->fresh)
		keep_spare(o, j);
	return SEAL_OK;
}

/* A message as old as it may be, or too new; what was retained is exempt, and of a Will only the
 * age is. */
static bool is_stale(const struct job *j, struct now now)
{
	const struct seal_demand *d = j->demand;
	int64_t num = (int64_t)j->env.num, oldest = 0, newest = 0;

	if (d->max_age_us == 0 || (d->retain && (j->env.flags & SEAL_RETAIN) != 0))
		return false;
	if (__builtin_sub_overflow(now.real_us, d->max_age_us, &oldest) ||
	    __builtin_add_overflow(now.real_us, (int64_t)FUTURE_US, &newest))
		return true;
	return num > newest || ((j->env.flags & SEAL_WILL) == 0 && num < oldest);
}

static enum seal_error check_policy(const struct job *j, struct now now)
{
	const struct seal_demand *d = j->demand;
	bool retained = (j->env.flags & SEAL_RETAIN) != 0;

	if ((j->env.flags & SEAL_UNBOUND) != 0 && !d->unbound_ok)
		return SEAL_E_UNBOUND;
	if (d->connect_will && (j->env.flags & SEAL_WILL) == 0)
		return SEAL_E_WILL;
	if ((d->retain && !retained) || (d->strict_retain && d->retain != retained))
		return SEAL_E_RETAIN;
	return is_stale(j, now) ? SEAL_E_STALE : SEAL_OK;
}

static enum seal_error open_checked(struct opener *o, struct job *j, struct now now, uint8_t *out,
                                    struct seal_opened *opened)
{
	enum seal_error e = find_key(o, j);

	if (e == SEAL_OK)
		e = open_first(o, j, out);
	if (e == SEAL_OK)
		e = check_policy(j, now);
	/* What stands before the payload is all in the first segment. */
	if (e == SEAL_OK)
		e = inner_get(slice_of(out, j->first), j->env.flags, &opened->props,
		              &opened->payload);
	return e;
}

enum seal_error seal_open_begin(struct opener *o, const struct seal_demand *demand,
                                struct slice topic, struct slice bytes, struct now now,
                                uint8_t *out, struct seal_opened *opened, struct seal_stream *rest)
{
	struct job j = {.demand = demand, .topic = topic, .bytes = bytes, .key = -1};
	enum seal_error e = envelope_get(bytes, &j.env);

	*opened = (struct seal_opened){.key = -1};
	*rest = (struct seal_stream){0};
	if (e != SEAL_OK)
		return e;
	j.first = j.env.inner < SEAL_SEGMENT ? j.env.inner : SEAL_SEGMENT;
	e = open_checked(o, &j, now, out, opened);
	if (e != SEAL_OK) {
		secret_wipe(out, j.first);
		*opened = (struct seal_opened){.key = j.key};
		return e;
	}
	opened->flags = j.env.flags;
	opened->num = j.env.num;
	opened->key = j.key;
	opened->has_props = (j.env.flags & SEAL_PROPS) != 0;
	rest->aead = aead_ref(j.aead);
	rest->num = j.env.num;
	rest->next = 1;
	rest->left = j.env.inner - j.first;
	return SEAL_OK;
}

enum seal_error seal_open(struct opener *o, const struct seal_demand *demand, struct slice topic,
                          struct slice bytes, struct now now, uint8_t *out,
                          struct seal_opened *opened)
{
	struct seal_stream rest;
	enum seal_error e = seal_open_begin(o, demand, topic, bytes, now, out, opened, &rest);
	struct slice sealed = slice_from(bytes, envelope_first(bytes.n));
	struct envelope env;

	opened->payload.n += rest.left;
	for (size_t at = SEAL_SEGMENT; e == SEAL_OK && rest.left != 0; at += SEAL_SEGMENT) {
		e = seal_stream_open(&rest, sealed.p, out + at);
		sealed = slice_from(sealed, SEAL_SEGMENT + SEAL_TAG);
	}
	seal_stream_end(&rest);
	if (e != SEAL_OK && envelope_get(bytes, &env) == SEAL_OK)
		secret_wipe(out, env.inner);
	if (e != SEAL_OK)
		*opened = (struct seal_opened){.key = opened->key};
	return e;
}
