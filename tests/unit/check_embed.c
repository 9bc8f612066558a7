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

/* What is joined is split again. */
START_TEST(join)
{
	const struct row *row = &rows[_i];
	char joined[64];
	struct slice parts[2], fixed, code;

	if (!row->good)
		return;
	otp_join(slice_str(row->fixed), row->layout, slice_str(row->code), parts);
	ck_assert_uint_lt(parts[0].n + parts[1].n, sizeof joined);
	memcpy(joined, parts[0].p, parts[0].n);
	if (parts[1].n != 0)
		memcpy(joined + parts[0].n, parts[1].p, parts[1].n);
	struct slice whole = slice_of((const uint8_t *)joined, parts[0].n + parts[1].n);
	expect_bytes(whole, slice_str(row->password), "joined");
	ck_assert(otp_split(whole, row->layout, row->digits, &fixed, &code));
}
END_TEST

START_TEST(join_leaves_out)
{
	struct slice parts[2];

	otp_join(slice_str("pw"), OTP_OTP_ONLY, slice_str("123456"), parts);
	expect_bytes(parts[0], slice_str("123456"), "code");
	ck_assert_uint_eq(parts[1].n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("embed");
	TCase *t = tcase_create("embed");

	tcase_add_loop_test(t, split, 0, ROWS(rows));
	tcase_add_loop_test(t, join, 0, ROWS(rows));
	tcase_add_test(t, join_leaves_out);
	suite_add_tcase(s, t);
	return suite_run(s);
}
