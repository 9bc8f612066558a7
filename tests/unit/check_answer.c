/* SPDX-License-Identifier: ISC */
/* The texts that HTTP sends: what is escaped, what is judged, what is counted. */
#include "admin/answer.h"
#include "admin/history.h"
#include "admin/html.h"
#include "admin/prom.h"
#include "tests/support/suite.h"

static const char *text_of(struct buf *b)
{
	static char text[8192];
	struct slice s = buf_view(b);

	ck_assert_uint_lt(s.n, sizeof text);
	if (s.n != 0)
		memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	buf_free(b);
	return text;
}

START_TEST(samples)
{
	struct buf out = {.cap = 4096};
	struct prom p = {.out = &out};

	prom_one(&p, "a_b", "gauge", "Some help", 1.5);
	prom_family(&p, "c_total", "counter", "More");
	prom_begin(&p);
	prom_label(&p, "x", "plain");
	prom_label(&p, "y", "a\"b\\c\nd\xff<\\x");
	prom_number(&p, UINT64_MAX);
	ck_assert(!p.failed);
	ck_assert_str_eq(text_of(&out),
	                 "# HELP a_b Some help\n# TYPE a_b gauge\na_b 1.5\n"
	                 "# HELP c_total More\n# TYPE c_total counter\n"
	                 "c_total{x=\"plain\",y=\"a\\\"b\\\\c\\\\x0ad\\\\xff<\\\\x\"} "
	                 "18446744073709551615\n");
}
END_TEST

START_TEST(histograms)
{
	struct buf out = {.cap = 4096};
	struct prom p = {.out = &out};
	struct histogram_sum h = {.sum_us = 2500000};

	h.bucket[0] = 1;
	h.bucket[HISTOGRAM_BOUNDS - 1] = 2;
	h.bucket[HISTOGRAM_BUCKETS - 1] = 3;
	prom_histogram(&p, "h_seconds", "Help", &h);
	const char *text = text_of(&out);
	ck_assert_ptr_nonnull(strstr(text, "h_seconds_bucket{le=\"1e-05\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "h_seconds_bucket{le=\"5\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "h_seconds_bucket{le=\"10\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "h_seconds_bucket{le=\"+Inf\"} 6\n"));
	ck_assert_ptr_nonnull(strstr(text, "h_seconds_sum 2.5\nh_seconds_count 6\n"));
}
END_TEST

/* Too little room is not passed over. */
START_TEST(no_room)
{
	struct buf out = {.cap = 20};
	struct prom p = {.out = &out};
	struct html h = {.out = &out};

	prom_one(&p, "a_b", "gauge", "Some help", 1);
	ck_assert(p.failed);
	buf_free(&out);
	html_text(&h, "0123456789&&&");
	ck_assert(h.failed);
	buf_free(&out);
}
END_TEST

START_TEST(markup)
{
	struct buf out = {.cap = 4096};
	struct html h = {.out = &out};
	char number[HTML_NUMBER];

	html_put(&h, "<b>%s</b>", html_number(1234567, number));
	html_text(&h, "<script>\"a\"&'b'</script>");
	ck_assert(!h.failed);
	ck_assert_str_eq(text_of(&out),
	                 "<b>1,234,567</b>&lt;script&gt;&quot;a&quot;&amp;&#39;b&#39;"
	                 "&lt;/script&gt;");
	ck_assert_str_eq(html_number(0, number), "0");
	ck_assert_str_eq(html_number(999, number), "999");
	ck_assert_str_eq(html_bytes(0, number), "0 B");
	ck_assert_str_eq(html_bytes(999.4, number), "999 B");
	ck_assert_str_eq(html_bytes(999.6, number), "1.0 kB");
	ck_assert_str_eq(html_bytes(1234567, number), "1.2 MB");
	ck_assert_str_eq(html_bytes(1e18, number), "1000000 TB");
	ck_assert_str_eq(html_duration(0, number), "0 µs");
	ck_assert_str_eq(html_duration(999, number), "999 µs");
	ck_assert_str_eq(html_duration(1234, number), "1.2 ms");
	ck_assert_str_eq(html_duration(123456, number), "123 ms");
	ck_assert_str_eq(html_duration(1234567, number), "1.2 s");
}
END_TEST

struct question_row {
	const char *line, *host;
	int status;
	const char *path;
	bool head;
};

static const struct question_row questions[] = {
    {"GET / HTTP/1.1", "127.0.0.1:9883", 200, "/", false},
    {"HEAD /metrics HTTP/1.1", "localhost", 200, "/metrics", true},
    {"GET /metrics?x=/y HTTP/1.0", "", 200, "/metrics", false},
    {"GET / HTTP/1.1", "localhost:1", 200, "/", false},
    {"GET / HTTP/1.1", "127.9.8.7", 200, "/", false},
    {"GET / HTTP/1.1", "[::1]:9883", 200, "/", false},
    {"GET / HTTP/1.1", "example.org", 421, NULL, false},
    {"GET / HTTP/1.1", "127.0.0.1.example.org", 421, NULL, false},
    {"GET / HTTP/1.1", "localhost.example.org", 421, NULL, false},
    {"GET / HTTP/1.1", "10.0.0.1", 421, NULL, false},
    {"POST / HTTP/1.1", "localhost", 405, NULL, false},
    {"get / HTTP/1.1", "localhost", 405, NULL, false},
    {"GET / HTTP/2.0", "localhost", 400, NULL, false},
    {"GET / HTTP/1.1 x", "localhost", 400, NULL, false},
    {"GET http://localhost/ HTTP/1.1", "localhost", 400, NULL, false},
    {"GET /", "localhost", 400, NULL, false},
    {"GET", "", 400, NULL, false},
    {"", "", 400, NULL, false},
};

START_TEST(question)
{
	const struct question_row *row = &questions[_i];
	struct question q = {.line = slice_str(row->line), .host = slice_str(row->host)};
	struct slice path = {NULL, 0};
	bool head = false;

	ck_assert_int_eq(answer_judge(&q, &head, &path), row->status);
	if (row->status != 200)
		return;
	ck_assert_int_eq(head, row->head);
	ck_assert(slice_eq(path, slice_str(row->path)));
}
END_TEST

START_TEST(responses)
{
	struct buf out = {.cap = 4096};

	ck_assert_int_eq(answer_put(&out, 200, "text/html", "abc", slice_str("body"), false), 0);
	const char *text = text_of(&out);
	ck_assert_ptr_eq(strstr(text, "HTTP/1.1 200 OK\r\n"), text);
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Length: 4\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "default-src 'none'; img-src data:; style-src 'nonce-abc';"));
	ck_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\nbody");
	ck_assert_int_eq(answer_put(&out, 405, "text/plain", NULL, slice_str("body"), true), 0);
	text = text_of(&out);
	ck_assert_ptr_nonnull(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Length: 4\r\n"));
	ck_assert_ptr_null(strstr(text, "nonce"));
	ck_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}
END_TEST

/* A sample a minute for two hours, an accepted CONNECT a minute: the ring holds one hour. */
START_TEST(hours)
{
	struct history h = {0};
	struct sample now = {.mono_ms = 1000}, hour;

	for (uint64_t i = 0; i < 120 * 12; i++) {
		history_tick(&h, &now);
		now.mono_ms += 5000;
		now.verdicts[VERDICT_ACCEPTED] += i % 12 == 0;
	}
	ck_assert_uint_eq(h.n, HISTORY_MINUTES + 1);
	history_difference(&now, history_back(&h, HISTORY_MINUTES - 1), &hour);
	ck_assert_int_eq(hour.mono_ms, HISTORY_MINUTES * 60000);
	ck_assert_uint_eq(hour.verdicts[VERDICT_ACCEPTED], HISTORY_MINUTES);
	history_difference(&now, history_back(&h, 0), &hour);
	ck_assert_int_eq(hour.mono_ms, 60000);
	history_difference(&now, &h.recent[0], &hour);
	ck_assert_int_eq(hour.mono_ms, 10000);
}
END_TEST

/* What is asked for beyond the beginning is the beginning. */
START_TEST(young)
{
	struct history h = {0};
	struct sample now = {.mono_ms = 7, .received = {5, 0}}, hour;

	now.relay.bucket[3] = 2;
	history_tick(&h, &now);
	history_difference(&now, history_back(&h, 0), &hour);
	ck_assert_uint_eq(hour.received[SIDE_CLIENT], 5); /* what came before the first tick */
	ck_assert_uint_eq(histogram_total(&hour.relay), 2);
	ck_assert_int_eq(history_back(&h, 0)->mono_ms, 7);
	ck_assert_int_eq(history_back(&h, HISTORY_MINUTES - 1)->mono_ms, 7);
	now.mono_ms = 60006;
	history_tick(&h, &now);
	ck_assert_uint_eq(h.n, 1);
	now.mono_ms = 60007;
	history_tick(&h, &now);
	ck_assert_uint_eq(h.n, 2);
	ck_assert_int_eq(history_back(&h, 0)->mono_ms, 60007);
	ck_assert_int_eq(history_back(&h, 1)->mono_ms, 7);
	ck_assert_int_eq(history_back(&h, 2)->mono_ms, 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer");
	TCase *t = tcase_create("answer");

	tcase_add_test(t, samples);
	tcase_add_test(t, histograms);
	tcase_add_test(t, no_room);
	tcase_add_test(t, markup);
	tcase_add_loop_test(t, question, 0, (int)(sizeof questions / sizeof questions[0]));
	tcase_add_test(t, responses);
	tcase_add_test(t, hours);
	tcase_add_test(t, young);
	suite_add_tcase(s, t);
	return suite_run(s);
}
