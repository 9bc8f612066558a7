/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdio.h>

struct number_row {
	const char *word;
	uint64_t min, max;
	int result;
	uint64_t value;
};

static const struct number_row numbers[] = {
    {"0", 0, 9, 0, 0},
    {"9", 0, 9, 0, 9},
    {"10", 0, 9, -1, 0},
    {"3", 4, 9, -1, 0},
    {"", 0, 9, -1, 0},
    {"+1", 0, 9, -1, 0},
    {"-1", 0, 9, -1, 0},
    {" 1", 0, 9, -1, 0},
    {"1 ", 0, 9, -1, 0},
    {"1x", 0, 9, -1, 0},
    {"0x1", 0, 9, -1, 0},
    {"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
    {"18446744073709551616", 0, UINT64_MAX, -1, 0},
    {"99999999999999999999", 0, UINT64_MAX, -1, 0},
};

START_TEST(number)
{
	const struct number_row *row = &numbers[_i];
	struct slice word = guard_copy(slice_str(row->word));
	uint64_t value = 0;
	struct err e = {""};

	ck_assert_int_eq(text_number(word, row->min, row->max, &value, &e), row->result);
	ck_assert_uint_eq(value, row->value);
	ck_assert((e.text[0] != '\0') == (row->result != 0));
	guard_free(word);
}
END_TEST

static const struct number_row durations[] = {
    {"500ms", 0, 100000, 0, 500}, {"10s", 0, 100000, 0, 10000}, {"1m", 0, 100000, 0, 60000},
    {"2h", 0, 7200000, 0, 7200000}, {"7d", 0, UINT64_MAX, 0, 604800000}, {"10", 0, 100000, -1, 0},
    {"s", 0, 100000, -1, 0}, {"10 s", 0, 100000, -1, 0}, {"10S", 0, 100000, -1, 0},
    {"213503982334602d", 0, UINT64_MAX, -1, 0}, {"0s", 1, 9, -1, 0},
};

START_TEST(duration)
{
	const struct number_row *row = &durations[_i];
	uint64_t value = 0;
	struct err e;

	ck_assert_int_eq(text_duration(slice_str(row->word), row->min, row->max, &value, &e), row->result);
	ck_assert_uint_eq(value, row->value);
}
END_TEST

static const struct number_row sizes[] = {
    {"4096", 0, 1 << 20, 0, 4096}, {"64k", 0, 1 << 20, 0, 65536}, {"2M", 0, 1 << 24, 0, 2097152},
    {"1G", 0, UINT64_MAX, 0, 1073741824}, {"64K", 0, 1 << 20, -1, 0}, {"1kB", 0, 1 << 20, -1, 0},
    {"17179869184G", 0, UINT64_MAX, -1, 0}, {"", 0, 9, -1, 0},
};

START_TEST(size)
{
	const struct number_row *row = &sizes[_i];
	uint64_t value = 0;
	struct err e;

	ck_assert_int_eq(text_size(slice_str(row->word), row->min, row->max, &value, &e), row->result);
	ck_assert_uint_eq(value, row->value);
}
END_TEST

START_TEST(error_names_text_and_range)
{
	uint64_t value;
	struct err e;

	ck_assert_int_eq(text_size(slice_str("1\x1b[2J"), 4096, 1 << 20, &value, &e), -1);
	ck_assert_str_eq(e.text, "\"1\\x1b[2J\" is not a size (4096, 64k, 2M) from 4k to 1M");
	ck_assert_int_eq(text_duration(slice_str("5"), 1000, 3600000, &value, &e), -1);
	ck_assert_str_eq(e.text, "\"5\" is not a duration (500ms, 10s, 5m, 2h, 7d) from 1s to 1h");
}
END_TEST

START_TEST(unhex_strict)
{
	uint8_t out[2] = {0, 0};
	struct err e;

	ck_assert_int_eq(text_unhex(slice_str("aBc0"), out, 2, &e), 0);
	ck_assert_uint_eq(out[0], 0xab);
	ck_assert_uint_eq(out[1], 0xc0);
	ck_assert_int_eq(text_unhex(slice_str("abc"), out, 2, &e), -1);
	ck_assert_int_eq(text_unhex(slice_str("abcde"), out, 2, &e), -1);
	ck_assert_int_eq(text_unhex(slice_str("abcg"), out, 2, &e), -1);
	ck_assert_ptr_null(strstr(e.text, "abcg"));
}
END_TEST

struct escape_row {
	const char *in;
	size_t size;
	const char *out;
};

static const struct escape_row escapes[] = {
    {"plain text", 64, "plain text"},
    {"a\"b\\c", 64, "a\\\"b\\\\c"},
    {"a\nb\r\x1b\x7f", 64, "a\\x0ab\\x0d\\x1b\\x7f"},
    {"gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80", 64, "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\xc3", 64, "\\xc3"},
    {"\xc0\xaf", 64, "\\xc0\\xaf"},
    {"\xed\xa0\x80", 64, "\\xed\\xa0\\x80"},
    {"\xc2\x9b", 64, "\\xc2\\x9b"},
    {"\xe2\x80\xae", 64, "\\xe2\\x80\\xae"},
    {"\xf4\x90\x80\x80", 64, "\\xf4\\x90\\x80\\x80"},
    {"0123456789", 11, "0123456789"},
    {"0123456789", 10, "012345\xe2\x80\xa6"},
    {"01234\xc3\xbc", 8, "01234\xc3\xbc"},
    {"0123\xc3\xbc\xc3\xbc", 8, "0123\xe2\x80\xa6"},
    {"abc", 1, ""},
};

START_TEST(escape)
{
	const struct escape_row *row = &escapes[_i];
	char out[64];
	struct slice in = guard_copy(slice_str(row->in));

	ck_assert_str_eq(text_escape(in, out, row->size), row->out);
	guard_free(in);
}
END_TEST

static const struct escape_row jsons[] = {
    {"plain text", 64, "plain text"},
    {"a\"b\\c", 64, "a\\\"b\\\\c"},
    {"a\nb\x7f", 64, "a\\u000ab\\u007f"},
    {"gr\xc3\xbcn \xff", 64, "gr\xc3\xbcn \\u00ff"},
    {"abc\n\n", 13, "abc\\u000a\xe2\x80\xa6"},
    {"abc\n\n", 16, "abc\\u000a\\u000a"},
};

START_TEST(json)
{
	const struct escape_row *row = &jsons[_i];
	char out[64];
	struct slice in = guard_copy(slice_str(row->in));

	ck_assert_str_eq(text_json(in, out, row->size), row->out);
	guard_free(in);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, number, 0, ROWS(numbers));
	tcase_add_loop_test(t, duration, 0, ROWS(durations));
	tcase_add_loop_test(t, size, 0, ROWS(sizes));
	tcase_add_test(t, error_names_text_and_range);
	tcase_add_test(t, unhex_strict);
	tcase_add_loop_test(t, escape, 0, ROWS(escapes));
	tcase_add_loop_test(t, json, 0, ROWS(jsons));
	suite_add_tcase(s, t);
	return suite_run(s);
}
