/* SPDX-License-Identifier: ISC */
#include "sys/log.h"
#include "tests/support/suite.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* What is written to standard error between begin and end, as one string. */
static int kept_stderr = -1;

static void capture_begin(void)
{
	int fd = open(scratch_path("log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

	kept_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	(void)close(fd);
}

static char *capture_end(void)
{
	static char text[1 << 18];

	ssize_t n = pread(STDERR_FILENO, text, sizeof text - 1, 0);
	(void)dup2(kept_stderr, STDERR_FILENO);
	(void)close(kept_stderr);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

struct value_row {
	const char *value;
	const char *field;
};

static const struct value_row values[] = {
    {"plain", "k=plain"},
    {"10.0.0.1:1883", "k=10.0.0.1:1883"},
    {"[2001:db8::1]:1883", "k=[2001:db8::1]:1883"},
    {"/etc/mqsecproxy.conf", "k=/etc/mqsecproxy.conf"},
    {"", "k=\"\""},
    {"two words", "k=\"two words\""},
    {"a=b", "k=\"a=b\""},
    {"say \"hi\"", "k=\"say \\\"hi\\\"\""},
    {"back\\slash", "k=\"back\\\\slash\""},
    {"new\nline", "k=\"new\\x0aline\""},
    {"\x1b[2J", "k=\"\\x1b[2J\""},
    {"\xff", "k=\"\\xff\""},
    {"gr\xc3\xbcn", "k=\"gr\xc3\xbcn\""},
};

START_TEST(value)
{
	struct log_line l;
	char want[128];

	capture_begin();
	log_begin(&l, LOG_LEVEL_WARNING, "test");
	log_str(&l, "k", values[_i].value);
	log_end(&l);
	const char *got = capture_end();
	(void)snprintf(want, sizeof want, " level=warning event=test %s\n", values[_i].field);
	ck_assert_ptr_nonnull(strchr(got, ' '));
	ck_assert_str_eq(strchr(got, ' '), want);
}
END_TEST

START_TEST(time_is_now)
{
	struct tm tm = {0};
	struct log_line l;

	capture_begin();
	time_t before = time(NULL);
	log_begin(&l, LOG_LEVEL_ERROR, "x");
	log_end(&l);
	const char *got = capture_end();
	const char *rest = strptime(got, "time=%Y-%m-%dT%H:%M:%S", &tm);
	ck_assert_ptr_nonnull(rest);
	ck_assert_uint_eq(strspn(rest + 1, "0123456789"), 3);
	ck_assert_str_eq(rest + 4, "Z level=error event=x\n");
	ck_assert_int_ge(timegm(&tm), before - 1);
	ck_assert_int_le(timegm(&tm), time(NULL) + 1);
}
END_TEST

START_TEST(number_and_missing)
{
	struct log_line l;

	capture_begin();
	log_begin(&l, LOG_LEVEL_INFO, "e");
	log_number(&l, "least", INT64_MIN);
	log_str(&l, "none", NULL);
	log_number(&l, "one", 1);
	log_end(&l);
	log_end(&l);
	const char *got = capture_end();
	ck_assert_str_eq(strchr(got, ' '),
	                 " level=info event=e least=-9223372036854775808 one=1\n");
}
END_TEST

START_TEST(level)
{
	struct log_line l;

	capture_begin();
	log_begin(&l, LOG_LEVEL_DEBUG, "left-out");
	log_str(&l, "k", "v");
	log_number(&l, "n", 1);
	log_end(&l);
	log_say(LOG_LEVEL_DEBUG, "left-out", "%d", 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_say(LOG_LEVEL_DEBUG, "there", "%d %s", 1, "two");
	log_set_level(LOG_LEVEL_ERROR);
	log_say(LOG_LEVEL_WARNING, "left-out", "%d", 1);
	const char *got = capture_end();
	ck_assert_str_eq(strchr(got, ' '), " level=debug event=there message=\"1 two\"\n");
	ck_assert(log_wanted(LOG_LEVEL_ERROR));
	ck_assert(!log_wanted(LOG_LEVEL_WARNING));
	log_set_level(LOG_LEVEL_INFO);
}
END_TEST

START_TEST(long_value_is_cut)
{
	char large[1000];
	struct log_line l;

	memset(large, 'a', sizeof large);
	capture_begin();
	log_begin(&l, LOG_LEVEL_INFO, "e");
	log_text(&l, "k", slice_of(large, 200));
	log_end(&l);
	log_begin(&l, LOG_LEVEL_INFO, "e");
	log_text(&l, "k", slice_of(large, 201));
	log_end(&l);
	const char *got = capture_end(), *first = strstr(got, "k="),
	           *second = strstr(first + 1, "k=");
	ck_assert_uint_eq(strspn(first + 2, "a"), 200);
	ck_assert_int_eq(first[202], '\n');
	ck_assert_uint_eq(strspn(second + 3, "a"), 197);
	ck_assert_str_eq(second + 3 + 197, "\xe2\x80\xa6\"\n");
}
END_TEST

/* Whatever comes, a line ends once, in one line feed, with its quotes closed; _i shifts where the
 * end falls. */
START_TEST(full_line_is_whole)
{
	const struct log_settings settings = {.level = LOG_LEVEL_INFO,
	                                      .to = LOG_TO_STDERR,
	                                      .format = _i % 2 == 0 ? LOG_LOGFMT : LOG_JSON};
	char nasty[300];
	struct log_line l;

	memset(nasty, _i % 3 == 0 ? '"' : '\n', sizeof nasty);
	log_configure(&settings);
	capture_begin();
	log_begin(&l, LOG_LEVEL_INFO, "e");
	for (int i = 0; i < _i; i++)
		log_str(&l, "p", "x");
	for (int i = 0; i < 40; i++) {
		log_text(&l, "key", slice_of(nasty, (size_t)(i * 7)));
		log_number(&l, "n", i);
		log_str(&l, "t", "token");
	}
	log_end(&l);
	const char *got = capture_end();
	size_t n = strlen(got);
	ck_assert_uint_le(n, sizeof l.text);
	ck_assert_uint_gt(n, sizeof l.text - 300);
	ck_assert_ptr_eq(strchr(got, '\n'), got + n - 1);
	if (_i % 2 != 0) {
		ck_assert_int_eq(got[0], '{');
		ck_assert_int_eq(got[n - 2], '}');
	}
	bool inside = false;
	for (size_t i = 0; i < n; i++) {
		if (inside && got[i] == '\\')
			i++;
		else if (got[i] == '"')
			inside = !inside;
	}
	ck_assert(!inside);
}
END_TEST

enum { THREADS = 4, LINES = 200 };

static void *chatter(void *ctx)
{
	const char *name = ctx;

	for (int i = 0; i < LINES; i++)
		log_say(LOG_LEVEL_INFO, name,
		        "%d of a line that is long enough to be seen torn apart", i);
	return NULL;
}

START_TEST(lines_do_not_mix)
{
	static char names[THREADS][8] = {"t0", "t1", "t2", "t3"};
	pthread_t threads[THREADS];
	int lines = 0;

	capture_begin();
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, chatter, names[i]), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (char *at = capture_end(), *line; (line = strsep(&at, "\n")) != NULL && *line != '\0';
	     lines++) {
		ck_assert(strncmp(line, "time=", 5) == 0);
		ck_assert_str_eq(line + strlen(line) - 7, " apart\"");
	}
	ck_assert_int_eq(lines, THREADS * LINES);
}
END_TEST

START_TEST(errno_is_kept)
{
	int saved = dup(STDERR_FILENO);

	(void)close(STDERR_FILENO);
	errno = ENOSPC;
	log_say(LOG_LEVEL_ERROR, "nowhere", "to go");
	int after = errno;
	(void)dup2(saved, STDERR_FILENO);
	ck_assert_int_eq(after, ENOSPC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, value, 0, (int)(sizeof values / sizeof values[0]));
	tcase_add_test(t, time_is_now);
	tcase_add_test(t, number_and_missing);
	tcase_add_test(t, level);
	tcase_add_test(t, long_value_is_cut);
	tcase_add_loop_test(t, full_line_is_whole, 0, 48);
	tcase_add_test(t, lines_do_not_mix);
	tcase_add_test(t, errno_is_kept);
	suite_add_tcase(s, t);
	return suite_run(s);
}
