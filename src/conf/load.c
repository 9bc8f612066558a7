/* SPDX-License-Identifier: ISC */
/* Files first, with what they include; then every block gets its struct, so that order is free and
 * references resolve; then keys, since rules need the ring; then all other directives; last the
 * checks over the whole. Nothing stops at the first error, and nothing leaves here with one. */
#include "conf/load.h"

#include "base/text.h"

#include <stdlib.h>

enum { QUOTE_SIZE = 200 };

static struct load_block *new_block(struct load *l, enum conf_block kind,
                                    const struct conf_node *node)
{
	size_t n;
	struct load_block *b = arena_take(&l->arena, sizeof *b);

	(void)conf_directives(&n);
	if (b != NULL)
		b->set = arena_take(&l->arena, n * sizeof *b->set);
	if (b == NULL || b->set == NULL) {
		l->no_memory = true;
		return NULL;
	}
	b->kind = kind;
	b->node = node;
	b->name = node != NULL && node->n > 1 ? node->words[1].text : "";
	return b;
}

/* Whether as many words stand there as the type wants. */
static bool count_words(struct load *l, const struct conf_directive *d,
                        const struct conf_node *node)
{
	bool many = d->type == CONF_T_LISTEN || d->type == CONF_T_VERSIONS ||
	            d->type == CONF_T_RULE || d->type == CONF_T_LEG || d->type == CONF_T_LIMIT ||
	            d->type == CONF_T_BAN || d->type == CONF_T_RATE;
	size_t wanted = d->type == CONF_T_FLAG ? 1 : 2;

	if (node->n < wanted)
		conf_error(&l->diags, conf_word_at(node, 0), "a value is missing: %s %s", d->name,
		           d->argument);
	else if (node->n > wanted && !many)
		conf_error(&l->diags, conf_word_at(node, wanted),
		           "one word too many: it is \"%s%s%s\"", d->name,
		           *d->argument == '\0' ? "" : " ", d->argument);
	else
		return true;
	return false;
}

/* The words behind the name as one. */
static const char *join(struct load *l, const struct conf_node *node)
{
	size_t n = 0;

	for (size_t i = 1; i < node->n; i++)
		n += strlen(node->words[i].text) + 1;
	char *text = arena_take(&l->arena, n), *to = text;
	if (text == NULL) {
		l->no_memory = true;
		return NULL;
	}
	for (size_t i = 1; i < node->n; i++) {
		size_t size = strlen(node->words[i].text);
		memcpy(to, node->words[i].text, size);
		to += size;
		*to++ = i + 1 < node->n ? ' ' : '\0';
	}
	return text;
}

static void apply_value(struct load *l, const struct conf_directive *d, struct load_block *b,
                        const struct conf_node *node)
{
	const char *text = d->type == CONF_T_RATE ? join(l, node) : node->words[1].text;
	struct err e;

	if (d->type == CONF_T_PATH && (d->special == NULL || strcmp(text, d->special) != 0))
		text = load_path(l, node->source, text);
	if (d->type == CONF_T_SECRET)
		text = load_key_path(l, node->source, text);
	if (text != NULL && conf_value_set(d, b->base, text, &e) != 0)
		conf_error(&l->diags, conf_word_at(node, 1), "%s", e.text);
}

static void apply_reference(struct load *l, const struct conf_directive *d, struct load_block *b,
                            const struct conf_node *node)
{
	void *p = (char *)b->base + d->offset;

	if (d->special != NULL && strcmp(node->words[1].text, d->special) == 0)
		return;
	struct load_block *to = load_refer(l, d->refers, node, 1);
	if (to == NULL)
		return;
	if (d->special != NULL)
		*(int *)p = (int)to->index;
	else
		*(size_t *)p = to->index;
}

/* A directive that is known, stands where it may and has as many words as it needs. */
static void apply(struct load *l, const struct conf_directive *d, struct load_block *b,
                  const struct conf_node *node)
{
	switch (d->type) {
	case CONF_T_BLOCK:
		break;
	case CONF_T_FLAG:
		*(bool *)((char *)b->base + d->offset) = true;
		break;
	case CONF_T_LISTEN:
		load_listen(l, b, node);
		break;
	case CONF_T_LOOPBACK:
		load_loopback(l, d, b, node);
		break;
	case CONF_T_ADDRESS:
		load_address(l, b, node);
		break;
	case CONF_T_VERSIONS:
		load_versions(l, b, node);
		break;
	case CONF_T_REFERENCE:
		apply_reference(l, d, b, node);
		break;
	case CONF_T_RULE:
		load_rule(l, b, node);
		break;
	case CONF_T_LIMIT:
		load_limit(l, b, node);
		break;
	case CONF_T_BAN:
		load_ban(l, b, node);
		break;
	case CONF_T_LEG:
		load_leg(l, d, b, node);
		break;
	case CONF_T_KEY_FILE:
		load_key_file(l, b, node);
		break;
	case CONF_T_INCLUDE:
		load_include(l, node);
		break;
	default:
		apply_value(l, d, b, node);
		break;
	}
}

/* Whether the line of a node has its { in a comment, as in "payload # {". */
static bool hides_a_brace(const struct conf_node *node)
{
	struct slice text = node->source->text;
	const uint8_t *at = text.p, *end = text.p + text.n, *stop;

	for (unsigned line = 1; line < node->line && at < end; line++) {
		const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
		at = feed == NULL ? end : feed + 1;
	}
	stop = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
	if (stop == NULL)
		stop = end;
	const uint8_t *comment = at == stop ? NULL : memchr(at, '#', (size_t)(stop - at));
	return comment != NULL && memchr(comment, '{', (size_t)(stop - comment)) != NULL;
}

/* The directive of a line, or NULL after an error. */
static const struct conf_directive *identify(struct load *l, struct load_block *b,
                                             const struct conf_node *node)
{
	char text[600], quote[QUOTE_SIZE];
	size_t n;
	int i = conf_directive_find(b->kind, node->words[0].text);
	struct conf_at at = conf_word_at(node, 0);

	if (i < 0) {
		conf_error(&l->diags, at, "%s",
		           conf_directive_advice(b->kind, node->words[0].text, text, sizeof text));
		return NULL;
	}
	const struct conf_directive *d = &conf_directives(&n)[i];
	const struct conf_node *before = b->set[i];
	if (before == NULL)
		b->set[i] = node;
	if (before != NULL && !d->repeat) {
		conf_error(&l->diags, at, "\"%s\" is set twice: first in %s:%u", d->name,
		           text_escape(slice_str(before->source->path), quote, sizeof quote),
		           before->line);
		return NULL;
	}
	if (node->block == (d->type == CONF_T_BLOCK))
		return d;
	if (node->block)
		conf_error(&l->diags, at, "\"%s\" takes no block", d->name);
	else
		conf_error(&l->diags, at, "\"%s\" is a block: %s%s%s { … }%s", d->name, d->name,
		           *d->argument == '\0' ? "" : " ", d->argument,
		           hides_a_brace(node) ? "; a bare # begins a comment, so write \"#\""
		                               : "");
	return NULL;
}

static void load_directive(struct load *l, struct load_block *b, const struct conf_node *node)
{
	if (node->broken)
		return;
	const struct conf_directive *d = identify(l, b, node);
	if (d != NULL && count_words(l, d, node))
		apply(l, d, b, node);
}

/* A block that stands in a file; those with a struct of their own wait for it. */
static void declare(struct load *l, enum conf_block kind, const struct conf_node *node)
{
	struct load_block *b = new_block(l, kind, node);

	if (b == NULL)
		return;
	if (l->last == NULL)
		l->first = b;
	else
		l->last->next = b;
	l->last = b;
	if (kind < CONF_LISTENER) {
		b->base = l->c;
		l->single[kind] = b;
	}
}

void load_top(struct load *l, const struct conf_node *node)
{
	struct load_block *top = l->single[CONF_TOP];
	int i = node->broken ? -1 : conf_directive_find(CONF_TOP, node->words[0].text);
	size_t n;

	if (i < 0 || conf_directives(&n)[i].type != CONF_T_BLOCK) {
		load_directive(l, top, node);
		return;
	}
	const struct conf_directive *d = identify(l, top, node);
	if (d != NULL)
		declare(l, d->refers, node);
}

/* Gives a struct and an index to every block of a kind that has an array. */
static int give_structs(struct load *l, enum conf_block kind, void **array, size_t *count,
                        size_t size)
{
	size_t n = 0;

	for (struct load_block *b = l->first; b != NULL; b = b->next)
		n += b->kind == kind;
	if (n == 0)
		return 0;
	*array = calloc(n, size);
	if (*array == NULL)
		return -1;
	*count = n;
	n = 0;
	for (struct load_block *b = l->first; b != NULL; b = b->next) {
		if (b->kind != kind)
			continue;
		b->base = (char *)*array + n * size;
		b->index = n++;
	}
	return 0;
}

static int make_structs(struct load *l)
{
	struct conf *c = l->c;
	void *listeners = NULL, *brokers = NULL, *otps = NULL, *filters = NULL, *payloads = NULL;
	int result = 0;

	if (give_structs(l, CONF_LISTENER, &listeners, &c->n_listeners, sizeof *c->listeners) !=
	        0 ||
	    give_structs(l, CONF_BROKER, &brokers, &c->n_brokers, sizeof *c->brokers) != 0 ||
	    give_structs(l, CONF_OTP, &otps, &c->n_otps, sizeof *c->otps) != 0 ||
	    give_structs(l, CONF_FILTER, &filters, &c->n_filters, sizeof *c->filters) != 0 ||
	    give_structs(l, CONF_PAYLOAD, &payloads, &c->n_payloads, sizeof *c->payloads) != 0)
		result = -1;
	c->listeners = listeners;
	c->brokers = brokers;
	c->otps = otps;
	c->filters = filters;
	c->payloads = payloads;
	return result;
}

static bool is_scalar(enum conf_type type)
{
	return type >= CONF_T_NUMBER && type <= CONF_T_LOOPBACK;
}

/* All defaults of a block that stand in the table. */
static int set_defaults(enum conf_block kind, void *base)
{
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		if (d[i].block != kind || d[i].default_value == NULL ||
		    d[i].offset == CONF_NOT_STORED)
			continue;
		if ((is_scalar(d[i].type) || d[i].type == CONF_T_RATE) &&
		    conf_value_set(&d[i], base, d[i].default_value, NULL) != 0)
			return -1;
		if (d[i].type == CONF_T_REFERENCE)
			*(int *)((char *)base + d[i].offset) = -1;
		if (d[i].type == CONF_T_VERSIONS)
			*(uint8_t *)((char *)base + d[i].offset) =
			    1u << MQTT_31 | 1u << MQTT_311 | 1u << MQTT_5;
	}
	return 0;
}

static void load_block(struct load *l, struct load_block *b)
{
	for (const struct conf_node *node = b->node->first; node != NULL; node = node->next)
		load_directive(l, b, node);
}

static void load_blocks(struct load *l)
{
	for (struct load_block *b = l->first; b != NULL; b = b->next) {
		if (b->base != l->c && b->base != NULL && set_defaults(b->kind, b->base) != 0)
			l->no_memory = true;
		load_block_head(l, b);
		if (l->no_memory)
			return;
	}
	for (struct load_block *b = l->first; b != NULL; b = b->next) {
		if (b->kind == CONF_KEY)
			load_block(l, b);
	}
	for (struct load_block *b = l->first; b != NULL; b = b->next) {
		if (b->kind != CONF_KEY)
			load_block(l, b);
	}
}

static int start(struct load *l)
{
	l->c = calloc(1, sizeof *l->c);
	if (l->c == NULL)
		return -1;
	for (enum conf_block kind = CONF_TOP; kind < CONF_LISTENER; kind++) {
		l->single[kind] = new_block(l, kind, NULL);
		if (l->single[kind] == NULL || set_defaults(kind, l->c) != 0)
			return -1;
		l->single[kind]->base = l->c;
	}
	return 0;
}

static void run(struct load *l, const char *path)
{
	if (start(l) != 0) {
		l->no_memory = true;
		return;
	}
	if (load_file(l, path, NULL) != 0 || l->no_memory)
		return;
	if (make_structs(l) != 0) {
		l->no_memory = true;
		return;
	}
	load_blocks(l);
	if (!l->no_memory)
		load_check(l);
	if (!l->no_memory && l->diags.errors == 0 && load_dump(l) != 0)
		l->no_memory = true;
}

struct conf *conf_load(const char *path, const struct conf_reader *reader,
                       struct conf_report *report)
{
	struct load l = {.reader = reader};
	struct conf_source nowhere = {.path = path};

	run(&l, path);
	if (l.no_memory)
		conf_error(&l.diags, (struct conf_at){l.main == NULL ? &nowhere : l.main, 0, 0},
		           "no memory");
	bool good = l.diags.errors == 0;
	/* Names in the report belong to the configuration and the tree: it is written before they
	 * go. */
	conf_diags_render(&l.diags, report);
	arena_free(&l.arena);
	if (!good) {
		if (l.c != NULL) {
			report->control_socket = l.c->control_socket;
			l.c->control_socket = NULL;
		}
		conf_free(l.c);
		return NULL;
	}
	return l.c;
}
