/* SPDX-License-Identifier: ISC */
/* The small packets. They pass as they came, so a check is all that they need: one function a
 * shape, each reading to the end of the body, where something left over is as wrong as something
 * missing. */
#include "mqtt/control.h"

#include "mqtt/disputed.h"
#include "mqtt/props.h"
#include "mqtt/topic.h"
#include "base/utf8.h"

/* [MQTT-2.2.1-3] */
static enum mqtt_result packet_id(struct reader *r, enum mqtt_result zero)
{
	return reader_u16(r) == 0 ? zero : MQTT_OK;
}

static enum mqtt_result properties(struct reader *r, uint8_t type, uint64_t *seen)
{
	struct slice block = reader_bytes(r, reader_varint(r));

	return r->bad ? MQTT_MALFORMED : mqtt_props_check(block, 1u << type, seen);
}

static enum mqtt_result reason(struct reader *r, uint8_t type)
{
	return mqtt_reason_valid(type, reader_u8(r)) ? MQTT_OK : MQTT_ALIEN_REASON;
}

/* PUBACK, PUBREC, PUBREL, PUBCOMP. 5.0 may end behind the packet id, and behind the reason code
 * [3.4.2.1]. */
static enum mqtt_result check_ack(struct reader *r, uint8_t type)
{
	enum mqtt_result result = packet_id(r, MQTT_PUBLISH_ID0);

	if (result == MQTT_OK && r->left != 0)
		result = reason(r, type);
	if (result == MQTT_OK && r->left != 0)
		result = properties(r, type, NULL);
	return result;
}

/* Before 5.0 "$share" is a level like any other; what it means to a broker is judged elsewhere. */
static enum mqtt_result filter(struct reader *r, enum mqtt_version version)
{
	struct slice f = reader_binary(r);

	if (r->bad || !utf8_valid(f)) /* [MQTT-3.8.3-1] */
		return MQTT_MALFORMED;
	if (!mqtt_filter_levels_valid(f))
		return MQTT_BAD_FILTER;
	return version != MQTT_5 || mqtt_filter_valid(f) ? MQTT_OK : MQTT_BAD_SHARE;
}

static enum mqtt_result options(uint8_t bits, bool shared, enum mqtt_version version)
{
	if ((bits & 3) == 3)
		return MQTT_SUBSCRIBE_QOS3;
	if (version != MQTT_5)
		return bits > 2 ? MQTT_MALFORMED : MQTT_OK;
	if ((bits & 0xC0) != 0) /* [MQTT-3.8.3-5] */
		return MQTT_MALFORMED;
	if ((bits & 0x30) == 0x30)
		return MQTT_RETAIN_HANDLING3;
	return shared && (bits & 4) != 0 ? MQTT_PROTOCOL : MQTT_OK; /* [MQTT-3.8.3-4] */
}

static enum mqtt_result subscription(struct reader *r, uint8_t type, enum mqtt_version version)
{
	struct reader peek = *r;
	enum mqtt_result result = filter(r, version);

	if (result != MQTT_OK || type == MQTT_UNSUBSCRIBE)
		return result;
	bool shared = mqtt_filter_shared(reader_binary(&peek));
	uint8_t bits = reader_u8(r);
	return r->bad ? MQTT_MALFORMED : options(bits, shared, version);
}

static enum mqtt_result check_subscribe(struct reader *r, uint8_t type, enum mqtt_version version)
{
	enum mqtt_result result = packet_id(r, MQTT_SUBSCRIBE_ID0);

	if (result == MQTT_OK && version == MQTT_5)
		result = properties(r, type, NULL);
	if (result == MQTT_OK && r->left == 0)
		return MQTT_NO_FILTER; /* [MQTT-3.8.3-2], [MQTT-3.10.3-2] */
	while (result == MQTT_OK && r->left != 0)
		result = subscription(r, type, version);
	return result;
}

static bool suback_code(uint8_t code, uint8_t type, enum mqtt_version version)
{
	if (version == MQTT_5)
		return mqtt_reason_valid(type, code);
	/* 3.1 knows no failure, but its brokers say it. */
	return code <= 2 || code == 0x80;
}

static enum mqtt_result check_suback(struct reader *r, uint8_t type, enum mqtt_version version)
{
	enum mqtt_result result = packet_id(r, MQTT_SUBSCRIBE_ID0);

	if (version != MQTT_5 && type == MQTT_UNSUBACK)
		return result;
	if (result == MQTT_OK && version == MQTT_5)
		result = properties(r, type, NULL);
	if (result == MQTT_OK && r->left == 0)
		return MQTT_PROTOCOL;
	while (result == MQTT_OK && r->left != 0)
		result = suback_code(reader_u8(r), type, version) ? MQTT_OK : MQTT_ALIEN_REASON;
	return result;
}

/* DISCONNECT may end behind its reason code [3.14.2.2.1]. AUTH may not [3.15.2.1]: it is empty, or
 * has both. Both may be empty, which is code 0. */
static enum mqtt_result check_disconnect(struct reader *r, uint8_t type)
{
	const uint64_t method = MQTT_PROP_BIT(MQTT_AUTHENTICATION_METHOD);
	uint64_t seen = 0;

	if (r->left == 0)
		return MQTT_OK;
	enum mqtt_result result = reason(r, type);
	if (result != MQTT_OK || (type == MQTT_DISCONNECT && r->left == 0))
		return result;
	result = properties(r, type, &seen);
	/* 3.15.2.2.2: "Protocol Error to omit the Authentication Method" */
	if (result == MQTT_OK && type == MQTT_AUTH && (seen & method) == 0)
		return MQTT_PROTOCOL;
	return result;
}

static enum mqtt_result check(struct reader *r, uint8_t type, enum mqtt_version version)
{
	switch (type) {
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		return check_ack(r, type);
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return check_subscribe(r, type, version);
	case MQTT_SUBACK:
	case MQTT_UNSUBACK:
		return check_suback(r, type, version);
	case MQTT_DISCONNECT:
	case MQTT_AUTH:
		return check_disconnect(r, type);
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
		return MQTT_OK;
	default:
		return MQTT_PROTOCOL;
	}
}

enum mqtt_result mqtt_control_check(const struct mqtt_frame *f, struct slice body,
                                    enum mqtt_version version)
{
	struct reader r = reader_of(body);
	enum mqtt_result result = check(&r, f->type, version);

	if (r.bad)
		return MQTT_MALFORMED;
	return result == MQTT_OK && r.left != 0 ? MQTT_MALFORMED : result;
}

/* Bytes of the body before the length of the properties. */
static size_t before_props(uint8_t type)
{
	switch (type) {
	case MQTT_DISCONNECT:
	case MQTT_AUTH:
		return 1;
	case MQTT_PUBACK:
	case MQTT_PUBREC:
	case MQTT_PUBREL:
	case MQTT_PUBCOMP:
		return 3;
	default:
		return 2;
	}
}

/* The parts of a body: `head`, the properties, and the rest, which is reason codes or filters. */
struct parts {
	bool has_props;
	struct slice head, props, rest;
};

static struct parts parts_of(uint8_t type, struct slice body)
{
	struct reader r = reader_of(body);
	size_t before = before_props(type);

	if (body.n <= before)
		return (struct parts){.head = body};
	struct parts p = {.has_props = true, .head = reader_bytes(&r, before)};
	p.props = reader_bytes(&r, reader_varint(&r));
	p.rest = reader_bytes(&r, r.left);
	return p;
}

struct slice mqtt_control_props(uint8_t type, struct slice body)
{
	return parts_of(type, body).props;
}

void mqtt_control_put(struct writer *w, const struct mqtt_frame *f, struct slice body,
                      const struct mqtt_props_edit *edit)
{
	struct parts p = parts_of(f->type, body);
	size_t size = mqtt_props_size(p.props, edit), n = p.head.n + p.rest.n;

	if (p.has_props)
		n += mqtt_varint_size(size) + size;
	writer_u8(w, (uint8_t)(f->type << 4 | f->flags));
	writer_varint(w, n);
	writer_bytes(w, p.head);
	if (p.has_props)
		mqtt_props_put(w, p.props, edit);
	writer_bytes(w, p.rest);
}
