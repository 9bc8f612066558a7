/* SPDX-License-Identifier: ISC */
/* Few words, always the same bytes: nothing of what a peer sent finds its way into an answer. */
#include "mqtt/reply.h"

enum mqtt_reason_code mqtt_reason(enum mqtt_result r)
{
	switch (r) {
	case MQTT_OK:
		return MQTT_SUCCESS;
	case MQTT_MALFORMED:
		return MQTT_MALFORMED_PACKET;
	case MQTT_PROTOCOL:
		return MQTT_PROTOCOL_ERROR;
	case MQTT_TOO_LARGE:
		return MQTT_PACKET_TOO_LARGE;
	case MQTT_UNSUPPORTED:
		return MQTT_UNSUPPORTED_VERSION;
	case MQTT_MORE:
		break;
	}
	return MQTT_UNSPECIFIED_ERROR;
}

void mqtt_reply_refusal(struct writer *w, enum mqtt_version version, enum mqtt_connack3_code code3,
                        enum mqtt_reason_code code5)
{
	const uint8_t v3[] = {MQTT_CONNACK << 4, 2, 0, (uint8_t)code3};
	const uint8_t v5[] = {MQTT_CONNACK << 4, 3, 0, (uint8_t)code5, 0};

	if (version == MQTT_5)
		writer_bytes(w, slice_of(v5, sizeof v5));
	else
		writer_bytes(w, slice_of(v3, sizeof v3));
}

void mqtt_reply_disconnect(struct writer *w, enum mqtt_version version, enum mqtt_reason_code code)
{
	const uint8_t v5[] = {MQTT_DISCONNECT << 4, 1, (uint8_t)code};

	if (version == MQTT_5)
		writer_bytes(w, slice_of(v5, sizeof v5));
}

void mqtt_reply_ack(struct writer *w, enum mqtt_version version, enum mqtt_type type,
                    uint16_t packet_id, enum mqtt_reason_code code)
{
	bool told = version == MQTT_5 && code != MQTT_SUCCESS;
	const uint8_t ack[] = {(uint8_t)(type << 4), told ? 3 : 2, (uint8_t)(packet_id >> 8),
	                       (uint8_t)packet_id, (uint8_t)code};

	writer_bytes(w, slice_of(ack, told ? 5 : 4));
}
