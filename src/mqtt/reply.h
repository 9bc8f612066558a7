/* SPDX-License-Identifier: ISC */
/* What the proxy itself says, in the words of each version. Never a Reason String or User Property.
 */
#ifndef MQTT_REPLY_H
#define MQTT_REPLY_H

#include "mqtt/cursor.h"
#include "mqtt/names.h"

enum { MQTT_REPLY_MAX = 8 }; /* no reply here is longer */

/* The reason code of a decoder's failure: MALFORMED 0x81, PROTOCOL 0x82, TOO_LARGE 0x95,
 * UNSUPPORTED 0x84. */
enum mqtt_reason_code mqtt_reason(enum mqtt_result r);

/* A CONNACK that refuses: `code3` to 3.x clients, `code5` to 5.0 clients. */
void mqtt_reply_refusal(struct writer *w, enum mqtt_version version, enum mqtt_connack3_code code3,
                        enum mqtt_reason_code code5);

/* DISCONNECT with a reason, to a 5.0 client; writes nothing for 3.x, which has no such packet from
 * a server. */
void mqtt_reply_disconnect(struct writer *w, enum mqtt_version version, enum mqtt_reason_code code);

/* PUBACK, PUBREC or PUBCOMP (`type`) for a packet id; a 5.0 peer is told the code where it is not
 * success, 3.x has none. */
void mqtt_reply_ack(struct writer *w, enum mqtt_version version, enum mqtt_type type,
                    uint16_t packet_id, enum mqtt_reason_code code);

#endif
