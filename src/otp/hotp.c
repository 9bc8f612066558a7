/* SPDX-License-Identifier: ISC */
/* A verdict on a HOTP code takes a hundred of these, so the three HMAC contexts are made once and a
 * code costs one keyed init and eight bytes. What libcrypto keeps of the last secret is replaced by
 * a public key in hotp_forget(), which the judge calls when it is done. */
#include "otp/hotp.h"

#include "base/secret.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALGORITHMS = 3, HOTP_MAC_MIN = 20 };

struct hotp {
	EVP_MAC_CTX *mac[ALGORITHMS];
	bool used[ALGORITHMS];
};

static EVP_MAC_CTX *mac_new(EVP_MAC *hmac, const char *digest)
{
	char name[8];
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

	(void)snprintf(name, sizeof name, "%s", digest);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
	    OSSL_PARAM_construct_end(),
	};
	if (mac != NULL && EVP_MAC_CTX_set_params(mac, params) != 1) {
		EVP_MAC_CTX_free(mac);
		return NULL;
	}
	return mac;
}

struct hotp *hotp_new(struct err *e)
{
	static const char *const digests[ALGORITHMS] = {"SHA1", "SHA256", "SHA512"};
	struct hotp *h = calloc(1, sizeof *h);
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	bool good = h != NULL && hmac != NULL;

	for (int i = 0; i < ALGORITHMS && good; i++) {
		h->mac[i] = mac_new(hmac, digests[i]);
		good = h->mac[i] != NULL;
	}
	EVP_MAC_free(hmac); /* the contexts keep references of their own */
	if (good)
		return h;
	hotp_free(h);
	err_set(e, "libcrypto gives no HMAC with SHA-1, SHA-256 and SHA-512, or memory ran out");
	return NULL;
}

void hotp_free(struct hotp *h)
{
	if (h == NULL)
		return;
	for (int i = 0; i < ALGORITHMS; i++)
		EVP_MAC_CTX_free(h->mac[i]);
	free(h);
}

void hotp_forget(struct hotp *h)
{
	static const uint8_t nothing[1] = {0};

	for (int i = 0; i < ALGORITHMS; i++) {
		if (h->used[i])
			(void)EVP_MAC_init(h->mac[i], nothing, sizeof nothing, NULL);
		h->used[i] = false;
	}
}

/* Dynamic truncation and reduction, RFC 4226 section 5.3. */
static uint32_t truncate_mac(const uint8_t *mac, size_t n, unsigned digits)
{
	const uint8_t *p = mac + (mac[n - 1] & 15);
	uint32_t value =
	    (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	uint32_t modulus = 1;

	for (unsigned i = 0; i < digits; i++)
		modulus *= 10;
	return value % modulus;
}

/* An empty secret: the one that the context holds. */
static size_t make_mac(struct hotp *h, int index, struct slice secret, struct slice message,
                       uint8_t out[HOTP_MAC_MAX])
{
	size_t n = 0;

	h->used[index] = true;
	if (EVP_MAC_init(h->mac[index], secret.n == 0 ? NULL : secret.p, secret.n, NULL) != 1 ||
	    EVP_MAC_update(h->mac[index], message.p, message.n) != 1 ||
	    EVP_MAC_final(h->mac[index], out, &n, HOTP_MAC_MAX) != 1)
		return 0;
	return n;
}

static bool known(enum otp_algorithm algorithm)
{
	return algorithm >= OTP_SHA1 && algorithm < OTP_SHA1 + ALGORITHMS;
}

size_t hotp_mac(struct hotp *h, enum otp_algorithm algorithm, struct slice secret,
                struct slice message, uint8_t out[HOTP_MAC_MAX])
{
	if (!known(algorithm) || secret.n == 0)
		return 0;
	return make_mac(h, (int)algorithm - OTP_SHA1, secret, message, out);
}

static int make_code(struct hotp *h, enum otp_algorithm algorithm, struct slice secret,
                     uint64_t counter, unsigned digits, uint32_t *out)
{
	uint8_t message[8], mac[HOTP_MAC_MAX];

	if (digits < OTP_DIGITS_MIN || digits > OTP_DIGITS_MAX)
		return -1;
	for (unsigned i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(counter >> (56 - 8 * i));
	size_t n =
	    make_mac(h, (int)algorithm - OTP_SHA1, secret, slice_of(message, sizeof message), mac);
	if (n < HOTP_MAC_MIN)
		return -1;
	*out = truncate_mac(mac, n, digits);
	secret_wipe(mac, sizeof mac);
	return 0;
}

int hotp_code(struct hotp *h, enum otp_algorithm algorithm, struct slice secret, uint64_t counter,
              unsigned digits, uint32_t *out)
{
	if (!known(algorithm) || secret.n == 0)
		return -1;
	return make_code(h, algorithm, secret, counter, digits, out);
}

int hotp_another(struct hotp *h, enum otp_algorithm algorithm, uint64_t counter, unsigned digits,
                 uint32_t *out)
{
	if (!known(algorithm) || !h->used[(int)algorithm - OTP_SHA1])
		return -1;
	return make_code(h, algorithm, slice_of(NULL, 0), counter, digits, out);
}

void hotp_text(uint32_t code, unsigned digits, char *out)
{
	for (unsigned i = digits; i > 0; i--) {
		out[i - 1] = (char)('0' + code % 10);
		code /= 10;
	}
	out[digits] = '\0';
}

int64_t totp_step(int64_t time, unsigned step)
{
	int64_t s = (int64_t)step;

	if (s == 0)
		return -1;
	return time / s - (time % s < 0 ? 1 : 0);
}
