/* SPDX-License-Identifier: ISC */
/* The protocol's tables: what a packet type is called, which reason codes belong to which type. One
 * row a code, as in the specification's own table, so that the two can be compared by eye. */
#include "mqtt/names.h"

#include <stddef.h>

const char *mqtt_version_name(enum mqtt_version v)
{
	switch (v) {
	case MQTT_31:
		return "3.1";
	case MQTT_311:
		return "3.1.1";
	case MQTT_5:
		return "5.0";
	}
	return NULL;
}

const char *mqtt_type_name(uint8_t type)
{
	static const char *const names[] = {
	    "RESERVED", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
	    "PUBREL",   "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
	    "PINGREQ",  "PINGRESP", "DISCONNECT", "AUTH",
	};

	return type < sizeof names / sizeof names[0] ? names[type] : names[0];
}

#define IN(type) MQTT_IN(type)

/* MQTT 5.0, 2.4, table 2-6. */
static const uint16_t reason_types[256] = {
    [0x00] = IN(CONNACK) | MQTT_IN_ACKS | IN(SUBACK) | IN(UNSUBACK) | IN(DISCONNECT) | IN(AUTH),
    [0x01] = IN(SUBACK),
    [0x02] = IN(SUBACK),
    [0x04] = IN(DISCONNECT),
    [0x10] = IN(PUBACK) | IN(PUBREC),
    [0x11] = IN(UNSUBACK),
    [0x18] = IN(AUTH),
    [0x19] = IN(AUTH),
    [0x80] = IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(SUBACK) | IN(UNSUBACK) | IN(DISCONNECT),
    [0x81] = IN(CONNACK) | IN(DISCONNECT),
    [0x82] = IN(CONNACK) | IN(DISCONNECT),
    [0x83] = IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(SUBACK) | IN(UNSUBACK) | IN(DISCONNECT),
    [0x84] = IN(CONNACK),
    [0x85] = IN(CONNACK),
    [0x86] = IN(CONNACK),
    [0x87] = IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(SUBACK) | IN(UNSUBACK) | IN(DISCONNECT),
    [0x88] = IN(CONNACK),
    [0x89] = IN(CONNACK) | IN(DISCONNECT),
    [0x8A] = IN(CONNACK),
    [0x8B] = IN(DISCONNECT),
    [0x8C] = IN(CONNACK) | IN(DISCONNECT),
    [0x8D] = IN(DISCONNECT),
    [0x8E] = IN(DISCONNECT),
    [0x8F] = IN(SUBACK) | IN(UNSUBACK) | IN(DISCONNECT),
    [0x90] = IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(DISCONNECT),
    [0x91] = IN(PUBACK) | IN(PUBREC) | IN(SUBACK) | IN(UNSUBACK),
    [0x92] = IN(PUBREL) | IN(PUBCOMP),
    [0x93] = IN(DISCONNECT),
    [0x94] = IN(DISCONNECT),
    [0x95] = IN(CONNACK) | IN(DISCONNECT),
    [0x96] = IN(DISCONNECT),
    [0x97] = IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(SUBACK) | IN(DISCONNECT),
    [0x98] = IN(DISCONNECT),
    [0x99] = IN(CONNACK) | IN(PUBACK) | IN(PUBREC) | IN(DISCONNECT),
    [0x9A] = IN(CONNACK) | IN(DISCONNECT),
    [0x9B] = IN(CONNACK) | IN(DISCONNECT),
    [0x9C] = IN(CONNACK) | IN(DISCONNECT),
    [0x9D] = IN(CONNACK) | IN(DISCONNECT),
    [0x9E] = IN(SUBACK) | IN(DISCONNECT),
    [0x9F] = IN(CONNACK) | IN(DISCONNECT),
    [0xA0] = IN(DISCONNECT),
    [0xA1] = IN(SUBACK) | IN(DISCONNECT),
    [0xA2] = IN(SUBACK) | IN(DISCONNECT),
};

bool mqtt_reason_valid(uint8_t type, uint8_t code)
{
	return (reason_types[code] >> type & 1) != 0;
}
