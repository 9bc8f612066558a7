/* SPDX-License-Identifier: ISC */
/* Rules are compiled while they are added: a verdict then allocates nothing, locks nothing and
 * cannot fail. Where rules are there but none applies, the answer is no: a ruleset that was never
 * checked must not let anybody in. */
#include "acl/ruleset.h"

#include "acl/list.h"
#include "acl/pattern.h"

#include <stdlib.h>

struct criterion {
	enum acl_kind kind;
	struct acl_cidr cidr;
	char *glob;
	size_t glob_len;
	struct acl_list *list; /* decides where it is not NULL */
};

struct rule {
	bool allow;
	const char *file;
	unsigned line;
	struct criterion *criteria;
	size_t n;
};

struct acl_ruleset {
	struct rule *rules;
	size_t n;
	char **files; /* what the rules' file names point to, each once in a row */
	size_t n_files;
};

struct acl_ruleset *acl_ruleset_new(void)
{
	return calloc(1, sizeof(struct acl_ruleset));
}

static void free_criteria(struct criterion *criteria, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(criteria[i].glob);
		acl_list_free(criteria[i].list);
	}
	free(criteria);
}

void acl_ruleset_free(struct acl_ruleset *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		free_criteria(r->rules[i].criteria, r->rules[i].n);
	for (size_t i = 0; i < r->n_files; i++)
		free(r->files[i]);
	free(r->rules);
	free(r->files);
	free(r);
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
	if (acl_glob_check(from->value, e) != 0)
		return -1;
	to->glob = malloc(from->value.n + 1);
	if (to->glob == NULL)
		return err_set(e, "no memory for a rule");
	if (from->value.n != 0)
		memcpy(to->glob, from->value.p, from->value.n);
	to->glob_len = from->value.n;
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

int acl_ruleset_add_connect(struct acl_ruleset *r, bool allow, const struct acl_criterion *criteria,
                            size_t n, const char *file, unsigned line, struct err *e)
{
	struct rule rule = {.allow = allow, .line = line, .n = n};

	/* One more, so that no criteria are not mistaken for no memory. */
	rule.criteria = calloc(n + 1, sizeof *rule.criteria);
	if (rule.criteria == NULL)
		return err_set(e, "no memory for a rule");
	for (size_t i = 0; i < n; i++) {
		if (compile(&criteria[i], &rule.criteria[i], e) != 0)
			goto fail;
	}
	struct rule *rules = realloc(r->rules, (r->n + 1) * sizeof *rules);
	if (rules != NULL)
		r->rules = rules;
	rule.file = keep_file(r, file);
	if (rules == NULL || rule.file == NULL) {
		err_set(e, "no memory for a rule");
		goto fail;
	}
	r->rules[r->n++] = rule;
	return 0;
fail:
	free_criteria(rule.criteria, n);
	return -1;
}

int acl_ruleset_check(const struct acl_ruleset *r, struct err *e)
{
	if (r->n == 0 || r->rules[r->n - 1].n == 0)
		return 0;
	return err_set(e,
	               "the connect rules must end in a line without criteria, \"deny connect\" or "
	               "\"allow connect\", which says what holds for all others");
}

static bool name_holds(const struct criterion *c, struct slice name)
{
	if (c->list != NULL)
		return acl_list_has_name(c->list, name);
	return acl_glob_match(slice_of(c->glob, c->glob_len), name);
}

static bool address_holds(const struct criterion *c, const struct acl_address *a)
{
	return c->list != NULL ? acl_list_has_address(c->list, a) : acl_cidr_match(&c->cidr, a);
}

static bool rule_applies(const struct rule *rule, const struct acl_who *who)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct criterion *c = &rule->criteria[i];
		bool holds = false;

		switch (c->kind) {
		case ACL_ADDRESS:
			holds = address_holds(c, &who->address);
			break;
		case ACL_CLIENT_ID:
			holds = name_holds(c, who->client_id);
			break;
		case ACL_USER:
			holds = who->has_user && name_holds(c, who->user);
			break;
		}
		if (!holds)
			return false;
	}
	return true;
}

static struct acl_verdict verdict_of(const struct rule *rule)
{
	return (struct acl_verdict){.allow = rule->allow, .file = rule->file, .line = rule->line};
}

struct acl_verdict acl_connect(const struct acl_ruleset *r, const struct acl_who *who)
{
	for (size_t i = 0; i < r->n; i++) {
		if (rule_applies(&r->rules[i], who))
			return verdict_of(&r->rules[i]);
	}
	return (struct acl_verdict){.allow = r->n == 0};
}

enum chance { CANNOT, MAY, MUST };

/* Whether a rule can, may or must apply to whoever comes from an address. */
static enum chance rule_chance(const struct rule *rule, const struct acl_address *address)
{
	enum chance chance = MUST;

	for (size_t i = 0; i < rule->n; i++) {
		const struct criterion *c = &rule->criteria[i];

		if (c->list != NULL && acl_list_empty(c->list))
			return CANNOT;
		if (c->kind != ACL_ADDRESS)
			chance = MAY;
		else if (!address_holds(c, address))
			return CANNOT;
	}
	return chance;
}

bool acl_denied_at_accept(const struct acl_ruleset *r, const struct acl_address *address,
                          struct acl_verdict *v)
{
	for (size_t i = 0; i < r->n; i++) {
		enum chance chance = rule_chance(&r->rules[i], address);

		if (chance == CANNOT)
			continue;
		if (r->rules[i].allow)
			return false;
		if (chance == MUST) {
			*v = verdict_of(&r->rules[i]);
			return true;
		}
	}
	return false;
}
