/* SPDX-License-Identifier: ISC */
/* A thin face on libsodium, so that nobody above needs to know which library wipes and locks. */
#include "base/secret.h"

#include <sodium.h>

int secret_init(void)
{
	return sodium_init() < 0 ? -1 : 0;
}

void secret_wipe(void *p, size_t n)
{
	if (n != 0)
		sodium_memzero(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || sodium_memcmp(a, b, n) == 0;
}

void secret_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

void secret_hash(const uint8_t key[SECRET_HASH_KEY_SIZE], struct slice s,
                 uint8_t out[SECRET_HASH_SIZE])
{
	(void)crypto_shorthash_siphashx24(out, s.p, s.n, key);
}

void *secret_alloc(size_t n)
{
	return sodium_malloc(n);
}

void secret_free(void *p)
{
	sodium_free(p);
}
