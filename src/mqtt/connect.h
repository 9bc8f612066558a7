/* SPDX-License-Identifier: ISC */
/* CONNECT and CONNACK of 3.1, 3.1.1 and 5.0, parsed in full and written anew. */
#ifndef MQTT_CONNECT_H
#define MQTT_CONNECT_H

#include "mqtt/props.h"

/* All slices are borrowed from the packet that was parsed. To rewrite a CONNECT, change fields here, then put. */
struct mqtt_connect {
	enum mqtt_version version;
	bool bridge;   /* bit 7 of the protocol level, as bridges set it */
	bool reserved; /* 3.1: bit 0 of the flags, which means nothing there and is kept */
	bool clean;    /* Clean Session, Clean Start */
	bool has_will, will_retain;
	uint8_t will_qos;
	bool has_user, has_password;
	/* 3.1: the flag is set but the packet ends before the field; has_user, has_password are then false. */
	bool user_flag_only, password_flag_only;
	uint16_t keep_alive; /* seconds, 0 none */
	struct slice client_id, user, password, will_topic, will_payload;
	struct slice password_rest; /* written behind password, as one field with it; parsed, it is empty */
	struct slice props, will_props; /* v5 property blocks; empty before v5 */
	uint64_t props_seen, will_props_seen;
};

/* Parses the bytes behind the fixed header of a whole CONNECT. `minimal` tells whether the remaining length stood in
 * its shortest form (see struct mqtt_frame): 5.0 demands it. The flags of the fixed header are the caller's: 0 in 3.1.1
 * and 5.0 [MQTT-2.1.3-1], anything in 3.1.
 * MQTT_OK; MQTT_UNSUPPORTED: a protocol name and level that are not 3.1, 3.1.1 or 5.0 (out->version is then 5 where the
 * level is above 5 with name "MQTT", else 4, to choose the answer's form); MQTT_MALFORMED; MQTT_PROTOCOL.
 * On failures behind the level, out->version is already set. Checks: protocol name, reserved flag [MQTT-3.1.2-3] and
 * Will flags against each other [MQTT-3.1.2-11 …] (3.1 disregards all these), a password without user name (before 5.0
 * forbidden), UTF-8 of client id, user name and Will topic (never of the password), a Will topic without wildcards and
 * not empty, properties, nothing behind the payload. An empty client id passes and is left to the broker, which answers
 * 2 where it does not like it. */
enum mqtt_result mqtt_connect_get(struct slice body, bool minimal, struct mqtt_connect *out);

/* Writes the whole packet. The edits apply to the two property blocks; both may be NULL. The writer turns full where
 * it lacks room, a field is too long, or a flag without its field would make the packet say something else. */
void mqtt_connect_put(struct writer *w, const struct mqtt_connect *c, const struct mqtt_props_edit *props,
    const struct mqtt_props_edit *will_props);

struct mqtt_connack {
	bool session_present;
	uint8_t code;       /* return code (3.x) or reason code (5.0); 0 is success in all */
	struct slice props; /* v5 */
	uint64_t props_seen;
};

/* Parses the bytes behind the fixed header of a whole CONNACK. MQTT_OK, MQTT_MALFORMED, MQTT_PROTOCOL. A v5 client may
 * be answered in 3.x form by an old broker that refuses the version: two bytes with a code other than 0 are taken, and
 * written in that form again where the code is none of 5.0. */
enum mqtt_result mqtt_connack_get(struct slice body, enum mqtt_version version, struct mqtt_connack *out);

/* Writes the whole packet with the edited properties (edit may be NULL). */
void mqtt_connack_put(struct writer *w, enum mqtt_version version, const struct mqtt_connack *a,
    const struct mqtt_props_edit *edit);

#endif
