/* SPDX-License-Identifier: ISC */
/* PUBLISH: the rule of its topic decides. Without one it streams through; under one it is taken
 * whole, opened or sealed straight into the output, and its head written for the new length.
 * Nothing of a message that failed is ever left in an output. */
#include "mqtt/publish.h"

#include "base/hot.h"
#include "mqtt/reply.h"
#include "proxy/stage.h"

/* One PUBLISH under a rule. */
struct message {
	const struct session_env *env;
	struct session *s;
	struct mqtt_publish p;
	struct payload_in in; /* its topic is the one that is meant; p.topic the one that goes on */
	struct mqtt_alias *alias; /* NULL: it has none */
	bool named; /* its receiver does not know the alias: the topic is written in */
	struct writer *to;
	struct session_step *step;
};

static const char too_long[] = "a payload is longer than max-message";

static enum progress fail_message(const struct message *m, enum seal_error error, uint8_t code,
                                  const char *why)
{
	bool own_fault = error == SEAL_E_INTERNAL;

	session_note_payload(m->env, m->step, error, &m->in);
	/* A client hears of no broker's fault. */
	session_fail(m->s, m->in.from, m->in.from == SIDE_CLIENT || own_fault ? code : 0, why,
	             m->step);
	return STAGE_WAIT;
}

/* What a client is told of a message that is dropped; a broker hears that it was delivered. */
static struct drop drop_of(const struct message *m, enum mqtt_reason_code code)
{
	return (struct drop){.qos = m->p.qos,
	                     .dup = m->p.dup,
	                     .packet_id = m->p.packet_id,
	                     .code = m->in.from == SIDE_CLIENT ? code : MQTT_SUCCESS};
}

/* The payload may not pass: the message is dropped and its handshake completed, or, as the rule
 * says, the session ends. A fault of the proxy's own always ends it: no message is acknowledged
 * away for that. */
static enum progress refuse_message(const struct message *m, enum seal_error error, const char *why)
{
	struct drop d = drop_of(m, MQTT_PAYLOAD_FORMAT_INVALID);

	if (error == SEAL_E_INTERNAL)
		return fail_message(m, error, MQTT_UNSPECIFIED_ERROR, why);
	if (m->in.rule->disconnects)
		return fail_message(m, error, MQTT_PAYLOAD_FORMAT_INVALID, why);
	if (flight_drop(m->s, m->in.from, &d, m->step) != 0)
		return fail_message(m, SEAL_E_INTERNAL, MQTT_UNSPECIFIED_ERROR, "out of memory");
	session_note_payload(m->env, m->step, error, &m->in);
	return STAGE_ON;
}

/* The rest of it is thrown away as it comes, and then it is answered. */
static enum progress skip_message(const struct message *m, size_t total, enum mqtt_reason_code code)
{
	struct flow *flow = &m->s->flow[m->in.from];

	flow->left = (uint32_t)total;
	flow->skips = true;
	flow->drop = drop_of(m, code);
	return STAGE_ON;
}

/* Too long to be taken, or for the side that it goes to. A client learns it; what a broker sent is
 * discarded as if it were delivered [MQTT-3.1.2-25], as it comes. */
static enum progress refuse_length(const struct message *m, size_t total, const char *why)
{
	if (m->in.from == SIDE_CLIENT || (m->in.rule != NULL && m->in.rule->disconnects))
		return fail_message(m, SEAL_E_TOO_LARGE, MQTT_PACKET_TOO_LARGE, why);
	session_note_payload(m->env, m->step, SEAL_E_TOO_LARGE, &m->in);
	return skip_message(m, total, MQTT_PAYLOAD_FORMAT_INVALID);
}

/* The lists deny it. */
static enum progress deny_message(const struct message *m, size_t total,
                                  const struct acl_verdict *v)
{
	enum side from = m->in.from;

	access_deny(m->env, from, from == SIDE_CLIENT ? ACL_PUBLISH : ACL_SUBSCRIBE, m->in.topic, v,
	            m->step);
	if (!m->env->policy->filter.disconnects)
		return skip_message(m, total, MQTT_NOT_AUTHORIZED);
	session_fail(m->s, from, MQTT_NOT_AUTHORIZED, "the filter denies a message", m->step);
	return STAGE_WAIT;
}

/* Writes the head for a payload of `size` bytes, of which `now` are to be written at *at, at once.
 * Else *at is NULL: STAGE_WAIT where the output lacks room now, or, where the packet is more than
 * its receiver takes, as it was refused. */
static enum progress put_head(const struct message *m, const struct mqtt_props_edit *edit,
                              size_t size, size_t now, uint8_t **at)
{
	size_t head = mqtt_publish_size(&m->p, m->s->version, edit, size);

	*at = NULL;
	if (head == 0 || limits_passed(m->s, side_other(m->in.from), head + size))
		return refuse_length(m, m->p.head + m->p.payload,
		                     "a packet is longer than its receiver takes");
	if (head + now > writer_room(m->to))
		return STAGE_WAIT;
	mqtt_publish_put(m->to, &m->p, m->s->version, edit, size);
	*at = writer_space(m->to, now);
	return STAGE_ON;
}

/* It goes on. Its receiver then knows its alias: by its topic, or it knew it before. */
static enum progress goes_on(const struct message *m)
{
	if (m->alias != NULL)
		m->alias->told = true;
	return STAGE_ON;
}

/* The message is in the output. */
static enum progress sent(const struct message *m, enum payload_form form)
{
	meter_passed(m->env, &m->in, form, m->step);
	return goes_on(m);
}

static enum progress send_clear(const struct message *m, const struct payload_clear *clear)
{
	struct mqtt_props_edit edit = payload_edit(m->env, &m->in, clear, false);
	uint8_t *at;
	enum progress progress = put_head(m, &edit, clear->payload.n, clear->payload.n, &at);

	if (at == NULL)
		return progress;
	if (clear->payload.n != 0)
		memcpy(at, clear->payload.p, clear->payload.n);
	return sent(m, clear->form);
}

static enum progress send_sealed(const struct message *m, struct payload_clear *clear)
{
	bool fits = payload_take_props(m->env, &m->in, clear);
	struct seal_message message = payload_message(&m->in, clear);
	struct mqtt_props_edit edit = payload_edit(m->env, &m->in, clear, true);
	size_t before = m->to->len, inner = 0;

	if (fits)
		inner = seal_inner_size(&message, &fits);
	if (!fits)
		return refuse_length(m, m->p.head + m->p.payload, "sealed properties are too long");
	uint8_t *at;
	size_t size = envelope_size(inner);
	enum progress progress = put_head(m, &edit, size, size, &at);
	if (at == NULL)
		return progress;
	enum seal_error error =
	    seal_message(payload_sealer(m->env, &m->in), &message, m->env->now, at);
	if (error == SEAL_OK) {
		meter_sealed(m->env, &m->in, m->step);
		return sent(m, clear->form);
	}
	m->to->len = before;
	return refuse_message(m, error, "a payload could not be sealed");
}

/* Opens straight into the output: for an envelope with neither properties nor padding inside, whose
 * plaintext length the header tells. */
static enum progress open_in_place(const struct message *m, const struct envelope *e)
{
	struct payload_clear clear = {.form = PAYLOAD_SEALED, .utf8 = (e->flags & SEAL_UTF8) != 0};
	struct mqtt_props_edit edit = payload_edit(m->env, &m->in, &clear, false);
	struct seal_demand demand = payload_demand(&m->in);
	HOT_LOCAL struct seal_opened opened;
	size_t before = m->to->len;
	uint8_t *at;
	enum progress progress = put_head(m, &edit, e->inner, e->inner, &at);

	if (at == NULL)
		return progress;
	enum seal_error error = seal_open(m->env->kit->opener, &demand, m->in.topic, m->in.payload,
	                                  m->env->now, at, &opened);
	if (error == SEAL_OK)
		return sent(m, clear.form);
	m->to->len = before;
	return refuse_message(m, error, "a payload could not be opened");
}

/* A whole PUBLISH under a rule that changes it. */
static enum progress change_message(const struct message *m)
{
	HOT_LOCAL struct payload_clear clear;
	HOT_LOCAL struct seal_opened opened;
	struct envelope e;

	if (payload_form(m->env, &m->in) == PAYLOAD_SEALED &&
	    !m->in.rule->leg[side_other(m->in.from)].encrypted &&
	    envelope_looks_sealed(m->in.payload) && envelope_get(m->in.payload, &e) == SEAL_OK &&
	    (e.flags & (SEAL_PROPS | SEAL_PADDED)) == 0)
		return e.inner > m->env->policy->max_message
		           ? refuse_length(m, m->p.head + m->p.payload, too_long)
		           : open_in_place(m, &e);
	enum seal_error error = payload_open(m->env, &m->in, &clear, &opened);
	if (error != SEAL_OK)
		return refuse_message(m, error, "a payload could not be opened");
	if (clear.payload.n > m->env->policy->max_message)
		return refuse_length(m, m->p.head + m->p.payload, too_long);
	return payload_gets_sealed(&m->in, &clear) ? send_sealed(m, &clear) : send_clear(m, &clear);
}

/* A PUBLISH that is under a rule: takes it whole. */
static enum progress take_message(const struct message *m, const struct mqtt_frame *f, size_t there)
{
	const struct policy *policy = m->env->policy;
	size_t limit = m->in.rule->leg[m->in.from].encrypted
	                   ? envelope_size(policy->max_message + SEAL_PREFIX_MAX)
	                   : policy->max_message;
	size_t total = f->head + (size_t)f->remaining;

	/* What is refused whole is answered at once; what is skipped, behind it. */
	if (m->p.qos != 0 && !own_room(m->s, m->in.from, m->step))
		return STAGE_WAIT;
	if (m->p.payload > limit)
		return refuse_length(m, total, too_long);
	if (there < total) {
		m->step->want = total;
		return STAGE_WAIT;
	}
	enum progress progress = change_message(m);
	/* One that is discarded is consumed like one in passage. */
	if (progress == STAGE_ON && !m->s->flow[m->in.from].skips)
		m->step->consumed += total;
	return progress;
}

/* One that is not changed, but whose receiver must be told the topic: a new head, and the payload
 * behind it as it comes. */
static enum progress name_message(const struct message *m)
{
	uint8_t *at;
	enum progress progress = put_head(m, NULL, m->p.payload, 0, &at);

	if (at == NULL)
		return progress;
	m->step->consumed += m->p.head;
	m->s->flow[m->in.from].left = (uint32_t)m->p.payload;
	return goes_on(m);
}

/* One that may pass, changed or not. */
static enum progress pass_message(const struct message *m, const struct mqtt_frame *f, size_t there)
{
	size_t total = f->head + (size_t)f->remaining;

	if (m->in.rule != NULL && policy_rule_changes(m->in.rule))
		return take_message(m, f, there);
	if (m->named)
		return name_message(m);
	if (limits_raised(m->s, m->env, side_other(m->in.from), total))
		return refuse_length(m, total, "a packet is longer than its receiver takes");
	m->s->flow[m->in.from].left = (uint32_t)total;
	return goes_on(m);
}

/* Looks the alias up, or takes it down, whatever then becomes of the message: its sender counts on
 * it. 0, or the reason code of what is wrong. */
static enum mqtt_reason_code resolve_alias(struct message *m)
{
	struct mqtt_aliases *aliases = &m->s->aliases[m->in.from];

	if (!mqtt_alias_valid(aliases, m->p.alias)) /* 3.3.4 */
		return MQTT_TOPIC_ALIAS_INVALID;
	if (m->p.topic.n != 0) {
		m->alias = mqtt_alias_set(aliases, m->p.alias, m->p.topic);
		return m->alias == NULL ? MQTT_UNSPECIFIED_ERROR : MQTT_SUCCESS;
	}
	m->alias = mqtt_alias_find(aliases, m->p.alias);
	if (m->alias == NULL) /* 3.3.4 */
		return MQTT_PROTOCOL_ERROR;
	m->in.topic = mqtt_alias_topic(m->alias);
	m->named = !m->alias->told;
	if (m->named)
		m->p.topic = m->in.topic;
	return MQTT_SUCCESS;
}

enum progress stage_publish(struct session *s, const struct session_env *env, enum side from,
                            const struct mqtt_frame *f, struct slice view,
                            struct session_step *step)
{
	HOT_LOCAL struct message m;
	m.env = env;
	m.s = s;
	m.to = step->out[side_other(from)];
	m.step = step;
	m.alias = NULL;
	m.named = false;
	enum mqtt_result r = mqtt_publish_get(view, f, s->version, from == SIDE_CLIENT,
	                                      publish_head_max(env->policy), &m.p);

	if (r == MQTT_MORE) {
		step->want = view.n + 1;
		return STAGE_WAIT;
	}
	uint8_t code = r == MQTT_OK ? 0 : (uint8_t)mqtt_reason(r);
	size_t total = f->head + (size_t)f->remaining;
	/* While the packet is not whole the payload's length alone matters. */
	m.in = (struct payload_in){.from = from,
	                           .retain = m.p.retain,
	                           .utf8 = m.p.utf8,
	                           .v5 = s->version == MQTT_5,
	                           .topic = m.p.topic,
	                           .payload = slice_of(view.p + m.p.head, m.p.payload),
	                           .props = m.p.props};
	/* A note may hold the topic that an alias stood for. */
	if (code == 0 && m.p.has_alias && m.p.topic.n != 0 && step->n_notes != 0)
		return STAGE_WAIT;
	if (code == 0 && m.p.has_alias)
		code = (uint8_t)resolve_alias(&m);
	if (code != 0) {
		session_fail(s, from, from == SIDE_CLIENT ? code : 0,
		             code == MQTT_UNSPECIFIED_ERROR ? "out of memory"
		                                            : "a PUBLISH that is not allowed",
		             step);
		return STAGE_WAIT;
	}
	m.in.rule = policy_rule(env->policy, m.in.topic);
	/* What was refused stays refused, though it might pass by now: half its handshake is done.
	 */
	if (m.p.qos == 2 && m.p.dup && flight_owns(s, from, m.p.packet_id))
		return skip_message(&m, total, MQTT_PAYLOAD_FORMAT_INVALID);
	/* From here on the id is the other side's, unless the message is dropped. */
	if (m.p.qos == 2)
		flight_passed(s, from, m.p.packet_id);
	struct acl_verdict v;
	if (!access_publish(s, env, from, m.in.topic, &v))
		return deny_message(&m, total, &v);
	enum progress progress = pass_message(&m, f, view.n);
	if (progress == STAGE_ON)
		access_deny(env, from, from == SIDE_CLIENT ? ACL_PUBLISH : ACL_SUBSCRIBE,
		            m.in.topic, &v, step);
	return progress;
}
