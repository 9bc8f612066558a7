/* SPDX-License-Identifier: ISC */
/* What the proxy itself says may never land inside a relayed packet. While a packet toward a side
 * is in passage, own packets for that side wait here; each side's few bytes come out in order,
 * whole, at the next boundary. Nothing waits at a boundary for want of room: what asks for an
 * answer stays in its caller's buffer instead, and so does the last byte of a packet that others
 * wait behind (stage_relay.c). Hence no answer depends on bytes that may never come. */
#include "mqtt/reply.h"
#include "proxy/stage.h"

static bool at_boundary(const struct session *s, enum side to)
{
	const struct flow *flow = &s->flow[side_other(to)];

	return flow->left == 0 || flow->skips;
}

bool own_ended(const struct session *s, enum side to)
{
	const struct flow *flow = &s->flow[side_other(to)];

	return flow->ended || flow->parted;
}

bool own_room(const struct session *s, enum side to, const struct session_step *step)
{
	const struct writer *w = step->out[to];

	if (own_ended(s, to))
		return true;
	if (w != NULL && at_boundary(s, to))
		return writer_room(w) >= s->own[to].len + MQTT_REPLY_MAX;
	return buf_room(&s->own[to]) >= MQTT_REPLY_MAX;
}

bool own_idle(const struct session *s, enum side to)
{
	return s->own[to].len == 0 && at_boundary(s, to);
}

void own_flush(struct session *s, struct session_step *step)
{
	for (enum side to = SIDE_CLIENT; to <= SIDE_BROKER; to++) {
		struct writer *w = step->out[to];
		if (w == NULL || s->own[to].len == 0 || !at_boundary(s, to) || own_ended(s, to) ||
		    writer_room(w) < s->own[to].len)
			continue;
		writer_bytes(w, buf_view(&s->own[to]));
		buf_free(&s->own[to]);
	}
}

int own_say(struct session *s, enum side to, struct slice packet, struct session_step *step)
{
	struct writer *w = step->out[to];

	if (own_ended(s, to))
		return 0;
	own_flush(s, step);
	if (w == NULL || !own_idle(s, to) || writer_room(w) < packet.n)
		return buf_append(&s->own[to], packet);
	writer_bytes(w, packet);
	return 0;
}
