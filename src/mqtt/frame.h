/* SPDX-License-Identifier: ISC */
/* The fixed header: where a packet begins, what it is and how long it is. */
#ifndef MQTT_FRAME_H
#define MQTT_FRAME_H

#include "mqtt/cursor.h"
#include "mqtt/names.h"

struct mqtt_frame {
	uint8_t type;       /* enum mqtt_type; never 0 */
	uint8_t flags;      /* the low four bits of the first byte */
	uint8_t head;       /* bytes of the fixed header: 2 to 5 */
	bool minimal;       /* the remaining length stood in its shortest form */
	uint32_t remaining; /* bytes of the packet behind the fixed header */
};

/* Reads the fixed header at the start of `in`. MQTT_OK: *out is filled (the body need not be there yet).
 * MQTT_MORE: a prefix of a header. MQTT_PROTOCOL: type 0. MQTT_MALFORMED: a remaining length of more than 4 bytes.
 * A longer form than necessary is left to mqtt_frame_check() (`minimal`): only 5.0 forbids it [MQTT-1.5.5-1]. */
enum mqtt_result mqtt_frame_next(struct slice in, struct mqtt_frame *out);

/* Whether a packet with this header may come from the client (or, from_client false, from the broker) on an
 * established connection of this version: direction, flags, and what the remaining length must be at least and
 * at most for its type. CONNECT and CONNACK are protocol errors here. MQTT_OK, MQTT_MALFORMED (flags [MQTT-2.1.3-1],
 * DUP with QoS 0 [MQTT-3.3.1-2], lengths), MQTT_PROTOCOL (wrong direction; wrong flags go before it). 3.1 has no rule for
 * any flags but QoS 3, and its brokers take all others. AUTH exists in 5.0 only; DISCONNECT from a broker likewise. */
enum mqtt_result mqtt_frame_check(const struct mqtt_frame *f, enum mqtt_version version, bool from_client);

#endif
