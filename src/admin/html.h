/* SPDX-License-Identifier: ISC */
/* Writing HTML: what is a format is trusted, what is text is escaped. */
#ifndef ADMIN_HTML_H
#define ADMIN_HTML_H

#include "base/buf.h"

#include <stdbool.h>

struct html {
	struct buf *out;
	bool failed;
};

/* Markup. Its arguments are numbers and texts of our own, never of others. */
void html_put(struct html *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Any text, escaped for elements and quoted attributes. */
void html_text(struct html *h, const char *text);

/* "1,234,567", "1.2 MB" and "3.4 ms" into out. Return out. */
enum { HTML_NUMBER = 32 };
char *html_number(uint64_t n, char out[HTML_NUMBER]);
char *html_bytes(double n, char out[HTML_NUMBER]);
char *html_duration(int64_t us, char out[HTML_NUMBER]);

#endif
