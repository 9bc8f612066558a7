/* SPDX-License-Identifier: ISC */
/* Where rules are there but none applies, the answer is no: a ruleset that was never checked must
 * not let anybody in. The same walk judges topics and filters, since a topic is a filter that only
 * it matches; only what "applies" means differs, so that a doubt is always settled by a no. */
#include "acl/list.h"
#include "acl/pattern.h"
#include "acl/rule.h"
#include "mqtt/topic.h"

static struct acl_verdict verdict_of(const struct acl_ruleset *r, unsigned i)
{
	const struct rule *rule = &r->rules[i];

	return (struct acl_verdict){
	    .allow = rule->allow, .file = rule->file, .line = rule->line, .rule = i};
}

/* The verdict where no rule of the verb applies. */
static struct acl_verdict default_verdict(const struct acl_ruleset *r, enum acl_verb verb)
{
	return (struct acl_verdict){.allow = !acl_has_rules(r, verb), .rule = ACL_NO_RULE};
}

static bool name_holds(const struct criterion *c, const struct acl_who *who, struct slice name)
{
	struct slice glob = slice_of(c->glob, c->glob_len);

	if (c->list != NULL)
		return acl_list_has_name(c->list, name);
	if (!c->has_name)
		return acl_glob_match(glob, name);
	return who->has_user && who->user.n != 0 && acl_glob_match_user(glob, who->user, name);
}

static bool address_holds(const struct criterion *c, const struct acl_address *a)
{
	return c->list != NULL ? acl_list_has_address(c->list, a) : acl_cidr_match(&c->cidr, a);
}

static bool criterion_holds(const struct criterion *c, const struct acl_who *who)
{
	if (c->kind == ACL_ADDRESS)
		return address_holds(c, &who->address);
	if (c->kind == ACL_CLIENT_ID)
		return name_holds(c, who, who->client_id);
	return who->has_user && name_holds(c, who, who->user);
}

static bool connect_applies(const struct rule *rule, const struct acl_who *who)
{
	for (size_t i = 0; i < rule->n; i++) {
		if (!criterion_holds(&rule->criteria[i], who))
			return false;
	}
	return true;
}

struct acl_verdict acl_connect(const struct acl_ruleset *r, const struct acl_who *who)
{
	for (unsigned i = r->first[ACL_CONNECT]; i != ACL_NO_RULE; i = r->rules[i].next) {
		if (connect_applies(&r->rules[i], who))
			return verdict_of(r, i);
	}
	return default_verdict(r, ACL_CONNECT);
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
	for (unsigned i = r->first[ACL_CONNECT]; i != ACL_NO_RULE; i = r->rules[i].next) {
		enum chance chance = rule_chance(&r->rules[i], address);

		if (chance == CANNOT)
			continue;
		if (r->rules[i].allow)
			return false;
		if (chance == MUST) {
			*v = verdict_of(r, i);
			return true;
		}
	}
	return false;
}

/* Whether a name is no text of one level. */
static bool name_bad(struct slice name)
{
	return name.n == 0 || memchr(name.p, '/', name.n) != NULL || mqtt_topic_wild(name);
}

static bool name_special(struct slice name)
{
	return name.n != 0 && name.p[0] == '$';
}

bool acl_name_unfit(const struct acl_ruleset *r, enum acl_kind name, struct slice value,
                    struct acl_verdict *v)
{
	unsigned bit = NAME_BIT(name), uses = name_bad(value) ? bit : 0,
	         leads = name_special(value) ? bit : 0;

	for (unsigned i = 0; i < r->n && (r->uses & bit) != 0; i++) {
		if ((r->rules[i].uses & uses) == 0 && (r->rules[i].leads & leads) == 0)
			continue;
		*v = verdict_of(r, i);
		v->allow = false;
		return true;
	}
	return false;
}

/* One question about a topic or filter; bad and special are sets of names. */
struct question {
	struct slice names[ACL_USER + 1], filter;
	bool topic; /* what is asked about is no filter: cover and overlap are the same, a match */
	unsigned bad, special;
};

static void put_name(struct question *q, enum acl_kind kind, struct slice name)
{
	q->names[kind] = name;
	q->bad |= name_bad(name) ? NAME_BIT(kind) : 0;
	q->special |= name_special(name) ? NAME_BIT(kind) : 0;
}

static bool topic_applies(const struct rule *rule, const struct question *q)
{
	struct slice with_names[PIECES_MAX];
	const struct slice *pieces = rule->pieces;

	if (rule->catch_all)
		return true;
	if ((rule->uses & q->bad) != 0 || (rule->leads & q->special) != 0)
		return !rule->allow;
	if (rule->uses != 0) {
		for (size_t i = 0; i < rule->n_pieces; i++)
			with_names[i] = rule->names[i] == 0 ? pieces[i] : q->names[rule->names[i]];
		pieces = with_names;
	}
	return rule->allow || q->topic ? mqtt_pieces_cover(pieces, rule->n_pieces, q->filter)
	                               : mqtt_pieces_overlap(pieces, rule->n_pieces, q->filter);
}

static struct acl_verdict judge(const struct acl_ruleset *r, enum acl_verb verb,
                                const struct acl_who *who, struct slice filter, bool topic)
{
	struct question q = {.filter = filter, .topic = topic};

	if ((r->uses & NAME_BIT(ACL_CLIENT_ID)) != 0)
		put_name(&q, ACL_CLIENT_ID, who->client_id);
	if ((r->uses & NAME_BIT(ACL_USER)) != 0)
		put_name(&q, ACL_USER, who->has_user ? who->user : slice_of(NULL, 0));
	for (unsigned i = r->first[verb]; i != ACL_NO_RULE; i = r->rules[i].next) {
		if (topic_applies(&r->rules[i], &q))
			return verdict_of(r, i);
	}
	return default_verdict(r, verb);
}

struct acl_verdict acl_publish(const struct acl_ruleset *r, const struct acl_who *who,
                               struct slice topic)
{
	return judge(r, ACL_PUBLISH, who, topic, true);
}

struct acl_verdict acl_subscribe(const struct acl_ruleset *r, const struct acl_who *who,
                                 struct slice filter)
{
	/* Where shared subscriptions are not known, "$share/x" is a filter, but none that a rule
	 * with a filter could mean; it has nothing behind a group, which is what no rule matches.
	 */
	return judge(r, ACL_SUBSCRIBE, who, mqtt_filter_inner(filter), false);
}

struct acl_verdict acl_deliver(const struct acl_ruleset *r, const struct acl_who *who,
                               struct slice topic)
{
	return judge(r, ACL_SUBSCRIBE, who, topic, true);
}
