/* SPDX-License-Identifier: ISC */
/* Filters and keys are compiled while they are read, so that a bad list or key is an error of its
 * line and not a surprise at run time. What a key file holds is wiped and never quoted. */
#include "base/secret.h"
#include "base/text.h"
#include "conf/load.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUOTE_SIZE = 100, CRITERIA_MAX = 3, KEY_FILE_MAX = 4096, LIST_MAX = 64 << 20 };

/* In the order of enum acl_kind, and of enum acl_verb. */
#define CRITERIA "address|client-id|user"
#define VERBS "connect|publish|subscribe"

/* One rule while it is read: what its criteria borrow lives here. */
struct rule {
	struct acl_criterion criteria[CRITERIA_MAX];
	size_t words[CRITERIA_MAX]; /* where each value stands */
	struct buf lists[CRITERIA_MAX];
	struct slice views[CRITERIA_MAX];
	size_t n;
	bool failed;
};

static void rule_error(struct load *l, struct rule *r, struct conf_at at, const char *text)
{
	conf_error(&l->diags, at, "%s", text);
	r->failed = true;
}

/* What kind of criterion a word names, or -1 after an error. */
static int criterion_kind(struct load *l, struct rule *r, const struct conf_node *node, size_t word)
{
	const char *text = node->words[word].text;
	char quote[QUOTE_SIZE], near[QUOTE_SIZE], message[400];
	int kind = conf_choice(text, CRITERIA);

	text_escape(slice_str(text), quote, sizeof quote);
	message[0] = '\0';
	if (kind < 0) {
		const char *nearest = conf_nearest(text, CRITERIA, near, sizeof near);
		(void)snprintf(message, sizeof message, "\"%s\" is no criterion: %s%s%s", quote,
		               nearest == NULL ? "there are address, client-id and user"
		                               : "did you mean \"",
		               nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
	}
	for (size_t i = 0; i < r->n && kind >= 0; i++) {
		if (r->criteria[i].kind == (enum acl_kind)kind) {
			(void)snprintf(message, sizeof message, "\"%s\" stands twice in this rule",
			               quote);
			kind = -1;
		}
	}
	if (kind >= 0 && word + 1 == node->n) {
		(void)snprintf(message, sizeof message, "a value is missing: %s %s", quote,
		               kind == ACL_ADDRESS ? "NETWORK or @FILE" : "GLOB or @FILE");
		kind = -1;
	}
	if (kind < 0)
		rule_error(l, r, conf_word_at(node, word), message);
	return kind;
}

/* How a list ended, for the next reload to compare with. */
static void keep_list(struct load *l, const char *path, struct slice text)
{
	struct conf *c = l->c;
	struct conf_list *bigger = realloc(c->lists, (c->n_lists + 1) * sizeof *bigger);
	char *copy = strdup(path);
	bool ended = text.n != 0 && text.p[text.n - 1] == '\n';

	if (bigger != NULL)
		c->lists = bigger;
	if (bigger == NULL || copy == NULL) {
		free(copy);
		l->no_memory = true;
		return;
	}
	bigger[c->n_lists++] =
	    (struct conf_list){.path = copy, .ended = ended, .cut = text.n != 0 && !ended};
}

/* Reads the list that a criterion names. */
static void read_list(struct load *l, struct rule *r, const struct conf_node *node, size_t word)
{
	struct buf *content = &r->lists[r->n];
	struct acl_criterion *c = &r->criteria[r->n];
	const char *path = load_path(l, node->source, node->words[word].text + 1);
	struct err e;

	if (path == NULL) {
		r->failed = true;
		return;
	}
	content->cap = LIST_MAX;
	if (path[0] == '\0')
		rule_error(l, r, conf_word_at(node, word), "behind @ stands the path of a list");
	else if (l->reader->read(l->reader->ctx, path, false, content, &e) != 0)
		rule_error(l, r, conf_word_at(node, word), e.text);
	else
		keep_list(l, path, buf_view(content));
	/* A list that could not be read is an empty one from here on, and its rule is thrown away.
	 */
	r->views[r->n] = buf_view(content);
	c->value = slice_str(path);
	c->list = &r->views[r->n];
}

static void read_criteria(struct load *l, struct rule *r, const struct conf_node *node)
{
	for (size_t word = 2; word < node->n; word += 2) {
		int kind = criterion_kind(l, r, node, word);
		if (kind < 0)
			return;
		r->criteria[r->n].kind = (enum acl_kind)kind;
		r->criteria[r->n].value = slice_str(node->words[word + 1].text);
		r->words[r->n] = word + 1;
		if (node->words[word + 1].text[0] == '@')
			read_list(l, r, node, word + 1);
		r->n++;
	}
}

/* A rule that was refused: each criterion is tried alone, so that each complaint stands at its
 * word. */
static void blame(struct load *l, struct rule *r, const struct conf_node *node)
{
	size_t before = l->diags.errors;
	struct err e;

	for (size_t i = 0; i < r->n; i++) {
		struct acl_ruleset *scratch = acl_ruleset_new();
		if (scratch != NULL &&
		    acl_ruleset_add_connect(scratch, false, &r->criteria[i], 1, "", 0, &e) != 0)
			rule_error(l, r, conf_word_at(node, r->words[i]), e.text);
		acl_ruleset_free(scratch);
	}
	if (l->diags.errors == before && !r->failed)
		l->no_memory = true;
}

static void check_reached(struct load *l, struct load_block *b, const struct conf_node *node,
                          enum acl_verb verb)
{
	if (b->catch_all[verb] != NULL)
		conf_warning(&l->diags, conf_word_at(node, 0),
		             "this rule is never reached: the one in line %u applies to %s",
		             b->catch_all[verb]->line,
		             verb == ACL_CONNECT ? "everybody" : "every topic");
	else if (node->n == 2)
		b->catch_all[verb] = node;
}

static bool connect_rule(struct load *l, struct load_block *b, const struct conf_node *node,
                         bool allow)
{
	struct conf_filter *f = b->base;
	struct rule r = {.n = 0};
	struct err e;

	read_criteria(l, &r, node);
	/* Also where a word was bad already: the others are judged all the same. */
	if (r.failed || acl_ruleset_add_connect(f->rules, allow, r.criteria, r.n,
	                                        node->source->path, node->line, &e) != 0)
		blame(l, &r, node);
	for (size_t i = 0; i < CRITERIA_MAX; i++)
		buf_free(&r.lists[i]);
	return !r.failed;
}

static bool topic_rule(struct load *l, struct load_block *b, const struct conf_node *node,
                       enum acl_verb verb, bool allow)
{
	struct conf_filter *f = b->base;
	const char *text = node->n > 2 ? node->words[2].text : "";
	struct slice filter = slice_str(text);
	struct err e;

	if (node->n > 3) {
		conf_error(&l->diags, conf_word_at(node, 3),
		           "one word too many: a rule has one topic filter");
		return false;
	}
	/* It looks like a list and would be a topic that nobody uses. */
	if (text[0] == '@') {
		conf_error(&l->diags, conf_word_at(node, 2),
		           "topic filters cannot stand in a list: write a rule for each");
		return false;
	}
	if (acl_ruleset_add_topic(f->rules, verb, allow, node->n > 2 ? &filter : NULL,
	                          node->source->path, node->line, &e) == 0)
		return true;
	conf_error(&l->diags, conf_word_at(node, node->n > 2 ? 2 : 1), "%s", e.text);
	return false;
}

void load_rule(struct load *l, struct load_block *b, const struct conf_node *node)
{
	bool allow = strcmp(node->words[0].text, "allow") == 0, good = false;
	const char *text = node->words[1].text;
	char quote[QUOTE_SIZE], near[QUOTE_SIZE];
	int verb = conf_choice(text, VERBS);

	if (verb < 0) {
		const char *nearest = conf_nearest(text, VERBS, near, sizeof near);
		text_escape(slice_str(text), quote, sizeof quote);
		conf_error(
		    &l->diags, conf_word_at(node, 1), "\"%s\" cannot be filtered: %s%s%s", quote,
		    nearest == NULL ? "connect, publish and subscribe can" : "did you mean \"",
		    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
	} else {
		check_reached(l, b, node, (enum acl_verb)verb);
		good = verb == ACL_CONNECT ? connect_rule(l, b, node, allow)
		                           : topic_rule(l, b, node, (enum acl_verb)verb, allow);
	}
	b->rule_failed = b->rule_failed || !good;
}

/* The index in the ring of the key that a word names; -1 after an error, or where the key itself
 * was bad. */
static int leg_key(struct load *l, const struct conf_leg *leg, const struct conf_node *node,
                   size_t word)
{
	const char *name = node->words[word].text;

	if (load_refer(l, CONF_KEY, node, word) == NULL)
		return -1;
	int index = keyring_by_name(&l->c->keys, name);
	for (size_t i = 0; i < leg->n_keys; i++) {
		if (leg->keys[i] == index) {
			conf_error(&l->diags, conf_word_at(node, word), "\"%s\" stands here twice",
			           name);
			return -1;
		}
	}
	return index;
}

static void encrypted_leg(struct load *l, struct conf_leg *leg, const struct conf_node *node)
{
	leg->encrypted = true;
	if (node->n == 2) {
		conf_error(&l->diags, conf_word_at(node, 1), "a key is missing: encrypted KEY…");
		return;
	}
	leg->keys = calloc(node->n, sizeof *leg->keys);
	if (leg->keys == NULL) {
		l->no_memory = true;
		return;
	}
	for (size_t word = 2; word < node->n; word++) {
		int index = leg_key(l, leg, node, word);
		if (index >= 0)
			leg->keys[leg->n_keys++] = (uint16_t)index;
	}
}

void load_leg(struct load *l, const struct conf_directive *d, struct load_block *b,
              const struct conf_node *node)
{
	struct conf_leg *leg = (struct conf_leg *)(void *)((char *)b->base + d->offset);
	char quote[QUOTE_SIZE];
	int kind = conf_choice(node->words[1].text, "plain|encrypted");

	if (kind == 1)
		encrypted_leg(l, leg, node);
	else if (kind < 0)
		conf_error(
		    &l->diags, conf_word_at(node, 1), "\"%s\" is not known here: a leg is %s",
		    text_escape(slice_str(node->words[1].text), quote, sizeof quote), d->argument);
	else if (node->n > 2)
		conf_error(&l->diags, conf_word_at(node, 2), "a plain leg has no keys");
}

const char *load_key_path(struct load *l, const struct conf_source *source, const char *word)
{
	return word[0] == '@' ? word : load_path(l, source, word);
}

/* Keys must differ, also those that stand for what is not read. */
static int stand_in(const struct load *l, uint8_t key[SEAL_KEY_SIZE])
{
	memset(key, 0, SEAL_KEY_SIZE);
	memcpy(key, &l->c->keys.n, sizeof l->c->keys.n);
	return 0;
}

static int read_key(struct load *l, const char *path, uint8_t key[SEAL_KEY_SIZE], struct err *e)
{
	struct buf content = {.cap = KEY_FILE_MAX};
	char quote[QUOTE_SIZE];
	struct err why;

	if (l->reader->no_secrets)
		return stand_in(l, key);
	int result = l->reader->read(l->reader->ctx, path, true, &content, e);

	if (result == 0 && seal_key_parse(buf_view(&content), key, &why) != 0)
		result = err_set(e, "%s: %s", text_escape(slice_str(path), quote, sizeof quote),
		                 why.text);
	buf_free(&content);
	return result;
}

/* Where the last key of the ring came from. */
static void keep_key_path(struct load *l, const char *path)
{
	struct conf *c = l->c;
	char **paths = realloc(c->key_paths, (c->n_key_paths + 1) * sizeof *paths);

	if (paths != NULL) {
		c->key_paths = paths;
		paths[c->n_key_paths] = strdup(path);
		if (paths[c->n_key_paths] != NULL) {
			c->n_key_paths++;
			return;
		}
	}
	l->no_memory = true;
}

void load_key_file(struct load *l, struct load_block *b, const struct conf_node *node)
{
	const char *path = load_key_path(l, node->source, node->words[1].text);
	uint8_t key[SEAL_KEY_SIZE];
	struct err e;

	if (path == NULL)
		return;
	if (keyring_by_name(&l->c->keys, b->name) >= 0)
		return; /* The name stands there twice, which its block has said. */
	if (path[0] == '\0')
		conf_error(&l->diags, conf_word_at(node, 1), "the path is empty");
	else if (read_key(l, path, key, &e) != 0 || keyring_add(&l->c->keys, b->name, key, &e) != 0)
		conf_error(&l->diags, conf_word_at(node, 1), "%s", e.text);
	else
		keep_key_path(l, path);
	secret_wipe(key, sizeof key);
}
