/* SPDX-License-Identifier: ISC */
#include "acl/pattern.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

struct row {
	const char *pattern, *text;
	bool match;
};

static const struct row rows[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"*", "", true},
    {"*", "anything", true},
    {"**", "", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"sensor-*", "sensor-1", true},
    {"sensor-*", "sensor-", true},
    {"sensor-*", "sensor", false},
    {"sensor-*", "Sensor-1", false},
    {"*-1", "sensor-1", true},
    {"*-1", "sensor-11", false},
    {"a*b*c", "abbbc", true},
    {"a*b*c", "acb", false},
    {"a*bc", "abcbc", true},
    {"a*?c", "abc", true},
    {"a*?c", "ac", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "?", true},
    {"\\?", "a", false},
    {"\\\\", "\\", true},
    {"\\a", "a", true},
    {"a\\*b", "a*b", true},
    {"a\\*b", "axb", false},
    {"[a]", "a", false},
    {"[a]", "[a]", true},
    {"a/b", "a/b", true},
    {"*", "a/b", true},
    {"?", "\xc3\xbc", true},
    {"??", "\xc3\xbc", false},
    {"*??", "\xe2\x82\xac", false},
    {"aa?", "aa\xe2", true}, /* cut off: each byte counts as one */
    {"aa??", "aa\xf0\x9f", true},
    {"*??b*",
     "\xe2\x82\xac"
     "bc",
     false},
    {"*?\xe2\x82\xac", "a\xe2\x82\xac", true},
    {"\xc3\xbc*", "\xc3\xbcx", true},
    {"?", "\xf0\x9f\x98\x80", true},
    {"\\\xc3\xbc", "\xc3\xbc", true},
    {"?", "\xc3", true},
    {"??", "\xc3(", true},
    {"*", "\xff\xfe", true},
    {"a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

START_TEST(match)
{
	const struct row *row = &rows[_i];
	struct slice pattern = guard_copy(slice_str(row->pattern)),
	             text = guard_copy(slice_str(row->text));

	ck_assert_int_eq(acl_glob_check(pattern, NULL), 0);
	ck_assert_int_eq(acl_glob_match(pattern, text), row->match);
	guard_free(pattern);
	guard_free(text);
}
END_TEST

/* The definition, written down: exponential, and plainly right. Over arrays of characters. */
static bool oracle(const char *const *p, size_t np, const char *const *t, size_t nt)
{
	if (np == 0)
		return nt == 0;
	if (strcmp(p[0], "*") == 0)
		return oracle(p + 1, np - 1, t, nt) || (nt != 0 && oracle(p, np, t + 1, nt - 1));
	if (nt == 0)
		return false;
	if (strcmp(p[0], "?") != 0 && strcmp(p[0][0] == '\\' ? p[0] + 1 : p[0], t[0]) != 0)
		return false;
	return oracle(p + 1, np - 1, t + 1, nt - 1);
}

static const char *const pattern_parts[] = {
    "a", "b", "*", "*", "?", "\\*", "\\?", "\\\\", "\xc3\xbc", "\xe2\x82\xac", "\\a"};
static const char *const text_parts[] = {"a", "a", "b", "*", "?", "\\", "\xc3\xbc", "\xe2\x82\xac"};

static uint64_t random_state = 0x2545f4914f6cdd1d;

static size_t next_random(size_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)((random_state >> 20) % below);
}

static size_t compose(const char *const *parts, size_t n_parts, const char **chosen, size_t n,
                      char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		chosen[i] = parts[next_random(n_parts)];
		memcpy(out + at, chosen[i], strlen(chosen[i]));
		at += strlen(chosen[i]);
	}
	return at;
}

START_TEST(agrees_with_definition)
{
	size_t hits = 0;

	for (int i = 0; i < 500000; i++) {
		const char *p[8], *t[8];
		char pattern[32], text[32];
		size_t np = next_random(7), nt = next_random(7);
		size_t pn = compose(pattern_parts, ROWS(pattern_parts), p, np, pattern);
		size_t tn = compose(text_parts, ROWS(text_parts), t, nt, text);
		bool want = oracle(p, np, t, nt);
		if (acl_glob_match(slice_of(pattern, pn), slice_of(text, tn)) != want)
			ck_abort_msg("\"%.*s\" on \"%.*s\" should be %d", (int)pn, pattern, (int)tn,
			             text, want);
		hits += want;
	}
	ck_assert_uint_gt(hits, 10000);
}
END_TEST

/* Quadratic at worst: exponential code would not come back. */
START_TEST(hostile_pattern)
{
	enum { N = 4000 };
	static char pattern[N], text[N];

	for (int i = 0; i < N; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	memset(text, 'a', sizeof text);
	text[N - 1] = 'b';
	ck_assert(!acl_glob_match(slice_of(pattern, N), slice_of(text, N)));
}
END_TEST

struct user_row {
	const char *pattern, *user, *text;
	bool match;
};

static const struct user_row users[] = {
    {"%u", "ab", "ab", true},        {"%u", "ab", "a", false},
    {"%u", "ab", "abc", false},      {"*%u", "ab", "xa", false},
    {"*%u", "ab", "xaab", true},     {"%u%u", "ab", "abab", true},
    {"%u?", "a", "a\xc3\xbc", true}, {"?%u", "\xc3\xbc", "x\xc3\xbc", true},
    {"a%ub", "*", "a*b", true},      {"a%ub", "*", "axb", false},
    {"\\%u", "a", "%u", true},       {"%", "a", "%", true},
    {"%v", "a", "%v", true},         {"*%u*", "aab", "aaab", true},
};

START_TEST(user_in_glob)
{
	const struct user_row *row = &users[_i];
	struct slice pattern = guard_copy(slice_str(row->pattern));
	struct slice user = guard_copy(slice_str(row->user));
	struct slice text = guard_copy(slice_str(row->text));

	ck_assert_msg(acl_glob_match_user(pattern, user, text) == row->match, "%s", row->pattern);
	guard_free(pattern);
	guard_free(user);
	guard_free(text);
}
END_TEST

struct check_row {
	const char *pattern, *error; /* NULL: good */
};

static const struct check_row checks[] = {
    {"a\\\\", NULL},
    {"\\*\\?\\\\", NULL},
    {"", NULL},
    {"a\\", "lone backslash"},
    {"\\", "lone backslash"},
    {"\\\\\\", "lone backslash"},
    {"\xff", "not valid UTF-8"},
    {"a\xc3", "not valid UTF-8"},
    {"\xed\xa0\x80", "not valid UTF-8"},
};

START_TEST(check)
{
	const struct check_row *row = &checks[_i];
	struct slice pattern = guard_copy(slice_str(row->pattern));
	struct err e = {""};

	ck_assert_int_eq(acl_glob_check(pattern, &e), row->error == NULL ? 0 : -1);
	if (row->error != NULL)
		ck_assert_msg(strstr(e.text, row->error) != NULL, "%s", e.text);
	guard_free(pattern);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pattern");
	TCase *t = tcase_create("pattern");

	tcase_add_loop_test(t, match, 0, ROWS(rows));
	tcase_add_test(t, agrees_with_definition);
	tcase_add_test(t, hostile_pattern);
	tcase_add_loop_test(t, user_in_glob, 0, ROWS(users));
	tcase_add_loop_test(t, check, 0, ROWS(checks));
	suite_add_tcase(s, t);
	return suite_run(s);
}
