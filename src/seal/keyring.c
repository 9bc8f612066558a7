/* SPDX-License-Identifier: ISC */
/* Keys are chosen by id, never by trial, so two of one id are refused when a ring is built. No text
 * here quotes any part of a key, and its digits are decoded by libsodium's readers, which look
 * nothing up. */
#include "seal/keyring.h"

#include "base/secret.h"
#include "base/text.h"
#include "seal/cmac.h"

#include <sodium.h>
#include <stdlib.h>

enum { HEX_DIGITS = 2 * SEAL_KEY_SIZE, BASE64_DIGITS = 44, RING_MAX = UINT16_MAX };

int seal_key_parse(struct slice text, uint8_t key[SEAL_KEY_SIZE], struct err *e)
{
	struct slice word = slice_trim(text);
	char digits[HEX_DIGITS + 1] = {0};
	size_t n = 0;
	int result = -1;

	if (word.n == HEX_DIGITS || word.n == BASE64_DIGITS) {
		memcpy(digits, word.p, word.n);
		if (word.n == HEX_DIGITS)
			result = sodium_hex2bin(key, SEAL_KEY_SIZE, digits, word.n, NULL, &n, NULL);
		else
			result = sodium_base642bin(key, SEAL_KEY_SIZE, digits, word.n, NULL, &n,
			                           NULL, sodium_base64_VARIANT_ORIGINAL);
	}
	secret_wipe(digits, sizeof digits);
	if (result == 0 && n == SEAL_KEY_SIZE)
		return 0;
	secret_wipe(key, SEAL_KEY_SIZE);
	return err_set(
	    e,
	    "a key is 32 bytes, written as 64 hexadecimal or 44 base64 digits; this text "
	    "has %zu characters or others among them",
	    word.n);
}

int seal_kid(const uint8_t key[SEAL_KEY_SIZE], uint8_t kid[SEAL_KID_SIZE])
{
	uint8_t mac[CMAC_SIZE];
	struct cmac *c = cmac_new();
	int result = -1;

	if (c != NULL && cmac_set_key(c, key) == 0)
		result = cmac_run(c, slice_str("mqsecproxy-keyid"), mac);
	cmac_free(c);
	if (result == 0)
		memcpy(kid, mac, SEAL_KID_SIZE);
	secret_wipe(mac, sizeof mac);
	return result;
}

static void key_fini(struct seal_key *key)
{
	free(key->name);
	secret_free(key->secret);
	*key = (struct seal_key){0};
}

static int key_init(struct seal_key *key, const char *name, const uint8_t secret[SEAL_KEY_SIZE],
                    struct err *e)
{
	*key = (struct seal_key){.name = strdup(name), .secret = secret_alloc(SEAL_KEY_SIZE)};
	if (key->name == NULL || key->secret == NULL) {
		key_fini(key);
		return err_set(e, "no memory for a key");
	}
	memcpy(key->secret, secret, SEAL_KEY_SIZE);
	if (seal_kid(key->secret, key->kid) == 0)
		return 0;
	key_fini(key);
	return err_set(e, "libcrypto failed to compute a key id");
}

static int refuse_twin(const struct keyring *ring, const struct seal_key *key, struct err *e)
{
	char name[80], other[80];
	int twin = keyring_by_kid(ring, key->kid);

	(void)text_escape(slice_str(key->name), name, sizeof name);
	if (keyring_by_name(ring, key->name) >= 0)
		return err_set(e, "there are two keys named \"%s\"", name);
	if (twin < 0)
		return 0;
	(void)text_escape(slice_str(ring->keys[twin].name), other, sizeof other);
	return err_set(e, "the keys \"%s\" and \"%s\" have the same key id; make one of them anew",
	               other, name);
}

int keyring_add(struct keyring *ring, const char *name, const uint8_t secret[SEAL_KEY_SIZE],
                struct err *e)
{
	struct seal_key key;

	if (ring->n >= RING_MAX)
		return err_set(e, "more than %d keys", (int)RING_MAX);
	if (key_init(&key, name, secret, e) != 0)
		return -1;
	if (refuse_twin(ring, &key, e) != 0) {
		key_fini(&key);
		return -1;
	}
	struct seal_key *keys = realloc(ring->keys, (ring->n + 1) * sizeof *keys);
	if (keys == NULL) {
		key_fini(&key);
		return err_set(e, "no memory for a key");
	}
	keys[ring->n++] = key;
	ring->keys = keys;
	return 0;
}

int keyring_by_kid(const struct keyring *ring, const uint8_t kid[SEAL_KID_SIZE])
{
	for (size_t i = 0; i < ring->n; i++) {
		if (memcmp(ring->keys[i].kid, kid, SEAL_KID_SIZE) == 0)
			return (int)i;
	}
	return -1;
}

int keyring_by_name(const struct keyring *ring, const char *name)
{
	for (size_t i = 0; i < ring->n; i++) {
		if (strcmp(ring->keys[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

void keyring_fini(struct keyring *ring)
{
	for (size_t i = 0; i < ring->n; i++)
		key_fini(&ring->keys[i]);
	free(ring->keys);
	*ring = (struct keyring){0};
}
