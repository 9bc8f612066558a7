/* SPDX-License-Identifier: ISC */
/* Every PUBLISH with a packet id, every PUBREL and every SUBSCRIBE is answered once: by the other
 * side, where it was passed on, or by the proxy, where it was not. So for each side this balances
 * after every call: what it sent that asks for an answer, less what of that went on, plus the
 * answers that the other side sent, are the answers that it got and those that wait for a boundary.
 * Each is a number made of type and id, so a sum is enough. And no side gets a topic alias that it
 * cannot know, nor, where payloads change their size, a packet longer than it said to take. */
#include "tests/scenario/sim_call.h"

#include "mqtt/publish.h"

static uint64_t mixed(unsigned type, unsigned id)
{
	uint64_t v = ((uint64_t)type << 16 | id) * UINT64_C(0x9e3779b97f4a7c15);

	v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
	return v ^ v >> 31;
}

static unsigned id_at(struct slice packet, size_t at)
{
	return at + 2 > packet.n ? 0 : (unsigned)packet.p[at] << 8 | packet.p[at + 1];
}

/* The answer that a packet asks for, or is. 0: neither. */
static uint64_t worth(const struct mqtt_frame *f, struct slice packet, bool *asks)
{
	unsigned qos = packet.p[0] >> 1 & 3;

	*asks = f->type == MQTT_PUBLISH || f->type == MQTT_PUBREL || f->type == MQTT_SUBSCRIBE;
	switch (f->type) {
	case MQTT_PUBLISH:
		if (qos == 0)
			return 0;
		return mixed(qos == 1 ? MQTT_PUBACK : MQTT_PUBREC,
		             id_at(packet, f->head + 2 + id_at(packet, f->head)));
	case MQTT_PUBREL:
		return mixed(MQTT_PUBCOMP, id_at(packet, f->head));
	case MQTT_SUBSCRIBE:
		return mixed(MQTT_SUBACK, id_at(packet, f->head));
	case MQTT_SUBACK:
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBCOMP:
		return mixed(f->type, id_at(packet, f->head));
	default:
		return 0;
	}
}

/* The next whole packet of what is left to be walked; 0 where there is none. */
static size_t whole(struct slice rest, struct mqtt_frame *f)
{
	if (mqtt_frame_next(rest, f) != MQTT_OK || f->remaining > rest.n - f->head)
		return 0;
	return f->head + (size_t)f->remaining;
}

static void walk_in(struct host *h, enum side from)
{
	struct ledger *l = &h->ledger;
	struct mqtt_frame f;
	size_t n;
	bool asks;

	while (l->in[from] < h->in[from].at &&
	       (n = whole(slice_of(h->in[from].p + l->in[from], h->in[from].at - l->in[from]),
	                  &f)) != 0) {
		uint64_t v = worth(&f, slice_of(h->in[from].p + l->in[from], n), &asks);
		l->due[asks ? from : side_other(from)] += v;
		l->in[from] += n;
	}
}

/* A topic alias that goes out is one that its receiver takes, and alone only if it knows it. */
static bool alias_known(struct host *h, enum side to, const struct mqtt_frame *f,
                        struct slice packet)
{
	struct mqtt_publish p;

	if (f->type != MQTT_PUBLISH || h->s->version != MQTT_5 ||
	    mqtt_publish_get(packet, f, MQTT_5, to == SIDE_BROKER, packet.n, &p) != MQTT_OK ||
	    !p.has_alias)
		return true;
	if (!mqtt_alias_valid(&h->s->aliases[side_other(to)], p.alias))
		return false;
	if (p.topic.n != 0)
		h->ledger.known[to] |= UINT32_C(1) << (p.alias - 1);
	return (h->ledger.known[to] & UINT32_C(1) << (p.alias - 1)) != 0;
}

static bool walk_out(struct host *h, enum side to)
{
	struct ledger *l = &h->ledger;
	struct mqtt_frame f;
	size_t n;
	bool asks;

	while (l->out[to] < h->out[to].n &&
	       (n = whole(slice_of(h->out[to].p + l->out[to], h->out[to].n - l->out[to]), &f)) !=
	           0) {
		uint64_t v = worth(&f, slice_of(h->out[to].p + l->out[to], n), &asks);
		l->due[asks ? side_other(to) : to] -= v;
		if (f.type != MQTT_CONNACK && f.type != MQTT_CONNECT && h->env.policy->encrypts &&
		    h->s->max_packet[to] != 0 && n > h->s->max_packet[to])
			return fault_set(h->fault, "a packet longer than its receiver takes");
		if (!alias_known(h, to, &f, slice_of(h->out[to].p + l->out[to], n)))
			return fault_set(h->fault, "a topic alias that its receiver does not know");
		l->out[to] += n;
	}
	return true;
}

static uint64_t waiting(const struct host *h, enum side to)
{
	struct slice rest = buf_view(&h->s->own[to]);
	struct mqtt_frame f;
	uint64_t sum = 0;
	size_t n;
	bool asks;

	while ((n = whole(rest, &f)) != 0) {
		sum += worth(&f, slice_of(rest.p, n), &asks);
		rest = slice_from(rest, n);
	}
	return sum;
}

bool ledger_balances(struct host *h)
{
	/* Behind an end, or DISCONNECT, answers have nowhere to go. */
	if (h->s->state != SESSION_RELAYING || h->s->stopping || h->s->flow[SIDE_CLIENT].parted ||
	    h->s->flow[SIDE_BROKER].parted)
		return true;
	for (enum side i = SIDE_CLIENT; i <= SIDE_BROKER; i++) {
		walk_in(h, i);
		if (!walk_out(h, i))
			return false;
	}
	for (enum side i = SIDE_CLIENT; i <= SIDE_BROKER; i++) {
		if (h->ledger.due[i] != waiting(h, i))
			return fault_set(h->fault, "the %s is not answered once for each packet id",
			                 i == SIDE_CLIENT ? "client" : "broker");
	}
	return true;
}
