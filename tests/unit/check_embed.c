/* SPDX-License-Identifier: ISC */
#include "otp/embed.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

struct row {
	const char *password;
	enum otp_layout layout;
	unsigned digits;
	bool good;
	const char *fixed, *code;
};

static const struct row rows[] = {
    {"secret123456", OTP_PASSWORD_THEN_OTP, 6, true, "secret", "123456"},
    {"123456secret", OTP_OTP_THEN_PASSWORD, 6, true, "secret", "123456"},
    {"123456", OTP_OTP_ONLY, 6, true, "", "123456"},
    {"123456", OTP_PASSWORD_THEN_OTP, 6, true, "", "123456"},
    {"123456", OTP_OTP_THEN_PASSWORD, 6, true, "", "123456"},
    {"99123456", OTP_PASSWORD_THEN_OTP, 6, true, "99", "123456"},
    {"99123456", OTP_OTP_THEN_PASSWORD, 6, true, "56", "991234"},
    {"99123456", OTP_PASSWORD_THEN_OTP, 8, true, "", "99123456"},
    {"\xff\x80 000000", OTP_PASSWORD_THEN_OTP, 6, true, "\xff\x80 ", "000000"},
    {"12345", OTP_PASSWORD_THEN_OTP, 6, false, "", ""},
    {"12345", OTP_OTP_ONLY, 6, false, "", ""},
    {"1234567", OTP_OTP_ONLY, 6, false, "", ""},
    {"", OTP_PASSWORD_THEN_OTP, 6, false, "", ""},
    {"", OTP_OTP_ONLY, 6, false, "", ""},
    {"", OTP_OTP_ONLY, 0, false, "", ""},
    {"secret12345x", OTP_PASSWORD_THEN_OTP, 6, false, "", ""},
    {"secretx23456", OTP_PASSWORD_THEN_OTP, 6, false, "", ""},
    {"secret123456", OTP_OTP_THEN_PASSWORD, 6, false, "", ""},
    {"12345 ", OTP_OTP_ONLY, 6, false, "", ""},
    {"+12345", OTP_OTP_ONLY, 6, false, "", ""},
    {"12/456", OTP_OTP_ONLY, 6, false, "", ""},
    {"12:456", OTP_OTP_ONLY, 6, false, "", ""},
    {"\xd9\xa1\xd9\xa2\xd9\xa3", OTP_OTP_ONLY, 6, false, "", ""}, /* Arabic-Indic digits */
};

START_TEST(split)
{
	const struct row *row = &rows[_i];
	struct slice fixed = {0}, code = {0}, in = guard_copy(slice_str(row->password));

	ck_assert_int_eq(otp_split(in, row->layout, row->digits, &fixed, &code), row->good);
	if (row->good) {
		expect_bytes(fixed, slice_str(row->fixed), "static part");
		expect_bytes(code, slice_str(row->code), "code");
	}
	guard_free(in);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("embed");
	TCase *t = tcase_create("embed");

	tcase_add_loop_test(t, split, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return suite_run(s);
}
