/* SPDX-License-Identifier: ISC */
/* The calendar is worked out here: gmtime_r() takes a lock of the C library. */
#include "sys/date.h"

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

/* At least so many digits, and what stands behind them. */
static char *put(char *to, int64_t n, unsigned width, char behind)
{
	char digits[20];
	unsigned len = 0;

	for (; n != 0 || len < width; n /= 10)
		digits[len++] = (char)('0' + n % 10);
	while (len != 0)
		*to++ = digits[--len];
	*to++ = behind;
	return to;
}

/* Each line of the log has one: snprintf() would be a third of what a line costs. */
const char *date_text(int64_t ms, char *out)
{
	if (ms < 0)
		ms = 0;
	struct date d = date_of(ms / 86400000);
	unsigned rest = (unsigned)(ms % 86400000);
	char *to = put(out, d.year, 4, '-');
	to = put(to, d.month, 2, '-');
	to = put(to, d.day, 2, 'T');
	to = put(to, rest / 3600000, 2, ':');
	to = put(to, rest / 60000 % 60, 2, ':');
	to = put(to, rest / 1000 % 60, 2, '.');
	to = put(to, rest % 1000, 3, 'Z');
	*to = '\0';
	return out;
}
