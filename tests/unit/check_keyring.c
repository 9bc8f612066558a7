/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "seal/keyring.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <stdio.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { KEY_RECORDS = 4 };

START_TEST(vectors)
{
	struct vectors vs = vectors_read("envelope.txt");
	struct keyring ring = {0};
	size_t run = 0;

	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		uint8_t key[SEAL_KEY_SIZE], kid[SEAL_KID_SIZE];
		if (strcmp(v->kind, "key") != 0)
			continue;
		const char *name = vector_need(v, "name");
		struct slice want = unhex(vector_need(v, "kid_hex"));
		ck_assert_int_eq(seal_key_parse(slice_str(vector_need(v, "key_hex")), key, NULL),
		                 0);
		ck_assert_int_eq(seal_kid(key, kid), 0);
		expect_bytes(slice_of(kid, sizeof kid), want, name);
		ck_assert_int_eq(keyring_by_kid(&ring, kid), -1);
		ck_assert_int_eq(keyring_by_name(&ring, name), -1);
		ck_assert_int_eq(keyring_add(&ring, name, key, NULL), 0);
		ck_assert_int_eq(keyring_by_kid(&ring, kid), (int)run);
		ck_assert_int_eq(keyring_by_name(&ring, name), (int)run);
		ck_assert_mem_eq(ring.keys[run].secret, key, sizeof key);
		run++;
	}
	ck_assert_uint_eq(run, KEY_RECORDS);
	ck_assert_uint_eq(ring.n, KEY_RECORDS);
	keyring_fini(&ring);
	keyring_fini(&ring);
	vectors_free(&vs);
}
END_TEST

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

struct key_row {
	const char *text;
	bool good;
};

static const struct key_row keys[] = {
    {HEX, true},
    {HEX "\n", true},
    {" \t\r\n" HEX " \r\n\n", true},
    {B64, true},
    {"\n" B64 "\n", true},
    {"", false},
    {"\n", false},
    {HEX "0", false},
    {HEX "00", false},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1", false},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1g", false},
    {"00010203 4050607 8090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F", false},
    {HEX " " HEX, false},
    {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", false},  /* no padding */
    {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", false}, /* bits left over */
    {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8f", false}, /* 33 bytes */
    {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", false}, /* 31 bytes */
    {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH===", false},
    {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH -=", false},
};

START_TEST(key_parse)
{
	struct slice text = guard_copy(slice_str(keys[_i].text));
	uint8_t key[SEAL_KEY_SIZE];
	static const uint8_t zero[SEAL_KEY_SIZE];
	struct err e = {""};

	memset(key, 0xee, sizeof key);
	ck_assert_int_eq(seal_key_parse(text, key, &e), keys[_i].good ? 0 : -1);
	for (uint8_t i = 0; keys[_i].good && i < sizeof key; i++)
		ck_assert_uint_eq(key[i], i);
	if (!keys[_i].good) {
		ck_assert_mem_eq(key, zero, sizeof key);
		ck_assert_ptr_null(strstr(e.text, "0001"));
		ck_assert_ptr_null(strstr(e.text, "AAEC"));
	}
	ck_assert((e.text[0] != '\0') == !keys[_i].good);
	guard_free(text);
}
END_TEST

START_TEST(twins)
{
	struct keyring ring = {0};
	uint8_t key[SEAL_KEY_SIZE] = {1}, other[SEAL_KEY_SIZE] = {2};
	struct err e = {""};

	ck_assert_int_eq(keyring_add(&ring, "a", key, &e), 0);
	ck_assert_int_eq(keyring_add(&ring, "a", other, &e), -1);
	ck_assert_str_eq(e.text, "there are two keys named \"a\"");
	ck_assert_int_eq(keyring_add(&ring, "b", key, &e), -1);
	ck_assert_str_eq(e.text,
	                 "the keys \"a\" and \"b\" have the same key id; make one of them anew");
	ck_assert_uint_eq(ring.n, 1);
	ck_assert_int_eq(keyring_add(&ring, "b", other, &e), 0);
	ck_assert_uint_eq(ring.n, 2);
	keyring_fini(&ring);
}
END_TEST

START_TEST(many)
{
	struct keyring ring = {0};
	uint8_t key[SEAL_KEY_SIZE] = {0};
	char name[8];

	for (uint8_t i = 0; i < 40; i++) {
		key[0] = i;
		(void)snprintf(name, sizeof name, "k%u", i);
		ck_assert_int_eq(keyring_add(&ring, name, key, NULL), 0);
	}
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(ring.keys[i].secret[0], i);
		ck_assert_int_eq(keyring_by_kid(&ring, ring.keys[i].kid), i);
		ck_assert_int_eq(keyring_by_name(&ring, ring.keys[i].name), i);
	}
	keyring_fini(&ring);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keyring");
	TCase *t = tcase_create("keyring");

	tcase_add_test(t, vectors);
	tcase_add_loop_test(t, key_parse, 0, ROWS(keys));
	tcase_add_test(t, twins);
	tcase_add_test(t, many);
	suite_add_tcase(s, t);
	return suite_run(s);
}
