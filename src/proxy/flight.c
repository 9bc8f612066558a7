/* SPDX-License-Identifier: ISC */
/* A message that may not pass is still acknowledged, both ways: else a persistent client would send
 * it again for ever, and a broker's flight window would fill. QoS 1 is answered once. With QoS 2
 * the id stays the proxy's until its PUBREL has come and PUBCOMP is said; a negative PUBREC ends it
 * at once [MQTT-4.3.3-4]. What the proxy has answered never reaches the other side. A message that
 * comes again (DUP) and is not owned may have passed before, so that the other side holds its id:
 * it gets a PUBREC, and the PUBREL goes on, which completes the handshake at both ends; where the
 * id is unknown the answer is PUBCOMP all the same. */
#include "mqtt/reply.h"
#include "proxy/stage.h"

#include <stdlib.h>

enum { BITMAP = 65536 / 8 };

bool flight_owns(const struct session *s, enum side from, uint16_t id)
{
	return s->owned[from] != NULL && (s->owned[from][id / 8] & 1u << id % 8) != 0;
}

static int own(struct session *s, enum side from, uint16_t id)
{
	if (s->owned[from] == NULL)
		s->owned[from] = calloc(1, BITMAP);
	if (s->owned[from] == NULL)
		return -1;
	s->owned[from][id / 8] |= (uint8_t)(1u << id % 8);
	return 0;
}

static void disown(struct session *s, enum side from, uint16_t id)
{
	if (s->owned[from] != NULL)
		s->owned[from][id / 8] &= (uint8_t) ~(1u << id % 8);
}

static int say(struct session *s, enum side to, enum mqtt_type type, uint16_t id,
               enum mqtt_reason_code code, struct session_step *step)
{
	uint8_t packet[MQTT_REPLY_MAX];
	struct writer w = {.p = packet, .cap = sizeof packet};

	mqtt_reply_ack(&w, s->version, type, id, code);
	return own_say(s, to, slice_of(packet, w.len), step);
}

int flight_drop(struct session *s, enum side from, const struct drop *d, struct session_step *step)
{
	if (d->qos == 0)
		return 0;
	if (d->qos == 1)
		return say(s, from, MQTT_PUBACK, d->packet_id, d->code, step);
	if (d->dup)
		return say(s, from, MQTT_PUBREC, d->packet_id, MQTT_SUCCESS, step);
	bool freed = s->version == MQTT_5 && d->code >= MQTT_UNSPECIFIED_ERROR;
	if (!freed && own(s, from, d->packet_id) != 0)
		return -1;
	return say(s, from, MQTT_PUBREC, d->packet_id, d->code, step);
}

int flight_release(struct session *s, enum side from, uint16_t packet_id, struct session_step *step)
{
	disown(s, from, packet_id);
	return say(s, from, MQTT_PUBCOMP, packet_id, MQTT_SUCCESS, step);
}

void flight_passed(struct session *s, enum side from, uint16_t packet_id)
{
	disown(s, from, packet_id);
}
