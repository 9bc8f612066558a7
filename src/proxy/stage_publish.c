/* SPDX-License-Identifier: ISC */
/* PUBLISH: the lists judge it, and the rule of its topic says whether its payload changes
 * (change.c). What does not change streams through. What may not pass is thrown away as it comes,
 * and then answered. */
#include "proxy/message.h"

#include "base/hot.h"
#include "mqtt/reply.h"

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

/* The rest of it is thrown away as it comes, and then it is answered. */
static enum progress skip_message(const struct message *m, enum mqtt_reason_code code)
{
	struct flow *flow = &m->s->flow[m->in.from];

	flow->left = (uint32_t)m->total;
	flow->skips = true;
	flow->drop = drop_of(m, code);
	return STAGE_ON;
}

enum progress message_refuse(const struct message *m, enum seal_error error, const char *why)
{
	if (error == SEAL_E_INTERNAL)
		return fail_message(m, error, MQTT_UNSPECIFIED_ERROR, why);
	if (m->in.rule->disconnects)
		return fail_message(m, error, MQTT_PAYLOAD_FORMAT_INVALID, why);
	session_note_payload(m->env, m->step, error, &m->in);
	return skip_message(m, MQTT_PAYLOAD_FORMAT_INVALID);
}

enum progress message_fault(const struct message *m, const char *why)
{
	return fail_message(m, SEAL_E_INTERNAL, MQTT_UNSPECIFIED_ERROR, why);
}

/* A client learns it; what a broker sent is discarded as if it were delivered [MQTT-3.1.2-25]. */
enum progress message_refuse_length(const struct message *m, const char *why)
{
	if (m->in.from == SIDE_CLIENT || (m->in.rule != NULL && m->in.rule->disconnects))
		return fail_message(m, SEAL_E_TOO_LARGE, MQTT_PACKET_TOO_LARGE, why);
	session_note_payload(m->env, m->step, SEAL_E_TOO_LARGE, &m->in);
	return skip_message(m, MQTT_PAYLOAD_FORMAT_INVALID);
}

/* The lists deny it. */
static enum progress deny_message(const struct message *m, const struct acl_verdict *v)
{
	enum side from = m->in.from;

	access_deny(m->env, from, from == SIDE_CLIENT ? ACL_PUBLISH : ACL_SUBSCRIBE, m->in.topic, v,
	            m->step);
	if (!m->env->policy->filter.disconnects)
		return skip_message(m, MQTT_NOT_AUTHORIZED);
	session_fail(m->s, from, MQTT_NOT_AUTHORIZED, "the filter denies a message", m->step);
	return STAGE_WAIT;
}

bool message_head(const struct message *m, const struct mqtt_props_edit *edit, size_t size,
                  size_t now, enum progress *came)
{
	size_t head = mqtt_publish_size(&m->p, m->s->version, edit, size);

	if (head == 0 || limits_passed(m->s, side_other(m->in.from), head + size)) {
		*came = message_refuse_length(m, "a packet is longer than its receiver takes");
		return false;
	}
	*came = STAGE_WAIT;
	if (head + now > writer_room(m->to))
		return false;
	mqtt_publish_put(m->to, &m->p, m->s->version, edit, size);
	return true;
}

/* It goes on. Its receiver then knows its alias: by its topic, or it knew it before. */
static void goes_on(const struct message *m)
{
	if (m->alias != NULL)
		m->alias->told = true;
}

void message_begun(const struct message *m, size_t used)
{
	m->step->consumed += m->p.head + used;
	m->s->flow[m->in.from].left = (uint32_t)(m->p.payload - used);
	goes_on(m);
}

/* One that may pass, changed or not. */
static enum progress pass_message(const struct message *m)
{
	enum progress came;

	if (m->in.rule != NULL && policy_rule_changes(m->in.rule))
		return message_change(m);
	if (m->named) {
		/* Its receiver must be told the topic: a new head. */
		if (!message_head(m, NULL, m->p.payload, 0, &came))
			return came;
		message_begun(m, 0);
		return STAGE_ON;
	}
	if (limits_raised(m->s, m->env, side_other(m->in.from), m->total))
		return message_refuse_length(m, "a packet is longer than its receiver takes");
	m->s->flow[m->in.from].left = (uint32_t)m->total;
	goes_on(m);
	return STAGE_ON;
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
	/* A broker would send it again for ever, so it is dropped like one that the client does not
	 * take; of the properties, an alias among them, nothing is known. */
	bool endless = r == MQTT_TOO_LARGE && from == SIDE_BROKER && m.p.topic.n != 0;
	uint8_t code = r == MQTT_OK || endless ? 0 : (uint8_t)mqtt_reason(r);
	m.total = f->head + (size_t)f->remaining;
	m.there = (view.n < m.total ? view.n : m.total) - m.p.head;
	/* Of the payload only as much as is there may be looked at. */
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
		             code == MQTT_UNSPECIFIED_ERROR  ? "out of memory"
		             : code == MQTT_PACKET_TOO_LARGE ? "the head of a PUBLISH is too long"
		                                             : "a PUBLISH that is not allowed",
		             step);
		return STAGE_WAIT;
	}
	m.in.rule = endless ? NULL : policy_rule(env->policy, m.in.topic);
	/* What was refused stays refused, though it might pass by now: half its handshake is done.
	 */
	if (m.p.qos == 2 && m.p.dup && flight_owns(s, from, m.p.packet_id))
		return skip_message(&m, MQTT_PAYLOAD_FORMAT_INVALID);
	/* From here on the id is the other side's, unless the message is dropped. */
	if (m.p.qos == 2)
		flight_passed(s, from, m.p.packet_id);
	if (endless)
		return message_refuse_length(&m, "the head of a PUBLISH is too long");
	struct acl_verdict v;
	if (!access_publish(s, env, from, m.in.topic, &v))
		return deny_message(&m, &v);
	enum progress progress = pass_message(&m);
	if (progress == STAGE_ON)
		access_deny(env, from, from == SIDE_CLIENT ? ACL_PUBLISH : ACL_SUBSCRIBE,
		            m.in.topic, &v, step);
	return progress;
}
