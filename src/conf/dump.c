/* SPDX-License-Identifier: ISC */
/* The effective configuration as text that may be loaded again. Values of one word are written from
 * what was compiled, not from what was read, so what is shown is what the program has. */
#include "base/text.h"
#include "conf/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DUMP_MAX = 64 << 20, QUOTE_SIZE = 400 };

struct dump {
	struct load *load;
	struct buf out;
	bool failed;
};

static void put(struct dump *d, const char *text)
{
	if (buf_append(&d->out, slice_str(text)) != 0)
		d->failed = true;
}

/* A word as the lexer takes it, with a blank before it. */
static void put_word(struct dump *d, const char *word)
{
	bool bare = word[0] != '\0' && word[0] != '#' && strpbrk(word, " \t\"'\\{}") == NULL;

	put(d, bare ? " " : " \"");
	for (; *word != '\0'; word++) {
		char c[2] = {*word, '\0'};
		if (*word == '"' || *word == '\\')
			put(d, "\\");
		put(d, c);
	}
	if (!bare)
		put(d, "\"");
}

/* Ends a line with where it comes from. */
static void put_origin(struct dump *d, const struct conf_node *node)
{
	char quote[QUOTE_SIZE], text[QUOTE_SIZE + 40];

	if (node == NULL) {
		put(d, "\t# default\n");
		return;
	}
	text_escape(slice_str(node->source->path), quote, sizeof quote);
	(void)snprintf(text, sizeof text, "\t# %s:%u\n", quote, node->line);
	put(d, text);
}

static void put_name(struct dump *d, const struct conf_directive *directive)
{
	if (directive->block != CONF_TOP)
		put(d, "\t");
	put(d, directive->name);
}

/* A line as it was written, paths made independent of the file it stood in. */
static void put_line(struct dump *d, const struct conf_directive *directive,
                     const struct conf_node *node)
{
	put_name(d, directive);
	for (size_t i = 1; i < node->n; i++) {
		const char *word = node->words[i].text, *path = word;
		bool list =
		    directive->type == CONF_T_RULE && i >= 3 && i % 2 == 1 && word[0] == '@';

		if (directive->type == CONF_T_KEY_FILE)
			path = load_key_path(d->load, node->source, word);
		if (list)
			path = load_path(d->load, node->source, word + 1);
		if (path == NULL) {
			d->failed = true;
			return;
		}
		if (list) {
			char *at = arena_take(&d->load->arena, strlen(path) + 2);
			if (at == NULL) {
				d->failed = true;
				return;
			}
			at[0] = '@';
			memcpy(at + 1, path, strlen(path));
			path = at;
		}
		put_word(d, path);
	}
	put_origin(d, node);
}

static void put_scalar(struct dump *d, const struct conf_directive *directive,
                       const struct load_block *b, const struct conf_node *node)
{
	char text[80];
	const char *value = conf_value_text(directive, b->base, text, sizeof text);

	if (value == NULL)
		return;
	put_name(d, directive);
	put_word(d, value);
	put_origin(d, node);
}

/* Every line of the block that has the directive. */
static void put_lines(struct dump *d, const struct conf_directive *directive,
                      const struct load_block *b)
{
	for (const struct conf_node *node = b->node->first; node != NULL; node = node->next) {
		if (strcmp(node->words[0].text, directive->name) == 0)
			put_line(d, directive, node);
	}
}

static void put_directive(struct dump *d, const struct conf_directive *directive,
                          const struct load_block *b, const struct conf_node *node)
{
	if (directive->type >= CONF_T_NUMBER && directive->type <= CONF_T_LOOPBACK) {
		put_scalar(d, directive, b, node);
	} else if (directive->repeat && b->node != NULL) {
		put_lines(d, directive, b);
	} else if (node != NULL) {
		put_line(d, directive, node);
	} else if (directive->default_value != NULL) {
		put_name(d, directive);
		put(d, " ");
		put(d, directive->default_value);
		put_origin(d, NULL);
	}
}

/* Rules keep their order, whatever their verb. */
static void put_rules(struct dump *d, const struct load_block *b)
{
	size_t n;
	const struct conf_directive *table = conf_directives(&n);

	for (const struct conf_node *node = b->node->first; node != NULL; node = node->next) {
		int i = conf_directive_find(b->kind, node->words[0].text);
		if (table[i].type == CONF_T_RULE)
			put_line(d, &table[i], node);
	}
}

static void put_directives(struct dump *d, const struct load_block *b)
{
	size_t n;
	const struct conf_directive *table = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		bool elsewhere = table[i].type == CONF_T_BLOCK || table[i].type == CONF_T_INCLUDE ||
		                 table[i].type == CONF_T_RULE;
		if (table[i].block == b->kind && !elsewhere && load_has_use(b, &table[i]))
			put_directive(d, &table[i], b, b->set[i]);
	}
}

static void put_block(struct dump *d, const struct load_block *b)
{
	put(d, conf_block_name(b->kind));
	if (b->kind >= CONF_LISTENER)
		put_word(d, b->name);
	put(d, " {");
	put_origin(d, b->node);
	if (b->kind == CONF_FILTER)
		put_rules(d, b);
	put_directives(d, b);
	put(d, "}\n");
}

int load_dump(struct load *l)
{
	struct dump d = {.load = l, .out = {.cap = DUMP_MAX}};

	put_directives(&d, l->single[CONF_TOP]);
	for (enum conf_block kind = CONF_LOG; kind < CONF_LISTENER; kind++)
		put_block(&d, l->single[kind]);
	for (enum conf_block kind = CONF_LISTENER; kind < CONF_BLOCKS; kind++) {
		for (const struct load_block *b = l->first; b != NULL; b = b->next) {
			if (b->kind == kind)
				put_block(&d, b);
		}
	}
	struct slice all = buf_view(&d.out);
	l->c->dump = d.failed ? NULL : strndup((const char *)all.p, all.n);
	buf_free(&d.out);
	return l->c->dump == NULL ? -1 : 0;
}

int conf_dump(const struct conf *c, struct buf *out)
{
	return buf_append(out, slice_str(c->dump));
}
