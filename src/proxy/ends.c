/* SPDX-License-Identifier: ISC */
/* How a session ends: because of what came, when a side is gone, when a time is over, when its
 * caller wants it. A refusal of the CONNECT goes through session_decide() alone, so there is one
 * verdict a session, in its time, and no guess is lost; after that all go through session_finish().
 */
#include "mqtt/reply.h"
#include "proxy/stage.h"

void session_finish(struct session *s, struct session_step *step)
{
	if (s->state == SESSION_DEAD)
		return;
	step->close[SIDE_CLIENT] = true;
	step->close[SIDE_BROKER] = s->state != SESSION_REFUSING; /* which has closed it already */
	session_enter(s, SESSION_DEAD);
}

/* Says the refusal, in the client's version, and closes. */
static void answer_refusal(struct session *s, struct session_step *step)
{
	const struct verdict_info *info = verdict_info(s->refusal);
	struct writer *w = step->out[SIDE_CLIENT];
	uint8_t code5 = s->refusal == VERDICT_MALFORMED ? s->refusal_code : (uint8_t)info->code5;
	bool says = s->version == MQTT_5 ? code5 != MQTT_SUCCESS : info->code3 >= 0;

	if (w != NULL && says && !s->silent)
		mqtt_reply_refusal(w, s->version,
		                   info->code3 < 0 ? MQTT3_ACCEPTED
		                                   : (enum mqtt_connack3_code)info->code3,
		                   (enum mqtt_reason_code)code5);
	session_finish(s, step);
}

void session_give_back(struct session *s, int64_t id, bool taken, struct session_step *step)
{
	if (!taken)
		return;
	s->settle = (struct session_settle){.id = id, .give_back = true, .pending = -1};
	step->ask |= ASK_SETTLE;
}

void session_decide(struct session *s, const struct session_env *env, const struct refusal *r,
                    struct session_step *step)
{
	static const uint8_t part[] = {MQTT_DISCONNECT << 4, 0};
	struct session_note *n = session_noted(step, NOTE_VERDICT);

	n->verdict = r->verdict;
	n->code = r->code;
	n->why = r->why;
	if (r->rule != NULL)
		n->rule = *r->rule;
	/* A guess taken for a right code that is not consumed after all. */
	if (s->state == SESSION_DIALING)
		session_give_back(s, s->consume.id, s->consume.guess_taken, step);
	/* Without a word the broker would publish the Will of a client that lists refuse. */
	if (s->state == SESSION_AWAIT_CONNACK && verdict_info(r->verdict)->how == VERDICT_LISTED)
		(void)own_say(s, SIDE_BROKER, slice_of(part, sizeof part), step);
	s->refusal = r->verdict;
	s->silent = env->policy->filter.silent && verdict_info(r->verdict)->how == VERDICT_LISTED;
	s->refusal_code = r->code;
	s->deadline = s->connect_ms + SESSION_REFUSAL_MS;
	if (verdict_info(r->verdict)->how != VERDICT_HELD || env->now.mono_ms >= s->deadline) {
		answer_refusal(s, step);
		return;
	}
	step->close[SIDE_BROKER] = true;
	session_enter(s, SESSION_REFUSING);
}

void session_deny(struct session *s, const struct session_env *env, enum verdict v, const char *why,
                  struct session_step *step)
{
	session_decide(s, env, &(struct refusal){.verdict = v, .why = why}, step);
}

void session_fail(struct session *s, enum side from, uint8_t tell, const char *why,
                  struct session_step *step)
{
	struct session_note *n = session_noted(step, NOTE_CLOSED);
	uint8_t packet[MQTT_REPLY_MAX];
	struct writer w = {.p = packet, .cap = sizeof packet};

	if (tell != 0 && !own_ended(s, SIDE_CLIENT))
		mqtt_reply_disconnect(&w, s->version, (enum mqtt_reason_code)tell);
	n->why = why;
	n->from = from;
	n->code = w.len == 0 ? 0 : tell;
	if (w.len != 0)
		(void)own_say(s, SIDE_CLIENT, slice_of(packet, w.len), step);
	session_finish(s, step);
}

static void gone(struct session *s, const struct session_env *env, const char *why,
                 struct session_step *step)
{
	/* Only a verdict that was not spoken yet is noted. */
	if (s->state == SESSION_REFUSING)
		session_finish(s, step);
	else
		session_deny(s, env, VERDICT_GONE, why, step);
}

/* The broker ended before it answered the CONNECT. */
static void broker_left(struct session *s, const struct session_env *env, struct session_step *step)
{
	static const char why[] = "the broker closed the connection before CONNACK";

	if (s->state != SESSION_AWAIT_CONNACK) {
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE, why, step);
	} else if (s->login != LOGIN_OPEN) {
		/* Some brokers refuse credentials this way; a right code must not be confirmed. */
		session_deny(s, env, VERDICT_BROKER_REFUSED, why, step);
	} else {
		struct session_note *n = session_noted(step, NOTE_VERDICT);
		n->verdict = VERDICT_BROKER_REFUSED;
		n->why = why;
		session_finish(s, step);
	}
}

static bool before_relay(const struct session *s)
{
	return s->state < SESSION_RELAYING || s->state == SESSION_REFUSING;
}

void session_ended(struct session *s, const struct session_env *env, enum side from,
                   struct session_step *step)
{
	if (s->state == SESSION_DEAD || s->flow[from].ended)
		return;
	if (before_relay(s)) {
		if (from == SIDE_CLIENT)
			gone(s, env, "the client left", step);
		else if (s->state != SESSION_REFUSING)
			broker_left(s, env, step);
		return;
	}
	enum side other = side_other(from);
	if (!s->flow[other].ended && !s->stopping) {
		struct session_note *n = session_noted(step, NOTE_CLOSED);
		n->from = from;
		n->why = from == SIDE_BROKER    ? "the broker closed the connection"
		         : s->flow[from].parted ? "the client sent DISCONNECT"
		                                : "the client ended without DISCONNECT";
	}
	s->flow[from].ended = true;
	/* A stop that waits for the broker's next boundary would wait in vain. */
	if (s->flow[other].ended || (s->stopping && from == SIDE_BROKER)) {
		session_finish(s, step);
		return;
	}
	step->shut[other] = true;
	session_enter(s, SESSION_DRAINING);
	s->deadline = env->now.mono_ms + SESSION_HALF_CLOSE_MS;
}

void session_broke(struct session *s, const struct session_env *env, enum side from,
                   struct session_step *step)
{
	if (s->state == SESSION_DEAD)
		return;
	if (before_relay(s)) {
		if (from == SIDE_CLIENT)
			gone(s, env, "the client's connection broke", step);
		else if (s->state != SESSION_REFUSING)
			broker_left(s, env, step);
		return;
	}
	struct session_note *n = session_noted(step, NOTE_CLOSED);
	n->why =
	    from == SIDE_CLIENT ? "the client's connection broke" : "the broker's connection broke";
	n->from = from;
	session_finish(s, step);
}

void session_flushing(struct session *s, const struct session_env *env)
{
	if (s->state == SESSION_DRAINING)
		s->deadline = env->now.mono_ms + SESSION_HALF_CLOSE_MS;
}

/* The pace apart. */
static int64_t state_deadline(const struct session *s)
{
	return s->deadline != 0 ? s->deadline : alive_deadline(s);
}

int64_t session_deadline(const struct session *s)
{
	int64_t at = state_deadline(s), go_on = s->held_back_ms;

	return at == 0 || (go_on != 0 && go_on < at) ? go_on : at;
}

void session_timer(struct session *s, const struct session_env *env, struct session_step *step)
{
	int64_t at = state_deadline(s);

	if (env->now.mono_ms >= s->held_back_ms)
		s->held_back_ms = 0;
	if (at == 0 || env->now.mono_ms < at)
		return;
	if (s->deadline == 0) {
		alive_timer(s, env, step);
		return;
	}
	s->deadline = 0;
	switch (s->state) {
	case SESSION_JUDGING:
	case SESSION_CONSUMING:
		session_deny(s, env, VERDICT_STORE_FAILED, "the state did not answer in time",
		             step);
		break;
	case SESSION_DRAWING:
		session_deny(s, env, VERDICT_STORE_FAILED, "no code could be drawn in time", step);
		break;
	case SESSION_DIALING:
	case SESSION_FORWARDING:
	case SESSION_AWAIT_CONNACK:
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE,
		             "the broker did not answer in time", step);
		break;
	case SESSION_REFUSING:
		answer_refusal(s, step);
		break;
	case SESSION_RELAYING: /* a stop that found no boundary in time */
	case SESSION_DRAINING:
		session_finish(s, step);
		break;
	case SESSION_GREET:
	case SESSION_DEAD:
		break;
	}
}

void session_refuse(struct session *s, const struct session_env *env,
                    const struct session_word *word, struct session_step *step)
{
	const struct refusal r = {.verdict = word->verdict, .why = word->why, .rule = &word->rule};

	if (s->state < SESSION_RELAYING)
		session_decide(s, env, &r, step);
}

void session_admitted(struct session *s, const struct session_env *env,
                      const struct session_word *word, struct session_step *step)
{
	s->unadmitted = false;
	if (word->verdict != VERDICT_ACCEPTED)
		session_refuse(s, env, word, step);
}

/* What a stop is to a login under way, of which no verdict was spoken: a ban or a rule that came
 * meanwhile refuses it like one that was there before. */
static enum verdict stop_verdict(const struct session *s, enum mqtt_reason_code code)
{
	if (s->identity == NULL || s->state == SESSION_REFUSING)
		return VERDICT_GONE;
	return code == MQTT_BANNED           ? VERDICT_BANNED
	       : code == MQTT_NOT_AUTHORIZED ? VERDICT_FILTERED
	                                     : VERDICT_GONE;
}

void session_stop(struct session *s, const struct session_env *env, enum mqtt_reason_code code,
                  const char *why, struct session_step *step)
{
	if (s->state == SESSION_DEAD || s->stopping)
		return;
	if (before_relay(s)) {
		enum verdict v = stop_verdict(s, code);
		if (v == VERDICT_GONE)
			gone(s, env, why, step);
		else
			session_deny(s, env, v, why, step);
		return;
	}
	struct session_note *n = session_noted(step, NOTE_CLOSED);
	uint8_t packet[MQTT_REPLY_MAX];
	struct writer w = {.p = packet, .cap = sizeof packet};
	if (!own_ended(s, SIDE_CLIENT))
		mqtt_reply_disconnect(&w, s->version, code);
	n->why = why;
	n->code = w.len == 0 ? 0 : (uint8_t)code;
	s->stopping = true;
	s->deadline = env->now.mono_ms + SESSION_HALF_CLOSE_MS;
	/* Where too much waits already, the close itself must do. */
	(void)own_say(s, SIDE_CLIENT, slice_of(packet, w.len), step);
	if (s->flow[SIDE_BROKER].ended || own_idle(s, SIDE_CLIENT))
		session_finish(s, step);
}
