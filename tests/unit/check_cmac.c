/* SPDX-License-Identifier: ISC */
#include "seal/cmac.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

enum { CMAC_RECORDS = 102, XAES_RECORDS = 10, KEY_RECORDS = 4 };

START_TEST(wycheproof)
{
	struct vectors vs = vectors_read("wycheproof.txt");
	struct cmac *c = cmac_new();
	size_t run = 0, invalid = 0;

	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		uint8_t mac[CMAC_SIZE];
		if (strcmp(v->kind, "aes256cmac") != 0)
			continue;
		struct slice message = guard_copy(unhex(vector_need(v, "msg")));
		bool valid = strcmp(vector_need(v, "result"), "valid") == 0;
		ck_assert_int_eq(cmac_set_key(c, unhex(vector_need(v, "key")).p), 0);
		ck_assert_int_eq(cmac_run(c, message, mac), 0);
		bool equal = slice_eq(slice_of(mac, sizeof mac), unhex(vector_need(v, "tag")));
		ck_assert_msg(equal == valid, "tcId %s", vector_need(v, "tcId"));
		guard_free(message);
		invalid += !valid;
		run++;
	}
	ck_assert_uint_eq(run, CMAC_RECORDS);
	ck_assert_uint_gt(invalid, 0);
	cmac_free(c);
	vectors_free(&vs);
}
END_TEST

START_TEST(xaes_derived_keys)
{
	struct vectors vs = vectors_read("envelope.txt");
	struct cmac *c = cmac_new();
	size_t run = 0;

	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		uint8_t derived[2 * CMAC_SIZE];
		if (strcmp(v->kind, "xaes") != 0)
			continue;
		struct slice key = unhex(vector_need(v, "key_hex"));
		struct slice salt = guard_copy(slice_of(unhex(vector_need(v, "nonce_hex")).p, 12));
		ck_assert_int_eq(xaes_derive(c, key.p, salt.p, derived), 0);
		expect_bytes(slice_of(derived, sizeof derived),
		             unhex(vector_need(v, "derived_key_hex")), "derived key");
		guard_free(salt);
		run++;
	}
	ck_assert_uint_eq(run, XAES_RECORDS);
	cmac_free(c);
	vectors_free(&vs);
}
END_TEST

/* Both branches of the subkey doubling are among the keys. */
START_TEST(both_branches)
{
	struct vectors vs = vectors_read("envelope.txt");
	size_t seen[2] = {0};

	for (size_t i = 0; i < vs.n; i++) {
		if (strcmp(vs.v[i].kind, "key") == 0)
			seen[vector_need(&vs.v[i], "cmac_L_msb")[0] == '1']++;
	}
	ck_assert_uint_eq(seen[0] + seen[1], KEY_RECORDS);
	ck_assert_uint_gt(seen[0], 0);
	ck_assert_uint_gt(seen[1], 0);
	vectors_free(&vs);
}
END_TEST

/* What stays behind after a derivation is the public key. */
START_TEST(forgotten)
{
	static const uint8_t key[CMAC_KEY_SIZE] = {7}, zero[CMAC_KEY_SIZE], salt[XAES_SALT_SIZE];
	struct cmac *c = cmac_new();
	uint8_t derived[2 * CMAC_SIZE], left[CMAC_SIZE], want[CMAC_SIZE];

	ck_assert_int_eq(xaes_derive(c, key, salt, derived), 0);
	ck_assert_int_eq(cmac_run(c, slice_str("x"), left), 0);
	ck_assert_int_eq(cmac_set_key(c, zero), 0);
	ck_assert_int_eq(cmac_run(c, slice_str("x"), want), 0);
	ck_assert_mem_eq(left, want, sizeof left);
	ck_assert_int_eq(cmac_set_key(c, key), 0);
	ck_assert_int_eq(cmac_run(c, slice_str("x"), left), 0);
	ck_assert_mem_ne(left, want, sizeof left);
	cmac_free(c);
	cmac_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cmac");
	TCase *t = tcase_create("cmac");

	tcase_add_test(t, wycheproof);
	tcase_add_test(t, xaes_derived_keys);
	tcase_add_test(t, both_branches);
	tcase_add_test(t, forgotten);
	suite_add_tcase(s, t);
	return suite_run(s);
}
