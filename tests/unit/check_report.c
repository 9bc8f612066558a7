/* SPDX-License-Identifier: ISC */
#include "tests/support/suite.h"
#include "tests/unit/conf_files.h"
#include "tests/unit/report_rows.h"

enum { ROWS = sizeof report_rows / sizeof report_rows[0] };

START_TEST(word_for_word)
{
	const struct report_row *row = &report_rows[_i];
	struct conf_report report = {0};
	char text[2048];

	(void)snprintf(text, sizeof text, "%s%s", row->text, row->alone ? "" : BASE);
	struct conf *c = load_text(text, &report);
	ck_assert_msg(strcmp(report.text == NULL ? "" : report.text, row->report) == 0, "%s:\n%s",
	              row->what, report.text);
	ck_assert_int_eq(c == NULL, report.errors != 0);
	ck_assert_int_eq(report.errors != 0, strstr(row->report, " error: ") != NULL);
	ck_assert_int_eq(report.warnings != 0, strstr(row->report, " warning: ") != NULL);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* What stands in a key file is in no report, whatever is wrong with it. */
START_TEST(no_secret)
{
	for (int i = 0; i < ROWS; i++) {
		ck_assert_ptr_null(strstr(report_rows[i].report, "5ec7e7"));
		ck_assert_ptr_null(strstr(report_rows[i].report, "00112233"));
	}
}
END_TEST

START_TEST(main_file_missing)
{
	struct conf_reader reader = {.ctx = NULL, .read = memory_read, .glob = memory_glob};
	struct conf_report report = {0};

	ck_assert_ptr_null(conf_load("/nowhere.conf", &reader, &report));
	ck_assert_str_eq(report.text, "/nowhere.conf: error: No such file or directory\n");
	ck_assert_uint_eq(report.errors, 1);
	conf_report_fini(&report);
	ck_assert_ptr_null(report.text);
}
END_TEST

/* Many errors are counted all, and shown up to a bound. */
START_TEST(many)
{
	enum { N = 5000 };
	char *text = malloc(2 * N + 1);
	struct conf_report report = {0};

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < N; i++)
		memcpy(text + 2 * i, "x\n", 3);
	ck_assert_ptr_null(load_text(text, &report));
	ck_assert_uint_eq(report.errors, N + 2);
	ck_assert_ptr_nonnull(strstr(report.text, " more are left out\n"));
	ck_assert_uint_lt(report.len, 100000);
	ck_assert_uint_eq(strlen(report.text), report.len);
	conf_report_fini(&report);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_loop_test(t, word_for_word, 0, ROWS);
	tcase_add_test(t, no_secret);
	tcase_add_test(t, main_file_missing);
	tcase_add_test(t, many);
	suite_add_tcase(s, t);
	return suite_run(s);
}
