/* SPDX-License-Identifier: ISC */
/* SUBSCRIBE: denied filters are taken out, and their codes put back at their places in the SUBACK,
 * so the client gets one code a filter, as it must [MQTT-3.8.4-6]. Where nothing is left to ask the
 * broker for, the proxy answers itself. The codes to put back wait in a short list; a client that
 * has too many of them open waits too. */
#include "mqtt/control.h"
#include "mqtt/reply.h"
#include "mqtt/subscribe.h"
#include "proxy/stage.h"

#include <stdlib.h>

enum {
	SUBSCRIBING_MAX = 16,
	LENGTH_FIELD = 3,  /* bytes by which one may grow */
	THE_BROKERS = 0xff /* in codes: passed on; no reason code has this value */
};

struct subscribing {
	struct subscribing *next;
	uint16_t packet_id;
	size_t n, denied;
	uint8_t codes[]; /* n of them */
};

void subscribing_free(struct session *s)
{
	while (s->subscribing != NULL) {
		struct subscribing *next = s->subscribing->next;
		free(s->subscribing);
		s->subscribing = next;
	}
}

struct subscribing *subscribing_find(const struct session *s, struct slice body)
{
	struct reader r = reader_of(body);
	uint16_t packet_id = reader_u16(&r);
	struct subscribing *p = s->subscribing;

	while (p != NULL && p->packet_id != packet_id)
		p = p->next;
	return p;
}

static void done(struct session *s, struct subscribing *p)
{
	struct subscribing **at = &s->subscribing;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

static bool too_many(const struct session *s)
{
	size_t n = 0;

	for (const struct subscribing *p = s->subscribing; p != NULL; p = p->next)
		n++;
	return n >= SUBSCRIBING_MAX;
}

/* The last note of a denied filter under a rule, or NULL. */
static struct session_note *noted(struct session_step *step, unsigned rule)
{
	for (size_t i = step->n_notes; i-- > 0;) {
		struct session_note *n = &step->notes[i];
		if (n->kind == NOTE_DENIED && n->verb == ACL_SUBSCRIBE && n->from == SIDE_CLIENT &&
		    n->rule.rule == rule)
			return n;
	}
	return NULL;
}

/* There may be more filters in a SUBSCRIBE than notes. The last notes are kept for rules that have
 * none yet, so that each filter counts for its rule; under more rules than that, for the last. */
static void note(const struct session_env *env, struct slice filter, const struct acl_verdict *v,
                 struct session_step *step)
{
	struct session_note *same = noted(step, v->rule);

	if (step->n_notes < (same == NULL ? SESSION_NOTES : SESSION_NOTES - 3))
		access_deny(env, SIDE_CLIENT, ACL_SUBSCRIBE, filter, v, step);
	else if (same != NULL)
		same->more++;
	else
		step->notes[SESSION_NOTES - 1].more++;
}

struct count {
	size_t n, denied, kept; /* filters, those that are denied, bytes of those that are not */
	bool tried;             /* some would be denied */
};

static struct count count(const struct session *s, const struct session_env *env, struct slice list)
{
	struct mqtt_subscription sub;
	struct acl_verdict v;
	struct count c = {0};

	while (mqtt_subscription_next(&list, &sub)) {
		bool passes = access_subscribe(s, env, sub.filter, &v);
		c.n++;
		c.denied += !passes;
		c.kept += passes ? sub.whole.n : 0;
		c.tried = c.tried || !v.allow;
	}
	return c;
}

/* Judges each filter anew, for good: its code, and the note where it is denied. The kept ones are
 * written to w. NULL without memory. */
static struct subscribing *split(const struct session *s, const struct session_env *env,
                                 const struct mqtt_subscribe *p, size_t n, struct writer *w,
                                 struct session_step *step)
{
	struct subscribing *out = calloc(1, sizeof *out + n);
	struct slice list = p->list;
	struct mqtt_subscription sub;
	struct acl_verdict v;

	if (out == NULL)
		return NULL;
	out->packet_id = p->packet_id;
	while (out->n < n && mqtt_subscription_next(&list, &sub)) {
		bool passes = access_subscribe(s, env, sub.filter, &v);
		if (!v.allow)
			note(env, sub.filter, &v, step);
		if (passes)
			writer_bytes(w, sub.whole);
		out->denied += !passes;
		out->codes[out->n++] =
		    passes ? THE_BROKERS : mqtt_subscription_denial(s->version, sub.options);
	}
	return out;
}

static enum progress fail(struct session *s, uint8_t code, const char *why,
                          struct session_step *step)
{
	session_fail(s, SIDE_CLIENT, code, why, step);
	return STAGE_WAIT;
}

/* Nothing is left to ask for. */
static enum progress answer(struct session *s, const struct session_env *env,
                            const struct mqtt_subscribe *p, const struct count *c,
                            struct session_step *step)
{
	struct writer *w = step->out[SIDE_CLIENT], none = {0};
	size_t n = (s->version == MQTT_5 ? 3 : 2) + c->n, total = 1 + mqtt_varint_size(n) + n;

	if (total > env->policy->max_packet || limits_passed(s, SIDE_CLIENT, total))
		return fail(s, MQTT_PACKET_TOO_LARGE, "too many filters in a SUBSCRIBE", step);
	if (own_ended(s, SIDE_CLIENT))
		w = &none; /* nobody is there to be answered */
	else if (w == NULL || !own_idle(s, SIDE_CLIENT) || writer_room(w) < total)
		return STAGE_WAIT;
	struct subscribing *codes = split(s, env, p, c->n, &none, step);
	if (codes == NULL)
		return fail(s, MQTT_UNSPECIFIED_ERROR, "out of memory", step);
	writer_u8(w, MQTT_SUBACK << 4);
	writer_varint(w, n);
	writer_u16(w, p->packet_id);
	if (s->version == MQTT_5)
		writer_varint(w, 0);
	writer_bytes(w, slice_of(codes->codes, codes->n));
	free(codes);
	return STAGE_ON;
}

/* The rest goes to the broker, and the codes wait for its SUBACK. */
static enum progress ask(struct session *s, const struct session_env *env,
                         const struct mqtt_frame *f, const struct mqtt_subscribe *p,
                         const struct count *c, struct session_step *step)
{
	struct writer *w = step->out[SIDE_BROKER];
	size_t n = p->head.n + c->kept;

	if (too_many(s) || writer_room(w) < 1 + mqtt_varint_size(n) + n)
		return STAGE_WAIT;
	size_t before = w->len;
	writer_u8(w, (uint8_t)(MQTT_SUBSCRIBE << 4 | f->flags));
	writer_varint(w, n);
	writer_bytes(w, p->head);
	struct subscribing *codes = split(s, env, p, c->n, w, step);
	if (codes == NULL) {
		w->len = before;
		return fail(s, MQTT_UNSPECIFIED_ERROR, "out of memory", step);
	}
	struct subscribing **end = &s->subscribing;
	while (*end != NULL)
		end = &(*end)->next;
	*end = codes;
	return STAGE_ON;
}

enum progress stage_subscribe(struct session *s, const struct session_env *env,
                              const struct mqtt_frame *f, struct slice view,
                              struct session_step *step)
{
	struct mqtt_subscribe p =
	    mqtt_subscribe_get(slice_of(view.p + f->head, f->remaining), s->version);
	struct count c = count(s, env, p.list);
	size_t total = f->head + (size_t)f->remaining;
	enum progress progress;

	if (c.denied == 0) {
		struct writer none = {0};
		/* Where some would be denied, that is told. */
		if (c.tried)
			free(split(s, env, &p, c.n, &none, step));
		s->flow[SIDE_CLIENT].left = (uint32_t)total;
		return STAGE_ON;
	}
	progress = c.denied == c.n ? answer(s, env, &p, &c, step) : ask(s, env, f, &p, &c, step);
	if (progress == STAGE_ON)
		step->consumed += total;
	return progress;
}

/* Writes the SUBACK with all codes; in brief, it goes without what it can do without. */
static void put_suback(const struct session *s, const struct mqtt_frame *f, struct slice body,
                       const struct subscribing *codes, bool brief, struct writer *w)
{
	struct mqtt_subscribe p = mqtt_subscribe_get(body, s->version);
	struct slice props = mqtt_control_props(MQTT_SUBACK, body);
	struct mqtt_props_edit edit = brief ? limits_brief : (struct mqtt_props_edit){0};
	size_t size = mqtt_props_size(props, &edit), n = 2 + codes->n, next = 0;

	if (s->version == MQTT_5)
		n += mqtt_varint_size(size) + size;
	writer_u8(w, (uint8_t)(MQTT_SUBACK << 4 | f->flags));
	writer_varint(w, n);
	writer_u16(w, p.packet_id);
	if (s->version == MQTT_5)
		mqtt_props_put(w, props, &edit);
	for (size_t i = 0; i < codes->n; i++)
		writer_u8(w, codes->codes[i] == THE_BROKERS ? p.list.p[next++] : codes->codes[i]);
}

enum progress stage_suback(struct session *s, const struct session_env *env,
                           const struct mqtt_frame *f, struct slice view, struct subscribing *codes,
                           struct session_step *step)
{
	struct slice body = slice_of(view.p + f->head, f->remaining);
	struct mqtt_subscribe p = mqtt_subscribe_get(body, s->version);
	struct writer *w = step->out[SIDE_CLIENT];
	size_t total = f->head + (size_t)f->remaining, before = w->len;

	if (p.list.n != codes->n - codes->denied) { /* [MQTT-3.8.4-6] */
		session_fail(s, SIDE_BROKER, 0, "a SUBACK with a wrong count of codes", step);
		return STAGE_WAIT;
	}
	size_t most = total + codes->denied + LENGTH_FIELD;
	if (most > env->policy->max_packet) {
		session_fail(s, SIDE_BROKER, 0, "a packet is too large", step);
		return STAGE_WAIT;
	}
	if (writer_room(w) < most)
		return STAGE_WAIT;
	put_suback(s, f, body, codes, false, w);
	if (limits_passed(s, SIDE_CLIENT, w->len - before)) {
		w->len = before;
		put_suback(s, f, body, codes, true, w);
	}
	if (limits_passed(s, SIDE_CLIENT, w->len - before)) {
		w->len = before;
		session_fail(s, SIDE_BROKER, 0, "a packet is longer than its receiver takes", step);
		return STAGE_WAIT;
	}
	done(s, codes);
	step->consumed += total;
	return STAGE_ON;
}
