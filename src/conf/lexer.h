/* SPDX-License-Identifier: ISC */
/* The line grammar: a directive a line, its name and words, `{` at the end of the line for a block,
 * `}` on a line of its own. Words stand bare, in "…" or in '…'; a backslash takes the next
 * character literally, except in '…'. A word that starts with # begins a comment. Lines end in LF
 * or CR LF and have at most CONF_LINE_MAX bytes of UTF-8 without control characters but tabs.
 * Everything else is an error, and the next line is read all the same. */
#ifndef CONF_LEXER_H
#define CONF_LEXER_H

#include "conf/arena.h"
#include "conf/report.h"

enum { CONF_LINE_MAX = 4096, CONF_WORDS_MAX = 256 };

struct conf_word {
	const char *text; /* unquoted; without NUL inside */
	unsigned col;
};

struct conf_node {
	struct conf_node *next, *parent;
	struct conf_node *first, *last; /* what stands in its block */
	const struct conf_source *source;
	struct conf_word *words; /* at least one: the name; none in the root and in a broken line */
	size_t n;
	unsigned line;
	bool block;
	bool broken; /* its line had an error, already reported: to be passed over, block and all */
	bool damaged; /* of a block: some line in it had an error, so it may have held anything */
};

static inline struct conf_at conf_word_at(const struct conf_node *node, size_t word)
{
	return (struct conf_at){node->source, node->line, node->words[word].col};
}

/* Reads a whole file into a tree, whose root stands for the file. Everything lives in the arena
 * and, but for words, in source->text. NULL without memory; errors are in d. */
struct conf_node *conf_lex(const struct conf_source *source, struct arena *arena,
                           struct conf_diags *d);

#endif
