/* SPDX-License-Identifier: ISC */
/* Inside the room: AES-256-CMAC, and the key derivation of C2SP's XAES-256-GCM on top of it. */
#ifndef SEAL_CMAC_H
#define SEAL_CMAC_H

#include "base/slice.h"

enum { CMAC_KEY_SIZE = 32, CMAC_SIZE = 16, XAES_SALT_SIZE = 12 };

struct cmac;

/* NULL without memory or without AES-256-ECB in libcrypto. NULL-safe free, which wipes. */
struct cmac *cmac_new(void);
void cmac_free(struct cmac *c);

/* 0, or -1 where libcrypto failed. */
int cmac_set_key(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE]);
int cmac_run(struct cmac *c, struct slice message, uint8_t out[CMAC_SIZE]);

/* Replaces the key by a public one, so that no schedule of it stays on the heap. */
void cmac_forget(struct cmac *c);

/* The session key: CMAC(key, 00 01 58 00 || salt) || CMAC(key, 00 02 58 00 || salt). The key is forgotten. 0 or -1. */
int xaes_derive(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE], const uint8_t salt[XAES_SALT_SIZE],
    uint8_t derived[2 * CMAC_SIZE]);

#endif
