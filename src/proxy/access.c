/* SPDX-License-Identifier: ISC */
/* The lists, asked for one session. What they deny is denied by whoever asks; a filter that is but
 * tried (dry-run) denies nothing, and says what it would have. */
#include "proxy/stage.h"

static struct acl_who access_who(const struct session *s)
{
	return (struct acl_who){.address = s->address,
	                        .client_id = s->client_id,
	                        .has_user = s->has_user,
	                        .user = s->user};
}

static bool passes(const struct session_env *env, const struct acl_verdict *v)
{
	return v->allow || env->policy->filter.dry_run;
}

bool session_allowed(const struct session *s, const struct session_env *env, struct acl_verdict *v)
{
	struct acl_who who = access_who(s);

	*v = (struct acl_verdict){.allow = true, .rule = ACL_NO_RULE};
	if (env->policy->filter.rules != NULL && s->identity != NULL)
		*v = acl_connect(env->policy->filter.rules, &who);
	return passes(env, v);
}

bool access_name(const struct session *s, const struct session_env *env, enum acl_kind name,
                 struct acl_verdict *v)
{
	struct slice value = name == ACL_USER ? s->user : s->client_id;

	*v = (struct acl_verdict){.allow = true, .rule = ACL_NO_RULE};
	if (!env->policy->filter.topics)
		return true;
	/* It sets v where it is true, and only then. */
	v->allow = !acl_name_unfit(env->policy->filter.rules, name, value, v);
	return passes(env, v);
}

bool access_publish(const struct session *s, const struct session_env *env, enum side from,
                    struct slice topic, struct acl_verdict *v)
{
	const struct policy_filter *filter = &env->policy->filter;
	struct acl_who who;

	*v = (struct acl_verdict){.allow = true, .rule = ACL_NO_RULE};
	if (!filter->topics)
		return true;
	who = access_who(s);
	*v = from == SIDE_CLIENT ? acl_publish(filter->rules, &who, topic)
	                         : acl_deliver(filter->rules, &who, topic);
	return passes(env, v);
}

bool access_subscribe(const struct session *s, const struct session_env *env, struct slice filter,
                      struct acl_verdict *v)
{
	struct acl_who who = access_who(s);

	*v = acl_subscribe(env->policy->filter.rules, &who, filter);
	return passes(env, v);
}

void access_deny(const struct session_env *env, enum side from, enum acl_verb verb,
                 struct slice topic, const struct acl_verdict *v, struct session_step *step)
{
	struct session_note *n;

	if (v->allow)
		return;
	n = session_noted(step, NOTE_DENIED);
	n->from = from;
	n->verb = verb;
	n->topic = topic;
	n->rule = *v;
	n->dry = env->policy->filter.dry_run;
}
