/* SPDX-License-Identifier: ISC */
/* One payload under one rule: opened, sealed, or both. PUBLISH and the Will of a CONNECT go the
 * same way. */
#ifndef PROXY_PAYLOAD_H
#define PROXY_PAYLOAD_H

#include "mqtt/props.h"
#include "proxy/policy.h"

/* What carries the payload, and how it is to go on. */
struct payload_in {
	const struct payload_rule *rule; /* one that changes payloads */
	enum side from;
	bool connect_will; /* the Will of a CONNECT */
	bool retain;
	bool utf8; /* the v5 Payload Format Indicator is 1 */
	bool v5;
	struct slice topic, payload;
};

/* A payload in clear, and the v5 properties that were sealed with it. It points into the input or
 * into the kit's scratch. */
struct payload_clear {
	bool utf8;
	bool has_props;
	struct slice props;
	struct slice payload;
};

/* Whether this payload arrives as an envelope that must be opened: the leg is encrypted, and it is
 * not one of the empty payloads that pass in clear (RETAIN = 1 clears a retained message; and
 * everything empty on its way down). */
bool payload_is_sealed(const struct payload_in *in);

/* Whether it leaves as an envelope: the leg is encrypted and it is not the order to clear a
 * retained message. */
bool payload_gets_sealed(const struct payload_in *in, const struct payload_clear *clear);

/* What the opener demands of this payload by its rule. */
struct seal_demand payload_demand(const struct payload_in *in);

/* The payload in clear: the input itself, or opened into the kit's scratch. */
enum seal_error payload_open(const struct session_env *env, const struct payload_in *in,
                             struct payload_clear *out, struct seal_opened *opened);

/* The message to be sealed for the leg that it goes to; the sealer is that of the leg's first key.
 */
struct seal_message payload_message(const struct payload_in *in, const struct payload_clear *clear);
struct sealer *payload_sealer(const struct session_env *env, const struct payload_in *in);

/* How the carrying packet's properties change (v5; nothing before): what travels inside an envelope
 * is taken out where the payload leaves sealed, and put back where it leaves in clear. The edit may
 * point into the kit's scratch. */
struct mqtt_props_edit payload_edit(const struct session_env *env, const struct payload_in *in,
                                    const struct payload_clear *clear, bool sealed);

#endif
