/* SPDX-License-Identifier: ISC */
/* CMAC [NIST SP 800-38B] on AES-256-ECB, because OpenSSL 3.0's KBKDF lacks the parameter that would
 * give the derivation directly. It runs once a session and once a key, never once a message. */
#include "seal/cmac.h"

#include "base/secret.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct cmac {
	EVP_CIPHER_CTX *ecb;
	uint8_t k1[CMAC_SIZE], k2[CMAC_SIZE];
};

struct cmac *cmac_new(void)
{
	struct cmac *c = calloc(1, sizeof *c);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	bool good = false;

	if (c != NULL && cipher != NULL) {
		c->ecb = EVP_CIPHER_CTX_new();
		good = c->ecb != NULL &&
		       EVP_EncryptInit_ex2(c->ecb, cipher, NULL, NULL, NULL) == 1 &&
		       EVP_CIPHER_CTX_set_padding(c->ecb, 0) == 1;
	}
	EVP_CIPHER_free(cipher);
	if (good)
		return c;
	cmac_free(c);
	return NULL;
}

void cmac_free(struct cmac *c)
{
	if (c == NULL)
		return;
	EVP_CIPHER_CTX_free(c->ecb);
	secret_wipe(c, sizeof *c);
	free(c);
}

static int encrypt_block(struct cmac *c, const uint8_t in[CMAC_SIZE], uint8_t out[CMAC_SIZE])
{
	int n = 0;

	return EVP_EncryptUpdate(c->ecb, out, &n, in, CMAC_SIZE) == 1 && n == CMAC_SIZE ? 0 : -1;
}

/* Doubling in GF(2^128), without a branch on the bit that falls out. */
static void doubled(const uint8_t in[CMAC_SIZE], uint8_t out[CMAC_SIZE])
{
	uint8_t carry = (uint8_t)(in[0] >> 7);

	for (size_t i = 0; i + 1 < CMAC_SIZE; i++)
		out[i] = (uint8_t)(in[i] << 1 | in[i + 1] >> 7);
	out[CMAC_SIZE - 1] = (uint8_t)((in[CMAC_SIZE - 1] << 1) ^ (0x87 & (uint8_t)-carry));
}

int cmac_set_key(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE])
{
	static const uint8_t zero[CMAC_SIZE] = {0};
	uint8_t l[CMAC_SIZE];

	if (EVP_EncryptInit_ex2(c->ecb, NULL, key, NULL, NULL) != 1 ||
	    encrypt_block(c, zero, l) != 0)
		return -1;
	doubled(l, c->k1);
	doubled(c->k1, c->k2);
	secret_wipe(l, sizeof l);
	return 0;
}

int cmac_run(struct cmac *c, struct slice message, uint8_t out[CMAC_SIZE])
{
	uint8_t x[CMAC_SIZE] = {0};
	const uint8_t *p = message.p;
	size_t left = message.n;

	for (; left > CMAC_SIZE; left -= CMAC_SIZE, p += CMAC_SIZE) {
		for (size_t i = 0; i < CMAC_SIZE; i++)
			x[i] ^= p[i];
		if (encrypt_block(c, x, x) != 0)
			return -1;
	}
	const uint8_t *subkey = left == CMAC_SIZE ? c->k1 : c->k2;
	for (size_t i = 0; i < CMAC_SIZE; i++) {
		uint8_t byte = i < left ? p[i] : (uint8_t)(i == left ? 0x80 : 0);
		x[i] ^= (uint8_t)(byte ^ subkey[i]);
	}
	int result = encrypt_block(c, x, out);
	secret_wipe(x, sizeof x);
	return result;
}

void cmac_forget(struct cmac *c)
{
	static const uint8_t public_key[CMAC_KEY_SIZE] = {0};

	(void)cmac_set_key(c, public_key);
}

int xaes_derive(struct cmac *c, const uint8_t key[CMAC_KEY_SIZE],
                const uint8_t salt[XAES_SALT_SIZE], uint8_t derived[2 * CMAC_SIZE])
{
	uint8_t block[CMAC_SIZE] = {0, 0, 'X', 0};
	int result = cmac_set_key(c, key);

	memcpy(block + 4, salt, XAES_SALT_SIZE);
	for (uint8_t half = 0; half < 2 && result == 0; half++) {
		block[1] = (uint8_t)(half + 1);
		result = cmac_run(c, slice_of(block, sizeof block), derived + CMAC_SIZE * half);
	}
	cmac_forget(c);
	if (result != 0)
		secret_wipe(derived, (size_t)2 * CMAC_SIZE);
	return result;
}
