/* SPDX-License-Identifier: ISC */
/* libIPSec_MB seals 64 bytes in a seventh of libcrypto's time and 16 KiB in a third, so it does
 * what it can. libcrypto is for other CPUs and for associated data in two pieces. Key schedules are
 * made at first use: an envelope of nobody's costs only the one that it is tried with. */
#include "seal/aead.h"

#include "base/hot.h"
#include "base/secret.h"
#include "seal/envelope.h"
#include "seal/multibuffer.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct aead {
	struct multibuffer *fast; /* NULL where it is not there */
	EVP_CIPHER_CTX *evp;
	uint8_t key[AEAD_KEY_SIZE];
	enum aead_use use;
	unsigned refs;
	bool fast_keyed, evp_keyed;
};

struct aead *aead_new(enum aead_use use)
{
	struct aead *a = calloc(1, sizeof *a);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	bool good = false;

	if (a != NULL && cipher != NULL) {
		a->use = use;
		a->refs = 1;
		a->fast = multibuffer_new();
		a->evp = EVP_CIPHER_CTX_new();
		good = a->evp != NULL &&
		       EVP_CipherInit_ex2(a->evp, cipher, NULL, NULL, use == AEAD_SEAL, NULL) == 1;
	}
	EVP_CIPHER_free(cipher);
	if (good)
		return a;
	aead_unref(a);
	return NULL;
}

const char *seal_library(void)
{
	struct multibuffer *fast = multibuffer_new();
	const char *name = fast != NULL ? "libIPSec_MB" : "libcrypto";

	multibuffer_free(fast);
	return name;
}

struct aead *aead_ref(struct aead *a)
{
	a->refs++;
	return a;
}

void aead_unref(struct aead *a)
{
	if (a == NULL || --a->refs != 0)
		return;
	multibuffer_free(a->fast);
	EVP_CIPHER_CTX_free(a->evp);
	secret_wipe(a, sizeof *a);
	free(a);
}

struct aead *aead_alone(struct aead *a, enum aead_use use)
{
	if (a != NULL && a->refs == 1)
		return a;
	aead_unref(a);
	return aead_new(use);
}

void aead_set_key(struct aead *a, const uint8_t key[AEAD_KEY_SIZE])
{
	memcpy(a->key, key, AEAD_KEY_SIZE);
	a->fast_keyed = a->evp_keyed = false;
}

bool aead_is_fast(const struct aead *a)
{
	return a->fast != NULL;
}

void aead_slow(struct aead *a)
{
	multibuffer_free(a->fast);
	a->fast = NULL;
}

/* Whether libIPSec_MB takes it: its associated data in one piece. */
static bool takes_fast(struct aead *a, const struct slice aad[2])
{
	if (a->fast == NULL || aad[1].n != 0)
		return false;
	if (!a->fast_keyed)
		multibuffer_set_key(a->fast, a->key);
	a->fast_keyed = true;
	return true;
}

/* Sets the IV, the key too where it is new, and feeds the associated data. */
static bool evp_start(struct aead *a, const uint8_t iv[AEAD_IV_SIZE], const struct slice aad[2])
{
	const uint8_t *key = a->evp_keyed ? NULL : a->key;
	int n = 0;

	if (EVP_CipherInit_ex2(a->evp, NULL, key, iv, a->use == AEAD_SEAL, NULL) != 1)
		return false;
	a->evp_keyed = true;
	for (size_t i = 0; i < 2; i++) {
		if (aad[i].n > INT_MAX)
			return false;
		if (aad[i].n != 0 &&
		    EVP_CipherUpdate(a->evp, NULL, &n, aad[i].p, (int)aad[i].n) != 1)
			return false;
	}
	return true;
}

static bool evp_feed(struct aead *a, struct slice in, uint8_t *out)
{
	int n = 0;

	if (in.n == 0)
		return true;
	return in.n <= INT_MAX && EVP_CipherUpdate(a->evp, out, &n, in.p, (int)in.n) == 1 &&
	       (size_t)n == in.n;
}

static bool evp_seal(struct aead *a, const uint8_t iv[AEAD_IV_SIZE], const struct slice aad[2],
                     const struct slice *pieces, size_t n_pieces, uint8_t *out)
{
	int n = 0;

	if (!evp_start(a, iv, aad))
		return false;
	for (size_t i = 0; i < n_pieces; out += pieces[i++].n) {
		if (!evp_feed(a, pieces[i], out))
			return false;
	}
	return EVP_CipherFinal_ex(a->evp, out, &n) == 1 && n == 0 &&
	       EVP_CIPHER_CTX_ctrl(a->evp, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, out) == 1;
}

enum aead_result aead_seal(struct aead *a, const uint8_t iv[AEAD_IV_SIZE],
                           const struct slice aad[2], const struct slice *pieces, size_t n_pieces,
                           uint8_t *out)
{
	if (!takes_fast(a, aad))
		return evp_seal(a, iv, aad, pieces, n_pieces, out) ? AEAD_OK : AEAD_FAILED;
	multibuffer_seal(a->fast, iv, aad[0], pieces, n_pieces, out);
	return AEAD_OK;
}

static enum aead_result evp_open(struct aead *a, const uint8_t iv[AEAD_IV_SIZE],
                                 const struct slice aad[2], struct slice sealed, uint8_t *out)
{
	struct slice text = slice_of(sealed.p, sealed.n - AEAD_TAG_SIZE);
	uint8_t tag[AEAD_TAG_SIZE], rest[AEAD_TAG_SIZE];
	int n = 0;

	memcpy(tag, sealed.p + text.n, sizeof tag);
	if (!evp_start(a, iv, aad) || !evp_feed(a, text, out) ||
	    EVP_CIPHER_CTX_ctrl(a->evp, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, tag) != 1) {
		ERR_clear_error();
		return AEAD_FAILED;
	}
	if (EVP_CipherFinal_ex(a->evp, rest, &n) == 1)
		return AEAD_OK;
	ERR_clear_error();
	return AEAD_BAD_TAG;
}

enum aead_result aead_open(struct aead *a, const uint8_t iv[AEAD_IV_SIZE],
                           const struct slice aad[2], struct slice sealed, uint8_t *out)
{
	if (sealed.n < AEAD_TAG_SIZE)
		return AEAD_BAD_TAG;
	if (!takes_fast(a, aad))
		return evp_open(a, iv, aad, sealed, out);
	struct slice text = slice_of(sealed.p, sealed.n - AEAD_TAG_SIZE);
	HOT_LOCAL uint8_t tag[AEAD_TAG_SIZE];
	multibuffer_open(a->fast, iv, aad[0], text, out, tag);
	return secret_equal(tag, sealed.p + text.n, sizeof tag) ? AEAD_OK : AEAD_BAD_TAG;
}
