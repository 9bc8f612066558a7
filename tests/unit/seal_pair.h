/* SPDX-License-Identifier: ISC */
/* A ring of three keys, a sealer and an opener, for the tests of src/seal. */
#ifndef UNIT_SEAL_PAIR_H
#define UNIT_SEAL_PAIR_H

#include "seal/opener.h"
#include "seal/sealer.h"
#include "tests/support/suite.h"

enum { PAIR_KEYS = 3 };

struct seal_pair {
	struct keyring ring;
	struct sealer *sealer; /* of key 0 */
	struct opener *opener;
	struct now now;
};

static inline void pair_salt(struct seal_pair *p, uint32_t number)
{
	uint8_t salt[SEAL_SALT_SIZE] = {0x5a, 0x17};

	memcpy(salt + 2, &number, sizeof number);
	ck_assert_int_eq(sealer_renew(p->sealer, salt, p->now, NULL), 0);
}

static inline void pair_init(struct seal_pair *p, size_t lru)
{
	static const char *const names[PAIR_KEYS] = {"one", "two", "three"};
	uint8_t key[SEAL_KEY_SIZE];

	*p = (struct seal_pair){.now = {.mono_ms = 5000, .real_us = INT64_C(1790000000000000)}};
	for (uint8_t i = 0; i < PAIR_KEYS; i++) {
		memset(key, 0x40 + i, sizeof key);
		ck_assert_int_eq(keyring_add(&p->ring, names[i], key, NULL), 0);
	}
	p->sealer = sealer_new(&p->ring.keys[0], NULL);
	p->opener = opener_new(&p->ring, lru, NULL);
	ck_assert_ptr_nonnull(p->sealer);
	ck_assert_ptr_nonnull(p->opener);
	pair_salt(p, 0);
}

static inline void pair_fini(struct seal_pair *p)
{
	sealer_free(p->sealer);
	opener_free(p->opener);
	keyring_fini(&p->ring);
}

static inline size_t pair_size(const struct seal_message *m)
{
	bool ok = false;
	size_t size = envelope_size(seal_inner_size(m, &ok));

	ck_assert(ok);
	return size;
}

/* Seals into out and returns what it is. */
static inline struct slice pair_seal(struct seal_pair *p, const struct seal_message *m,
                                     uint8_t *out)
{
	ck_assert_int_eq(seal_message(p->sealer, m, p->now, out), SEAL_OK);
	return slice_of(out, pair_size(m));
}

/* 0, 1, 2 … mixed, so that no two segments are alike. */
static inline void pair_fill(uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)((i ^ (i >> 8) ^ (i >> 14) * 31) + 3);
}

#endif
