/* SPDX-License-Identifier: ISC */
/* A line is put together on the caller's stack and written by one system call: lines of several
 * threads never mix, nothing is allocated, and no lock is held. Room for the closing quote and the
 * line feed is kept back at every step, so a line that is full is still a whole line. The date is
 * worked out here: gmtime_r() takes a lock of the C library. */
#include "sys/log.h"

#include "base/text.h"
#include "sys/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
	VALUE_MAX = 200,
	MESSAGE_MAX = 1000,
	TAIL = 2 /* the line feed, and a NUL of text_escape() */
};

static _Atomic int threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

bool log_wanted(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	return (size_t)level < sizeof names / sizeof names[0] ? names[level] : "error";
}

struct date {
	int64_t year;
	unsigned month, day;
};

/* Days since 1970-01-01 to the Gregorian date. Years are counted from March, so that the leap day
 * is the last. */
static struct date date_of(int64_t days)
{
	int64_t shifted = days + 719468; /* since 0000-03-01 */
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	unsigned day = (unsigned)(shifted - era * 146097); /* of the 400 years */
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned of_year = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153;

	return (struct date){
	    .year = (int64_t)year + era * 400 + (month >= 10 ? 1 : 0),
	    .month = month < 10 ? month + 3 : month - 9,
	    .day = of_year - (153 * month + 2) / 5 + 1,
	};
}

/* Appends a piece if it fits whole, the tail kept back. */
static bool put(struct log_line *l, const char *piece, size_t n)
{
	if (n > sizeof l->text - TAIL - l->len)
		return false;
	memcpy(l->text + l->len, piece, n);
	l->len += n;
	return true;
}

static bool put_str(struct log_line *l, const char *piece)
{
	return put(l, piece, strlen(piece));
}

/* " key=", or false where not even a short value would fit behind it. */
static bool put_key(struct log_line *l, const char *key)
{
	size_t n = strlen(key);

	if (n > sizeof l->text || n + 32 > sizeof l->text - TAIL - l->len)
		return false;
	return put(l, " ", 1) && put(l, key, n) && put(l, "=", 1);
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	char stamp[80];

	l->len = 0;
	l->wanted = log_wanted(level);
	if (!l->wanted)
		return;
	int64_t ms = clock_now().real_us / 1000;
	if (ms < 0)
		ms = 0;
	int64_t days = ms / 86400000;
	unsigned rest = (unsigned)(ms % 86400000);
	struct date d = date_of(days);
	(void)snprintf(stamp, sizeof stamp,
	               "time=%04" PRId64 "-%02u-%02uT%02u:%02u:%02u.%03uZ level=", d.year, d.month,
	               d.day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60, rest % 1000);
	put_str(l, stamp);
	put_str(l, level_name(level));
	log_str(l, "event", event);
}

/* What needs neither quotes nor escapes in logfmt. */
static bool is_token(struct slice s)
{
	static const char plain[] = "-._:/+@,[]%~*#";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool alnum =
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (c == '\0' || strchr(plain, c) == NULL))
			return false;
	}
	return s.n != 0;
}

static void field(struct log_line *l, const char *key, struct slice value, size_t most)
{
	if (!l->wanted || !put_key(l, key))
		return;
	size_t left = sizeof l->text - TAIL - l->len - 2; /* the quotes */
	if (most > left)
		most = left;
	if (value.n <= most && is_token(value)) {
		put(l, (const char *)value.p, value.n);
		return;
	}
	put(l, "\"", 1);
	(void)text_escape(value, l->text + l->len, most + 1);
	l->len += strlen(l->text + l->len);
	l->text[l->len++] = '"';
}

void log_text(struct log_line *l, const char *key, struct slice value)
{
	field(l, key, value, VALUE_MAX);
}

void log_str(struct log_line *l, const char *key, const char *value)
{
	if (value != NULL)
		log_text(l, key, slice_str(value));
}

void log_number(struct log_line *l, const char *key, int64_t value)
{
	char digits[24];

	if (!l->wanted || !put_key(l, key))
		return;
	(void)snprintf(digits, sizeof digits, "%" PRId64, value);
	put_str(l, digits);
}

void log_end(struct log_line *l)
{
	int saved = errno;

	if (!l->wanted)
		return;
	l->text[l->len++] = '\n';
	while (write(STDERR_FILENO, l->text, l->len) < 0 && errno == EINTR)
		;
	l->wanted = false; /* a line is written once */
	errno = saved;
}

void log_say(enum log_level level, const char *event, const char *format, ...)
{
	char message[MESSAGE_MAX + 1];
	struct log_line l;
	va_list ap;

	if (!log_wanted(level))
		return;
	va_start(ap, format);
	int n = vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	log_begin(&l, level, event);
	if (n >= 0)
		field(&l, "message", slice_str(message), MESSAGE_MAX);
	log_end(&l);
}
