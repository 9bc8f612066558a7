/* SPDX-License-Identifier: ISC */
/* What the proxy itself says may never land inside a relayed packet. While a packet toward a side
 * is in passage, own packets for that side wait here; each side's few bytes come out in order,
 * whole, at the next boundary. */
#include "proxy/stage.h"

/* And the side has had no FIN yet. */
static bool at_boundary(const struct session *s, enum side to)
{
	const struct flow *flow = &s->flow[side_other(to)];

	return (flow->left == 0 || flow->skips) && !flow->ended;
}

void own_flush(struct session *s, struct session_step *step)
{
	for (enum side to = SIDE_CLIENT; to <= SIDE_BROKER; to++) {
		struct writer *w = step->out[to];
		if (w == NULL || s->own[to].len == 0 || !at_boundary(s, to) ||
		    writer_room(w) < s->own[to].len)
			continue;
		writer_bytes(w, buf_view(&s->own[to]));
		buf_free(&s->own[to]);
	}
}

int own_say(struct session *s, enum side to, struct slice packet, struct session_step *step)
{
	if (buf_append(&s->own[to], packet) != 0)
		return -1;
	own_flush(s, step);
	return 0;
}
