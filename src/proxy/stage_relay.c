/* SPDX-License-Identifier: ISC */
/* The relay of an established session: both directions are walked packet by packet, always. What is
 * not changed is checked and copied, a long PUBLISH in pieces as it comes; only a packet that must
 * be seen whole waits in the caller's buffer. */
#include "mqtt/control.h"
#include "mqtt/publish.h"
#include "mqtt/reply.h"
#include "proxy/stage.h"

/* Fails the session for what a side sent: a client learns the reason, a broker, and the client
 * behind it, only the close. */
static void fail(struct session *s, enum side from, enum mqtt_result r, const char *why,
                 struct session_step *step)
{
	session_fail(s, from, from == SIDE_CLIENT ? (uint8_t)mqtt_reason(r) : 0, why, step);
}

/* What passed unchanged so far and lies together is copied in one piece: before anything else is
 * written behind it. */
static void settle_through(enum side from, struct session_step *step)
{
	struct slice *through = &step->through[side_other(from)];

	if (through->n != 0)
		writer_bytes(step->out[side_other(from)], *through);
	*through = slice_of(NULL, 0);
}

/* Lets pass what there is, and what there is room for, of the packet in passage; its last byte only
 * where there is room for what waits to be said behind it. Returns the bytes used. */
static size_t pass_on(struct session *s, enum side from, struct slice bytes,
                      struct session_step *step)
{
	struct flow *flow = &s->flow[from];
	enum side other = side_other(from);
	struct slice *through = &step->through[other];
	size_t n = flow->left < bytes.n ? flow->left : bytes.n;
	bool fits;

	if (flow->skips) {
		fits = own_room(s, from, step);
	} else {
		size_t room = writer_room(step->out[other]) - through->n;
		n = n < room ? n : room;
		fits = room - n >= s->own[other].len;
	}
	if (n == flow->left && !fits)
		n--;
	if (!flow->skips) {
		if (through->n != 0 && through->p + through->n != bytes.p)
			settle_through(from, step);
		*through = slice_of(through->n == 0 ? bytes.p : through->p, through->n + n);
	}
	flow->left -= (uint32_t)n;
	return n;
}

/* Goes on with the packet in passage. */
static enum progress go_on(struct session *s, const struct session_env *env, enum side from,
                           struct slice view, struct session_step *step)
{
	if (s->flow[from].changes)
		return stage_changing(s, env, from, view, step);
	size_t n = pass_on(s, from, view, step);
	step->consumed += n;
	return n == 0 ? STAGE_WAIT : STAGE_ON;
}

/* A PUBREL for an id that the proxy owns goes no further. */
static enum progress own_pubrel(struct session *s, enum side from, uint16_t id, size_t total,
                                struct session_step *step)
{
	if (!own_room(s, from, step))
		return STAGE_WAIT;
	if (flight_release(s, from, id, step) != 0) {
		session_fail(s, from, MQTT_UNSPECIFIED_ERROR, "out of memory", step);
		return STAGE_WAIT;
	}
	step->consumed += total;
	return STAGE_ON;
}

/* DISCONNECT: v5 lets only the client set a Session Expiry Interval [MQTT-3.14.2-2], and not where
 * CONNECT had none (3.14.2.2.2). */
static enum mqtt_result disconnect(const struct session *s, enum side from, struct slice body)
{
	struct mqtt_prop expiry;

	if (!mqtt_props_find(mqtt_control_props(MQTT_DISCONNECT, body),
	                     MQTT_SESSION_EXPIRY_INTERVAL, &expiry))
		return MQTT_OK;
	return from == SIDE_BROKER || (expiry.number != 0 && !s->expires) ? MQTT_PROTOCOL : MQTT_OK;
}

/* A checked packet that is longer than the other side takes: whole and in brief, or the session
 * ends. */
static enum progress brief_packet(struct session *s, enum side from, const struct mqtt_frame *f,
                                  struct slice body, struct session_step *step)
{
	enum side other = side_other(from);
	struct writer *to = step->out[other];
	size_t before = to->len, total = f->head + (size_t)f->remaining;

	if (writer_room(to) < total)
		return STAGE_WAIT;
	mqtt_control_put(to, f, body, &limits_brief);
	if (limits_passed(s, other, to->len - before)) {
		to->len = before;
		fail(s, from, MQTT_TOO_LARGE, "a packet is longer than its receiver takes", step);
		return STAGE_WAIT;
	}
	s->flow[from].parted = f->type == MQTT_DISCONNECT;
	step->consumed += total;
	return STAGE_ON;
}

/* A whole and checked packet other than PUBLISH: the proxy's own, or judged, or on its way. */
static enum progress checked_packet(struct session *s, const struct session_env *env,
                                    enum side from, const struct mqtt_frame *f, struct slice view,
                                    struct session_step *step)
{
	size_t total = f->head + (size_t)f->remaining;
	struct slice body = slice_of(view.p + f->head, f->remaining);
	struct subscribing *codes;
	uint16_t id;

	switch (f->type) {
	case MQTT_PUBREL:
		id = (uint16_t)(body.p[0] << 8 | body.p[1]);
		if (flight_owns(s, from, id))
			return own_pubrel(s, from, id, total, step);
		break;
	case MQTT_PINGREQ:
		alive_pinged(s);
		break;
	case MQTT_PINGRESP:
		if (!alive_keeps_answer(s))
			break;
		step->consumed += total;
		return STAGE_ON;
	case MQTT_SUBSCRIBE:
		if (env->policy->filter.topics)
			return stage_subscribe(s, env, f, view, step);
		break;
	case MQTT_SUBACK:
		codes = subscribing_find(s, body);
		if (codes != NULL)
			return stage_suback(s, env, f, view, codes, step);
		break;
	}
	if (limits_raised(s, env, side_other(from), total))
		return brief_packet(s, from, f, body, step);
	s->flow[from].left = (uint32_t)total;
	s->flow[from].parted = f->type == MQTT_DISCONNECT;
	return STAGE_ON;
}

/* A packet other than PUBLISH: checked whole, then on its way. */
static enum progress control_packet(struct session *s, const struct session_env *env,
                                    enum side from, const struct mqtt_frame *f, struct slice view,
                                    struct session_step *step)
{
	size_t total = f->head + (size_t)f->remaining;

	if (total > env->policy->max_packet) {
		fail(s, from, MQTT_TOO_LARGE, "a packet is too large", step);
		return STAGE_WAIT;
	}
	if (view.n < total) {
		step->want = total;
		return STAGE_WAIT;
	}
	struct slice body = slice_of(view.p + f->head, f->remaining);
	enum mqtt_result r = mqtt_control_check(f, body, s->version);
	if (r == MQTT_OK && f->type == MQTT_DISCONNECT)
		r = disconnect(s, from, body);
	if (r != MQTT_OK) {
		fail(s, from, r, "a malformed packet", step);
		return STAGE_WAIT;
	}
	return checked_packet(s, env, from, f, view, step);
}

/* The next packet begins: STAGE_ON once it is in passage or was handled whole. */
static enum progress begin_packet(struct session *s, const struct session_env *env, enum side from,
                                  struct slice view, struct session_step *step)
{
	struct mqtt_frame f;
	enum mqtt_result r = mqtt_frame_next(view, &f);
	enum progress progress;

	if (r == MQTT_MORE) {
		step->want = view.n + 1;
		return STAGE_WAIT;
	}
	if (s->flow[from].parted) { /* nothing may follow [MQTT-3.14.4-1], nor be answered */
		session_fail(s, from, 0, "a packet behind DISCONNECT", step);
		return STAGE_WAIT;
	}
	if (r == MQTT_OK && s->version == MQTT_5 && !f.minimal)
		r = MQTT_MALFORMED;
	if (r == MQTT_OK)
		r = mqtt_frame_check(&f, s->version, from == SIDE_CLIENT);
	if (r != MQTT_OK) {
		fail(s, from, r, "a malformed packet, or one of the wrong direction", step);
		return STAGE_WAIT;
	}
	/* More than the client was told to send [MQTT-3.2.2-15]. */
	if (from == SIDE_CLIENT && s->shown != 0 && f.head + (size_t)f.remaining > s->shown) {
		fail(s, from, MQTT_TOO_LARGE, "a packet is longer than the broker takes", step);
		return STAGE_WAIT;
	}
	bool paced = f.type == MQTT_PUBLISH && from == SIDE_CLIENT;
	if (paced && pace_holds(s, env, step))
		return STAGE_WAIT;
	if (f.type == MQTT_PUBLISH)
		progress = stage_publish(s, env, from, &f, view, step);
	else
		progress = control_packet(s, env, from, &f, view, step);
	if (paced && progress == STAGE_ON)
		pace_count(s, env, step);
	if (progress == STAGE_ON)
		meter_packets(env, from, f.type, 1, step);
	return progress;
}

/* The PUBLISHes at the start of the view that are in order, and of which nothing is asked, and that
 * there is room for: they pass like one packet. None: begin_packet() has to look. */
static size_t plain_row(const struct session *s, const struct session_env *env, enum side from,
                        struct slice view, struct session_step *step)
{
	const struct policy *p = env->policy;
	enum side other = side_other(from);
	bool paced = from == SIDE_CLIENT && (p->filter.publish.burst != 0 || s->shown != 0);
	size_t n, row, room = writer_room(step->out[other]) - step->through[other].n;

	if (p->encrypts || s->raised || p->filter.topics || paced || s->flow[from].parted)
		return 0;
	view.n = view.n < room ? view.n : room;
	row = mqtt_publish_row(view, s->version, publish_head_max(p), &n);
	meter_packets(env, from, MQTT_PUBLISH, n, step);
	return row;
}

/* The next packet begins: it is in passage, or was handled whole. */
static enum progress next_packet(struct session *s, const struct session_env *env, enum side from,
                                 struct slice view, struct session_step *step)
{
	s->flow[from].left = (uint32_t)plain_row(s, env, from, view, step);
	if (s->flow[from].left != 0)
		return STAGE_ON;
	/* What is to pass has its place, should anything be written behind it. */
	struct writer *to = step->out[side_other(from)];
	struct slice *through = &step->through[side_other(from)];
	size_t at = to->len;
	to->len += through->n;
	enum progress progress = begin_packet(s, env, from, view, step);
	bool behind = to->len != at + through->n;
	if (behind && through->n != 0)
		memcpy(to->p + at, through->p, through->n);
	if (behind)
		*through = slice_of(NULL, 0);
	else
		to->len = at;
	return progress;
}

/* The packet in passage is through. False where the session ends. */
static bool end_packet(struct session *s, enum side from, struct session_step *step)
{
	struct flow *flow = &s->flow[from];

	if (s->own[side_other(from)].len != 0)
		settle_through(from, step);
	own_flush(s, step);
	if (!flow->skips)
		return true;
	flow->skips = false;
	if (flight_drop(s, from, &flow->drop, step) == 0)
		return true;
	session_fail(s, from, MQTT_UNSPECIFIED_ERROR, "out of memory", step);
	return false;
}

void stage_relay(struct session *s, const struct session_env *env, enum side from,
                 struct slice bytes, struct session_step *step)
{
	struct writer *to = step->out[side_other(from)];
	struct flow *flow = &s->flow[from];

	if (to == NULL || flow->ended || (s->stopping && from == SIDE_CLIENT)) {
		step->consumed = bytes.n;
		return;
	}
	const struct writer *up = step->out[SIDE_BROKER];
	size_t up_before = up == NULL ? 0 : up->len, before = to->len;

	own_flush(s, step);
	while (step->consumed < bytes.n) {
		struct slice view = slice_of(bytes.p + step->consumed, bytes.n - step->consumed);
		/* An end that waits for the boundary: nothing new begins toward the client. And
		 * there must be room to note what a packet comes to: on trial three things, that
		 * it would be denied, and delayed, and that its payload is bad. */
		if (flow->left == 0 && s->stopping)
			break;
		if ((flow->left == 0 || flow->changes) &&
		    step->n_notes > SESSION_NOTES - 3)
			break;
		if (flow->left == 0 && next_packet(s, env, from, view, step) == STAGE_WAIT)
			break;
		if (flow->left == 0)
			continue;
		view = slice_of(bytes.p + step->consumed, bytes.n - step->consumed);
		if (go_on(s, env, from, view, step) == STAGE_WAIT)
			break;
		if (flow->left == 0 && !end_packet(s, from, step))
			break;
	}
	bool went_up = step->through[SIDE_BROKER].n != 0 || (up != NULL && up->len != up_before);
	/* One write sends all that a call made. */
	if (!step->lends || to->len != before)
		settle_through(from, step);
	alive_relayed(s, env->now.mono_ms, from, went_up, step->consumed != bytes.n);
	if (s->stopping && own_idle(s, SIDE_CLIENT))
		session_finish(s, step);
}
