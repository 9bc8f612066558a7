/* SPDX-License-Identifier: ISC */
/* What this was built for, and another release of the library, whose structures may be larger: that
 * one is not touched, and libcrypto does the work. Each in a process of its own, as the choice is
 * made once. Built a second time as on a machine without the library, where that is all there is.
 */
#include "seal/aead.h"
#include "seal/multibuffer.h"
#include "tests/support/suite.h"

#ifdef HAVE_IPSEC_MB

unsigned __real_imb_get_version(void);
unsigned __wrap_imb_get_version(void);

static unsigned added;

unsigned __wrap_imb_get_version(void)
{
	return __real_imb_get_version() + added;
}

/* Whether it is there in a release so much later. */
static bool expected(unsigned later)
{
	added = later;
	return later < 0x100 && __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}

#else

static bool expected(unsigned later)
{
	(void)later;
	return false;
}

#endif

static const unsigned releases[] = {0, 1, 0x100, 0x10000};

START_TEST(release)
{
	static const uint8_t key[AEAD_KEY_SIZE] = {1}, iv[AEAD_IV_SIZE] = {2};
	struct slice text = slice_str("text"), aad[2] = {{NULL, 0}};
	uint8_t sealed[4 + AEAD_TAG_SIZE], back[4];
	bool there = expected(releases[_i]);

	struct multibuffer *m = multibuffer_new();
	struct aead *seal = aead_new(AEAD_SEAL), *open = aead_new(AEAD_OPEN);
	ck_assert_int_eq(m != NULL, there);
	ck_assert_int_eq(aead_is_fast(seal), there);
	aead_set_key(seal, key);
	aead_set_key(open, key);
	aead_slow(open);
	ck_assert_int_eq(aead_seal(seal, iv, aad, &text, 1, sealed), AEAD_OK);
	ck_assert_int_eq(aead_open(open, iv, aad, slice_of(sealed, sizeof sealed), back), AEAD_OK);
	ck_assert_mem_eq(back, text.p, text.n);
	multibuffer_free(m);
	aead_unref(seal);
	aead_unref(open);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("multibuffer");
	TCase *t = tcase_create("multibuffer");

	tcase_add_loop_test(t, release, 0, (int)(sizeof releases / sizeof releases[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
