/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "otp/hotp.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { HOTP_RECORDS = 102, TOTP_RECORDS = 57, HMAC_RECORDS = 3 * 87 };

static struct vectors otp, wycheproof;

static uint64_t number(const struct vector *v, const char *name)
{
	uint64_t value = 0;

	ck_assert_int_eq(text_number(slice_str(vector_need(v, name)), 0, UINT64_MAX, &value, NULL),
	                 0);
	return value;
}

static enum otp_algorithm algorithm(const char *name)
{
	if (strcmp(name, "sha1") == 0)
		return OTP_SHA1;
	if (strcmp(name, "sha256") == 0)
		return OTP_SHA256;
	ck_assert_str_eq(name, "sha512");
	return OTP_SHA512;
}

/* The code of a record's counter, as text. */
static void expect_code(struct hotp *h, const struct vector *v)
{
	struct slice secret = unhex(vector_need(v, "secret_hex"));
	unsigned digits = (unsigned)number(v, "digits");
	char text[OTP_DIGITS_MAX + 1];
	uint32_t code = 0;

	ck_assert_int_eq(hotp_code(h, algorithm(vector_need(v, "alg")), secret,
	                           number(v, "counter"), digits, &code),
	                 0);
	hotp_text(code, digits, text);
	ck_assert_str_eq(text, vector_need(v, "code"));
}

/* The HMAC that the code is cut from. */
static void expect_mac(struct hotp *h, const struct vector *v)
{
	uint8_t mac[HOTP_MAC_MAX], message[8];
	uint64_t counter = number(v, "counter");

	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(counter >> (56 - 8 * i));
	size_t n =
	    hotp_mac(h, algorithm(vector_need(v, "alg")), unhex(vector_need(v, "secret_hex")),
	             slice_of(message, sizeof message), mac);
	expect_bytes(slice_of(mac, n), unhex(vector_need(v, "hmac_hex")), "HMAC");
}

START_TEST(hotp_vectors)
{
	struct hotp *h = hotp_new(NULL);
	size_t run = 0, macs = 0;

	for (size_t i = 0; i < otp.n; i++) {
		const struct vector *v = &otp.v[i];
		if (strcmp(v->kind, "hotp") != 0)
			continue;
		expect_code(h, v);
		run++;
		if (vector_get(v, "hmac_hex") == NULL)
			continue;
		expect_mac(h, v);
		macs++;
	}
	ck_assert_uint_eq(run, HOTP_RECORDS);
	ck_assert_uint_eq(macs, 102);
	hotp_free(h);
}
END_TEST

START_TEST(totp_vectors)
{
	struct hotp *h = hotp_new(NULL);
	size_t run = 0;

	for (size_t i = 0; i < otp.n; i++) {
		const struct vector *v = &otp.v[i];
		if (strcmp(v->kind, "totp") != 0)
			continue;
		int64_t time = (int64_t)number(v, "time") - (int64_t)number(v, "t0");
		ck_assert_int_eq(totp_step(time, (unsigned)number(v, "step")),
		                 (int64_t)number(v, "counter"));
		expect_code(h, v);
		run++;
	}
	ck_assert_uint_eq(run, TOTP_RECORDS);
	hotp_free(h);
}
END_TEST

START_TEST(wycheproof_hmac)
{
	struct hotp *h = hotp_new(NULL);
	size_t run = 0, invalid = 0;

	for (size_t i = 0; i < wycheproof.n; i++) {
		const struct vector *v = &wycheproof.v[i];
		if (strncmp(v->kind, "hmac_", 5) != 0)
			continue;
		uint8_t mac[HOTP_MAC_MAX];
		size_t n = hotp_mac(h, algorithm(v->kind + 5), unhex(vector_need(v, "key")),
		                    unhex(vector_need(v, "msg")), mac);
		struct slice tag = unhex(vector_need(v, "tag"));
		bool valid = strcmp(vector_need(v, "result"), "valid") == 0;
		ck_assert_uint_eq(n, tag.n);
		ck_assert_msg(slice_eq(slice_of(mac, n), tag) == valid, "%s tcId %s", v->kind,
		              vector_need(v, "tcId"));
		invalid += !valid;
		run++;
	}
	ck_assert_uint_eq(run, HMAC_RECORDS);
	ck_assert_uint_gt(invalid, 0);
	hotp_free(h);
}
END_TEST

struct bad_row {
	int algorithm;
	size_t secret_len;
	unsigned digits;
};

static const struct bad_row bad[] = {
    {0, 20, 6},        {4, 20, 6},        {OTP_SHA1, 0, 6},
    {OTP_SHA1, 20, 5}, {OTP_SHA1, 20, 9}, {OTP_SHA1, 20, 0},
};

START_TEST(refused)
{
	static const uint8_t secret[20] = {1};
	struct hotp *h = hotp_new(NULL);
	uint32_t code = 77;

	ck_assert_int_eq(hotp_code(h, (enum otp_algorithm)bad[_i].algorithm,
	                           slice_of(secret, bad[_i].secret_len), 0, bad[_i].digits, &code),
	                 -1);
	ck_assert_uint_eq(code, 77);
	hotp_free(h);
}
END_TEST

/* RFC 4226, appendix D, the secret given once; in between another algorithm has another. */
START_TEST(another)
{
	static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314,
	                                 254676, 287922, 162583, 399871, 520489};
	struct hotp *h = hotp_new(NULL);
	uint32_t code = 0;

	ck_assert_int_eq(hotp_another(h, OTP_SHA1, 0, 6, &code), -1);
	ck_assert_int_eq(hotp_code(h, OTP_SHA1, slice_str("12345678901234567890"), 0, 6, &code), 0);
	ck_assert_int_eq(hotp_another(h, OTP_SHA256, 0, 6, &code), -1);
	ck_assert_int_eq(hotp_code(h, OTP_SHA256, slice_str("another"), 0, 6, &code), 0);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		ck_assert_int_eq(hotp_another(h, OTP_SHA1, i, 6, &code), 0);
		ck_assert_uint_eq(code, codes[i]);
	}
	ck_assert_int_eq(hotp_another(h, OTP_SHA1, 0, 9, &code), -1);
	ck_assert_int_eq(hotp_another(h, (enum otp_algorithm)4, 0, 6, &code), -1);
	hotp_forget(h);
	ck_assert_int_eq(hotp_another(h, OTP_SHA1, 0, 6, &code), -1);
	hotp_free(h);
}
END_TEST

/* A context that was told to forget serves the next secret as well. */
START_TEST(forget)
{
	struct hotp *h = hotp_new(NULL);
	struct slice secret = slice_str("12345678901234567890");
	uint32_t code = 0;

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(hotp_code(h, OTP_SHA1, secret, 0, 6, &code), 0);
		ck_assert_uint_eq(code, 755224);
		hotp_forget(h);
	}
	hotp_free(h);
	hotp_free(NULL);
}
END_TEST

struct step_row {
	int64_t time;
	unsigned step;
	int64_t want;
};

static const struct step_row steps[] = {
    {0, 30, 0},
    {29, 30, 0},
    {30, 30, 1},
    {59, 30, 1},
    {-1, 30, -1},
    {-30, 30, -1},
    {-31, 30, -2},
    {1789999980, 10, 178999998},
    {INT64_MAX, 1, INT64_MAX},
    {INT64_MIN, 1, INT64_MIN},
    {100, 0, -1},
};

START_TEST(step)
{
	ck_assert_int_eq(totp_step(steps[_i].time, steps[_i].step), steps[_i].want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hotp");
	TCase *t = tcase_create("hotp");

	otp = vectors_read("otp.txt");
	wycheproof = vectors_read("wycheproof.txt");
	tcase_add_test(t, hotp_vectors);
	tcase_add_test(t, totp_vectors);
	tcase_add_test(t, wycheproof_hmac);
	tcase_add_loop_test(t, refused, 0, ROWS(bad));
	tcase_add_test(t, another);
	tcase_add_test(t, forget);
	tcase_add_loop_test(t, step, 0, ROWS(steps));
	suite_add_tcase(s, t);
	int status = suite_run(s);
	vectors_free(&otp);
	vectors_free(&wycheproof);
	return status;
}
