/* SPDX-License-Identifier: ISC */
/* A block list may have a hundred thousand lines and is asked on every accept, so it is sorted once
 * while it is loaded. Networks become ranges from first to last address; ranges that overlap are
 * joined, so one binary search finds the only candidate. */
#include "acl/list.h"

#include "acl/pattern.h"
#include "base/text.h"

#include <stdlib.h>

enum { QUOTE_SIZE = 200 };

struct range {
	struct acl_address first, last;
};

/* Ranges, or names: what is in use depends on the kind. Names point into `text`. */
struct acl_list {
	uint8_t *text;
	struct range *ranges;
	size_t n_ranges;
	struct slice *exact, *globs;
	size_t n_exact, n_globs;
};

struct builder {
	struct acl_list *list;
	enum acl_kind kind;
	size_t used; /* bytes of list->text */
};

void acl_list_free(struct acl_list *l)
{
	if (l == NULL)
		return;
	free(l->text);
	free(l->ranges);
	free(l->exact);
	free(l->globs);
	free(l);
}

static int compare_addresses(const struct acl_address *a, const struct acl_address *b)
{
	return memcmp(a->b, b->b, sizeof a->b);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *left = a, *right = b;

	return compare_addresses(&left->first, &right->first);
}

static int compare_names(const void *a, const void *b)
{
	const struct slice *left = a, *right = b;
	size_t n = left->n < right->n ? left->n : right->n;
	int order = n == 0 ? 0 : memcmp(left->p, right->p, n);

	if (order != 0)
		return order;
	return left->n < right->n ? -1 : left->n > right->n;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static int add_address(struct builder *b, struct slice line, struct err *e)
{
	struct acl_cidr c;

	while (line.n != 0 && blank(line.p[0]))
		line = slice_from(line, 1);
	while (line.n != 0 && blank(line.p[line.n - 1]))
		line.n--;
	if (line.n != 0 && line.p[0] == '#')
		return err_set(e, "a comment begins with # and a blank at the start of the line");
	if (acl_cidr_parse(line, &c, e) != 0)
		return -1;
	struct range *r = &b->list->ranges[b->list->n_ranges++];
	r->first = r->last = c.base;
	for (unsigned i = c.bits; i < 128; i++)
		r->last.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return 0;
}

/* An entry without wildcards is kept unescaped among the exact ones. */
static int add_name(struct builder *b, struct slice line, struct err *e)
{
	struct acl_list *l = b->list;
	uint8_t *to = l->text + b->used;
	bool glob = false, hidden = false;
	size_t n = 0;

	if (acl_glob_check(line, e) != 0)
		return -1;
	for (size_t i = 0; i < line.n; i++) {
		if (blank(line.p[i]) && (i == 0 || i + 1 == line.n))
			hidden = true;
		if (line.p[i] == '\\')
			i++;
		else if (line.p[i] == '*' || line.p[i] == '?')
			glob = true;
	}
	if (hidden)
		return err_set(e, "the entry begins or ends with a blank: take it away, or put a "
		                  "backslash before it");
	for (size_t i = 0; i < line.n; i++) {
		if (!glob && line.p[i] == '\\')
			i++;
		to[n++] = line.p[i];
	}
	b->used += n;
	if (glob)
		l->globs[l->n_globs++] = slice_of(to, n);
	else
		l->exact[l->n_exact++] = slice_of(to, n);
	return 0;
}

static bool left_out(struct slice line)
{
	size_t i = 0;

	if (line.n >= 2 && line.p[0] == '#' && line.p[1] == ' ')
		return true;
	while (i < line.n && blank(line.p[i]))
		i++;
	return i == line.n;
}

/* The next line without its end; `rest` moves behind it. */
static struct slice next_line(struct slice *rest)
{
	const uint8_t *end = memchr(rest->p, '\n', rest->n);
	struct slice line = slice_of(rest->p, end == NULL ? rest->n : (size_t)(end - rest->p));

	*rest = slice_from(*rest, end == NULL ? rest->n : line.n + 1);
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static int add_lines(struct builder *b, struct slice text, struct slice name, struct err *e)
{
	for (unsigned number = 1; text.n != 0; number++) {
		struct slice line = next_line(&text);
		struct err why;
		char quote[QUOTE_SIZE];

		if (left_out(line))
			continue;
		if ((b->kind == ACL_ADDRESS ? add_address : add_name)(b, line, &why) != 0)
			return err_set(e, "%s:%u: %s", text_escape(name, quote, sizeof quote),
			               number, why.text);
	}
	return 0;
}

/* Joins sorted ranges that overlap. */
static void join_ranges(struct acl_list *l)
{
	size_t kept = 0;

	for (size_t i = 1; i < l->n_ranges; i++) {
		struct range *last = &l->ranges[kept];
		if (compare_addresses(&l->ranges[i].first, &last->last) > 0)
			l->ranges[++kept] = l->ranges[i];
		else if (compare_addresses(&l->ranges[i].last, &last->last) > 0)
			last->last = l->ranges[i].last;
	}
	if (l->n_ranges != 0)
		l->n_ranges = kept + 1;
}

/* Room for as many entries as there are lines, and for every byte of the names. */
static int make_room(struct builder *b, struct slice text)
{
	struct acl_list *l = b->list;
	size_t lines = 1;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	if (b->kind == ACL_ADDRESS) {
		l->ranges = calloc(lines, sizeof *l->ranges);
		return l->ranges == NULL ? -1 : 0;
	}
	l->text = malloc(text.n + 1);
	l->exact = calloc(lines, sizeof *l->exact);
	l->globs = calloc(lines, sizeof *l->globs);
	return l->text == NULL || l->exact == NULL || l->globs == NULL ? -1 : 0;
}

struct acl_list *acl_list_new(enum acl_kind kind, struct slice text, struct slice name,
                              struct err *e)
{
	struct builder b = {.list = calloc(1, sizeof *b.list), .kind = kind};

	if (b.list == NULL || make_room(&b, text) != 0) {
		err_set(e, "no memory for the list");
		goto fail;
	}
	if (add_lines(&b, text, name, e) != 0)
		goto fail;
	if (b.list->n_ranges != 0)
		qsort(b.list->ranges, b.list->n_ranges, sizeof *b.list->ranges, compare_ranges);
	if (b.list->n_exact != 0)
		qsort(b.list->exact, b.list->n_exact, sizeof *b.list->exact, compare_names);
	join_ranges(b.list);
	return b.list;
fail:
	acl_list_free(b.list);
	return NULL;
}

bool acl_list_empty(const struct acl_list *l)
{
	return l->n_ranges == 0 && l->n_exact == 0 && l->n_globs == 0;
}

bool acl_list_has_address(const struct acl_list *l, const struct acl_address *a)
{
	size_t low = 0, high = l->n_ranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_addresses(a, &l->ranges[middle].first) < 0)
			high = middle;
		else if (compare_addresses(a, &l->ranges[middle].last) > 0)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

bool acl_list_has_name(const struct acl_list *l, struct slice name)
{
	if (l->n_exact != 0 &&
	    bsearch(&name, l->exact, l->n_exact, sizeof *l->exact, compare_names) != NULL)
		return true;
	for (size_t i = 0; i < l->n_globs; i++) {
		if (acl_glob_match(l->globs[i], name))
			return true;
	}
	return false;
}
