/* SPDX-License-Identifier: ISC */
#include "admin/html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void html_put(struct html *h, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof text || buf_append(h->out, slice_of(text, (size_t)n)) != 0)
		h->failed = true;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(struct html *h, const char *text)
{
	for (; *text != '\0'; text++) {
		const char *e = entity(*text);
		if (buf_append(h->out, e != NULL ? slice_str(e) : slice_of(text, 1)) != 0)
			h->failed = true;
	}
}

char *html_number(uint64_t n, char out[HTML_NUMBER])
{
	char digits[HTML_NUMBER];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n), k = 0;

	for (size_t i = 0; i < len; i++) {
		if (i != 0 && (len - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = '\0';
	return out;
}

char *html_bytes(double n, char out[HTML_NUMBER])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	size_t i = 0;

	while (n >= 999.5 && i < sizeof units / sizeof units[0] - 1) {
		n /= 1000;
		i++;
	}
	(void)snprintf(out, HTML_NUMBER, i == 0 || n >= 99.95 ? "%.0f %s" : "%.1f %s", n, units[i]);
	return out;
}

char *html_duration(int64_t us, char out[HTML_NUMBER])
{
	if (us < 1000)
		(void)snprintf(out, HTML_NUMBER, "%d µs", (int)us);
	else if (us < 99950)
		(void)snprintf(out, HTML_NUMBER, "%.1f ms", (double)us / 1e3);
	else if (us < 999500)
		(void)snprintf(out, HTML_NUMBER, "%.0f ms", (double)us / 1e3);
	else
		(void)snprintf(out, HTML_NUMBER, "%.1f s", (double)us / 1e6);
	return out;
}
