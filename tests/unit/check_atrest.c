/* SPDX-License-Identifier: ISC */
#include "seal/atrest.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <sodium.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { SECRET = 32, BLOB = SECRET + ATREST_OVERHEAD };

static const uint8_t key[ATREST_KEY_SIZE] = {3, 1, 4};
static const uint8_t secret[SECRET] = "thirty-two bytes of otp secret!";

static void seal_row(uint8_t blob[BLOB])
{
	ck_assert_int_eq(atrest_seal(key, slice_str("ann"), "otp", slice_of(secret, SECRET), blob),
	                 0);
}

START_TEST(round_trip)
{
	uint8_t blob[BLOB], again[BLOB], out[SECRET];

	seal_row(blob);
	seal_row(again);
	ck_assert_mem_ne(blob, again, 24); /* nonces */
	struct slice in = guard_copy(slice_of(blob, BLOB));
	ck_assert_int_eq(atrest_open(key, slice_str("ann"), "otp", in, out), 0);
	ck_assert_mem_eq(out, secret, SECRET);
	guard_free(in);
}
END_TEST

/* The form is the one that is written down: any XChaCha20-Poly1305 opens it. */
START_TEST(form)
{
	static const char aad[] = "mqsecproxy-user-v1ann\0otp";
	uint8_t blob[BLOB], out[SECRET];

	seal_row(blob);
	ck_assert_int_eq(crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, blob + 24,
	                                                            BLOB - 24, (const uint8_t *)aad,
	                                                            sizeof aad - 1, blob, key),
	                 0);
	ck_assert_mem_eq(out, secret, SECRET);
}
END_TEST

START_TEST(empty)
{
	uint8_t blob[ATREST_OVERHEAD], out[1];

	ck_assert_int_eq(atrest_seal(key, slice_of(NULL, 0), "", slice_of(NULL, 0), blob), 0);
	ck_assert_int_eq(atrest_open(key, slice_of(NULL, 0), "", slice_of(blob, sizeof blob), out),
	                 0);
	ck_assert_int_eq(atrest_open(key, slice_str("a"), "", slice_of(blob, sizeof blob), out),
	                 -1);
}
END_TEST

struct row {
	const char *user, *field;
	uint8_t key_xor;
};

static const struct row wrong[] = {
    {"ann", "otp", 1}, {"bob", "otp", 0}, {"ann", "password", 0}, {"ann", "", 0},    {"", "otp", 0},
    {"anno", "tp", 0}, {"an", "notp", 0}, {"ann", "otp ", 0},     {"Ann", "otp", 0},
};

START_TEST(wrong_row)
{
	static const uint8_t zero[SECRET];
	const struct row *row = &wrong[_i];
	uint8_t blob[BLOB], out[SECRET], other[ATREST_KEY_SIZE];

	memcpy(other, key, sizeof other);
	other[31] ^= row->key_xor;
	memset(out, 0xee, sizeof out);
	seal_row(blob);
	ck_assert_int_eq(
	    atrest_open(other, slice_str(row->user), row->field, slice_of(blob, BLOB), out), -1);
	ck_assert_mem_eq(out, zero, SECRET);
}
END_TEST

START_TEST(every_byte_counts)
{
	static const uint8_t zero[SECRET];
	uint8_t blob[BLOB], out[SECRET];

	seal_row(blob);
	for (size_t i = 0; i < BLOB; i++) {
		memset(out, 0xee, sizeof out);
		blob[i] ^= 0x10;
		ck_assert_int_eq(
		    atrest_open(key, slice_str("ann"), "otp", slice_of(blob, BLOB), out), -1);
		ck_assert_mem_eq(out, zero, SECRET);
		blob[i] ^= 0x10;
	}
	for (size_t n = 0; n < BLOB; n++) {
		struct slice cut = guard_copy(slice_of(blob, n));
		ck_assert_int_eq(atrest_open(key, slice_str("ann"), "otp", cut, out), -1);
		guard_free(cut);
	}
}
END_TEST

/* Every part counts, also where one ends and the next begins. */
START_TEST(names)
{
	static const struct {
		uint8_t key;
		const char *kind, *user, *secret;
	} rows[] = {{3, "hotp", "ann", "secret"}, {4, "hotp", "ann", "secret"},
	            {3, "totp", "ann", "secret"}, {3, "hotp", "bob", "secret"},
	            {3, "hotp", "ann", "secreu"}, {3, "hotpa", "nn", "secret"},
	            {3, "hotp", "anns", "ecret"}, {3, "hotp", "", "annsecret"}};
	uint8_t made[ROWS(rows)][ATREST_NAME_SIZE], again[ATREST_NAME_SIZE];

	for (int i = 0; i < ROWS(rows); i++) {
		uint8_t k[ATREST_KEY_SIZE] = {rows[i].key};
		atrest_name(k, rows[i].kind, slice_str(rows[i].user), slice_str(rows[i].secret),
		            made[i]);
		atrest_name(k, rows[i].kind, slice_str(rows[i].user), slice_str(rows[i].secret),
		            again);
		ck_assert_mem_eq(made[i], again, ATREST_NAME_SIZE);
		for (int before = 0; before < i; before++)
			ck_assert_mem_ne(made[i], made[before], ATREST_NAME_SIZE);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("atrest");
	TCase *t = tcase_create("atrest");

	tcase_add_test(t, round_trip);
	tcase_add_test(t, form);
	tcase_add_test(t, empty);
	tcase_add_loop_test(t, wrong_row, 0, ROWS(wrong));
	tcase_add_test(t, every_byte_counts);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	return suite_run(s);
}
