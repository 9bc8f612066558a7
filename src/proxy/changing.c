/* SPDX-License-Identifier: ISC */
/* The segments behind the first. What is sealed may go as it comes; what is opened goes only behind
 * its tag, and where one fails the session ends in mid-frame, so that the half message is never
 * delivered, and the message is remembered. All that a message in passage needs is its own: a new
 * configuration does not touch it. */
#include "proxy/changing.h"

#include <stdlib.h>

void changing_fini(struct changing *c)
{
	seal_stream_end(&c->in);
	seal_stream_end(&c->out);
	buf_free(&c->carry);
}

void changing_end(struct flow *flow)
{
	if (!flow->changes)
		return;
	changing_fini(flow->changing);
	free(flow->changing);
	flow->changing = NULL;
	flow->changes = false;
}

size_t changing_sealed_size(size_t text, bool all)
{
	size_t n = text / SEAL_SEGMENT + (all && text % SEAL_SEGMENT != 0);

	return (all ? text : n * SEAL_SEGMENT) + n * SEAL_TAG;
}

enum seal_error changing_seal(struct changing *c, struct slice *text, struct writer *to,
                              size_t reserve)
{
	for (size_t n; (n = seal_stream_next(&c->out)) != 0 && n <= text->n;) {
		if (writer_room(to) < n + SEAL_TAG + (n == c->out.left ? reserve : 0))
			break;
		enum seal_error error =
		    seal_stream_seal(&c->out, text->p, writer_space(to, n + SEAL_TAG));
		if (error != SEAL_OK) {
			to->len -= n + SEAL_TAG;
			return error;
		}
		*text = slice_from(*text, n);
	}
	return SEAL_OK;
}

/* The same for what is opened. */
static enum seal_error open_text(struct changing *c, struct slice *bytes, struct writer *to,
                                 size_t reserve)
{
	for (size_t n; (n = seal_stream_next(&c->in)) != 0 && n + SEAL_TAG <= bytes->n;) {
		if (writer_room(to) < n + (n == c->in.left ? reserve : 0))
			break;
		enum seal_error error = seal_stream_open(&c->in, bytes->p, writer_space(to, n));
		if (error != SEAL_OK) {
			to->len -= n;
			return error;
		}
		*bytes = slice_from(*bytes, n + SEAL_TAG);
	}
	return SEAL_OK;
}

enum seal_error changing_reseal(struct changing *c, struct slice text, struct writer *to)
{
	enum seal_error error = changing_seal(c, &text, to, 0);

	buf_free(&c->carry);
	c->carry.cap = SEAL_SEGMENT;
	if (error == SEAL_OK && buf_append(&c->carry, text) != 0)
		return SEAL_E_INTERNAL;
	return error;
}

/* Opens into the scratch, behind what was carried on, and seals from there. */
static enum seal_error reseal_text(struct changing *c, uint8_t *scratch, struct slice *bytes,
                                   struct writer *to, size_t reserve)
{
	for (size_t n; (n = seal_stream_next(&c->in)) != 0 && n + SEAL_TAG <= bytes->n;) {
		size_t carried = c->carry.len;
		bool last = n == c->in.left;
		if (writer_room(to) <
		    changing_sealed_size(carried + n, last) + (last ? reserve : 0))
			break;
		enum seal_error error = seal_stream_open(&c->in, bytes->p, scratch + carried);
		if (error != SEAL_OK)
			return error;
		if (carried != 0)
			memcpy(scratch, buf_view(&c->carry).p, carried);
		error = changing_reseal(c, slice_of(scratch, carried + n), to);
		if (error != SEAL_OK)
			return error;
		*bytes = slice_from(*bytes, n + SEAL_TAG);
	}
	return SEAL_OK;
}

/* Goes on as far as bytes and room reach. Returns what it used, all of it good. */
static size_t change(struct changing *c, const struct session_env *env, struct slice bytes,
                     struct writer *to, size_t reserve, enum seal_error *error)
{
	size_t before = bytes.n;

	if (c->in.aead == NULL)
		*error = changing_seal(c, &bytes, to, reserve);
	else if (c->out.aead == NULL)
		*error = open_text(c, &bytes, to, reserve);
	else
		*error = reseal_text(c, env->kit->scratch, &bytes, to, reserve);
	return before - bytes.n;
}

/* Bytes that must be there for the next segment. */
static size_t next_size(const struct changing *c)
{
	return c->in.aead == NULL ? seal_stream_next(&c->out) : seal_stream_next(&c->in) + SEAL_TAG;
}

/* Part of it is with its receiver, who must never take it for whole. */
static void fail(struct session *s, const struct session_env *env, enum side from,
                 const struct changing *c, enum seal_error error, struct session_step *step)
{
	bool opening = c->in.aead != NULL;
	uint8_t tell = error == SEAL_E_AUTH ? MQTT_PAYLOAD_FORMAT_INVALID : MQTT_UNSPECIFIED_ERROR;
	struct payload_in in = {.rule = policy_rule(env->policy, c->topic),
	                        .from = from,
	                        .topic = c->topic,
	                        .payload = slice_of(c->header, opening ? SEAL_HEADER : 0)};

	if (error == SEAL_E_AUTH)
		spoiled_add(env->kit->spoiled, c->header + 1);
	session_note_payload(env, step, error, &in);
	session_fail(s, from, from == SIDE_CLIENT ? tell : 0,
	             opening ? "a later part of a payload could not be opened"
	                     : "a later part of a payload could not be sealed",
	             step);
}

void changing_done(const struct session_env *env, enum side from, const struct changing *c,
                   const struct payload_rule *rule, struct session_step *step)
{
	struct payload_in in = {.rule = rule, .from = from};

	if (c->out.aead != NULL)
		meter_sealed(env, &in, step);
	meter_passed(env, &in, c->form, step);
}

/* Goes on with it; the view begins behind what was used. Its last byte goes only where there is
 * room for what waits to be said behind it. */
static enum progress go_on(struct session *s, const struct session_env *env, enum side from,
                           struct changing *c, struct slice view, struct session_step *step)
{
	struct flow *flow = &s->flow[from];
	enum side other = side_other(from);
	size_t there = view.n < flow->left ? view.n : flow->left;
	enum seal_error error;
	size_t used =
	    change(c, env, slice_of(view.p, there), step->out[other], s->own[other].len, &error);

	step->consumed += used;
	flow->left -= (uint32_t)used;
	if (error != SEAL_OK) {
		fail(s, env, from, c, error, step);
		return STAGE_WAIT;
	}
	if (used == 0 && there < next_size(c))
		step->want = next_size(c);
	return used == 0 ? STAGE_WAIT : STAGE_ON;
}

enum progress stage_changing(struct session *s, const struct session_env *env, enum side from,
                             struct slice view, struct session_step *step)
{
	struct flow *flow = &s->flow[from];
	struct changing *c = flow->changing;
	enum progress progress = go_on(s, env, from, c, view, step);

	if (flow->left != 0)
		return progress;
	changing_done(env, from, c, policy_rule(env->policy, c->topic), step);
	changing_end(flow);
	return progress;
}

/* With its topic, which is in the view now. */
static struct changing *keep(struct changing *c)
{
	struct changing *kept = malloc(sizeof *kept + c->topic.n);

	if (kept == NULL)
		return NULL;
	*kept = *c;
	kept->topic = slice_of(kept->text, c->topic.n);
	if (c->topic.n != 0)
		memcpy(kept->text, c->topic.p, c->topic.n);
	*c = (struct changing){0};
	return kept;
}

enum progress changing_begun(const struct message *m, struct changing *c, size_t used)
{
	struct flow *flow = &m->s->flow[m->in.from];
	struct slice rest = slice_of(m->in.payload.p + used, m->there - used);

	message_begun(m, used);
	if (flow->left != 0 && rest.n != 0)
		(void)go_on(m->s, m->env, m->in.from, c, rest, m->step);
	m->step->want = 0;
	if (m->s->state == SESSION_DEAD)
		return STAGE_WAIT;
	if (flow->left == 0) {
		changing_done(m->env, m->in.from, c, m->in.rule, m->step);
		return STAGE_ON;
	}
	flow->changing = keep(c);
	flow->changes = flow->changing != NULL;
	return flow->changes ? STAGE_ON : message_fault(m, "out of memory");
}
