/* SPDX-License-Identifier: ISC */
/* The packets were checked before, so nothing here can run out; a reader keeps it safe all the
 * same. */
#include "mqtt/subscribe.h"

struct mqtt_subscribe mqtt_subscribe_get(struct slice body, enum mqtt_version version)
{
	struct reader r = reader_of(body);
	struct mqtt_subscribe out = {.packet_id = reader_u16(&r)};

	if (version == MQTT_5)
		(void)reader_bytes(&r, reader_varint(&r));
	out.head = slice_of(body.p, body.n - r.left);
	out.list = reader_bytes(&r, r.left);
	return out;
}

bool mqtt_subscription_next(struct slice *list, struct mqtt_subscription *out)
{
	struct reader r = reader_of(*list);

	if (list->n == 0)
		return false;
	out->filter = reader_binary(&r);
	out->options = reader_u8(&r);
	out->whole = slice_of(list->p, list->n - r.left);
	*list = slice_from(*list, out->whole.n);
	return !r.bad;
}

uint8_t mqtt_subscription_denial(enum mqtt_version version, uint8_t options)
{
	switch (version) {
	case MQTT_5:
		return MQTT_NOT_AUTHORIZED;
	case MQTT_311:
		return 0x80;
	case MQTT_31:
		break;
	}
	return options & 3;
}
