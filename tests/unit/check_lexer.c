/* SPDX-License-Identifier: ISC */
#include "conf/lexer.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

struct row {
	const char *text;
	const char *tree;   /* what show() makes of it */
	const char *errors; /* LINE:COL of each, parted by blanks */
};

static const struct row rows[] = {
    {"", "", ""},
    {"\n\n \t\n", "", ""},
    {"a\n", "1:a@1;", ""},
    {"a", "1:a@1;", ""},
    {"a b  c\td\n", "1:a@1,b@3,c@6,d@8;", ""},
    {"  a\r\nb\r\n", "1:a@3;2:b@1;", ""},
    {"# a\na # b\na #\n", "2:a@1;3:a@1;", ""},
    {"a #b c\n", "1:a@1;", ""},
    {"a cmd/# x\n", "1:a@1,cmd/#@3,x@9;", ""},
    {"a \"#\" '#' \\#\n", "1:a@1,#@3,#@7,#@11;", ""},
    {"a \"b c\" 'd e' \"\" ''\n", "1:a@1,b c@3,d e@9,@15,@18;", ""},
    {"a \"b\\\"c\\\\d\\ne\"\n", "1:a@1,b\"c\\dne@3;", ""},
    {"a 'b\\c\"d'\n", "1:a@1,b\\c\"d@3;", ""},
    {"a b\\ c\\{\\\"\\'\n", "1:a@1,b c{\"'@3;", ""},
    {"a \"'{}'\" '\"{}'\n", "1:a@1,'{}'@3,\"{}@10;", ""},
    {"\"a b\" c\n", "1:a b@1,c@7;", ""},
    {"gr\xc3\xbcn \xe2\x82\xac b\n", "1:gr\xc3\xbcn@1,\xe2\x82\xac@6,b@8;", ""},
    {"a {\nb\n}\nc\n", "1:a@1{2:b@1;}4:c@1;", ""},
    {"a b { # x\n\tc { \n\t\td\n\t} # y\n}\n", "1:a@1,b@3{2:c@2{3:d@3;}}", ""},
    {"a {\n}\n", "1:a@1{}", ""},
    {"a \"{\" '}'\n", "1:a@1,{@3,}@7;", ""},
    {"a ~!$%&()*+,-./:;<=>?@[]^_`|\n", "1:a@1,~!$%&()*+,-./:;<=>?@[]^_`|@3;", ""},
    /* errors; the lines around them are read */
    {"a\nb \"c\nd\n", "1:a@1;3:d@1;", "2:3"},
    {"a 'b\"\nc\n", "2:c@1;", "1:3"},
    {"a \"b\\\"\nc\n", "2:c@1;", "1:3"},
    {"a \"b\"c\n", "", "1:6"},
    {"a 'b'\"c\"\n", "", "1:6"},
    {"a b\"c\"\n", "", "1:4"},
    {"a b'c\n", "", "1:4"},
    {"a b}\n", "", "1:4"},
    {"a {b\n", "", "1:3"},
    {"a \\\nb\n", "2:b@1;", "1:3"},
    {"a \"b\\\n", "", "1:5"},
    {"a }\n", "", "1:3"},
    {"}\na\n", "2:a@1;", "1:1"},
    {"a {\n} b\nc\n", "1:a@1{}3:c@1;", "2:3"},
    {"a {\nb }\nc\n", "1:a@1{}3:c@1;", "2:3"},
    {"a { b\nc\n}\nd\n", "1:!{2:c@1;}4:d@1;", "1:5"},
    {"a { b }\nc\n", "1:!;2:c@1;", "1:5"},
    {"a { }\nc\n", "1:!;2:c@1;", "1:5"},
    {"{\nb\n}\nc\n", "1:!{2:b@1;}4:c@1;", "1:1"},
    {"a \"b {\nc\n}\nd\n", "1:!{2:c@1;}4:d@1;", "1:3"},
    {"a{\nc\n}\nd\n", "1:!{2:c@1;}4:d@1;", "1:2"},
    {"a {\nb\n", "1:a@1{2:b@1;}", "1:1"},
    {"a {\nb {\n", "1:a@1{2:b@1{}}", "1:1 2:1"},
    {"a \xff\nb\n", "2:b@1;", "1:3"},
    {"a # \xc3\nb\n", "2:b@1;", "1:5"},
    {"a \xed\xa0\x80\n", "", "1:3"},
    {"a \xc3\xbc\xc3\n", "", "1:4"},
    {"a \x7f\n", "", "1:3"},
    {"a\rb\n", "", "1:2"},
    {"a # \x1b\n", "", "1:5"},
    {"a\x0b\n", "", "1:2"},
};

static void show(const struct conf_node *parent, char *out, size_t size)
{
	size_t at = strlen(out);

	for (const struct conf_node *node = parent->first; node != NULL; node = node->next) {
		ck_assert_ptr_eq(node->parent, parent);
		at += (size_t)snprintf(out + at, size - at, "%u:%s", node->line,
		                       node->broken ? "!" : "");
		for (size_t i = 0; i < node->n; i++)
			at += (size_t)snprintf(out + at, size - at, "%s%s@%u", i == 0 ? "" : ",",
			                       node->words[i].text, node->words[i].col);
		if (node->block) {
			at += (size_t)snprintf(out + at, size - at, "{");
			show(node, out, size);
			at = strlen(out);
		}
		at += (size_t)snprintf(out + at, size - at, node->block ? "}" : ";");
	}
}

/* The places in a report, in the order of the file. */
static void places(const char *report, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (const char *p = strstr(report, "f:"); p != NULL; p = strstr(p, "\nf:")) {
		p += *p == '\n' ? 3 : 2;
		int n = (int)strcspn(p, " ") - 1;
		at += (size_t)snprintf(out + at, size - at, "%s%.*s", at == 0 ? "" : " ", n, p);
	}
}

/* What lexing says of a text, as tree and places; the arena is given back. */
static size_t lex(struct slice text, char *tree, char *errors, size_t size)
{
	struct conf_source source = {.path = "f", .text = text};
	struct arena arena = {0};
	struct conf_diags diags = {0};
	struct conf_report report = {0};
	struct conf_node *root = conf_lex(&source, &arena, &diags);

	ck_assert_ptr_nonnull(root);
	tree[0] = '\0';
	show(root, tree, size);
	conf_diags_render(&diags, &report);
	places(report.text == NULL ? "" : report.text, errors, size);
	size_t n = report.errors;
	conf_report_fini(&report);
	arena_free(&arena);
	return n;
}

START_TEST(lines)
{
	const struct row *row = &rows[_i];
	struct slice text = guard_copy(slice_str(row->text));
	char tree[512], errors[512];

	size_t n = lex(text, tree, errors, sizeof tree);
	guard_free(text);
	ck_assert_str_eq(tree, row->tree);
	ck_assert_str_eq(errors, row->errors);
	ck_assert_int_eq(n == 0, row->errors[0] == '\0');
}
END_TEST

START_TEST(nul_is_an_error)
{
	char tree[64], errors[64];

	ck_assert_uint_eq(lex(slice_of("a \0b\nc\n", 7), tree, errors, sizeof tree), 1);
	ck_assert_str_eq(tree, "2:c@1;");
	ck_assert_str_eq(errors, "1:3");
}
END_TEST

/* Text of n bytes: "a", then words of one letter. */
static char *long_line(size_t n, char filler)
{
	char *text = malloc(n + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 2 == 0 ? 'a' : filler;
	text[n] = '\0';
	return text;
}

START_TEST(limits)
{
	static char tree[8192], errors[8192];
	char *longest = long_line(CONF_LINE_MAX, 'b'), *longer = long_line(CONF_LINE_MAX + 1, 'b');
	char *most = long_line(2 * CONF_WORDS_MAX - 1, ' '),
	     *more = long_line(2 * CONF_WORDS_MAX + 1, ' ');

	ck_assert_uint_eq(lex(slice_str(longest), tree, errors, sizeof tree), 0);
	ck_assert_uint_eq(lex(slice_str(longer), tree, errors, sizeof tree), 1);
	ck_assert_str_eq(errors, "1:1");
	ck_assert_str_eq(tree, "");
	ck_assert_uint_eq(lex(slice_str(most), tree, errors, sizeof tree), 0);
	ck_assert_uint_eq(lex(slice_str(more), tree, errors, sizeof tree), 1);
	ck_assert_str_eq(errors, "1:513");
	free(longest);
	free(longer);
	free(most);
	free(more);
}
END_TEST

/* Depth costs no stack. */
START_TEST(deep)
{
	enum { N = 100000 };
	char *text = malloc(4 * N + 1);
	struct conf_source source = {.path = "f"};
	struct arena arena = {0};
	struct conf_diags diags = {0};
	struct conf_report report = {0};

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < N; i++)
		memcpy(text + 4 * i, "a {\n", 4);
	source.text = slice_of(text, 4 * N);
	ck_assert_ptr_nonnull(conf_lex(&source, &arena, &diags));
	conf_diags_render(&diags, &report);
	ck_assert_uint_eq(report.errors, N);
	ck_assert_ptr_nonnull(strstr(report.text, "99800 more are left out\n"));
	conf_report_fini(&report);
	arena_free(&arena);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lexer");
	TCase *t = tcase_create("lexer");

	tcase_add_loop_test(t, lines, 0, ROWS(rows));
	tcase_add_test(t, nul_is_an_error);
	tcase_add_test(t, limits);
	tcase_add_test(t, deep);
	suite_add_tcase(s, t);
	return suite_run(s);
}
