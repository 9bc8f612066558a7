/* SPDX-License-Identifier: ISC */
/* PUBLISH without its payload. The lengths are judged as soon as they can be read, the contents
 * once the head is whole; so more bytes turn MORE into an answer, and never one answer into
 * another. */
#include "mqtt/publish.h"

#include "base/utf8.h"
#include "mqtt/disputed.h"
#include "mqtt/topic.h"

/* Where the parts of the variable header lie, counted from behind the fixed header. */
struct layout {
	size_t topic; /* length of the topic, which starts at 2 */
	size_t props; /* where the property block starts */
	size_t n_props;
	size_t end; /* where the payload starts */
};

/* Measures the head from the `have` bytes at p. */
static enum mqtt_result measure(const uint8_t *p, size_t have, const struct mqtt_frame *f, bool v5,
                                size_t max, struct layout *l)
{
	size_t id = (f->flags & 6) != 0 ? 2 : 0;

	if (f->remaining < 2 + id + v5)
		return MQTT_MALFORMED;
	if (have < 2)
		return MQTT_MORE;
	l->topic = (size_t)(p[0] << 8 | p[1]);
	l->props = l->end = 2 + l->topic + id;
	l->n_props = 0;
	if (l->end + v5 > f->remaining)
		return MQTT_MALFORMED;
	if (l->end + v5 > max)
		return MQTT_TOO_LARGE;
	if (!v5)
		return have < l->end ? MQTT_MORE : MQTT_OK;
	if (have <= l->end)
		return MQTT_MORE;
	struct reader r = reader_of(slice_of(p + l->end, have - l->end));
	size_t size = r.left;
	l->n_props = reader_varint(&r);
	if (r.bad) /* cut off by what is there, by the packet's end, or simply wrong */
		return size < 4 && r.left == 0 && have < f->remaining && p[have - 1] >= 0x80
		           ? MQTT_MORE
		           : MQTT_MALFORMED;
	l->props += size - r.left;
	if (l->n_props > f->remaining - l->props)
		return MQTT_MALFORMED;
	l->end = l->props + l->n_props;
	if (l->end > max)
		return MQTT_TOO_LARGE;
	return have < l->end ? MQTT_MORE : MQTT_OK;
}

static enum mqtt_result check_props(struct mqtt_publish *p, bool from_client)
{
	struct mqtt_prop prop;

	if (p->props.n == 0)
		return MQTT_OK;
	enum mqtt_result result = mqtt_props_check(p->props, MQTT_IN(PUBLISH), &p->props_seen);
	if (result != MQTT_OK)
		return result;
	if (from_client && (p->props_seen & MQTT_PROP_BIT(MQTT_SUBSCRIPTION_IDENTIFIER)) != 0)
		return MQTT_PROTOCOL; /* [MQTT-3.3.4-6] */
	if ((p->props_seen & MQTT_PROP_BIT(MQTT_TOPIC_ALIAS)) != 0) {
		p->has_alias = mqtt_props_find(p->props, MQTT_TOPIC_ALIAS, &prop);
		p->alias = (uint16_t)prop.number;
	}
	if ((p->props_seen & MQTT_PROP_BIT(MQTT_PAYLOAD_FORMAT_INDICATOR)) != 0) {
		(void)mqtt_props_find(p->props, MQTT_PAYLOAD_FORMAT_INDICATOR, &prop);
		p->utf8 = prop.number == 1;
	}
	return MQTT_OK;
}

static enum mqtt_result check_topic(const struct mqtt_publish *p)
{
	if (p->topic.n == 0) /* 3.3.2.3.4, [MQTT-4.7.3-1] */
		return p->has_alias ? MQTT_OK : MQTT_NO_TOPIC;
	if (mqtt_topic_valid(p->topic))
		return MQTT_OK;
	/* [MQTT-3.3.2-1] is about the encoding, [MQTT-3.3.2-2] about wildcards. */
	return utf8_valid(p->topic) ? MQTT_WILD_TOPIC : MQTT_MALFORMED;
}

enum mqtt_result mqtt_publish_get(struct slice packet, const struct mqtt_frame *f,
                                  enum mqtt_version version, bool from_client, size_t max_head,
                                  struct mqtt_publish *out)
{
	struct layout l;
	struct slice body = slice_from(packet, f->head);
	size_t have = body.n < f->remaining ? body.n : f->remaining;
	bool v5 = version == MQTT_5;

	*out = (struct mqtt_publish){
	    .dup = (f->flags & 8) != 0,
	    .retain = (f->flags & 1) != 0,
	    .qos = f->flags >> 1 & 3,
	};
	/* [MQTT-3.3.1-4], [MQTT-3.3.1-2]; 3.1 has no rule for DUP */
	if (out->qos == 3 || (out->qos == 0 && out->dup && version != MQTT_31))
		return MQTT_MALFORMED;
	if (v5 && !f->minimal) /* [MQTT-1.5.5-1] */
		return MQTT_MALFORMED;
	size_t max = max_head < f->head ? 0 : max_head - f->head;
	enum mqtt_result result = measure(body.p, have, f, v5, max, &l);
	bool too_large = result == MQTT_TOO_LARGE && l.n_props != 0;
	if (result != MQTT_OK && !too_large)
		return result;
	out->topic = slice_of(body.p + 2, l.topic);
	if (!too_large) {
		out->props = slice_of(body.p + l.props, l.n_props);
		out->head = f->head + l.end;
		out->payload = f->remaining - l.end;
	}
	if (out->qos != 0) {
		out->packet_id = (uint16_t)(body.p[2 + l.topic] << 8 | body.p[3 + l.topic]);
		if (out->packet_id == 0) /* [MQTT-2.2.1-3] */
			return MQTT_PUBLISH_ID0;
	}
	if (too_large) /* an empty topic may have its alias in what is not read */
		return l.topic != 0 && check_topic(out) != MQTT_OK ? check_topic(out) : result;
	result = check_props(out, from_client);
	return result != MQTT_OK ? result : check_topic(out);
}

/* The length of one of a row, or 0. */
static size_t plain(struct slice in, bool v5, size_t max_head)
{
	struct mqtt_frame f;

	/* QoS 0 without DUP, or QoS 1 */
	if (in.n == 0 || in.p[0] >> 4 != MQTT_PUBLISH || (in.p[0] & 4) != 0 ||
	    (in.p[0] & 10) == 8 || mqtt_frame_next(in, &f) != MQTT_OK || !f.minimal ||
	    in.n - f.head < 2)
		return 0;
	const uint8_t *p = in.p + f.head;
	size_t id = (f.flags & 2) != 0 ? 2 : 0, topic = (size_t)(p[0] << 8 | p[1]);
	size_t end = 2 + topic + id + v5;
	if (end > f.remaining || end > in.n - f.head || f.head + end > max_head ||
	    (id != 0 && (p[2 + topic] | p[3 + topic]) == 0) || (v5 && p[end - 1] != 0) ||
	    !mqtt_topic_plain(slice_of(p + 2, topic)))
		return 0;
	return f.head + (size_t)f.remaining;
}

size_t mqtt_publish_row(struct slice in, enum mqtt_version version, size_t max_head, size_t *n)
{
	size_t total = 0, one;

	for (*n = 0; (one = plain(slice_from(in, total), version == MQTT_5, max_head)) != 0; ++*n)
		total += one;
	return total;
}

/* Bytes between the fixed header and the payload; *props is the length of the property block. Above
 * the protocol's limit for what cannot be written. */
static size_t variable_size(const struct mqtt_publish *p, enum mqtt_version version,
                            const struct mqtt_props_edit *edit, size_t *props)
{
	size_t size = 2 + p->topic.n + (p->qos != 0 ? 2 : 0);

	*props = 0;
	if (p->topic.n > UINT16_MAX)
		return MQTT_VARINT_MAX + (size_t)1;
	if (version == MQTT_5) {
		*props = mqtt_props_size(p->props, edit);
		if (*props > MQTT_VARINT_MAX)
			return MQTT_VARINT_MAX + (size_t)1;
		size += mqtt_varint_size(*props) + *props;
	}
	return size;
}

static size_t fixed_size(size_t variable, size_t payload)
{
	if (variable > MQTT_VARINT_MAX || payload > MQTT_VARINT_MAX - variable)
		return 0;
	return 1 + mqtt_varint_size(variable + payload);
}

size_t mqtt_publish_size(const struct mqtt_publish *p, enum mqtt_version version,
                         const struct mqtt_props_edit *edit, size_t payload)
{
	size_t props, variable = variable_size(p, version, edit, &props);
	size_t fixed = fixed_size(variable, payload);

	return fixed == 0 ? 0 : fixed + variable;
}

void mqtt_publish_put(struct writer *w, const struct mqtt_publish *p, enum mqtt_version version,
                      const struct mqtt_props_edit *edit, size_t payload)
{
	size_t props, variable = variable_size(p, version, edit, &props);
	size_t fixed = fixed_size(variable, payload);
	unsigned flags = (p->dup ? 8u : 0) | (unsigned)(p->qos << 1) | (p->retain ? 1u : 0);

	if (fixed == 0 || w->full || fixed + variable > writer_room(w)) {
		w->full = true;
		return;
	}
	writer_u8(w, (uint8_t)(MQTT_PUBLISH << 4 | flags));
	writer_varint(w, variable + payload);
	writer_binary(w, p->topic);
	if (p->qos != 0)
		writer_u16(w, p->packet_id);
	if (version == MQTT_5)
		mqtt_props_put(w, p->props, edit);
}
