/* SPDX-License-Identifier: ISC */
/* Which files a configuration consists of. A file is read once, so that nothing can include itself,
 * and includes are counted and bounded, so that no spelling of a path gets around that for long. */
#include "base/text.h"
#include "conf/load.h"

#include <stdlib.h>

enum { FILE_MAX = 1 << 20, FILES_MAX = 256, INCLUDE_DEPTH_MAX = 16, QUOTE_SIZE = 200 };

const char *load_path(struct load *l, const struct conf_source *source, const char *word)
{
	const char *slash = strrchr(source->path, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - source->path) + 1, n = strlen(word);

	if (word[0] == '/' || word[0] == '\0')
		return word;
	char *path = arena_take(&l->arena, folder + n + 1);
	if (path == NULL) {
		l->no_memory = true;
		return NULL;
	}
	memcpy(path, source->path, folder);
	memcpy(path + folder, word, n);
	return path;
}

/* The configuration's own copy of a file name: verdicts point to it as long as it lives. */
static const char *keep_path(struct load *l, const char *path)
{
	struct conf *c = l->c;
	char **files = realloc(c->files, (c->n_files + 1) * sizeof *files);

	if (files != NULL) {
		c->files = files;
		files[c->n_files] = strdup(path);
		if (files[c->n_files] != NULL)
			return files[c->n_files++];
	}
	l->no_memory = true;
	return NULL;
}

static bool is_read(const struct load *l, const char *path)
{
	for (size_t i = 0; i < l->c->n_files; i++) {
		if (strcmp(l->c->files[i], path) == 0)
			return true;
	}
	return false;
}

struct include {
	struct load *l;
	struct conf_at at;
};

static int found_file(void *ctx, const char *path)
{
	struct include *i = ctx;

	(void)load_file(i->l, path, &i->at);
	return i->l->no_memory ? -1 : 0;
}

void load_include(struct load *l, const struct conf_node *node)
{
	struct include i = {l, conf_word_at(node, 1)};
	const char *pattern = load_path(l, node->source, node->words[1].text);
	struct err e;

	if (pattern == NULL)
		return;
	if (pattern[0] == '\0') {
		conf_error(&l->diags, i.at, "the path is empty");
		return;
	}
	if (l->depth == INCLUDE_DEPTH_MAX) {
		conf_error(&l->diags, i.at, "files include each other more than %d deep",
		           INCLUDE_DEPTH_MAX);
		return;
	}
	l->depth++;
	/* A plain path that does not exist is an error, a pattern that matches nothing is not. */
	if (strpbrk(pattern, "*?[") == NULL)
		(void)load_file(l, pattern, &i.at);
	else if (l->reader->glob(l->reader->ctx, pattern, found_file, &i, &e) != 0 && !l->no_memory)
		conf_error(&l->diags, i.at, "%s", e.text);
	l->depth--;
}

static struct conf_source *new_source(struct load *l, const char *path)
{
	struct conf_source *source = arena_take(&l->arena, sizeof *source);

	if (source == NULL) {
		l->no_memory = true;
		return NULL;
	}
	source->path = keep_path(l, path);
	source->index = l->n_sources++;
	return source->path == NULL ? NULL : source;
}

static int read_text(struct load *l, struct conf_source *source, const struct conf_at *from)
{
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
	struct conf_at whole = {source, 0, 0};
	struct buf content = {.cap = FILE_MAX};
	struct err e;
	int result = -1;

	if (l->reader->read(l->reader->ctx, source->path, false, &content, &e) != 0) {
		/* The place of the first file is its path, with which what went wrong begins. */
		const char *what = e.text;
		size_t n = strlen(source->path);
		if (from == NULL && strncmp(what, source->path, n) == 0 &&
		    strncmp(what + n, ": ", 2) == 0)
			what += n + 2;
		conf_error(&l->diags, from == NULL ? whole : *from, "%s", what);
		l->broken = true;
		goto out;
	}
	const char *text = arena_text(&l->arena, buf_view(&content));
	if (text == NULL) {
		l->no_memory = true;
		goto out;
	}
	source->text = slice_of(text, content.len);
	if (content.len >= sizeof bom && memcmp(text, bom, sizeof bom) == 0)
		source->text = slice_from(source->text, sizeof bom);
	result = 0;
out:
	buf_free(&content);
	return result;
}

int load_file(struct load *l, const char *path, const struct conf_at *from)
{
	char quote[QUOTE_SIZE];

	if (is_read(l, path)) {
		conf_error(&l->diags, *from, "%s is read already: a file may be included once",
		           text_escape(slice_str(path), quote, sizeof quote));
		return -1;
	}
	if (l->c->n_files == FILES_MAX) {
		conf_error(&l->diags, *from, "more than %d files", FILES_MAX);
		return -1;
	}
	struct conf_source *source = new_source(l, path);
	if (source == NULL)
		return -1;
	if (l->main == NULL)
		l->main = source;
	if (read_text(l, source, from) != 0)
		return -1;
	size_t errors = l->diags.errors;
	struct conf_node *root = conf_lex(source, &l->arena, &l->diags);
	l->broken = l->broken || l->diags.errors != errors;
	if (root == NULL) {
		l->no_memory = true;
		return -1;
	}
	for (const struct conf_node *node = root->first; node != NULL; node = node->next)
		load_top(l, node);
	return 0;
}
