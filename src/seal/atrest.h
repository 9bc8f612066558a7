/* SPDX-License-Identifier: ISC */
/* Secrets for the store: XChaCha20-Poly1305-IETF under the state key. */
#ifndef SEAL_ATREST_H
#define SEAL_ATREST_H

#include "base/slice.h"

enum { ATREST_KEY_SIZE = 32, ATREST_OVERHEAD = 24 + 16 };

/* Seals into out, secret.n + ATREST_OVERHEAD bytes: a random nonce, then ciphertext and tag. Associated data is
 * "mqsecproxy-user-v1" || user || 00 || field, so that rows cannot be swapped. 0 or -1. */
int atrest_seal(const uint8_t key[ATREST_KEY_SIZE], struct slice user, const char *field, struct slice secret, uint8_t *out);

/* Opens into out (blob.n - ATREST_OVERHEAD bytes). -1: wrong key, row or field, or tampered; out is then wiped. */
int atrest_open(const uint8_t key[ATREST_KEY_SIZE], struct slice user, const char *field, struct slice blob, uint8_t *out);

/* What a secret of a user is known by in the store: a keyed hash, which tells nothing without the key; another kind,
 * user or secret has another. */
enum { ATREST_NAME_SIZE = 32 };
void atrest_name(const uint8_t key[ATREST_KEY_SIZE], const char *kind, struct slice user, struct slice secret,
    uint8_t name[ATREST_NAME_SIZE]);

#endif
