/* SPDX-License-Identifier: ISC */
/* Payload keys: 32 random bytes in locked memory, known by an id that is derived from them. */
#ifndef SEAL_KEYRING_H
#define SEAL_KEYRING_H

#include "base/err.h"
#include "base/slice.h"

enum { SEAL_KEY_SIZE = 32, SEAL_KID_SIZE = 4 };

struct seal_key {
	char *name;                  /* as configured */
	uint8_t kid[SEAL_KID_SIZE];  /* first 4 bytes of AES-256-CMAC(key, "mqsecproxy-keyid") */
	uint8_t *secret;             /* SEAL_KEY_SIZE bytes from secret_alloc() */
};

/* All keys of one configuration; immutable once built. */
struct keyring {
	struct seal_key *keys;
	size_t n;
};

/* Reads the text of a key file: 64 hexadecimal or 44 base64 digits, white space around them ignored. */
int seal_key_parse(struct slice text, uint8_t key[SEAL_KEY_SIZE], struct err *e);

/* The id of a key. 0, or -1 where libcrypto failed. */
int seal_kid(const uint8_t key[SEAL_KEY_SIZE], uint8_t kid[SEAL_KID_SIZE]);

/* Copies a key into the ring. -1: the name or the key id is there already, or no memory. A later add may move the
 * structs: take indexes, not pointers, until the ring is complete. */
int keyring_add(struct keyring *ring, const char *name, const uint8_t key[SEAL_KEY_SIZE], struct err *e);

/* The index of the key with that id or name, or -1. */
int keyring_by_kid(const struct keyring *ring, const uint8_t kid[SEAL_KID_SIZE]);
int keyring_by_name(const struct keyring *ring, const char *name);

/* Wipes and frees what the ring holds; a zeroed ring is a valid empty one. */
void keyring_fini(struct keyring *ring);

#endif
