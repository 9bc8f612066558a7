/* SPDX-License-Identifier: ISC */
/* Properties are never turned into a list: a block stays the bytes that came, is walked where it
 * lies, and is copied in runs around what is taken out. So unknown meaning is no reason to lose a
 * byte, and a block of any size costs no memory. The table of names.h says everything that differs
 * between one property and another. */
#include "mqtt/props.h"

#include "mqtt/disputed.h"
#include "mqtt/topic.h"
#include "base/utf8.h"

enum { IDS = 0x2B };

static const struct row {
	uint8_t known;
	uint8_t type; /* enum mqtt_prop_type */
	uint32_t packets;
} rows[IDS] = {
#define X(symbol, id, type, packets) [id] = {1, MQTT_##type, packets},
    MQTT_PROPERTIES(X)
#undef X
};

static void value(struct reader *r, uint8_t type, struct mqtt_prop *out)
{
	switch (type) {
	case MQTT_BYTE:
		out->number = reader_u8(r);
		break;
	case MQTT_U16:
		out->number = reader_u16(r);
		break;
	case MQTT_U32:
		out->number = reader_u32(r);
		break;
	case MQTT_VARINT:
		out->number = reader_varint(r);
		break;
	case MQTT_PAIR:
		out->text = reader_binary(r);
		out->value = reader_binary(r);
		break;
	default:
		out->text = reader_binary(r);
		break;
	}
}

bool mqtt_props_next(struct reader *r, struct mqtt_prop *out)
{
	if (r->bad || r->left == 0)
		return false;
	const uint8_t *start = r->p;
	size_t before = r->left;
	uint8_t id = reader_u8(r);
	/* The identifier is a variable byte integer, but none that exists takes more than one byte.
	 */
	if (id >= IDS || rows[id].known == 0) {
		r->bad = true;
		return false;
	}
	*out = (struct mqtt_prop){.id = id};
	value(r, rows[id].type, out);
	out->whole = slice_of(start, before - r->left);
	return !r->bad;
}

/* "Protocol Error to include a value other than 0 or 1": every byte property has such a sentence,
 * but for the Payload Format Indicator, of which 3.3.2.3.2 knows two values only. */
static const uint64_t nonzero = MQTT_PROP_BIT(MQTT_RECEIVE_MAXIMUM) |
                                MQTT_PROP_BIT(MQTT_MAXIMUM_PACKET_SIZE) |
                                MQTT_PROP_BIT(MQTT_SUBSCRIPTION_IDENTIFIER);

static enum mqtt_result check_value(const struct mqtt_prop *p)
{
	uint8_t type = rows[p->id].type;

	if (type == MQTT_BYTE && p->number > 1)
		return MQTT_PROTOCOL;
	if (p->number == 0 && (nonzero & MQTT_PROP_BIT(p->id)) != 0)
		return MQTT_PROTOCOL; /* 3.1.2.11.3, 3.1.2.11.4, 3.8.2.1.2 */
	if ((type == MQTT_STRING || type == MQTT_PAIR) &&
	    !(utf8_valid(p->text) && utf8_valid(p->value)))
		return MQTT_MALFORMED; /* [MQTT-1.5.4-1], [MQTT-1.5.7-1] */
	if (p->id == MQTT_RESPONSE_TOPIC && (p->text.n == 0 || mqtt_topic_wild(p->text)))
		return MQTT_PROTOCOL; /* [MQTT-3.3.2-14], [MQTT-4.7.3-1] */
	return MQTT_OK;
}

static bool may_repeat(uint8_t id, uint32_t in)
{
	return id == MQTT_USER_PROPERTY ||
	       (id == MQTT_SUBSCRIPTION_IDENTIFIER && in == MQTT_IN(PUBLISH));
}

static enum mqtt_result check_one(const struct mqtt_prop *p, uint32_t in, uint64_t seen)
{
	if ((rows[p->id].packets & in) == 0)
		return MQTT_ALIEN_PROPERTY;
	if ((seen & MQTT_PROP_BIT(p->id)) != 0 && !may_repeat(p->id, in))
		return MQTT_PROTOCOL; /* "Protocol Error to include it more than once", each */
	return check_value(p);
}

enum mqtt_result mqtt_props_check(struct slice block, uint32_t in, uint64_t *seen)
{
	struct reader r = reader_of(block);
	struct mqtt_prop p;
	uint64_t mask = 0;
	enum mqtt_result result = MQTT_OK;

	/* What cannot be parsed is malformed, whatever stands before it. */
	while (result != MQTT_MALFORMED && mqtt_props_next(&r, &p)) {
		enum mqtt_result one = check_one(&p, in, mask);
		if (one != MQTT_OK)
			result = one;
		mask |= MQTT_PROP_BIT(p.id);
	}
	if (r.bad || result != MQTT_OK)
		return r.bad ? MQTT_MALFORMED : result;
	if ((mask & MQTT_PROP_BIT(MQTT_AUTHENTICATION_DATA)) != 0 &&
	    (mask & MQTT_PROP_BIT(MQTT_AUTHENTICATION_METHOD)) == 0)
		return MQTT_PROTOCOL; /* 3.1.2.11.10 */
	if (seen != NULL)
		*seen = mask;
	return MQTT_OK;
}

bool mqtt_props_find(struct slice block, uint8_t id, struct mqtt_prop *out)
{
	struct reader r = reader_of(block);

	while (mqtt_props_next(&r, out)) {
		if (out->id == id)
			return true;
	}
	return false;
}

static bool dropped(const struct mqtt_props_edit *edit, const struct mqtt_prop *p)
{
	return (edit->drop & MQTT_PROP_BIT(p->id)) != 0;
}

size_t mqtt_props_size(struct slice block, const struct mqtt_props_edit *edit)
{
	struct reader r = reader_of(block);
	struct mqtt_prop p;
	size_t size = block.n;

	if (edit == NULL)
		return size;
	if (edit->drop != 0) {
		while (mqtt_props_next(&r, &p))
			size -= dropped(edit, &p) ? p.whole.n : 0;
	}
	return size + edit->append.n;
}

static void put_kept(struct writer *w, struct slice block, const struct mqtt_props_edit *edit)
{
	struct reader r = reader_of(block);
	struct mqtt_prop p;
	size_t from = 0, at = 0;

	while (mqtt_props_next(&r, &p)) {
		if (dropped(edit, &p)) {
			writer_bytes(w, slice_of(block.p + from, at - from));
			from = at + p.whole.n;
		}
		at += p.whole.n;
	}
	writer_bytes(w, slice_from(block, from));
}

void mqtt_props_put(struct writer *w, struct slice block, const struct mqtt_props_edit *edit)
{
	writer_varint(w, mqtt_props_size(block, edit));
	if (edit == NULL || edit->drop == 0)
		writer_bytes(w, block);
	else
		put_kept(w, block, edit);
	if (edit != NULL)
		writer_bytes(w, edit->append);
}
