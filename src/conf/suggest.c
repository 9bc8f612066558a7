/* SPDX-License-Identifier: ISC */
/* An error about a name is only half an error without the name that was meant. Near is at most a
 * third of the letters changed, so that no short word is taken for any other. */
#include "base/text.h"
#include "conf/schema.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 40, QUOTE_SIZE = 80 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to insert, take away or change; anything long is far. */
static size_t distance(struct slice a, struct slice b)
{
	size_t row[NAME_MAX_LEN + 1];

	if (a.n > NAME_MAX_LEN || b.n > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 0; i < a.n; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b.n; j++) {
			size_t change = diagonal + (a.p[i] != b.p[j]);
			diagonal = row[j + 1];
			row[j + 1] = least(change, least(row[j], row[j + 1]) + 1);
		}
	}
	return row[b.n];
}

/* A word that was cut short is as near as one with a slip. */
static bool near(struct slice word, struct slice candidate, size_t *best)
{
	bool cut = word.n > 2 && word.n < candidate.n && memcmp(word.p, candidate.p, word.n) == 0;
	size_t d = cut ? 1 : distance(word, candidate);

	if (d >= *best || d > 1 + word.n / 4 || d * 2 >= candidate.n + 1)
		return false;
	*best = d;
	return true;
}

/* The next word of a list separated by `|`; false at its end. */
static bool next_choice(const char **list, struct slice *out)
{
	if (**list == '\0')
		return false;
	size_t n = strcspn(*list, "|");
	*out = slice_of(*list, n);
	*list += n + ((*list)[n] == '|');
	return true;
}

const char *conf_nearest(const char *word, const char *choices, char *out, size_t size)
{
	struct slice candidate;
	size_t best = NAME_MAX_LEN;
	const char *found = NULL;

	while (next_choice(&choices, &candidate)) {
		if (candidate.n < size && near(slice_str(word), candidate, &best)) {
			memcpy(out, candidate.p, candidate.n);
			out[candidate.n] = '\0';
			found = out;
		}
	}
	return found;
}

int conf_choice(const char *word, const char *choices)
{
	struct slice candidate;

	for (int i = 0; next_choice(&choices, &candidate); i++) {
		if (slice_eq(slice_str(word), candidate))
			return i;
	}
	return -1;
}

/* Where else the name is known: "inside a 'listener' or 'broker' block". False where nowhere. */
static bool belongs(const char *name, char *out, size_t size)
{
	size_t n, at = 0;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(d[i].name, name) != 0 || at >= size)
			continue;
		int put = d[i].block == CONF_TOP
		              ? snprintf(out + at, size - at, "%soutside any block",
		                         at == 0 ? "" : " or ")
		              : snprintf(out + at, size - at, "%sinside a '%s' block",
		                         at == 0 ? "" : " or ", conf_block_name(d[i].block));
		at += put < 0 ? 0 : (size_t)put;
	}
	return at != 0;
}

static const char *nearest_directive(enum conf_block block, const char *name)
{
	size_t n, best = NAME_MAX_LEN;
	const struct conf_directive *d = conf_directives(&n);
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (d[i].block == block && near(slice_str(name), slice_str(d[i].name), &best))
			found = d[i].name;
	}
	return found;
}

/* "level", "file": all names of a block. */
static void list_directives(enum conf_block block, char *out, size_t size)
{
	size_t n, at = 0;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		if (d[i].block != block || at >= size)
			continue;
		int put = snprintf(out + at, size - at, "%s%s", at == 0 ? "" : ", ", d[i].name);
		at += put < 0 ? 0 : (size_t)put;
	}
}

char *conf_directive_advice(enum conf_block block, const char *name, char *out, size_t size)
{
	char quote[QUOTE_SIZE], text[400];
	const char *nearest;

	text_escape(slice_str(name), quote, sizeof quote);
	if (belongs(name, text, sizeof text)) {
		(void)snprintf(out, size, "\"%s\" belongs %s", quote, text);
		return out;
	}
	nearest = nearest_directive(block, name);
	if (nearest != NULL) {
		(void)snprintf(out, size, "unknown directive \"%s\": did you mean \"%s\"?", quote,
		               nearest);
		return out;
	}
	text[0] = '\0';
	list_directives(block, text, sizeof text);
	(void)snprintf(out, size, "unknown directive \"%s\": what may stand here is %s", quote,
	               text);
	return out;
}
