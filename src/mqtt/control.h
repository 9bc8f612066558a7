/* SPDX-License-Identifier: ISC */
/* Every packet but CONNECT, CONNACK and PUBLISH, checked as a whole before it is passed on. */
#ifndef MQTT_CONTROL_H
#define MQTT_CONTROL_H

#include "mqtt/frame.h"
#include "mqtt/props.h"

/* Checks the body of a whole packet whose header passed mqtt_frame_check(): packet id not 0, reason codes that exist
 * for the type, properties allowed there, SUBSCRIBE and UNSUBSCRIBE with at least one filter [MQTT-3.8.3-2], each valid,
 * with valid options (QoS 3 and reserved bits are malformed; Retain Handling 3 and No Local on a shared subscription
 * [MQTT-3.8.3-4] are protocol errors), SUBACK and UNSUBACK with at least one code (UNSUBACK of 3.x has none), nothing
 * left over. MQTT_OK, MQTT_MALFORMED or MQTT_PROTOCOL; PUBLISH, CONNECT and CONNACK are not for here: MQTT_PROTOCOL. */
enum mqtt_result mqtt_control_check(const struct mqtt_frame *f, struct slice body, enum mqtt_version version);

/* The property block of a whole v5 packet that passed mqtt_control_check(), borrowed; empty where it has none. */
struct slice mqtt_control_props(uint8_t type, struct slice body);

/* Writes such a packet with its properties edited. One that ends before its properties stays as it is. */
void mqtt_control_put(struct writer *w, const struct mqtt_frame *f, struct slice body, const struct mqtt_props_edit *edit);

#endif
