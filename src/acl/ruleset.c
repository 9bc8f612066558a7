/* SPDX-License-Identifier: ISC */
/* Rules are compiled while they are added: a verdict then allocates nothing, locks nothing and
 * cannot fail. Rules of all verbs share one array, so that one number names a rule; those of a verb
 * are chained in their order. */
#include "acl/list.h"
#include "acl/pattern.h"
#include "acl/rule.h"
#include "base/text.h"
#include "mqtt/topic.h"

#include <stdlib.h>

static const char *const verb_names[ACL_VERBS] = {"connect", "publish", "subscribe"};

const char *acl_verb_name(enum acl_verb verb)
{
	return verb_names[verb];
}

enum { QUOTE_SIZE = 100 };

struct acl_ruleset *acl_ruleset_new(void)
{
	struct acl_ruleset *r = calloc(1, sizeof *r);

	for (size_t i = 0; r != NULL && i < ACL_VERBS; i++)
		r->first[i] = r->last[i] = ACL_NO_RULE;
	return r;
}

static void free_rule(struct rule *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		free(rule->criteria[i].glob);
		acl_list_free(rule->criteria[i].list);
	}
	free(rule->criteria);
	free(rule->text);
}

void acl_ruleset_free(struct acl_ruleset *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		free_rule(&r->rules[i]);
	for (size_t i = 0; i < r->n_files; i++)
		free(r->files[i]);
	free(r->rules);
	free(r->files);
	free(r);
}

static char *copy_text(struct slice s)
{
	char *copy = malloc(s.n + 1);

	if (copy != NULL && s.n != 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

/* Only a client id can be compared with another name. */
static int check_names(const struct acl_criterion *c, struct err *e)
{
	bool user = acl_glob_has_name(c->value, 'u'), client_id = acl_glob_has_name(c->value, 'c');

	if (c->kind == ACL_USER && (user || client_id))
		return err_set(e,
		               "a user name is compared with no other name: \"client-id %%u\" ties "
		               "the two together, and a backslash before %% makes it ordinary");
	if (client_id)
		return err_set(e,
		               "%%c is the client id itself: the user name, %%u, can stand here, "
		               "and a backslash before %% makes it ordinary");
	return 0;
}

static int compile(const struct acl_criterion *from, struct criterion *to, struct err *e)
{
	to->kind = from->kind;
	if (from->list != NULL) {
		to->list = acl_list_new(from->kind, *from->list, from->value, e);
		return to->list == NULL ? -1 : 0;
	}
	if (from->kind == ACL_ADDRESS)
		return acl_cidr_parse(from->value, &to->cidr, e);
	if (acl_glob_check(from->value, e) != 0 || check_names(from, e) != 0)
		return -1;
	to->glob = copy_text(from->value);
	if (to->glob == NULL)
		return err_set(e, "no memory for a rule");
	to->glob_len = from->value.n;
	to->has_name = acl_glob_has_name(from->value, 'u');
	return 0;
}

/* The ruleset's own copy of a file name; rules come file by file, so the last one is most often
 * right. */
static const char *keep_file(struct acl_ruleset *r, const char *file)
{
	if (r->n_files != 0 && strcmp(r->files[r->n_files - 1], file) == 0)
		return r->files[r->n_files - 1];
	char **files = realloc(r->files, (r->n_files + 1) * sizeof *files);
	if (files == NULL)
		return NULL;
	r->files = files;
	files[r->n_files] = strdup(file);
	return files[r->n_files] == NULL ? NULL : files[r->n_files++];
}

/* Takes a rule into the array and behind the last of its verb. */
static int append(struct acl_ruleset *r, struct rule *rule, const char *file, struct err *e)
{
	struct rule *rules = realloc(r->rules, (r->n + 1) * sizeof *rules);
	unsigned i = (unsigned)r->n;

	if (rules != NULL)
		r->rules = rules;
	rule->file = keep_file(r, file);
	if (rules == NULL || rule->file == NULL)
		return err_set(e, "no memory for a rule");
	rule->next = ACL_NO_RULE;
	rules[i] = *rule;
	if (r->first[rule->verb] == ACL_NO_RULE)
		r->first[rule->verb] = i;
	else
		rules[r->last[rule->verb]].next = i;
	r->last[rule->verb] = i;
	r->uses |= rule->uses;
	r->n++;
	return 0;
}

int acl_ruleset_add_connect(struct acl_ruleset *r, bool allow, const struct acl_criterion *criteria,
                            size_t n, const char *file, unsigned line, struct err *e)
{
	struct rule rule = {
	    .verb = ACL_CONNECT, .allow = allow, .catch_all = n == 0, .line = line, .n = n};
	int result = 0;

	/* One more, so that no criteria are not mistaken for no memory. */
	rule.criteria = calloc(n + 1, sizeof *rule.criteria);
	if (rule.criteria == NULL)
		return err_set(e, "no memory for a rule");
	for (size_t i = 0; i < n && result == 0; i++)
		result = compile(&criteria[i], &rule.criteria[i], e);
	if (result == 0)
		result = append(r, &rule, file, e);
	if (result != 0)
		free_rule(&rule);
	return result;
}

int acl_filter_check(struct slice filter, struct err *e)
{
	char quote[QUOTE_SIZE];

	if (mqtt_filter_shared(filter))
		return err_set(
		    e, "\"%s\" is a shared subscription: write the filter without $share/GROUP/",
		    text_escape(filter, quote, sizeof quote));
	if (!mqtt_filter_levels_valid(filter))
		return err_set(
		    e,
		    "\"%s\" is not a topic filter: + stands alone between slashes, # alone "
		    "at the end",
		    text_escape(filter, quote, sizeof quote));
	return 0;
}

/* The name that two characters stand for, 0 for none. */
static uint8_t name_at(struct slice s, size_t i)
{
	if (s.n - i < 2 || s.p[i] != '%')
		return 0;
	return s.p[i + 1] == 'u' ? ACL_USER : s.p[i + 1] == 'c' ? ACL_CLIENT_ID : 0;
}

static void add_piece(struct rule *rule, struct slice text, uint8_t name)
{
	if (name == 0 && text.n == 0)
		return;
	if (name != 0 && rule->n_pieces == 0)
		rule->leads = NAME_BIT(name);
	if (name != 0)
		rule->uses |= NAME_BIT(name);
	rule->pieces[rule->n_pieces] = text;
	rule->names[rule->n_pieces++] = name;
}

/* Cuts the filter at its names. */
static int cut(struct rule *rule, struct slice filter, struct err *e)
{
	size_t start = 0, names = 0;

	for (size_t i = 0; i < filter.n; i++) {
		uint8_t name = name_at(filter, i);
		if (name == 0)
			continue;
		if (++names > NAMES_MAX)
			return err_set(e, "more than %d names stand in this filter", NAMES_MAX);
		add_piece(rule, slice_of(filter.p + start, i - start), 0);
		add_piece(rule, slice_of(NULL, 0), name);
		start = ++i + 1;
	}
	add_piece(rule, slice_from(filter, start), 0);
	return 0;
}

int acl_ruleset_add_topic(struct acl_ruleset *r, enum acl_verb verb, bool allow,
                          const struct slice *filter, const char *file, unsigned line,
                          struct err *e)
{
	struct rule rule = {
	    .verb = verb, .allow = allow, .catch_all = filter == NULL, .line = line};
	int result = 0;

	if (filter != NULL) {
		if (acl_filter_check(*filter, e) != 0)
			return -1;
		rule.text = copy_text(*filter);
		if (rule.text == NULL)
			return err_set(e, "no memory for a rule");
		result = cut(&rule, slice_of(rule.text, filter->n), e);
	}
	if (result == 0)
		result = append(r, &rule, file, e);
	if (result != 0)
		free_rule(&rule);
	return result;
}

int acl_ruleset_check(const struct acl_ruleset *r, enum acl_verb verb, struct err *e)
{
	const char *name = verb_names[verb];

	if (r->first[verb] == ACL_NO_RULE || r->rules[r->last[verb]].catch_all)
		return 0;
	return err_set(e,
	               "the %s rules must end in a line without %s, \"deny %s\" or \"allow %s\", "
	               "which says what holds for all others",
	               name, verb == ACL_CONNECT ? "criteria" : "a filter", name, name);
}

bool acl_has_rules(const struct acl_ruleset *r, enum acl_verb verb)
{
	return r->first[verb] != ACL_NO_RULE;
}

size_t acl_ruleset_size(const struct acl_ruleset *r)
{
	return r->n;
}

struct acl_rule acl_ruleset_rule(const struct acl_ruleset *r, size_t i)
{
	const struct rule *rule = &r->rules[i];

	return (struct acl_rule){rule->verb, rule->allow, rule->file, rule->line};
}
