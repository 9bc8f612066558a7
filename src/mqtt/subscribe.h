/* SPDX-License-Identifier: ISC */
/* SUBSCRIBE and SUBACK taken apart, for whoever judges filters one by one. Both passed
 * mqtt_control_check(). */
#ifndef MQTT_SUBSCRIBE_H
#define MQTT_SUBSCRIBE_H

#include "mqtt/cursor.h"
#include "mqtt/names.h"

/* Borrowed parts of a body. */
struct mqtt_subscribe {
	uint16_t packet_id;
	struct slice head; /* packet id and, in 5.0, the properties with their length */
	struct slice list; /* SUBSCRIBE: filters and options; SUBACK: return or reason codes */
};

struct mqtt_subscribe mqtt_subscribe_get(struct slice body, enum mqtt_version version);

/* One entry of the list of a SUBSCRIBE. */
struct mqtt_subscription {
	struct slice filter;
	uint8_t options;    /* bits 0 and 1: the requested QoS */
	struct slice whole; /* as it stands in the packet */
};

/* Takes the next entry off the list; false where there is none. */
bool mqtt_subscription_next(struct slice *list, struct mqtt_subscription *out);

/* What is answered for a filter that is not subscribed to: 0x87 in 5.0, 0x80 in 3.1.1
 * [MQTT-3.9.3-2]; 3.1 knows no failure, so the requested QoS. */
uint8_t mqtt_subscription_denial(enum mqtt_version version, uint8_t options);

#endif
