/* SPDX-License-Identifier: ISC */
/* The numbers of the protocol and their names, each once. */
#ifndef MQTT_NAMES_H
#define MQTT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Protocol levels, as they stand in CONNECT, without the bridge bit. */
enum mqtt_version { MQTT_31 = 3, MQTT_311 = 4, MQTT_5 = 5 };

/* "3.1.1"; NULL for what is none. */
const char *mqtt_version_name(enum mqtt_version v);

/* Control packet types [MQTT 5.0, 2.1.2]. */
enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK,
	MQTT_PUBLISH,
	MQTT_PUBACK,
	MQTT_PUBREC,
	MQTT_PUBREL,
	MQTT_PUBCOMP,
	MQTT_SUBSCRIBE,
	MQTT_SUBACK,
	MQTT_UNSUBSCRIBE,
	MQTT_UNSUBACK,
	MQTT_PINGREQ,
	MQTT_PINGRESP,
	MQTT_DISCONNECT,
	MQTT_AUTH
};

/* "PUBLISH"; "type 0" and the like are "RESERVED". */
const char *mqtt_type_name(uint8_t type);

/* The reason codes that the proxy itself says or reads [MQTT 5.0, 2.4]. */
enum mqtt_reason_code {
	MQTT_SUCCESS = 0x00,
	MQTT_UNSPECIFIED_ERROR = 0x80,
	MQTT_MALFORMED_PACKET = 0x81,
	MQTT_PROTOCOL_ERROR = 0x82,
	MQTT_UNSUPPORTED_VERSION = 0x84,
	MQTT_BAD_CREDENTIALS = 0x86,
	MQTT_NOT_AUTHORIZED = 0x87,
	MQTT_SERVER_UNAVAILABLE = 0x88,
	MQTT_BANNED = 0x8A,
	MQTT_SERVER_SHUTTING_DOWN = 0x8B,
	MQTT_KEEP_ALIVE_TIMEOUT = 0x8D,
	MQTT_TOPIC_ALIAS_INVALID = 0x94,
	MQTT_PACKET_TOO_LARGE = 0x95,
	MQTT_QUOTA_EXCEEDED = 0x97,
	MQTT_ADMINISTRATIVE_ACTION = 0x98,
	MQTT_PAYLOAD_FORMAT_INVALID = 0x99,
	MQTT_CONNECTION_RATE_EXCEEDED = 0x9F
};

/* Whether 5.0 knows this reason code in packets of this type (at most 15) [MQTT 5.0, 2.4, table 2-6]. Whoever sends
 * them: DISCONNECT's codes of clients and of brokers are one set. */
bool mqtt_reason_valid(uint8_t type, uint8_t code);

/* CONNACK return codes of 3.1 and 3.1.1 [MQTT 3.1.1, 3.2.2.3]. */
enum mqtt_connack3_code {
	MQTT3_ACCEPTED = 0,
	MQTT3_UNACCEPTABLE_VERSION = 1,
	MQTT3_IDENTIFIER_REJECTED = 2,
	MQTT3_SERVER_UNAVAILABLE = 3,
	MQTT3_BAD_CREDENTIALS = 4,
	MQTT3_NOT_AUTHORIZED = 5
};

/* Value types of v5 properties [MQTT 5.0, 2.2.2.2]. */
enum mqtt_prop_type { MQTT_BYTE, MQTT_U16, MQTT_U32, MQTT_VARINT, MQTT_STRING, MQTT_BINARY, MQTT_PAIR };

/* In which packets a property may stand: a bit for each packet type, and one for Will properties. */
#define MQTT_IN(type) (1u << MQTT_##type)
#define MQTT_IN_WILL (1u << 16)
#define MQTT_IN_ACKS (MQTT_IN(PUBACK) | MQTT_IN(PUBREC) | MQTT_IN(PUBREL) | MQTT_IN(PUBCOMP))

/* X(symbol, id, value type, packets): every property of MQTT 5.0. */
#define MQTT_PROPERTIES(X)                                                                                  \
	X(PAYLOAD_FORMAT_INDICATOR, 0x01, BYTE, MQTT_IN(PUBLISH) | MQTT_IN_WILL)                            \
	X(MESSAGE_EXPIRY_INTERVAL, 0x02, U32, MQTT_IN(PUBLISH) | MQTT_IN_WILL)                              \
	X(CONTENT_TYPE, 0x03, STRING, MQTT_IN(PUBLISH) | MQTT_IN_WILL)                                      \
	X(RESPONSE_TOPIC, 0x08, STRING, MQTT_IN(PUBLISH) | MQTT_IN_WILL)                                    \
	X(CORRELATION_DATA, 0x09, BINARY, MQTT_IN(PUBLISH) | MQTT_IN_WILL)                                  \
	X(SUBSCRIPTION_IDENTIFIER, 0x0B, VARINT, MQTT_IN(PUBLISH) | MQTT_IN(SUBSCRIBE))                     \
	X(SESSION_EXPIRY_INTERVAL, 0x11, U32, MQTT_IN(CONNECT) | MQTT_IN(CONNACK) | MQTT_IN(DISCONNECT))    \
	X(ASSIGNED_CLIENT_IDENTIFIER, 0x12, STRING, MQTT_IN(CONNACK))                                       \
	X(SERVER_KEEP_ALIVE, 0x13, U16, MQTT_IN(CONNACK))                                                   \
	X(AUTHENTICATION_METHOD, 0x15, STRING, MQTT_IN(CONNECT) | MQTT_IN(CONNACK) | MQTT_IN(AUTH))         \
	X(AUTHENTICATION_DATA, 0x16, BINARY, MQTT_IN(CONNECT) | MQTT_IN(CONNACK) | MQTT_IN(AUTH))           \
	X(REQUEST_PROBLEM_INFORMATION, 0x17, BYTE, MQTT_IN(CONNECT))                                        \
	X(WILL_DELAY_INTERVAL, 0x18, U32, MQTT_IN_WILL)                                                     \
	X(REQUEST_RESPONSE_INFORMATION, 0x19, BYTE, MQTT_IN(CONNECT))                                       \
	X(RESPONSE_INFORMATION, 0x1A, STRING, MQTT_IN(CONNACK))                                             \
	X(SERVER_REFERENCE, 0x1C, STRING, MQTT_IN(CONNACK) | MQTT_IN(DISCONNECT))                           \
	X(REASON_STRING, 0x1F, STRING,                                                                      \
	    MQTT_IN(CONNACK) | MQTT_IN_ACKS | MQTT_IN(SUBACK) | MQTT_IN(UNSUBACK) | MQTT_IN(DISCONNECT) |   \
	        MQTT_IN(AUTH))                                                                              \
	X(RECEIVE_MAXIMUM, 0x21, U16, MQTT_IN(CONNECT) | MQTT_IN(CONNACK))                                  \
	X(TOPIC_ALIAS_MAXIMUM, 0x22, U16, MQTT_IN(CONNECT) | MQTT_IN(CONNACK))                              \
	X(TOPIC_ALIAS, 0x23, U16, MQTT_IN(PUBLISH))                                                         \
	X(MAXIMUM_QOS, 0x24, BYTE, MQTT_IN(CONNACK))                                                        \
	X(RETAIN_AVAILABLE, 0x25, BYTE, MQTT_IN(CONNACK))                                                   \
	X(USER_PROPERTY, 0x26, PAIR,                                                                        \
	    MQTT_IN(CONNECT) | MQTT_IN(CONNACK) | MQTT_IN(PUBLISH) | MQTT_IN_WILL | MQTT_IN_ACKS |          \
	        MQTT_IN(SUBSCRIBE) | MQTT_IN(SUBACK) | MQTT_IN(UNSUBSCRIBE) | MQTT_IN(UNSUBACK) |           \
	        MQTT_IN(DISCONNECT) | MQTT_IN(AUTH))                                                        \
	X(MAXIMUM_PACKET_SIZE, 0x27, U32, MQTT_IN(CONNECT) | MQTT_IN(CONNACK))                              \
	X(WILDCARD_SUBSCRIPTION_AVAILABLE, 0x28, BYTE, MQTT_IN(CONNACK))                                    \
	X(SUBSCRIPTION_IDENTIFIERS_AVAILABLE, 0x29, BYTE, MQTT_IN(CONNACK))                                 \
	X(SHARED_SUBSCRIPTION_AVAILABLE, 0x2A, BYTE, MQTT_IN(CONNACK))

enum mqtt_prop_id {
#define X(symbol, id, type, packets) MQTT_##symbol = id,
	MQTT_PROPERTIES(X)
#undef X
};

#endif
