/* SPDX-License-Identifier: ISC */
/* Every packet but CONNECT, CONNACK and PUBLISH, checked as a whole before it is passed on. */
#ifndef MQTT_CONTROL_H
#define MQTT_CONTROL_H

#include "mqtt/frame.h"

/* Checks the body of a whole packet whose header passed mqtt_frame_check(): packet id not 0, reason codes that exist
 * for the type, properties allowed there, SUBSCRIBE and UNSUBSCRIBE with at least one filter [MQTT-3.8.3-2], each valid,
 * with valid options (QoS 3 and reserved bits are malformed; Retain Handling 3 and No Local on a shared subscription
 * [MQTT-3.8.3-4] are protocol errors), SUBACK and UNSUBACK with at least one code (UNSUBACK of 3.x has none), nothing
 * left over. MQTT_OK, MQTT_MALFORMED or MQTT_PROTOCOL; PUBLISH, CONNECT and CONNACK are not for here: MQTT_PROTOCOL. */
enum mqtt_result mqtt_control_check(const struct mqtt_frame *f, struct slice body, enum mqtt_version version);

#endif
