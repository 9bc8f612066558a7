/* SPDX-License-Identifier: ISC */
#include "otp/base32.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <ctype.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { RECORDS = 18 };

START_TEST(vectors)
{
	struct vectors vs = vectors_read("otp.txt");
	size_t run = 0;

	for (size_t i = 0; i < vs.n; i++) {
		if (strcmp(vs.v[i].kind, "base32") != 0)
			continue;
		uint8_t out[64];
		struct slice text = guard_copy(slice_str(vector_need(&vs.v[i], "text")));
		int n = base32_decode(text, out, sizeof out);
		if (vector_get(&vs.v[i], "error") != NULL) {
			ck_assert_int_eq(n, -1);
		} else {
			struct slice want = unhex(vector_need(&vs.v[i], "hex"));
			ck_assert_int_eq(n, (int)want.n);
			expect_bytes(slice_of(out, want.n), want, "decoded");
		}
		guard_free(text);
		run++;
	}
	ck_assert_uint_eq(run, RECORDS);
	vectors_free(&vs);
}
END_TEST

struct row {
	const char *text;
	int n;
	const char *bytes;
};

static const struct row rows[] = {
    {" m z x w\t6 y t b\r\n", 5, "fooba"},
    {"MZXW6YTBOI", 6, "foobar"},
    {"MZXW6YTBOI====== \n", 6, "foobar"},
    {"MZXW6YTBOI===", 6, "foobar"}, /* some of the padding */
    {"MZXW6YTBOI=======", -1, ""},  /* too much of it */
    {"MZXW6YTB=", -1, ""},
    {"=", -1, ""},
    {"MY=A", -1, ""}, /* digits behind it */
    {"M=Y", -1, ""},
    {"MZXW6-YTB", -1, ""},
    {"MZXW8", -1, ""},
    {"M\xd9", -1, ""},
    {"MYA", -1, ""}, /* three, which no bytes make */
    {"MZXW6YTBMYA", -1, ""},
    {"MR", -1, ""}, /* bits left over */
    {"MZXR", -1, ""},
    {"MZXWR", -1, ""},
    {"MZXW6YR", -1, ""},
};

START_TEST(decode)
{
	const struct row *row = &rows[_i];
	uint8_t out[16] = {0};
	struct slice text = guard_copy(slice_str(row->text));

	ck_assert_int_eq(base32_decode(text, out, sizeof out), row->n);
	if (row->n >= 0)
		expect_bytes(slice_of(out, (size_t)row->n), slice_str(row->bytes), row->text);
	guard_free(text);
}
END_TEST

START_TEST(no_room)
{
	uint8_t out[6] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
	static const uint8_t wiped[5];

	ck_assert_int_eq(base32_decode(slice_str("MZXW6YTBOI"), out, 5), -1);
	ck_assert_mem_eq(out, wiped, 5);
	ck_assert_uint_eq(out[5], 0xee);
	ck_assert_int_eq(base32_decode(slice_str("MZXW6YTBOI"), out, 6), 6);
	ck_assert_int_eq(base32_decode(slice_str("AA"), out, 0), -1);
}
END_TEST

/* Every length comes back, in upper and lower case, and only into the room that it asked for. */
START_TEST(round_trip)
{
	uint8_t in[128], back[128];

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 151 + 7);
	for (size_t n = 0; n <= sizeof in; n++) {
		char *text = malloc(base32_size(n));
		ck_assert_ptr_nonnull(text);
		base32_encode(in, n, text);
		ck_assert_uint_eq(strlen(text) + 1, base32_size(n));
		ck_assert_int_eq(base32_decode(slice_str(text), back, n), (int)n);
		ck_assert_mem_eq(back, in, n);
		for (char *c = text; *c != '\0'; c++)
			*c = (char)tolower(*c);
		ck_assert_int_eq(base32_decode(slice_str(text), back, n), (int)n);
		free(text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base32");
	TCase *t = tcase_create("base32");

	tcase_add_test(t, vectors);
	tcase_add_loop_test(t, decode, 0, ROWS(rows));
	tcase_add_test(t, no_room);
	tcase_add_test(t, round_trip);
	suite_add_tcase(s, t);
	return suite_run(s);
}
