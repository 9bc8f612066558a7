/* SPDX-License-Identifier: ISC */
/* The associated data names user and field, so a row that was moved to another user or column does
 * not open. A field is a C string, hence the last 00 parts the two and no pair of names reads as
 * another. */
#include "seal/atrest.h"

#include "base/secret.h"

#include <sodium.h>
#include <stdlib.h>

enum { NONCE = 24, TAG = 16 };

static const char DOMAIN[] = "mqsecproxy-user-v1";

/* DOMAIN || user || 00 || field in memory of its own, or empty without memory. */
static struct slice aad_new(struct slice user, const char *field, uint8_t **owned)
{
	size_t domain = sizeof DOMAIN - 1, n_field = strlen(field);

	*owned = NULL;
	if (user.n > UINT16_MAX || n_field > UINT16_MAX)
		return slice_of(NULL, 0);
	size_t n = domain + user.n + 1 + n_field;
	uint8_t *p = malloc(n);
	if (p == NULL)
		return slice_of(NULL, 0);
	memcpy(p, DOMAIN, domain);
	if (user.n != 0)
		memcpy(p + domain, user.p, user.n);
	p[domain + user.n] = 0;
	memcpy(p + domain + user.n + 1, field, n_field);
	*owned = p;
	return slice_of(p, n);
}

int atrest_seal(const uint8_t key[ATREST_KEY_SIZE], struct slice user, const char *field,
                struct slice secret, uint8_t *out)
{
	uint8_t *owned;
	struct slice aad = aad_new(user, field, &owned);

	if (owned == NULL)
		return -1;
	secret_random(out, NONCE);
	int r = crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, secret.p, secret.n,
	                                                   aad.p, aad.n, NULL, out, key);
	free(owned);
	return r;
}

int atrest_open(const uint8_t key[ATREST_KEY_SIZE], struct slice user, const char *field,
                struct slice blob, uint8_t *out)
{
	uint8_t *owned;

	if (blob.n < ATREST_OVERHEAD)
		return -1;
	struct slice aad = aad_new(user, field, &owned);
	int r = owned == NULL
	            ? -1
	            : crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, blob.p + NONCE,
	                                                         blob.n - NONCE, aad.p, aad.n,
	                                                         blob.p, key);
	free(owned);
	if (r != 0)
		secret_wipe(out, blob.n - ATREST_OVERHEAD);
	return r;
}

static void hash_field(crypto_generichash_state *h, struct slice field)
{
	uint8_t n[4] = {(uint8_t)(field.n >> 24), (uint8_t)(field.n >> 16), (uint8_t)(field.n >> 8),
	                (uint8_t)field.n};

	(void)crypto_generichash_update(h, n, sizeof n);
	(void)crypto_generichash_update(h, field.p, field.n);
}

void atrest_name(const uint8_t key[ATREST_KEY_SIZE], const char *kind, struct slice user,
                 struct slice secret, uint8_t name[ATREST_NAME_SIZE])
{
	crypto_generichash_state h;

	(void)crypto_generichash_init(&h, key, ATREST_KEY_SIZE, ATREST_NAME_SIZE);
	hash_field(&h, slice_str("mqsecproxy-name-v1"));
	hash_field(&h, slice_str(kind));
	hash_field(&h, user);
	hash_field(&h, secret);
	(void)crypto_generichash_final(&h, name, ATREST_NAME_SIZE);
	secret_wipe(&h, sizeof h);
}
