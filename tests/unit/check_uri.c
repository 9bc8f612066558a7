/* SPDX-License-Identifier: ISC */
#include "otp/uri.h"
#include "tests/support/suite.h"

static const struct row {
	const char *profile, *user, *uri;
	int64_t counter;
} rows[] = {
    {"people", "alice", "otpauth://totp/mqsecproxy:alice?secret=GEZDGNBVGY3TQOJQ&issuer=mqsecproxy",
     0},
    {"machine-totp", "a b/\xc3\xbc:%~",
     "otpauth://totp/"
     "mqsecproxy:a%20b%2F%C3%BC%3A%25~?secret=GEZDGNBVGY3TQOJQ&issuer=mqsecproxy&algorithm=SHA256&"
     "digits=8&period=10",
     0},
    {"machine-hotp", "pump-7",
     "otpauth://hotp/"
     "mqsecproxy:pump-7?secret=GEZDGNBVGY3TQOJQ&issuer=mqsecproxy&algorithm=SHA256&digits=8&"
     "counter=42",
     42},
    /* blanks behind another's issuer are dropped, here they are the user's */
    {"people", "  lead ",
     "otpauth://totp/mqsecproxy:%20%20lead%20?secret=GEZDGNBVGY3TQOJQ&issuer=mqsecproxy", 0},
};

START_TEST(uri)
{
	const struct row *row = &rows[_i];
	struct buf out = {.cap = 4096}, tight = {.cap = strlen(row->uri) - 1};
	struct slice secret = slice_str("1234567890");
	const struct otp_params *params = &otp_profile_find(row->profile)->params;

	ck_assert_int_eq(otp_uri(slice_str(row->user), params, row->counter, secret, &out), 0);
	expect_bytes(buf_view(&out), slice_str(row->uri), "URI");
	ck_assert_int_eq(otp_uri(slice_str(row->user), params, row->counter, secret, &tight), -1);
	buf_free(&out);
	buf_free(&tight);
}
END_TEST

/* What was written is read again, the parameters that matter to others the same. */
START_TEST(round_trip)
{
	const struct row *row = &rows[_i];
	const struct otp_params *params = &otp_profile_find(row->profile)->params;
	struct buf out = {.cap = 4096};
	struct slice secret = slice_str("12345678901234567890");
	struct otp_uri_content got;

	ck_assert_int_eq(otp_uri(slice_str(row->user), params, row->counter, secret, &out), 0);
	ck_assert_int_eq(otp_uri_parse(buf_view(&out), &got, NULL), 0);
	expect_bytes(slice_of(got.user, got.user_len), slice_str(row->user), "user");
	expect_bytes(slice_of(got.secret, got.secret_len), secret, "secret");
	ck_assert_int_eq(got.counter, row->counter);
	ck_assert(memcmp(&got.params, params, sizeof got.params) == 0);
	/* cut anywhere it is wrong or another one, never read beyond */
	for (size_t n = 0; n < out.len; n++)
		(void)otp_uri_parse(slice_of(buf_view(&out).p, n), &got, NULL);
	buf_free(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uri");
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, uri, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_loop_test(t, round_trip, 0, (int)(sizeof rows / sizeof rows[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
