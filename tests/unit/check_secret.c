/* SPDX-License-Identifier: ISC */
#include "otp/secret.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	int n; /* bytes, -1 refused */
} texts[] = {
    {"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 20},
    {"\n \tjbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp\r\n\n", 20},
    {"JBSWY3DPEHPK3PXPJBSWY3DPEE======\n", 16},
    {"secret JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n", 20}, /* as "user add" prints it */
    {"  secret  jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp", 20},
    {"secretJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX1", -1},
    {"secret ", -1},
    {"secret JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\nuri otpauth://", -1},
    {"JBSWY3DPEHPK3PXPJBSWY3DP", -1}, /* 15 bytes */
    {"", -1},
    {"\n", -1},
    {"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX1", -1},
    {"JBSWY3DPEHPK3PXP\nJBSWY3DPEHPK3PX!", -1},
};

START_TEST(parse)
{
	uint8_t out[OTP_SECRET_MAX];
	struct err e = {""};
	struct slice in = guard_copy(slice_str(texts[_i].text));

	memset(out, 7, sizeof out);
	ck_assert_int_eq(otp_secret_parse(in, out, &e), texts[_i].n);
	if (texts[_i].n > 0)
		ck_assert_mem_eq(out, "Hello!", 6);
	else
		ck_assert_int_eq(out[0], 0);
	ck_assert_int_eq(e.text[0] != '\0', texts[_i].n < 0);
	ck_assert_ptr_null(strstr(e.text, "JBSW"));
	guard_free(in);
}
END_TEST

/* Longer than any secret. */
START_TEST(too_long)
{
	char text[250];
	uint8_t out[OTP_SECRET_MAX];

	memset(text, 'A', sizeof text);
	ck_assert_int_eq(otp_secret_parse(slice_of(text, 205), out, NULL), OTP_SECRET_MAX);
	ck_assert_int_eq(otp_secret_parse(slice_of(text, 207), out, NULL), -1);
}
END_TEST

#define NAME(text) text, sizeof(text) - 1

static const struct {
	const char *path, *user;
	size_t n;
	const char *made; /* NULL: refused */
} paths[] = {
    {"/k/otp-%u", NAME("ann"), "/k/otp-ann"},
    {"/k/%u/%u.otp", NAME("ann"), "/k/ann/ann.otp"},
    {"/k/otp", NAME("ann"), "/k/otp"},
    {"/k/%%u%", NAME("ann"), "/k/%ann%"},
    {"/k/otp-%u", NAME("%u"), "/k/otp-%u"},
    {"/k/otp-%u", NAME("\xc3\xbc \n\"a.b"), "/k/otp-\xc3\xbc \n\"a.b"},
    {"@otp-%u", NAME("ann"), "@otp-ann"},
    {"/k/otp-%u", NAME("@ann"), "/k/otp-@ann"},
    {"%u", NAME("ann"), "ann"},
    {"%u", NAME("@ann"), NULL},
    {"/k/otp-%u", NAME(""), NULL},
    {"/k/otp-%u", NAME("."), NULL},
    {"/k/otp-%u", NAME(".."), NULL},
    {"/k/otp-%u", NAME("a..b"), NULL},
    {"/k/otp-%u", NAME("/"), NULL},
    {"/k/otp-%u", NAME("../x"), NULL},
    {"/k/otp-%u", NAME("a/b"), NULL},
    {"/k/otp-%u", NAME("ann\0"), NULL},
    {"/k/otp-%u", NAME("a\0b"), NULL},
    {"/k/otp-%u", NAME("123456789-123456789-123456789-123456789-123456789"),
     "/k/otp-123456789-123456789-123456789-123456789-123456789"},
};

START_TEST(path)
{
	struct slice user = guard_copy(slice_of((const uint8_t *)paths[_i].user, paths[_i].n));
	struct err e = {""};
	char out[64];

	int made = otp_secret_path(paths[_i].path, user, out, sizeof out, &e);
	ck_assert_int_eq(made == 0, paths[_i].made != NULL);
	if (made == 0)
		ck_assert_str_eq(out, paths[_i].made);
	else
		ck_assert(e.text[0] != '\0');
	guard_free(user);
}
END_TEST

/* Whatever the room is, what does not fit is refused and nothing is written behind it. */
START_TEST(path_room)
{
	static const char want[] = "/k/otp-ann-ann";
	char out[32];

	for (size_t size = 0; size <= sizeof want + 1; size++) {
		struct err e = {""};
		memset(out, '!', sizeof out);
		int made = otp_secret_path("/k/otp-%u-%u", slice_str("ann"), out, size, &e);
		ck_assert_int_eq(made == 0, size >= sizeof want);
		ck_assert_int_eq(out[size], '!');
		if (made == 0)
			ck_assert_str_eq(out, want);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secret");
	TCase *t = tcase_create("secret");

	tcase_add_loop_test(t, parse, 0, ROWS(texts));
	tcase_add_test(t, too_long);
	tcase_add_loop_test(t, path, 0, ROWS(paths));
	tcase_add_test(t, path_room);
	suite_add_tcase(s, t);
	return suite_run(s);
}
