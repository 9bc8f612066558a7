/* SPDX-License-Identifier: ISC */
/* The heads of blocks and the names by which they refer to each other. Names go into logs and
 * metrics, so they are of a plain alphabet. */
#include "base/text.h"
#include "conf/load.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_LEN = 64, QUOTE_SIZE = 100, FILE_QUOTE_SIZE = 200 };

static bool name_is_good(const char *name)
{
	size_t n =
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n != 0 && n <= NAME_MAX_LEN && name[n] == '\0';
}

static struct load_block *find_block(const struct load *l, enum conf_block kind, const char *name)
{
	for (struct load_block *b = l->first; b != NULL; b = b->next) {
		if (b->kind == kind && b->node->n > 1 && strcmp(b->name, name) == 0)
			return b;
	}
	return NULL;
}

/* The nearest name of a block of that kind. */
static const char *nearest_block(const struct load *l, enum conf_block kind, const char *name,
                                 char *out, size_t size)
{
	char names[2048];
	size_t at = 0;

	names[0] = '\0';
	for (struct load_block *b = l->first; b != NULL; b = b->next) {
		size_t n = strlen(b->name);
		if (b->kind != kind || !name_is_good(b->name) || n + 2 > sizeof names - at)
			continue;
		int put = snprintf(names + at, sizeof names - at, "%s|", b->name);
		at += put < 0 ? 0 : (size_t)put;
	}
	return conf_nearest(name, names, out, size);
}

struct load_block *load_refer(struct load *l, enum conf_block kind, const struct conf_node *node,
                              size_t word)
{
	const char *name = node->words[word].text, *block = conf_block_name(kind);
	char quote[QUOTE_SIZE], near[NAME_MAX_LEN + 1];
	struct load_block *b = find_block(l, kind, name);

	if (b != NULL) {
		b->used = true;
		return b;
	}
	text_escape(slice_str(name), quote, sizeof quote);
	const char *nearest = nearest_block(l, kind, name, near, sizeof near);
	if (nearest != NULL)
		conf_error(&l->diags, conf_word_at(node, word),
		           "there is no %s \"%s\": did you mean \"%s\"?", block, quote, nearest);
	else
		conf_error(&l->diags, conf_word_at(node, word),
		           "there is no %s \"%s\": a block \"%s %s { … }\" is needed", block, quote,
		           block, quote);
	return NULL;
}

static void keep_name(struct load *l, char **to, const char *name)
{
	*to = strdup(name);
	if (*to == NULL)
		l->no_memory = true;
}

/* The place in the block's struct where its name goes; NULL for keys, whose ring keeps it. */
static char **name_member(const struct load_block *b)
{
	switch (b->kind) {
	case CONF_LISTENER:
		return &((struct conf_listener *)b->base)->name;
	case CONF_BROKER:
		return &((struct conf_broker *)b->base)->name;
	case CONF_OTP:
		return &((struct conf_otp *)b->base)->name;
	case CONF_FILTER:
		return &((struct conf_filter *)b->base)->name;
	case CONF_PAYLOAD:
		return &((struct conf_payload *)b->base)->filter;
	default:
		return NULL;
	}
}

static void check_name(struct load *l, const struct load_block *b)
{
	struct conf_at at = conf_word_at(b->node, 1);
	char quote[QUOTE_SIZE];

	text_escape(slice_str(b->name), quote, sizeof quote);
	if (!name_is_good(b->name))
		conf_error(&l->diags, at,
		           "\"%s\" cannot be a name: names have 1 to %d letters, digits, _ . and -",
		           quote, NAME_MAX_LEN);
	else if (strcmp(b->name, "none") == 0)
		conf_error(&l->diags, at,
		           "\"none\" cannot be a name: it says that there is nothing");
}

static void check_filter(struct load *l, struct load_block *b)
{
	struct conf_payload *p = b->base;
	struct err e;

	p->file = b->node->source->path;
	p->line = b->node->line;
	if (acl_filter_check(slice_str(b->name), &e) != 0)
		conf_error(&l->diags, conf_word_at(b->node, 1), "%s", e.text);
	/* As in a filter, but nobody would be meant, and what was to be sealed would pass. */
	else if (strstr(b->name, "%u") != NULL || strstr(b->name, "%c") != NULL)
		conf_error(&l->diags, conf_word_at(b->node, 1),
		           "payload rules are about topics of all clients: in place of %%u or %%c "
		           "write +, "
		           "which matches any one level");
}

static void check_twice(struct load *l, struct load_block *b)
{
	const struct load_block *before = find_block(l, b->kind, b->name);
	char file[FILE_QUOTE_SIZE], quote[QUOTE_SIZE];

	if (before == NULL || before == b)
		return;
	/* Who uses that name means the first one; nothing is to be said about this one any more. */
	b->used = true;
	text_escape(slice_str(b->name), quote, sizeof quote);
	text_escape(slice_str(before->node->source->path), file, sizeof file);
	conf_error(&l->diags, conf_word_at(b->node, 1), "%s \"%s\" is set twice: first in %s:%u%s",
	           conf_block_name(b->kind), quote, file, before->node->line,
	           b->kind == CONF_PAYLOAD ? ", and the first that matches decides" : "");
}

void load_block_head(struct load *l, struct load_block *b)
{
	bool named = b->kind >= CONF_LISTENER;
	const char *block = conf_block_name(b->kind);
	char **name = name_member(b);

	if (b->kind == CONF_FILTER) {
		struct conf_filter *f = b->base;
		f->rules = acl_ruleset_new();
		l->no_memory = l->no_memory || f->rules == NULL;
	}
	if (name != NULL)
		keep_name(l, name, b->name);
	if (b->node->n > (named ? 2 : 1))
		conf_error(&l->diags, conf_word_at(b->node, named ? 2 : 1),
		           "one word too many: it is \"%s%s {\"", block,
		           !named                    ? ""
		           : b->kind == CONF_PAYLOAD ? " FILTER"
		                                     : " NAME");
	if (!named)
		return;
	if (b->node->n < 2) {
		b->used = true;
		conf_error(&l->diags, conf_word_at(b->node, 0), "a %s is missing: %s %s { … }",
		           b->kind == CONF_PAYLOAD ? "topic filter" : "name", block,
		           b->kind == CONF_PAYLOAD ? "FILTER" : "NAME");
		return;
	}
	if (b->kind == CONF_PAYLOAD)
		check_filter(l, b);
	else
		check_name(l, b);
	check_twice(l, b);
}
