/* SPDX-License-Identifier: ISC */
#include "otp/uri.h"
#include "tests/support/suite.h"

#include <stdio.h>

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

/* What is said of how a user stands is read again; what is no number, or none that may be, is an
 * error, so that no lock is lost to a slip of the pen. */
START_TEST(standing)
{
	static const struct otp_uri_standing good[] = {
	    {0},
	    {.locked = true},
	    {.stale = true, .expires = 1},
	    {.expires = 1798675200},
	    {.mark = 59830112},
	    {.locked = true, .stale = true, .expires = INT64_MAX - 1, .mark = INT64_MAX - 1},
	};
	static const char *const bad[] = {"locked=2",    "locked=",
	                                  "locked=yes",  "stale=-1",
	                                  "mark=-1",     "expires=2027-01-01",
	                                  "expires=0x1", "mark=9223372036854775807"};
	const char *plain = "otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
	struct otp_uri_content got;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const struct otp_uri_standing *want = &good[i];
		struct buf out = {.cap = 4096};
		ck_assert_int_eq(buf_append(&out, slice_str(plain)), 0);
		ck_assert_int_eq(otp_uri_stand(want, &out), 0);
		ck_assert_int_eq(otp_uri_parse(buf_view(&out), &got, NULL), 0);
		ck_assert(got.standing.locked == want->locked && got.standing.stale == want->stale);
		ck_assert_int_eq(got.standing.expires, want->expires);
		ck_assert_int_eq(got.standing.mark, want->mark);
		ck_assert_uint_eq(out.len == strlen(plain), i == 0);
		buf_free(&out);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[256];
		(void)snprintf(text, sizeof text, "%s&%s", plain, bad[i]);
		ck_assert_msg(otp_uri_parse(slice_str(text), &got, NULL) == -1, "%s", bad[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("uri");
	TCase *t = tcase_create("uri");

	tcase_add_loop_test(t, uri, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_loop_test(t, round_trip, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_test(t, standing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
