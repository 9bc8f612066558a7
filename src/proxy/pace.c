/* SPDX-License-Identifier: ISC */
/* A client that publishes more than its limit is not refused: it is read more slowly, and so are
 * the messages behind, in order, as if the line were slow. Every PUBLISH that it sends counts, also
 * one that the lists deny, and each once, however often it is looked at before it is whole. */
#include "proxy/stage.h"

#define NS_PER_MS INT64_C(1000000)

static int64_t wait_ns(const struct session *s, const struct session_env *env)
{
	return rate_wait(&env->policy->filter.publish, s->spent, env->now.mono_ms * NS_PER_MS);
}

static void note(const struct session_env *env, struct session_step *step)
{
	session_noted(step, NOTE_DELAYED)->dry = env->policy->filter.dry_run;
}

bool pace_holds(struct session *s, const struct session_env *env, struct session_step *step)
{
	const struct rate *r = &env->policy->filter.publish;
	int64_t wait;

	if (r->burst == 0)
		return false;
	/* The limit may be another one than it was. */
	s->spent = rate_within(r, s->spent, env->now.mono_ms * NS_PER_MS);
	wait = wait_ns(s, env);
	if (wait == 0 || env->policy->filter.dry_run)
		return false;
	s->held_back_ms = env->now.mono_ms + (wait + NS_PER_MS - 1) / NS_PER_MS;
	note(env, step);
	return true;
}

void pace_count(struct session *s, const struct session_env *env, struct session_step *step)
{
	const struct rate *r = &env->policy->filter.publish;

	if (r->burst == 0)
		return;
	if (wait_ns(s, env) == 0)
		s->spent = rate_spend(r, s->spent, env->now.mono_ms * NS_PER_MS);
	else /* only on trial */
		note(env, step);
}
