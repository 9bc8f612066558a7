/* SPDX-License-Identifier: ISC */
/* PUBLISH: its head (everything before the payload) read as soon as it is whole, and written for a payload of
 * another length. The payload itself is never touched here. */
#ifndef MQTT_PUBLISH_H
#define MQTT_PUBLISH_H

#include "mqtt/frame.h"
#include "mqtt/props.h"

struct mqtt_publish {
	bool dup, retain;
	uint8_t qos;
	uint16_t packet_id; /* 0 with QoS 0 */
	uint16_t alias;     /* v5 Topic Alias, 0 where there is none */
	bool has_alias;
	bool utf8;          /* v5 Payload Format Indicator is 1 */
	struct slice topic; /* borrowed; empty only with an alias */
	struct slice props; /* v5 property block, borrowed */
	uint64_t props_seen;
	size_t head;        /* bytes from the start of the packet to the payload, fixed header included */
	size_t payload;     /* bytes of payload */
};

/* Reads the head of the PUBLISH whose fixed header is f, from `packet`, the bytes of it that are there (fixed header
 * first). MQTT_MORE where the head is not whole yet; MQTT_TOO_LARGE where it would be longer than max_head bytes,
 * with flags, topic and packet id where it is the properties that are too long (else the topic is empty);
 * MQTT_MALFORMED: QoS 3, DUP with QoS 0 (but in 3.1), cut off by the remaining length, bad UTF-8, wildcards in the topic;
 * MQTT_PROTOCOL: packet id 0, an empty topic without an alias, bad properties, a Subscription Identifier from a client
 * [MQTT-3.3.4-6]. More bytes turn MQTT_MORE into an answer, never one answer into another. In 5.0 the remaining length
 * must be minimal. */
enum mqtt_result mqtt_publish_get(struct slice packet, const struct mqtt_frame *f, enum mqtt_version version,
    bool from_client, size_t max_head, struct mqtt_publish *out);

/* The PUBLISHes in a row at the start of `in` that are what most are: with QoS 0 or 1 and without properties, in order
 * (mqtt_frame_check() and mqtt_publish_get() would say MQTT_OK), and each head there whole. How many they are is left in
 * *n; returns their bytes, of which the last one's may not all be there. */
size_t mqtt_publish_row(struct slice in, enum mqtt_version version, size_t max_head, size_t *n);

/* Bytes of the head that mqtt_publish_put() writes, or 0 where the packet would pass the protocol's limit. */
size_t mqtt_publish_size(const struct mqtt_publish *p, enum mqtt_version version, const struct mqtt_props_edit *edit,
    size_t payload);

/* Writes fixed and variable header for a payload of `payload` bytes, which the caller writes behind it. */
void mqtt_publish_put(struct writer *w, const struct mqtt_publish *p, enum mqtt_version version,
    const struct mqtt_props_edit *edit, size_t payload);

#endif
