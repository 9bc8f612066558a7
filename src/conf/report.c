/* SPDX-License-Identifier: ISC */
/* Checks run in an order that suits the checks, people read a file from top to bottom: so
 * complaints are gathered and sorted before they are written. What is quoted may have been written
 * by anybody and goes to a terminal, so control characters never come out. */
#include "conf/report.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIAGS_MAX = 200, PATH_SIZE = 512 };

struct conf_diag {
	struct conf_at at;
	size_t order; /* of arrival: the last criterion of the sort */
	bool warning;
	char *text;
};

static void add(struct conf_diags *d, struct conf_at at, bool warning, const char *text)
{
	if (d->n == d->size) {
		size_t size = d->size == 0 ? 16 : d->size * 2;
		struct conf_diag *list = realloc(d->list, size * sizeof *list);
		if (list == NULL)
			return;
		d->list = list;
		d->size = size;
	}
	char *copy = strdup(text);
	if (copy == NULL)
		return;
	d->list[d->n] =
	    (struct conf_diag){.at = at, .order = d->n, .warning = warning, .text = copy};
	d->n++;
}

void conf_error(struct conf_diags *d, struct conf_at at, const char *format, ...)
{
	char text[1024];
	va_list ap;

	if (d->errors++ >= DIAGS_MAX)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	add(d, at, false, text);
}

void conf_warning(struct conf_diags *d, struct conf_at at, const char *format, ...)
{
	char text[1024];
	va_list ap;

	if (d->warnings++ >= DIAGS_MAX)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	add(d, at, true, text);
}

/* Appends to the report; without memory the text stays short, the counts are right all the same. */
static void put(struct conf_report *r, const char *p, size_t n)
{
	if (n >= r->size - r->len) {
		size_t size = (r->len + n + 1) * 2;
		char *text = realloc(r->text, size);
		if (text == NULL)
			return;
		r->text = text;
		r->size = size;
	}
	memcpy(r->text + r->len, p, n);
	r->len += n;
	r->text[r->len] = '\0';
}

static void put_text(struct conf_report *r, const char *text)
{
	put(r, text, strlen(text));
}

static struct slice find_line(struct slice text, unsigned line)
{
	while (line-- > 1) {
		const uint8_t *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
		if (end == NULL)
			return slice_of(NULL, 0);
		text = slice_from(text, (size_t)(end - text.p) + 1);
	}
	const uint8_t *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
	if (end != NULL)
		text.n = (size_t)(end - text.p);
	if (text.n != 0 && text.p[text.n - 1] == '\r')
		text.n--;
	return text;
}

/* The bytes of the character at the start of s. */
static size_t character(struct slice s)
{
	size_t n = 1;

	if (s.p[0] >= 0xc0) {
		while (n < s.n && n < 4 && (s.p[n] & 0xc0) == 0x80)
			n++;
	}
	return n;
}

/* One character as it may be shown: itself, or a question mark that takes its column. */
static void put_character(struct conf_report *r, struct slice c)
{
	char safe[20];

	if (c.n == 1 && (c.p[0] == '"' || c.p[0] == '\\' || c.p[0] == '\t'))
		put(r, (const char *)c.p, 1);
	else if (slice_eq(slice_str(text_escape(c, safe, sizeof safe)), c))
		put(r, (const char *)c.p, c.n);
	else
		put_text(r, "?");
}

/* The source line, and a caret below the column; tabs are kept so that both are indented alike. */
static void put_source_line(struct conf_report *r, const struct conf_at *at)
{
	struct slice line = find_line(at->source->text, at->line), rest = line;

	while (rest.n != 0) {
		size_t n = character(rest);
		put_character(r, slice_of(rest.p, n));
		rest = slice_from(rest, n);
	}
	put_text(r, "\n");
	for (unsigned col = 1; col < at->col; col++) {
		size_t n = line.n == 0 ? 0 : character(line);
		put_text(r, n == 1 && line.p[0] == '\t' ? "\t" : " ");
		line = slice_from(line, n);
	}
	put_text(r, "^\n");
}

static void put_diag(struct conf_report *r, const struct conf_diag *d)
{
	char path[PATH_SIZE], place[32];

	place[0] = '\0';
	if (d->at.line != 0)
		(void)snprintf(place, sizeof place, "%u:%u:", d->at.line, d->at.col);
	put_text(r, text_escape(slice_str(d->at.source->path), path, sizeof path));
	put_text(r, ":");
	put_text(r, place);
	put_text(r, d->warning ? " warning: " : " error: ");
	put_text(r, d->text);
	put_text(r, "\n");
	if (d->at.line != 0)
		put_source_line(r, &d->at);
}

static int compare(const void *a, const void *b)
{
	const struct conf_diag *left = a, *right = b;

	if (left->at.source->index != right->at.source->index)
		return left->at.source->index < right->at.source->index ? -1 : 1;
	if (left->at.line != right->at.line)
		return left->at.line < right->at.line ? -1 : 1;
	if (left->at.col != right->at.col)
		return left->at.col < right->at.col ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

void conf_diags_render(struct conf_diags *d, struct conf_report *report)
{
	char more[80];

	if (d->n != 0)
		qsort(d->list, d->n, sizeof *d->list, compare);
	for (size_t i = 0; i < d->n; i++) {
		put_diag(report, &d->list[i]);
		free(d->list[i].text);
	}
	if (d->errors + d->warnings > d->n) {
		(void)snprintf(more, sizeof more, "%zu more are left out\n",
		               d->errors + d->warnings - d->n);
		put_text(report, more);
	}
	report->errors += d->errors;
	report->warnings += d->warnings;
	free(d->list);
	*d = (struct conf_diags){0};
}

void conf_report_fini(struct conf_report *r)
{
	free(r->text);
	free(r->control_socket);
	*r = (struct conf_report){0};
}
