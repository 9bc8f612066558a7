/* SPDX-License-Identifier: ISC */
/* Inside the room: AES-256-GCM under one session key, by libIPSec_MB where the CPU has it, else by libcrypto; the bytes
 * are the same. Nothing but aead_new() and aead_alone() allocates. One thread. */
#ifndef SEAL_AEAD_H
#define SEAL_AEAD_H

#include "base/slice.h"

enum {
	AEAD_KEY_SIZE = 32,
	AEAD_IV_SIZE = 12,
	AEAD_TAG_SIZE = 16
};

enum aead_use { AEAD_SEAL, AEAD_OPEN };
enum aead_result { AEAD_OK, AEAD_BAD_TAG, AEAD_FAILED };

struct aead;

/* A context without a key, for one direction. NULL: no memory, or no AES-256-GCM. One reference is the caller's; the last
 * that is given up (NULL-safe) wipes it. */
struct aead *aead_new(enum aead_use use);
struct aead *aead_ref(struct aead *a);
void aead_unref(struct aead *a);

/* Gives up a reference, or NULL, for a context that nobody else holds and that may therefore get another key: the same one
 * where that is so, else a new one. NULL without memory. */
struct aead *aead_alone(struct aead *a, enum aead_use use);

/* Exchanges the key of a context that is not shared; it is copied; the key schedules are made at first use. */
void aead_set_key(struct aead *a, const uint8_t key[AEAD_KEY_SIZE]);

/* For tests: whether libIPSec_MB is there, and doing without it, as on another CPU. */
bool aead_is_fast(const struct aead *a);
void aead_slow(struct aead *a);

/* Associated data is aad[0] || aad[1], faster where it is all in aad[0]; the text is the pieces in their order. Writes the ciphertext and the tag. */
enum aead_result aead_seal(struct aead *a, const uint8_t iv[AEAD_IV_SIZE], const struct slice aad[2],
    const struct slice *pieces, size_t n_pieces, uint8_t *out);

/* Opens ciphertext and tag (sealed, at least AEAD_TAG_SIZE bytes) into out, which does not overlap it. Where the tag is bad,
 * or libcrypto fails, out may hold anything: the caller wipes it. */
enum aead_result aead_open(struct aead *a, const uint8_t iv[AEAD_IV_SIZE], const struct slice aad[2],
    struct slice sealed, uint8_t *out);

#endif
