/* SPDX-License-Identifier: ISC */
#include "seal/aead.h"
#include "seal/cmac.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { GCM_RECORDS = 66, XAES_RECORDS = 10 };

/* What seals and opens: the best that is there, and libcrypto. */
static const bool engines[] = {true, false};

static struct aead *context(enum aead_use use, bool fast)
{
	struct aead *a = aead_new(use);

	ck_assert_ptr_nonnull(a);
	if (!fast)
		aead_slow(a);
	return a;
}

/* Seals and opens one vector, laid out against guard pages; ct is ciphertext and tag. */
static void round_trip(struct aead *seal, struct aead *open, const struct slice part[5], bool valid)
{
	struct slice aad[2] = {part[2], slice_of(NULL, 0)}, text = part[3], ct = part[4];
	uint8_t *out = guard_room(text.n + AEAD_TAG_SIZE), *back = guard_room(text.n);
	struct slice sealed = guard_copy(ct);

	aead_set_key(seal, part[0].p);
	aead_set_key(open, part[0].p);
	ck_assert_int_eq(aead_seal(seal, part[1].p, aad, &text, 1, out), AEAD_OK);
	ck_assert_int_eq(slice_eq(slice_of(out, text.n + AEAD_TAG_SIZE), ct), valid);
	enum aead_result r = aead_open(open, part[1].p, aad, sealed, back);
	ck_assert_int_eq(r, valid ? AEAD_OK : AEAD_BAD_TAG);
	if (valid)
		expect_bytes(slice_of(back, text.n), text, "opened");
	guard_free(sealed);
	guard_free(slice_of(out, text.n + AEAD_TAG_SIZE));
	guard_free(slice_of(back, text.n));
}

static struct slice joined(struct slice a, struct slice b)
{
	uint8_t *p = kept_bytes(a.n + b.n);

	if (a.n != 0)
		memcpy(p, a.p, a.n);
	if (b.n != 0)
		memcpy(p + a.n, b.p, b.n);
	return slice_of(p, a.n + b.n);
}

START_TEST(wycheproof)
{
	struct vectors vs = vectors_read("wycheproof.txt");
	struct aead *seal = context(AEAD_SEAL, engines[_i]),
	            *open = context(AEAD_OPEN, engines[_i]);
	size_t run = 0, invalid = 0;

	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		if (strcmp(v->kind, "aes256gcm") != 0)
			continue;
		bool valid = strcmp(vector_need(v, "result"), "valid") == 0;
		struct slice part[5] = {
		    unhex(vector_need(v, "key")), unhex(vector_need(v, "iv")),
		    unhex(vector_need(v, "aad")), unhex(vector_need(v, "msg")),
		    joined(unhex(vector_need(v, "ct")), unhex(vector_need(v, "tag")))};
		round_trip(seal, open, part, valid);
		invalid += !valid;
		run++;
	}
	ck_assert(run == GCM_RECORDS && invalid > 0);
	aead_unref(seal);
	aead_unref(open);
	vectors_free(&vs);
}
END_TEST

START_TEST(xaes)
{
	struct vectors vs = vectors_read("envelope.txt");
	struct aead *seal = context(AEAD_SEAL, engines[_i]),
	            *open = context(AEAD_OPEN, engines[_i]);
	struct cmac *c = cmac_new();
	size_t run = 0;

	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		uint8_t derived[AEAD_KEY_SIZE];
		if (strcmp(v->kind, "xaes") != 0)
			continue;
		const uint8_t *nonce = unhex(vector_need(v, "nonce_hex")).p;
		ck_assert_int_eq(xaes_derive(c, unhex(vector_need(v, "key_hex")).p, nonce, derived),
		                 0);
		struct slice part[5] = {slice_of(derived, sizeof derived), slice_of(nonce + 12, 12),
		                        unhex(vector_need(v, "aad_hex")),
		                        unhex(vector_need(v, "plaintext_hex")),
		                        unhex(vector_need(v, "ciphertext_hex"))};
		round_trip(seal, open, part, true);
		run++;
	}
	ck_assert(run == XAES_RECORDS);
	aead_unref(seal);
	aead_unref(open);
	cmac_free(c);
	vectors_free(&vs);
}
END_TEST

/* A squeezable SHAKE-128 of the empty string, since libcrypto's squeezes once only: the source of
 * the random tests. */
struct shake {
	uint64_t s[25];
	size_t at;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
	return n == 0 ? x : x << n | x >> (64 - n);
}

static void keccak_round(uint64_t s[25], uint64_t constant)
{
	static const uint8_t next[25] = {0,  6,  12, 18, 24, 3,  9,  10, 16, 22, 1,  7, 13,
	                                 19, 20, 4,  5,  11, 17, 23, 2,  8,  14, 15, 21};
	static const uint8_t turn[25] = {0, 44, 43, 21, 14, 28, 20, 3,  45, 61, 1,  6, 25,
	                                 8, 18, 27, 36, 10, 15, 56, 62, 55, 39, 41, 2};
	uint64_t c[5], d[5], b[25];

	for (unsigned x = 0; x < 5; x++)
		c[x] = s[x] ^ s[x + 5] ^ s[x + 10] ^ s[x + 15] ^ s[x + 20];
	for (unsigned x = 0; x < 5; x++)
		d[x] = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
	for (unsigned i = 0; i < 25; i++)
		b[i] = rotate(s[next[i]] ^ d[next[i] % 5], turn[i]);
	for (unsigned y = 0; y < 25; y += 5) {
		for (unsigned x = 0; x < 5; x++)
			s[y + x] = b[y + x] ^ (~b[y + (x + 1) % 5] & b[y + (x + 2) % 5]);
	}
	s[0] ^= constant;
}

static void keccak(uint64_t s[25])
{
	static const uint64_t constants[24] = {
	    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

	for (int round = 0; round < 24; round++)
		keccak_round(s, constants[round]);
}

static void shake_init(struct shake *k)
{
	*k = (struct shake){.s = {[0] = 0x1f, [20] = UINT64_C(1) << 63}};
	keccak(k->s);
}

static void shake_read(struct shake *k, uint8_t *out, size_t n)
{
	for (; n > 0; n--, k->at++) {
		if (k->at == 168) {
			keccak(k->s);
			k->at = 0;
		}
		*out++ = (uint8_t)(k->s[k->at / 8] >> (8 * (k->at % 8)));
	}
}

struct random_case {
	uint8_t key[32], nonce[24], text[255], aad[255], sealed[255 + AEAD_TAG_SIZE], back[255];
	uint8_t n_text, n_aad;
};

static void random_case(struct shake *source, struct random_case *r)
{
	shake_read(source, r->key, sizeof r->key);
	shake_read(source, r->nonce, sizeof r->nonce);
	shake_read(source, &r->n_text, 1);
	shake_read(source, r->text, r->n_text);
	shake_read(source, &r->n_aad, 1);
	shake_read(source, r->aad, r->n_aad);
}

struct accumulated_row {
	unsigned rounds;
	const char *digest;
};

/* C2SP XAES-256-GCM.md, "Accumulated randomized tests". */
static const struct accumulated_row accumulated[] = {
    {10000, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"},
    {1000000, "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15"},
};

START_TEST(accumulated_digest)
{
	const struct accumulated_row *row = &accumulated[_i];
	struct aead *seal = aead_new(AEAD_SEAL), *open = aead_new(AEAD_OPEN);
	struct cmac *c = cmac_new();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct shake source;
	struct random_case r;
	uint8_t derived[AEAD_KEY_SIZE], digest[32];
	bool good = true;

	shake_init(&source);
	ck_assert_int_eq(EVP_DigestInit_ex(md, EVP_shake128(), NULL), 1);
	for (unsigned i = 0; good && i < row->rounds; i++) {
		random_case(&source, &r);
		struct slice text = slice_of(r.text, r.n_text), aad[2] = {{NULL, 0}, {NULL, 0}};
		size_t n = (size_t)r.n_text + AEAD_TAG_SIZE;
		aad[i % 2] = slice_of(r.aad, r.n_aad); /* by turns: either engine */
		good = xaes_derive(c, r.key, r.nonce, derived) == 0;
		aead_set_key(seal, derived);
		aead_set_key(open, derived);
		good =
		    good && aead_seal(seal, r.nonce + 12, aad, &text, 1, r.sealed) == AEAD_OK &&
		    aead_open(open, r.nonce + 12, aad, slice_of(r.sealed, n), r.back) == AEAD_OK &&
		    memcmp(r.back, r.text, r.n_text) == 0 && EVP_DigestUpdate(md, r.sealed, n) == 1;
	}
	ck_assert(good); /* once: each assertion of Check is a write */
	ck_assert_int_eq(EVP_DigestFinalXOF(md, digest, sizeof digest), 1);
	expect_bytes(slice_of(digest, sizeof digest), unhex(row->digest), "digest");
	EVP_MD_CTX_free(md);
	cmac_free(c);
	aead_unref(seal);
	aead_unref(open);
}
END_TEST

/* Both engines make the same bytes at every length, and each opens the other's. Text, ciphertext
 * and what was opened each end before a page that may not be touched. */
START_TEST(engines_agree)
{
	enum { MOST = 70000, SEALED = MOST + AEAD_TAG_SIZE };
	static const uint8_t key[AEAD_KEY_SIZE] = {9}, iv[AEAD_IV_SIZE] = {8};
	static const uint8_t known[300] = {7, 1, 2, 6};
	struct aead *seal[2], *open[2];
	uint8_t *text = guard_room(MOST), *out[2], *back = guard_room(MOST);

	for (size_t i = 0; i < MOST; i++)
		text[i] = (uint8_t)(i * 7 + (i >> 8));
	for (int i = 0; i < 2; i++) {
		aead_set_key(seal[i] = context(AEAD_SEAL, engines[i]), key);
		aead_set_key(open[i] = context(AEAD_OPEN, engines[i]), key);
		out[i] = guard_room(SEALED);
	}
	for (size_t n = 0; n <= MOST; n++) {
		struct slice in = slice_of(text + MOST - n, n), sealed[2];
		struct slice aad[2] = {{known, n % sizeof known}};
		for (int i = 0; i < 2; i++) {
			uint8_t *at = out[i] + MOST - n;
			sealed[i] = slice_of(at, n + AEAD_TAG_SIZE);
			ck_assert_int_eq(aead_seal(seal[i], iv, aad, &in, 1, at), AEAD_OK);
		}
		if (!slice_eq(sealed[0], sealed[1]))
			ck_abort_msg("they differ at %zu bytes", n);
		for (int i = 0; i < 2 && (n <= 1100 || n % 97 == 0); i++) {
			uint8_t *at = back + MOST - n;
			memset(at, 0, n);
			ck_assert_int_eq(aead_open(open[i], iv, aad, sealed[0], at), AEAD_OK);
			ck_assert(slice_eq(slice_of(at, n), in));
			ck_assert_int_eq(aead_open(open[i], key, aad, sealed[0], at), AEAD_BAD_TAG);
		}
	}
	for (int i = 0; i < 2; i++) {
		aead_unref(seal[i]);
		aead_unref(open[i]);
		guard_free(slice_of(out[i], SEALED));
	}
	guard_free(slice_of(text, MOST));
	guard_free(slice_of(back, MOST));
}
END_TEST

/* On the CPU that this runs on it is known what is there. */
START_TEST(fast_is_there)
{
	struct aead *a = aead_new(AEAD_SEAL);

#ifdef HAVE_IPSEC_MB
	bool wanted = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#else
	bool wanted = false;
#endif
	ck_assert_int_eq(aead_is_fast(a), wanted);
	aead_slow(a);
	ck_assert(!aead_is_fast(a));
	aead_unref(a);
}
END_TEST

/* However a text is cut into pieces, and its associated data in two, the bytes are the same. */
START_TEST(pieces)
{
	static const uint8_t key[AEAD_KEY_SIZE] = {1}, iv[AEAD_IV_SIZE] = {2};
	static uint8_t text[90], whole[90 + AEAD_TAG_SIZE], out[90 + AEAD_TAG_SIZE];
	struct aead *a = context(AEAD_SEAL, engines[_i]);
	struct slice in = slice_of(text, sizeof text), aad[2] = {{key, 32}, {NULL, 0}};

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)i;
	aead_set_key(a, key);
	ck_assert_int_eq(aead_seal(a, iv, aad, &in, 1, whole), AEAD_OK);
	for (size_t i = 0; i <= sizeof text; i++) {
		struct slice cut[3] = {
		    {text, i / 2}, {text + i / 2, i - i / 2}, {text + i, 90 - i}};
		struct slice parts[2] = {{key, 32}};
		if (i % 3 == 0)
			parts[0].n = i % 33, parts[1] = slice_from(slice_of(key, 32), i % 33);
		ck_assert_int_eq(aead_seal(a, iv, parts, cut, 3, out), AEAD_OK);
		ck_assert_mem_eq(out, whole, sizeof out);
	}
	aead_unref(a);
}
END_TEST

START_TEST(too_short)
{
	static const uint8_t key[AEAD_KEY_SIZE], iv[AEAD_IV_SIZE], sealed[AEAD_TAG_SIZE];
	struct slice aad[2] = {{NULL, 0}, {NULL, 0}};
	struct aead *a = aead_new(AEAD_OPEN);
	uint8_t out[1];

	aead_set_key(a, key);
	for (size_t n = 0; n <= AEAD_TAG_SIZE; n++)
		ck_assert_int_eq(aead_open(a, iv, aad, slice_of(sealed, n), out), AEAD_BAD_TAG);
	aead_unref(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("aead");
	TCase *t = tcase_create("aead");
	const char *quick = getenv("QUICK_TESTS"); /* under valgrind, say */

	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, wycheproof, 0, ROWS(engines));
	tcase_add_loop_test(t, xaes, 0, ROWS(engines));
	tcase_add_loop_test(t, accumulated_digest, 0, quick == NULL ? ROWS(accumulated) : 1);
	tcase_add_test(t, engines_agree);
	tcase_add_loop_test(t, pieces, 0, ROWS(engines));
	tcase_add_test(t, fast_is_there);
	tcase_add_test(t, too_short);
	suite_add_tcase(s, t);
	return suite_run(s);
}
