/* SPDX-License-Identifier: ISC */
/* A filter block compiled: ordered rules, the first that applies decides, and every verdict names its rule. Built once
 * while the configuration is read, immutable afterwards, so any thread may ask. */
#ifndef ACL_RULESET_H
#define ACL_RULESET_H

#include "acl/cidr.h"
#include "base/buf.h"

struct acl_ruleset;

enum acl_kind { ACL_ADDRESS, ACL_CLIENT_ID, ACL_USER };

/* One criterion of a rule: a CIDR or a glob, or, where list is not NULL, the content of a list file: one entry a line,
 * blank lines and lines that start with "# " left out; an empty list matches nothing. Errors in a list name its line. */
struct acl_criterion {
	enum acl_kind kind;
	struct slice value;        /* the word; for a list, its path without the @ */
	const struct slice *list;
};

struct acl_verdict {
	bool allow;
	const char *file; /* of the rule that decided; lives as long as the ruleset; NULL where there is no rule at all */
	unsigned line;
};

struct acl_who {
	struct acl_address address;
	struct slice client_id;
	bool has_user;
	struct slice user; /* a criterion on the user name does not hold where there is none */
};

struct acl_ruleset *acl_ruleset_new(void);
void acl_ruleset_free(struct acl_ruleset *r);

/* Appends `allow|deny connect CRITERIA…`; all criteria must hold. Everything is copied. 0 or -1. */
int acl_ruleset_add_connect(struct acl_ruleset *r, bool allow, const struct acl_criterion *criteria, size_t n,
    const char *file, unsigned line, struct err *e);

/* -1 with the cure where the connect rules are not empty and do not end in a line without criteria. */
int acl_ruleset_check(const struct acl_ruleset *r, struct err *e);

/* The verdict on a CONNECT. No connect rules: allowed. */
struct acl_verdict acl_connect(const struct acl_ruleset *r, const struct acl_who *who);

/* At accept, with the address alone: true, and the verdict in *v, where a deny is reached with no allow still possible
 * before it. */
bool acl_denied_at_accept(const struct acl_ruleset *r, const struct acl_address *address, struct acl_verdict *v);

#endif
