/* SPDX-License-Identifier: ISC */
/* The first thing that is done with any byte of any peer. What a header promises is only ever
 * compared, never used to reserve anything; which headers may come at all is one table, a row a
 * packet type. */
#include "mqtt/frame.h"

#include "mqtt/disputed.h"

enum mqtt_result mqtt_frame_next(struct slice in, struct mqtt_frame *out)
{
	uint32_t value = 0;

	if (in.n == 0)
		return MQTT_MORE;
	if (in.p[0] >> 4 == 0)
		return MQTT_TYPE0;
	for (size_t i = 1; i <= 4; i++) {
		if (i == in.n)
			return MQTT_MORE;
		uint8_t b = in.p[i];
		value |= (uint32_t)(b & 0x7F) << (7 * (i - 1));
		if ((b & 0x80) != 0)
			continue;
		out->type = in.p[0] >> 4;
		out->flags = in.p[0] & 0x0F;
		out->head = (uint8_t)(i + 1);
		out->minimal = b != 0 || i == 1;
		out->remaining = value;
		return MQTT_OK;
	}
	return MQTT_MALFORMED;
}

/* Who may send a packet. */
enum { CLIENT = 1, BROKER = 2, BOTH = 3 };

enum { ANY = MQTT_VARINT_MAX };

struct row {
	uint8_t from3, from5; /* who may send it in 3.x, in 5.0; 0 nobody */
	uint8_t flags;        /* what the flags must be */
	uint32_t min3, max3;  /* remaining length in 3.x */
	uint32_t min5, max5;  /* remaining length in 5.0 */
};

/* Flags: MQTT 5.0, 2.1.3, table 2-2. PUBLISH's own are judged apart. A SUBSCRIBE without filters
 * and a SUBACK without codes are left to the check of the body, which has a word of its own for
 * them. */
static const struct row rows[16] = {
    [MQTT_PUBLISH] = {BOTH, BOTH, 0, 2, ANY, 3, ANY},
    [MQTT_PUBACK] = {BOTH, BOTH, 0, 2, 2, 2, ANY},
    [MQTT_PUBREC] = {BOTH, BOTH, 0, 2, 2, 2, ANY},
    [MQTT_PUBREL] = {BOTH, BOTH, 2, 2, 2, 2, ANY},
    [MQTT_PUBCOMP] = {BOTH, BOTH, 0, 2, 2, 2, ANY},
    [MQTT_SUBSCRIBE] = {CLIENT, CLIENT, 2, 2, ANY, 3, ANY},
    [MQTT_SUBACK] = {BROKER, BROKER, 0, 2, ANY, 3, ANY},
    [MQTT_UNSUBSCRIBE] = {CLIENT, CLIENT, 2, 2, ANY, 3, ANY},
    [MQTT_UNSUBACK] = {BROKER, BROKER, 0, 2, 2, 3, ANY},
    [MQTT_PINGREQ] = {CLIENT, CLIENT, 0, 0, 0, 0, 0},
    [MQTT_PINGRESP] = {BROKER, BROKER, 0, 0, 0, 0, 0},
    [MQTT_DISCONNECT] = {CLIENT, BOTH, 0, 0, 0, 0, ANY},
    [MQTT_AUTH] = {0, BOTH, 0, 0, 0, 0, ANY},
};

static bool flags_ok(const struct row *row, const struct mqtt_frame *f, enum mqtt_version version)
{
	unsigned qos = f->flags >> 1 & 3;

	if (f->type == MQTT_PUBLISH && qos == 3) /* [MQTT-3.3.1-4] */
		return false;
	if (version == MQTT_31) /* "not used", and no rule */
		return true;
	if (f->type == MQTT_PUBLISH) /* [MQTT-3.3.1-2] */
		return qos != 0 || (f->flags & 8) == 0;
	return f->flags == row->flags;
}

enum mqtt_result mqtt_frame_check(const struct mqtt_frame *f, enum mqtt_version version,
                                  bool from_client)
{
	const struct row *row = &rows[f->type & 15];
	bool v5 = version == MQTT_5;
	uint8_t from = v5 ? row->from5 : row->from3;
	uint32_t least = v5 ? row->min5 : row->min3, most = v5 ? row->max5 : row->max3;

	if (from == 0)
		return MQTT_PROTOCOL;
	if (!flags_ok(row, f, version)) /* [MQTT-2.1.3-1] */
		return MQTT_MALFORMED;
	if ((from & (from_client ? CLIENT : BROKER)) == 0)
		return MQTT_PROTOCOL;
	if (v5 && !f->minimal) /* [MQTT-1.5.5-1] */
		return MQTT_MALFORMED;
	if (f->type == MQTT_PUBLISH && (f->flags & 6) != 0)
		least += 2;
	return f->remaining < least || f->remaining > most ? MQTT_MALFORMED : MQTT_OK;
}
