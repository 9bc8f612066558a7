/* SPDX-License-Identifier: ISC */
/* Limits and bans read like sentences, so each form is written down as the sentence that the manual
 * shows and one reader takes the words of all of them. */
#include "base/text.h"
#include "conf/load.h"

#include <stddef.h>

enum { QUOTE_SIZE = 80, WORD_SIZE = 40, VALUES_MAX = 3, LIMIT_MAX = 1000000 };

#define HOURS(n) ((uint64_t)(n)*3600000)
#define RATE_MEMBER(member) .rate = true, .offset = offsetof(struct conf_filter, member)
#define COUNT_MEMBER(member) .offset = offsetof(struct conf_filter, member)

struct form {
	enum conf_limit limit;
	const char *words; /* behind the directive; N and DURATION are values */
	uint64_t max_ms;   /* of its durations */
	bool rate;         /* it goes into a struct conf_rate, else into a size_t */
	size_t offset;     /* in struct conf_filter */
};

static const struct form limits[] = {
    {CONF_CONNECTS_PER_ADDRESS, "connects N per DURATION per address", HOURS(24),
     RATE_MEMBER(connects_per_address)},
    {CONF_CONNECTS_PER_USER, "connects N per DURATION per user", HOURS(24),
     RATE_MEMBER(connects_per_user)},
    {CONF_CONNECTIONS_PER_ADDRESS, "connections N per address", 0,
     COUNT_MEMBER(connections_per_address)},
    {CONF_CONNECTIONS_PER_USER, "connections N per user", 0, COUNT_MEMBER(connections_per_user)},
    {CONF_PUBLISH_PER_CLIENT, "publish N per DURATION per client", HOURS(24),
     RATE_MEMBER(publish_per_client)},
};

enum { N_LIMITS = sizeof limits / sizeof limits[0] };

static const struct form ban = {CONF_BAN, "after N refusals in DURATION for DURATION",
                                HOURS(24 * 30), RATE_MEMBER(ban_after)};

/* One word of a sentence. 0, or -1 with the reason; a value goes into *value. */
static int read_word(const struct form *f, const char *wanted, const char *word, uint64_t *value,
                     struct err *e)
{
	char quote[QUOTE_SIZE];

	if (strcmp(wanted, "N") == 0)
		return text_number(slice_str(word), 1, LIMIT_MAX, value, e);
	if (strcmp(wanted, "DURATION") == 0)
		return text_duration(slice_str(word), 100, f->max_ms, value, e);
	if (strcmp(wanted, word) == 0)
		return 0;
	return err_set(e, "\"%s\" cannot stand here, but \"%s\"",
	               text_escape(slice_str(word), quote, sizeof quote), wanted);
}

/* All words of a sentence, its values in their order. 0, or -1 after an error. */
static int read_form(struct load *l, const struct conf_node *node, const struct form *f,
                     uint64_t values[VALUES_MAX])
{
	const char *wanted = f->words;
	size_t i = 1, n = 0;
	struct err e;

	for (; *wanted != '\0'; i++) {
		char word[WORD_SIZE] = "";
		size_t size = strcspn(wanted, " ");
		memcpy(word, wanted, size < sizeof word ? size : sizeof word - 1);
		wanted += size + (wanted[size] == ' ');
		if (i >= node->n) {
			conf_error(&l->diags, conf_word_at(node, 0), "\"%s\" is missing: %s %s",
			           word, node->words[0].text, f->words);
			return -1;
		}
		uint64_t value = 0;
		if (read_word(f, word, node->words[i].text, &value, &e) != 0) {
			conf_error(&l->diags, conf_word_at(node, i), "%s: %s %s", e.text,
			           node->words[0].text, f->words);
			return -1;
		}
		if (value != 0 && n < VALUES_MAX)
			values[n++] = value;
	}
	if (i >= node->n)
		return 0;
	conf_error(&l->diags, conf_word_at(node, i), "one word too many: it is \"%s %s\"",
	           node->words[0].text, f->words);
	return -1;
}

static const char *last_word(const char *words)
{
	return strrchr(words, ' ') + 1;
}

static size_t count_words(const char *words)
{
	size_t n = 1;

	for (; *words != '\0'; words++)
		n += *words == ' ';
	return n;
}

/* The form of a limit: its first word decides, and, where that is not enough, its last. NULL after
 * an error. */
static const struct form *find_limit(struct load *l, const struct conf_node *node)
{
	const char *first = node->words[1].text;
	const struct form *found = NULL;
	char quote[QUOTE_SIZE];

	for (size_t i = 0; i < N_LIMITS; i++) {
		const char *words = limits[i].words;
		size_t size = strcspn(words, " "), n = count_words(words);
		if (strlen(first) != size || memcmp(first, words, size) != 0)
			continue;
		if (found == NULL ||
		    (node->n > n && strcmp(node->words[n].text, last_word(words)) == 0))
			found = &limits[i];
	}
	if (found == NULL)
		conf_error(&l->diags, conf_word_at(node, 1),
		           "\"%s\" cannot be limited: connects, connections and publish can",
		           text_escape(slice_str(first), quote, sizeof quote));
	return found;
}

static void store(const struct form *f, struct conf_filter *to, const struct conf_node *node,
                  const uint64_t *values)
{
	void *p = (char *)to + f->offset;

	to->limit_at[f->limit].file = node->source->path;
	to->limit_at[f->limit].line = node->line;

	if (f->rate)
		*(struct conf_rate *)p = (struct conf_rate){(size_t)values[0], values[1]};
	else
		*(size_t *)p = (size_t)values[0];
}

/* The line before this one that sets the same limit, or NULL: forms differ in their length or their
 * last word. */
static const struct conf_node *set_before(const struct load_block *b, const struct conf_node *node)
{
	const struct conf_node *before = b->node->first;

	for (; before != node; before = before->next) {
		if (!before->broken && before->n == node->n &&
		    strcmp(before->words[0].text, "limit") == 0 &&
		    strcmp(before->words[node->n - 1].text, node->words[node->n - 1].text) == 0)
			return before;
	}
	return NULL;
}

void load_limit(struct load *l, struct load_block *b, const struct conf_node *node)
{
	const struct conf_node *before = set_before(b, node);
	const struct form *f = find_limit(l, node);
	uint64_t values[VALUES_MAX] = {0};

	if (f == NULL || read_form(l, node, f, values) != 0)
		return;
	if (before != NULL)
		conf_error(&l->diags, conf_word_at(node, 0),
		           "this limit is set twice: first in line %u", before->line);
	else
		store(f, b->base, node, values);
}

void load_ban(struct load *l, struct load_block *b, const struct conf_node *node)
{
	struct conf_filter *to = b->base;
	uint64_t values[VALUES_MAX] = {0};

	if (read_form(l, node, &ban, values) != 0)
		return;
	store(&ban, to, node, values);
	to->ban_ms = values[2];
}
