/* SPDX-License-Identifier: ISC */
/* The calendar against the C library's. */
#include "sys/date.h"
#include "tests/support/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void expect_as_libc(int64_t ms)
{
	char mine[DATE_TEXT], seconds[40], theirs[DATE_TEXT];
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
	ck_assert_uint_ne(strftime(seconds, sizeof seconds, "-%m-%dT%H:%M:%S", &tm), 0);
	(void)snprintf(theirs, sizeof theirs, "%04" PRId64 "%s.%03dZ", INT64_C(1900) + tm.tm_year,
	               seconds, (int)(ms % 1000));
	ck_assert_str_eq(date_text(ms, mine), theirs);
}

START_TEST(dates_are_those_of_libc)
{
	const int64_t day = 86400000;
	char text[DATE_TEXT];

	for (int64_t ms = 0; ms < 800 * 366 * day; ms += day) {
		expect_as_libc(ms);
		expect_as_libc(ms + day - 1);
	}
	for (int64_t ms = 1; ms < 2 * day; ms += 997)
		expect_as_libc(INT64_C(1774000000000) + ms);
	ck_assert_str_eq(date_text(951782399999, text), "2000-02-28T23:59:59.999Z");
	ck_assert_str_eq(date_text(951782400000, text), "2000-02-29T00:00:00.000Z");
	ck_assert_str_eq(date_text(-1, text), "1970-01-01T00:00:00.000Z");
	ck_assert_str_eq(date_text(INT64_MIN, text), "1970-01-01T00:00:00.000Z");
	ck_assert_str_eq(date_text(253402300800000, text), "10000-01-01T00:00:00.000Z");
	ck_assert_str_eq(date_text(INT64_MAX, text), "292278994-08-17T07:12:55.807Z");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("date");
	TCase *t = tcase_create("date");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, dates_are_those_of_libc);
	suite_add_tcase(s, t);
	return suite_run(s);
}
