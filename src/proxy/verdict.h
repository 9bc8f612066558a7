/* SPDX-License-Identifier: ISC */
/* Every end that a CONNECT can come to: its name in the log, what the client is told, and when. */
#ifndef PROXY_VERDICT_H
#define PROXY_VERDICT_H

#include "mqtt/names.h"

#include <stdbool.h>

/* X(symbol, name, CONNACK code of 3.x or -1 to close without one, reason code of 5.0, how).
 * MALFORMED takes its reason code from the decoder. How: HELD, the refusal leaves 1 s after
 * CONNECT; LISTED, at once, or silently where the filter says so; else at once. */
#define VERDICTS(X)                                                                                \
	X(ACCEPTED, "accepted", -1, MQTT_SUCCESS, VERDICT_AT_ONCE)                                 \
	X(OTP_WRONG, "otp_wrong", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, VERDICT_HELD)       \
	X(OTP_REPLAYED, "otp_replayed", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, VERDICT_HELD) \
	X(OTP_RESYNC, "otp_resync", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, VERDICT_HELD)     \
	X(OTP_LOCKED, "otp_locked", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, VERDICT_HELD)     \
	X(USER_UNKNOWN, "user_unknown", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, VERDICT_HELD) \
	X(USER_MISSING, "user_missing", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, VERDICT_HELD) \
	X(BROKER_REFUSED, "broker_refused", MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS,           \
	  VERDICT_HELD)                                                                            \
	X(BROKER_UNREACHABLE, "broker_unreachable", MQTT3_SERVER_UNAVAILABLE,                      \
	  MQTT_SERVER_UNAVAILABLE, VERDICT_HELD)                                                   \
	X(STORE_FAILED, "store_failed", MQTT3_SERVER_UNAVAILABLE, MQTT_SERVER_UNAVAILABLE,         \
	  VERDICT_HELD)                                                                            \
	X(FILTERED, "filtered", MQTT3_NOT_AUTHORIZED, MQTT_NOT_AUTHORIZED, VERDICT_LISTED)         \
	X(BANNED, "banned", MQTT3_NOT_AUTHORIZED, MQTT_BANNED, VERDICT_LISTED)                     \
	X(WILL_DENIED, "will_refused", MQTT3_NOT_AUTHORIZED, MQTT_NOT_AUTHORIZED, VERDICT_LISTED)  \
	X(WILL_REFUSED, "will_refused", MQTT3_NOT_AUTHORIZED, MQTT_PAYLOAD_FORMAT_INVALID,         \
	  VERDICT_AT_ONCE)                                                                         \
	X(WILL_TOO_LARGE, "will_refused", MQTT3_NOT_AUTHORIZED, MQTT_PACKET_TOO_LARGE,             \
	  VERDICT_AT_ONCE)                                                                         \
	X(RATE_LIMITED, "rate_limited", MQTT3_SERVER_UNAVAILABLE, MQTT_CONNECTION_RATE_EXCEEDED,   \
	  VERDICT_LISTED)                                                                          \
	X(CONNECTION_LIMIT, "connection_limit", MQTT3_SERVER_UNAVAILABLE, MQTT_QUOTA_EXCEEDED,     \
	  VERDICT_AT_ONCE)                                                                         \
	X(SHARE_LIMIT, "connection_limit", MQTT3_SERVER_UNAVAILABLE, MQTT_QUOTA_EXCEEDED,          \
	  VERDICT_LISTED) /* of an address or a user, set by the filter */                         \
	X(VERSION_REFUSED, "version_refused", MQTT3_UNACCEPTABLE_VERSION,                          \
	  MQTT_UNSUPPORTED_VERSION, VERDICT_AT_ONCE)                                               \
	X(TOO_LARGE, "too_large", -1, MQTT_PACKET_TOO_LARGE, VERDICT_AT_ONCE)                      \
	X(MALFORMED, "malformed", -1, MQTT_MALFORMED_PACKET, VERDICT_AT_ONCE)                      \
	X(TIMEOUT, "timeout", -1, MQTT_SUCCESS, VERDICT_AT_ONCE)                                   \
	X(GONE, "gone", -1, MQTT_SUCCESS,                                                          \
	  VERDICT_AT_ONCE) /* the client left, or the proxy stopped, before a verdict */

enum verdict_how { VERDICT_AT_ONCE, VERDICT_HELD, VERDICT_LISTED };

enum verdict {
#define X(symbol, name, code3, code5, held) VERDICT_##symbol,
	VERDICTS(X)
#undef X
	    VERDICT_COUNT
};

struct verdict_info {
	const char *name;
	int code3;
	enum mqtt_reason_code code5;
	enum verdict_how how;
};

const struct verdict_info *verdict_info(enum verdict v);

/* Whether a refusal is for what the client did or is, and not for a fault of the proxy or the
 * broker, or nobody's. code: the broker's, of a BROKER_REFUSED. */
bool verdict_blames_client(enum verdict v, uint8_t code);

#endif
