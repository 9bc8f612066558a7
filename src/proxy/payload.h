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
	struct slice props; /* the carrier's v5 property block */
};

/* What the payload is on the leg that it comes from. */
enum payload_form {
	PAYLOAD_PLAIN,    /* in clear as the rule says, or an empty one that passes so */
	PAYLOAD_SEALED,   /* an envelope is required: it opens, or it may not pass */
	PAYLOAD_TOLERATED /* in clear where an envelope is required, but only preferred */
};

/* A payload in clear, and the v5 properties that were sealed with it. It points into the input or
 * into the kit's scratch. */
struct payload_clear {
	enum payload_form form; /* as it came */
	bool utf8;
	bool has_props;
	struct slice props;
	struct slice payload;
};

enum {
	PAYLOAD_WHOLE = 256 * 1024 + SEAL_HEADER + 16 * SEAL_TAG, /* see max_whole of a policy */
	PAYLOAD_OPENED_AT = SEAL_PREFIX_MAX + 2,
	/* Bytes that a kit's scratch must have. */
	PAYLOAD_SCRATCH = PAYLOAD_OPENED_AT + PAYLOAD_WHOLE + UINT16_MAX
};

/* Where the leg is encrypted an envelope is required, but for what the rule lets pass: empty
 * payloads (with RETAIN = 1, which clears a retained message, and everything empty on its way
 * down); and, where envelopes are only preferred, all but what begins like one, is as long as one,
 * and names a key of the rule. The payload has to be there, or as much of it as an envelope has at
 * least. */
enum payload_form payload_form(const struct session_env *env, const struct payload_in *in);

/* The same for a sealed payload of which only the first segment need be there: `out` has the
 * payload at its full length, *n bytes of it are there, in the kit's scratch, with room for one
 * segment behind them; the others are rest's. An envelope that was spoiled before is SEAL_E_AUTH.
 */
enum seal_error payload_begin(const struct session_env *env, const struct payload_in *in,
                              struct payload_clear *out, size_t *n, struct seal_stream *rest);

/* Whether it leaves as an envelope: the leg is encrypted and it is not the order to clear a
 * retained message. */
bool payload_gets_sealed(const struct payload_in *in, const struct payload_clear *clear);

/* What the opener demands of this payload by its rule. */
struct seal_demand payload_demand(const struct payload_in *in);

/* The payload in clear: the input itself, or opened into the kit's scratch. */
enum seal_error payload_open(const struct session_env *env, const struct payload_in *in,
                             struct payload_clear *out, struct seal_opened *opened);

/* Takes the v5 properties that the rule wants sealed out of the carrier's, into the kit's scratch;
 * those that were sealed already stay what they are. Under such a rule there is always a list of
 * them, also an empty one, so that nobody can add to it. For a payload that gets sealed. False
 * where they are too long. */
bool payload_take_props(const struct session_env *env, const struct payload_in *in,
                        struct payload_clear *clear);

/* The message to be sealed for the leg that it goes to; the sealer is that of the leg's first key.
 */
struct seal_message payload_message(const struct payload_in *in, const struct payload_clear *clear);
struct sealer *payload_sealer(const struct session_env *env, const struct payload_in *in);

/* How the carrying packet's properties change (v5; nothing before): what travels inside an envelope
 * is taken out where the payload leaves sealed, and put back where it leaves in clear. Properties
 * that are to be sealed never leave in clear on an encrypted leg: with a payload that passes there
 * unsealed they are left out. The edit may point into the kit's scratch. */
struct mqtt_props_edit payload_edit(const struct session_env *env, const struct payload_in *in,
                                    const struct payload_clear *clear, bool sealed);

#endif
