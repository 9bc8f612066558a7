/* SPDX-License-Identifier: ISC */
/* Bytes that must not leak: wiped when given up, compared without telling where they differ, and, for keys,
 * kept in memory that is locked against swapping, fenced by guard pages and left out of core dumps. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

/* Prepares the library behind this file. 0, or -1 where the system gives no random numbers. Once, at start. */
int secret_init(void);

/* Overwrites in a way that the compiler may not leave out. */
void secret_wipe(void *p, size_t n);

/* Whether two runs of bytes of one length are equal, in a time that depends on the length only. */
bool secret_equal(const void *a, const void *b, size_t n);

/* n random bytes from the system's generator. */
void secret_random(void *p, size_t n);

/* A hash of any bytes under a random key: a table that is filled and asked with it cannot be attacked by chosen input. */
enum { SECRET_HASH_KEY_SIZE = 16, SECRET_HASH_SIZE = 16 };
void secret_hash(const uint8_t key[SECRET_HASH_KEY_SIZE], struct slice s, uint8_t out[SECRET_HASH_SIZE]);

/* n bytes of locked, guarded memory, or NULL. Freed, and wiped, by secret_free(), which takes NULL too. */
void *secret_alloc(size_t n);
void secret_free(void *p);

#endif
