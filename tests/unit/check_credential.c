/* SPDX-License-Identifier: ISC */
#include "otp/credential.h"
#include "tests/support/suite.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

struct profile_row {
	const char *name;
	struct otp_params want;
	size_t secret_len;
	unsigned window, budget;
};

static const struct profile_row profiles[] = {
    {"people", {OTP_TOTP, OTP_SHA1, 6, 30, 1, 1, 0, 0}, 20, 3, 20},
    {"machine-totp", {OTP_TOTP, OTP_SHA256, 8, 10, 3, 1, 0, 0}, 32, 5, 100},
    {"machine-hotp", {OTP_HOTP, OTP_SHA256, 8, 0, 0, 0, 10, 100}, 32, 10, 100},
};

START_TEST(profile)
{
	const struct profile_row *row = &profiles[_i];
	const struct otp_profile *p = otp_profile_find(row->name);

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->name, row->name);
	ck_assert_int_eq(p->params.kind, row->want.kind);
	ck_assert_int_eq(p->params.algorithm, row->want.algorithm);
	ck_assert_uint_eq(p->params.digits, row->want.digits);
	ck_assert_uint_eq(p->params.step, row->want.step);
	ck_assert_uint_eq(p->params.back, row->want.back);
	ck_assert_uint_eq(p->params.fwd, row->want.fwd);
	ck_assert_uint_eq(p->params.window, row->want.window);
	ck_assert_uint_eq(p->params.resync, row->want.resync);
	ck_assert_uint_eq(p->secret_len, row->secret_len);
	ck_assert_uint_eq(otp_window_size(&p->params), row->window);
	ck_assert_uint_eq(otp_guess_budget(&p->params), row->budget);
}
END_TEST

static const char *const unknown[] = {"", "People", "people ", "machine", "machine-totp2"};

START_TEST(no_profile)
{
	ck_assert_ptr_null(otp_profile_find(unknown[_i]));
}
END_TEST

struct budget_row {
	unsigned digits, window, budget;
};

/* 10^digits / (16384 w), by hand, clamped to 5 … 100. */
static const struct budget_row budgets[] = {
    {6, 1, 61}, {6, 3, 20},  {6, 10, 6},   {6, 12, 5},   {6, 13, 5},  {6, 1000, 5}, {7, 3, 100},
    {7, 7, 87}, {7, 10, 61}, {8, 10, 100}, {8, 61, 100}, {8, 62, 98}, {8, 1000, 6},
};

START_TEST(budget)
{
	const struct budget_row *row = &budgets[_i];
	struct otp_params p = {.kind = OTP_HOTP, .digits = row->digits, .window = row->window};

	ck_assert_uint_eq(otp_guess_budget(&p), row->budget);
}
END_TEST

START_TEST(wipe)
{
	static const struct otp_credential zero;
	struct otp_credential c;

	memset(&c, 0xa5, sizeof c);
	otp_credential_wipe(&c);
	ck_assert_mem_eq(&c, &zero, sizeof c);
}
END_TEST

START_TEST(login)
{
	static const uint8_t bytes[OTP_LOGIN_MAX + 1] = {7};
	static const struct {
		size_t user, password, packed;
	} rows[] = {{1, 1, 4},
	            {256, 300, 558},
	            {1, OTP_LOGIN_MAX - 3, OTP_LOGIN_MAX},
	            {OTP_LOGIN_MAX - 3, 1, OTP_LOGIN_MAX},
	            {2, OTP_LOGIN_MAX - 3, 0},
	            {OTP_LOGIN_MAX, OTP_LOGIN_MAX, 0},
	            {OTP_LOGIN_MAX + 1, 1, 0},
	            {0, 1, 0},
	            {1, 0, 0}};
	struct otp_login in = {slice_of(bytes, rows[_i].user), slice_of(bytes, rows[_i].password)},
	                 out;
	uint8_t packed[OTP_LOGIN_MAX];
	size_t n = otp_login_pack(&in, packed);

	ck_assert_uint_eq(n, rows[_i].packed);
	if (n == 0)
		return;
	ck_assert(otp_login_unpack(slice_of(packed, n), &out));
	ck_assert(slice_eq(in.user, out.user) && slice_eq(in.password, out.password));
	ck_assert(!otp_login_unpack(slice_of(packed, in.user.n + OTP_LOGIN_OVERHEAD), &out));
}
END_TEST

START_TEST(no_login)
{
	static const struct {
		const char *bytes;
		size_t n;
	} rows[] = {{"", 0}, {"\0", 1}, {"\0\1", 2}, {"\0\0a", 3}, {"\0\1a", 3}, {"\1\0ab", 4}};
	struct otp_login out;

	ck_assert(!otp_login_unpack(slice_of(rows[_i].bytes, rows[_i].n), &out));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("credential");
	TCase *t = tcase_create("credential");

	tcase_add_loop_test(t, profile, 0, ROWS(profiles));
	tcase_add_loop_test(t, no_profile, 0, ROWS(unknown));
	tcase_add_loop_test(t, budget, 0, ROWS(budgets));
	tcase_add_test(t, wipe);
	tcase_add_loop_test(t, login, 0, 9);
	tcase_add_loop_test(t, no_login, 0, 6);
	suite_add_tcase(s, t);
	return suite_run(s);
}
