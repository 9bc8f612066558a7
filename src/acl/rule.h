/* SPDX-License-Identifier: ISC */
/* What a compiled ruleset looks like inside this room: made in ruleset.c, asked in judge.c. */
#ifndef ACL_RULE_H
#define ACL_RULE_H

#include "acl/ruleset.h"

struct acl_list;

struct criterion {
	enum acl_kind kind;
	struct acl_cidr cidr;
	char *glob;
	size_t glob_len;
	bool has_name;         /* `%u` stands in the glob */
	struct acl_list *list; /* decides where it is not NULL */
};

/* Pieces of a filter: text and names take turns as they come, so four names make nine at most. */
enum { NAMES_MAX = 4, PIECES_MAX = 2 * NAMES_MAX + 1 };

/* A set of names, by enum acl_kind. */
#define NAME_BIT(kind) (1u << (kind))

struct rule {
	enum acl_verb verb;
	bool allow, catch_all;
	const char *file;
	unsigned line;
	unsigned next; /* rule of the same verb, or ACL_NO_RULE */
	struct criterion *criteria; /* of a connect rule, n of them */
	size_t n;
	char *text; /* of a topic rule: its filter, which the pieces point into */
	struct slice pieces[PIECES_MAX];
	uint8_t names[PIECES_MAX]; /* enum acl_kind of a piece that is a name, 0 for text */
	size_t n_pieces;
	unsigned uses, leads; /* names that stand in it, that it begins with */
};

struct acl_ruleset {
	struct rule *rules;
	size_t n;
	unsigned first[ACL_VERBS], last[ACL_VERBS]; /* ACL_NO_RULE where there is none */
	unsigned uses;                              /* names that any topic rule uses */
	char **files; /* what the rules' file names point to, each once in a row */
	size_t n_files;
};

#endif
