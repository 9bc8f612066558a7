/* SPDX-License-Identifier: ISC */
/* One line at a time and no recursion: nesting is a pointer to the open block, so no input can
 * exhaust the stack. A line with an error still opens its block where it ends in `{`, or one slip
 * would bring a crowd of complaints about what follows. */
#include "conf/lexer.h"

#include "base/utf8.h"

struct lexer {
	const struct conf_source *source;
	struct arena *arena;
	struct conf_diags *diags;
	struct conf_node *open; /* the innermost block, the root at last */
	struct slice line;
	size_t at; /* byte in the line */
	unsigned number;
	bool failed; /* this line has an error */
	bool no_memory;
	struct conf_word words[CONF_WORDS_MAX];
	size_t n_words;
	char scratch[CONF_LINE_MAX];
};

/* The column of a byte: characters before it, from 1. */
static struct conf_at place(const struct lexer *x, size_t byte)
{
	unsigned col = 1;

	for (size_t i = 0; i < byte; i++)
		col += (x->line.p[i] & 0xc0) != 0x80;
	return (struct conf_at){x->source, x->number, col};
}

static void complain(struct lexer *x, size_t byte, const char *text)
{
	conf_error(x->diags, place(x, byte), "%s", text);
	x->failed = true;
	x->open->damaged = true;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Finds bytes that may stand nowhere, comments included. */
static void check_bytes(struct lexer *x)
{
	size_t i = 0;

	if (x->line.n > CONF_LINE_MAX) {
		complain(x, 0, "the line is longer than 4096 bytes");
		return;
	}
	while (i < x->line.n) {
		uint8_t c = x->line.p[i];
		size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		if ((c < 0x20 && c != '\t') || c == 0x7f) {
			complain(x, i,
			         c == 0 ? "a NUL byte"
			                : "a control character: only tabs are allowed");
			return;
		}
		if (n > x->line.n - i || !utf8_valid(slice_of(x->line.p + i, n))) {
			complain(x, i, "not valid UTF-8: the file must be UTF-8 text");
			return;
		}
		i += n;
	}
}

static void keep_word(struct lexer *x, size_t start, size_t n)
{
	if (x->n_words == CONF_WORDS_MAX) {
		complain(x, start, "too many words: at most 256 may stand in a line");
		return;
	}
	char *text = arena_text(x->arena, slice_of(x->scratch, n));
	if (text == NULL) {
		x->no_memory = true;
		return;
	}
	x->words[x->n_words++] = (struct conf_word){text, place(x, start).col};
}

/* The character behind a backslash; false where there is none. */
static bool escaped(struct lexer *x, size_t *n)
{
	if (x->at + 1 >= x->line.n) {
		complain(x, x->at,
		         "a backslash at the end of the line: write two for one that is meant");
		return false;
	}
	x->scratch[(*n)++] = (char)x->line.p[x->at + 1];
	x->at += 2;
	return true;
}

static void quoted_word(struct lexer *x)
{
	uint8_t quote = x->line.p[x->at];
	size_t start = x->at++, n = 0;

	while (x->at < x->line.n && x->line.p[x->at] != quote) {
		if (x->line.p[x->at] != '\\' || quote == '\'')
			x->scratch[n++] = (char)x->line.p[x->at++];
		else if (!escaped(x, &n))
			return;
	}
	if (x->at == x->line.n) {
		complain(x, start, "this quote is not closed on its line");
		return;
	}
	x->at++;
	if (x->at < x->line.n && !blank(x->line.p[x->at])) {
		complain(x, x->at, "a blank is needed behind the closing quote");
		return;
	}
	keep_word(x, start, n);
}

static void bare_word(struct lexer *x)
{
	size_t start = x->at, n = 0;

	while (x->at < x->line.n && !blank(x->line.p[x->at])) {
		uint8_t c = x->line.p[x->at];
		if (c == '"' || c == '\'') {
			complain(x, x->at,
			         "a quote inside a word: quote the whole word, or put a "
			         "backslash before the quote");
			return;
		}
		if (c == '{' || c == '}') {
			complain(x, x->at,
			         "a brace inside a word: put a blank before it, or quote "
			         "the word");
			return;
		}
		if (c != '\\') {
			x->scratch[n++] = (char)c;
			x->at++;
		} else if (!escaped(x, &n)) {
			return;
		}
	}
	keep_word(x, start, n);
}

static void skip_blanks(struct lexer *x)
{
	while (x->at < x->line.n && blank(x->line.p[x->at]))
		x->at++;
}

static bool at_end(struct lexer *x)
{
	skip_blanks(x);
	return x->at == x->line.n || x->line.p[x->at] == '#';
}

/* All words up to the end or to a brace that stands alone, whose byte is returned, else 0. */
static uint8_t read_words(struct lexer *x)
{
	while (!x->failed && !at_end(x)) {
		uint8_t c = x->line.p[x->at];
		bool alone = x->at + 1 == x->line.n || blank(x->line.p[x->at + 1]);
		if (alone && (c == '{' || c == '}'))
			return c;
		if (c == '"' || c == '\'')
			quoted_word(x);
		else
			bare_word(x);
	}
	return 0;
}

static void add_node(struct lexer *x, bool block)
{
	struct conf_node *node = arena_take(x->arena, sizeof *node);
	struct conf_word *words = arena_take(x->arena, (x->n_words + 1) * sizeof *words);

	if (node == NULL || words == NULL) {
		x->no_memory = true;
		return;
	}
	memcpy(words, x->words, x->n_words * sizeof *words);
	*node = (struct conf_node){.parent = x->open,
	                           .source = x->source,
	                           .words = words,
	                           .n = x->failed ? 0 : x->n_words,
	                           .line = x->number,
	                           .block = block,
	                           .broken = x->failed};
	if (x->open->last == NULL)
		x->open->first = node;
	else
		x->open->last->next = node;
	x->open->last = node;
	if (block)
		x->open = node;
}

static void close_block(struct lexer *x, size_t brace)
{
	if (x->n_words != 0) {
		complain(x, brace, "} must stand on a line of its own");
	} else {
		x->at++;
		if (!at_end(x))
			complain(x, x->at, "nothing but a comment may stand behind }");
	}
	if (x->open->parent != NULL)
		x->open = x->open->parent;
	else if (!x->failed)
		complain(x, brace, "no block is open that this } could close");
}

/* Whether a line that could not be read seems to end in that brace. */
static bool ends_in(struct slice line, char brace)
{
	while (line.n != 0 && blank(line.p[line.n - 1]))
		line.n--;
	return line.n != 0 && line.p[line.n - 1] == (uint8_t)brace;
}

static void open_block(struct lexer *x, size_t brace)
{
	x->at++;
	if (!at_end(x))
		complain(
		    x, x->at,
		    "nothing but a comment may stand behind {: the block goes on in the next line, "
		    "and its } has a line of its own");
	else if (x->n_words == 0)
		complain(x, brace, "a { needs the name of its block before it");
	add_node(x, !x->failed || !ends_in(x->line, '}'));
}

static void read_line(struct lexer *x)
{
	uint8_t brace = 0;

	x->at = x->n_words = 0;
	x->failed = false;
	check_bytes(x);
	if (!x->failed)
		brace = read_words(x);
	if (x->failed) {
		x->n_words = 0;
		if (ends_in(x->line, '{'))
			add_node(x, true);
		return;
	}
	if (brace == '}')
		close_block(x, x->at);
	else if (brace == '{')
		open_block(x, x->at);
	else if (x->n_words != 0)
		add_node(x, false);
}

static void report_open_blocks(struct lexer *x)
{
	for (; x->open->parent != NULL; x->open = x->open->parent) {
		struct conf_at at = {x->source, x->open->line, 1};
		if (x->open->n != 0)
			at = conf_word_at(x->open, 0);
		conf_error(x->diags, at, "this block is not closed: a } is missing");
	}
}

static void read_lines(struct lexer *x, struct slice text)
{
	while (text.n != 0 && !x->no_memory) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end == NULL ? text.n : (size_t)(end - text.p);

		x->line = slice_of(text.p, n);
		if (n != 0 && text.p[n - 1] == '\r')
			x->line.n--;
		x->number++;
		read_line(x);
		text = slice_from(text, end == NULL ? n : n + 1);
	}
}

struct conf_node *conf_lex(const struct conf_source *source, struct arena *arena,
                           struct conf_diags *d)
{
	struct lexer *x = arena_take(arena, sizeof *x);
	struct conf_node *root = arena_take(arena, sizeof *root);

	if (x == NULL || root == NULL)
		return NULL;
	root->source = source;
	root->block = true;
	x->source = source;
	x->arena = arena;
	x->diags = d;
	x->open = root;
	read_lines(x, source->text);
	if (x->no_memory)
		return NULL;
	report_open_blocks(x);
	return root;
}
