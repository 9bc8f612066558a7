/* SPDX-License-Identifier: ISC */
/* v5 properties: walked in place, checked as a whole, and copied with a few taken out or put in. A property
 * block is handled as the raw bytes behind its length, so what is not edited stays byte for byte. */
#ifndef MQTT_PROPS_H
#define MQTT_PROPS_H

#include "mqtt/cursor.h"
#include "mqtt/names.h"

struct mqtt_prop {
	uint8_t id;
	struct slice whole; /* identifier and value as they stand */
	uint32_t number;    /* the value of byte, u16, u32 and varint properties, else 0 */
	struct slice text;  /* the value of string and binary properties, the name of a pair, else empty */
	struct slice value; /* the value of a pair, else empty */
};

/* Reads one property. False at the end of the block and where the reader turned bad (unknown id, cut off). */
bool mqtt_props_next(struct reader *r, struct mqtt_prop *out);

/* The bit of property `id` (at most 0x2A) in masks of properties. */
#define MQTT_PROP_BIT(id) (UINT64_C(1) << (id))

/* Checks a whole block that stands in a packet of kind `in` (MQTT_IN(CONNECT) …, MQTT_IN_WILL): every id known and
 * allowed there, no duplicates (User Property always, Subscription Identifier in PUBLISH only may repeat), strings
 * valid UTF-8, values in range (booleans 0 or 1, Receive Maximum, Maximum Packet Size, Topic Alias and Subscription
 * Identifier not 0, Maximum QoS 0 or 1), a Response Topic without wildcards, Authentication Data only with a Method.
 * *seen (may be NULL) gets the mask of the ids present. MQTT_OK, MQTT_MALFORMED, MQTT_PROTOCOL as the clause on each
 * says, MQTT_PROTOCOL for a known id that is not allowed there; what cannot be parsed is malformed, whatever stands before
 * it. Topic Alias 0 is left to the caller as MQTT_OK (it has a reason code of its own, 0x94). */
enum mqtt_result mqtt_props_check(struct slice block, uint32_t in, uint64_t *seen);

/* Finds the first property with this id. False where there is none. The block has passed mqtt_props_check(). */
bool mqtt_props_find(struct slice block, uint8_t id, struct mqtt_prop *out);

/* What to change while a block is copied. A zeroed edit changes nothing. */
struct mqtt_props_edit {
	uint64_t drop;       /* mask of the ids to take out */
	struct slice append; /* encoded properties to put behind the others */
};

/* Length of the edited block without its length field, and the block itself, length field first. */
size_t mqtt_props_size(struct slice block, const struct mqtt_props_edit *edit);
void mqtt_props_put(struct writer *w, struct slice block, const struct mqtt_props_edit *edit);

#endif
