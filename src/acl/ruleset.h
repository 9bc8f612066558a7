/* SPDX-License-Identifier: ISC */
/* A filter block compiled: for each verb an ordered list of rules, of which the first that applies decides, and every
 * verdict names its rule. Built once while the configuration is read, immutable afterwards, so any thread may ask; a
 * judgement allocates nothing. */
#ifndef ACL_RULESET_H
#define ACL_RULESET_H

#include "acl/cidr.h"
#include "base/buf.h"

#include <limits.h>

struct acl_ruleset;

enum acl_verb {
	ACL_CONNECT,
	ACL_PUBLISH,
	ACL_SUBSCRIBE,
	ACL_VERBS /* how many there are */
};

/* "connect", "publish", "subscribe". */
const char *acl_verb_name(enum acl_verb verb);

enum acl_kind { ACL_ADDRESS, ACL_CLIENT_ID, ACL_USER };

/* One criterion of a connect rule: a CIDR or a glob, or, where list is not NULL, the content of a list file: one entry a
 * line, blank lines and lines that start with "# " left out; an empty list matches nothing. Errors in a list name its
 * line. In the glob of a client id `%u` is the user name, literally; it then holds for nobody without a user name, or
 * with an empty one. A backslash before it makes it ordinary. */
struct acl_criterion {
	enum acl_kind kind;
	struct slice value;        /* the word; for a list, its path without the @ */
	const struct slice *list;
};

enum { ACL_NO_RULE = UINT_MAX };

struct acl_verdict {
	bool allow;
	const char *file; /* of the rule that decided; lives as long as the ruleset; NULL where there is no rule at all */
	unsigned line;
	unsigned rule; /* its number, see acl_ruleset_rule(), or ACL_NO_RULE */
};

/* Who asks. For topics, client_id is what `%c` stands for and user what `%u` does. */
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

/* Appends `allow|deny publish|subscribe [FILTER]`. No filter (NULL) is everything, topics that begin with `$` included.
 * `%u` and `%c` in it stand for user name and client id, as a level or a part of one; any other `%` is itself. Everything
 * is copied. 0 or -1. */
int acl_ruleset_add_topic(struct acl_ruleset *r, enum acl_verb verb, bool allow, const struct slice *filter,
    const char *file, unsigned line, struct err *e);

/* 0 for a topic filter that a rule can have: valid and no shared subscription; else -1 with the reason. */
int acl_filter_check(struct slice filter, struct err *e);

/* -1 with the cure where the rules of the verb are not empty and do not end in a line without criteria or filter. */
int acl_ruleset_check(const struct acl_ruleset *r, enum acl_verb verb, struct err *e);

/* Rules are numbered from 0 in the order in which they were added, whatever their verb, so that who counts verdicts needs
 * one array of acl_ruleset_size() numbers. */
struct acl_rule {
	enum acl_verb verb;
	bool allow;
	const char *file; /* lives as long as the ruleset */
	unsigned line;
};
size_t acl_ruleset_size(const struct acl_ruleset *r);
struct acl_rule acl_ruleset_rule(const struct acl_ruleset *r, size_t i);

/* Whether there are rules of that verb; where there are none, everything is allowed. */
bool acl_has_rules(const struct acl_ruleset *r, enum acl_verb verb);

/* The verdict on a CONNECT. */
struct acl_verdict acl_connect(const struct acl_ruleset *r, const struct acl_who *who);

/* At accept, with the address alone: true, and the verdict in *v, where a deny is reached with no allow still possible
 * before it. */
bool acl_denied_at_accept(const struct acl_ruleset *r, const struct acl_address *address, struct acl_verdict *v);

/* Whether a name (ACL_CLIENT_ID or ACL_USER) may not stand where the topic rules put it: it is empty, holds `/`, `+` or
 * `#`, or begins with `$` where a rule would begin with it. True: *v denies in the name of the first such rule. False
 * where no rule uses that name. To be asked once, at CONNECT, for both; an empty client id of MQTT 5.0 is asked for when
 * the broker has assigned one, and takes its place in `who` from then on.
 *
 * In the judgements below a name that may not stand there is on the safe side: an allow rule that uses it does not
 * apply, a deny rule that uses it does. So the Will of a client without an id passes only where it would with any id, and
 * need not be judged again when there is one. */
bool acl_name_unfit(const struct acl_ruleset *r, enum acl_kind name, struct slice value, struct acl_verdict *v);

/* May `who` publish to this valid topic; the Will topic too. */
struct acl_verdict acl_publish(const struct acl_ruleset *r, const struct acl_who *who, struct slice topic);

/* May `who` subscribe to this valid topic filter; of a shared subscription, the filter behind the group is judged. An
 * allow rule applies if it covers the filter (it matches all of its topics), a deny rule if it overlaps (one of them). */
struct acl_verdict acl_subscribe(const struct acl_ruleset *r, const struct acl_who *who, struct slice filter);

/* May a PUBLISH to this topic be delivered to `who`: the topic by the subscribe rules. Who may subscribe to a filter may
 * have every message that matches it. */
struct acl_verdict acl_deliver(const struct acl_ruleset *r, const struct acl_who *who, struct slice topic);

#endif
