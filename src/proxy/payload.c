/* SPDX-License-Identifier: ISC */
/* The rule behind all of this: nothing leaves in clear by omission. What a rule calls encrypted is
 * opened or refused on its way in, and sealed on its way out, but for the empty payloads that the
 * format names. The Payload Format Indicator tells about the plaintext, so it travels inside: as
 * flag U, and out of the packet's properties. */
#include "proxy/payload.h"

#include "mqtt/names.h"

static const uint8_t pfi_utf8[] = {MQTT_PAYLOAD_FORMAT_INDICATOR, 1};

/* What P carries: the opener discards the outer ones and restores the inner ones. */
#define SEALED_PROPS                                                             \
	(MQTT_PROP_BIT(MQTT_CONTENT_TYPE) | MQTT_PROP_BIT(MQTT_RESPONSE_TOPIC) | \
	 MQTT_PROP_BIT(MQTT_CORRELATION_DATA) | MQTT_PROP_BIT(MQTT_USER_PROPERTY))

/* The scratch: sealed properties taken out of a packet; the indicator's place; an opened message;
 * at its end, put there by the Will's stage, an envelope for a CONNECT. */
_Static_assert(PAYLOAD_OPENED_AT == SEAL_PREFIX_MAX + sizeof pfi_utf8, "headroom");

static bool names_key(const struct payload_rule *r, int key)
{
	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < r->leg[side].n_keys; i++) {
			if (r->leg[side].keys[i] == key)
				return true;
		}
	}
	return false;
}

/* Whether it can only be meant as an envelope. */
static bool claims_sealed(const struct session_env *env, const struct payload_in *in)
{
	return in->payload.n >= SEAL_OVERHEAD_MIN && envelope_looks_sealed(in->payload) &&
	       names_key(in->rule, opener_key(env->kit->opener, in->payload.p + 1));
}

enum payload_form payload_form(const struct session_env *env, const struct payload_in *in)
{
	const struct payload_rule *r = in->rule;

	if (!r->leg[in->from].encrypted)
		return PAYLOAD_PLAIN;
	if (in->payload.n == 0 && r->drops_empty)
		return PAYLOAD_SEALED;
	if (in->payload.n == 0 && (in->retain || in->from == SIDE_BROKER))
		return PAYLOAD_PLAIN;
	return r->prefers && !claims_sealed(env, in) ? PAYLOAD_TOLERATED : PAYLOAD_SEALED;
}

bool payload_gets_sealed(const struct payload_in *in, const struct payload_clear *clear)
{
	return in->rule->leg[side_other(in->from)].encrypted &&
	       !(clear->payload.n == 0 && in->retain);
}

struct seal_demand payload_demand(const struct payload_in *in)
{
	const struct payload_leg *leg = &in->rule->leg[in->from];

	return (struct seal_demand){.keys = leg->keys,
	                            .n_keys = leg->n_keys,
	                            .connect_will = in->connect_will,
	                            .retain = in->retain,
	                            .strict_retain = in->rule->strict_retain,
	                            .unbound_ok = in->rule->unbound,
	                            .max_age_us = in->rule->max_age_us};
}

bool payload_take_props(const struct session_env *env, const struct payload_in *in,
                        struct payload_clear *clear)
{
	struct writer w = {.p = env->kit->scratch, .cap = SEAL_PREFIX_MAX};
	struct reader r = reader_of(in->props);
	struct mqtt_prop prop;

	if (!in->rule->seals_props || clear->has_props)
		return true;
	while (mqtt_props_next(&r, &prop)) {
		if ((MQTT_PROP_BIT(prop.id) & SEALED_PROPS) != 0)
			writer_bytes(&w, prop.whole);
	}
	clear->has_props = true;
	clear->props = slice_of(w.p, w.len);
	return !w.full;
}

/* What is put back in clear. Sealed properties lie in scratch behind at least two bytes that are no
 * longer needed (the headroom that payload_open() leaves, and their length field), so the indicator
 * can be laid right before them. */
static struct slice restored_props(const struct session_env *env, const struct payload_clear *clear,
                                   bool with_sealed)
{
	if (!with_sealed)
		return clear->utf8 ? slice_of(pfi_utf8, sizeof pfi_utf8) : slice_of(NULL, 0);
	if (!clear->utf8)
		return clear->props;
	uint8_t *at = env->kit->scratch + (clear->props.p - env->kit->scratch) - sizeof pfi_utf8;
	memcpy(at, pfi_utf8, sizeof pfi_utf8);
	return slice_of(at, clear->props.n + sizeof pfi_utf8);
}

struct mqtt_props_edit payload_edit(const struct session_env *env, const struct payload_in *in,
                                    const struct payload_clear *clear, bool sealed)
{
	struct mqtt_props_edit edit = {0};
	/* The order to clear a retained message has no envelope that they could travel in. */
	bool withheld = !sealed && in->rule->leg[side_other(in->from)].encrypted &&
	                (clear->has_props || in->rule->seals_props);

	/* Neither opened nor sealed: byte for byte. */
	if (!in->v5 || (!sealed && !withheld && clear->form != PAYLOAD_SEALED))
		return edit;
	if (in->utf8 || clear->utf8)
		edit.drop |= MQTT_PROP_BIT(MQTT_PAYLOAD_FORMAT_INDICATOR);
	if (clear->has_props || withheld)
		edit.drop |= SEALED_PROPS;
	if (!sealed)
		edit.append = restored_props(env, clear, clear->has_props && !withheld);
	return edit;
}

static struct payload_clear clear_of(const struct seal_opened *opened)
{
	return (struct payload_clear){.form = PAYLOAD_SEALED,
	                              .utf8 = (opened->flags & SEAL_UTF8) != 0,
	                              .has_props = opened->has_props,
	                              .props = opened->props,
	                              .payload = opened->payload};
}

enum seal_error payload_open(const struct session_env *env, const struct payload_in *in,
                             struct payload_clear *out, struct seal_opened *opened)
{
	struct envelope e;

	*out = (struct payload_clear){
	    .form = payload_form(env, in), .utf8 = in->utf8, .payload = in->payload};
	*opened = (struct seal_opened){.key = -1};
	if (out->form != PAYLOAD_SEALED)
		return SEAL_OK;
	if (!envelope_looks_sealed(in->payload))
		return SEAL_E_PLAIN;
	enum seal_error error = envelope_get(in->payload, &e);
	if (error != SEAL_OK)
		return error;
	if (PAYLOAD_OPENED_AT + e.inner > env->kit->scratch_size)
		return SEAL_E_INTERNAL;
	struct seal_demand demand = payload_demand(in);
	error = seal_open(env->kit->opener, &demand, in->topic, in->payload, env->now,
	                  env->kit->scratch + PAYLOAD_OPENED_AT, opened);
	if (error == SEAL_OK)
		*out = clear_of(opened);
	return error;
}

enum seal_error payload_begin(const struct session_env *env, const struct payload_in *in,
                              struct payload_clear *out, size_t *n, struct seal_stream *rest)
{
	struct seal_demand demand = payload_demand(in);
	struct seal_opened opened;

	*rest = (struct seal_stream){0};
	if (!envelope_looks_sealed(in->payload))
		return SEAL_E_PLAIN;
	if (PAYLOAD_OPENED_AT + 2 * SEAL_SEGMENT > env->kit->scratch_size)
		return SEAL_E_INTERNAL;
	if (in->payload.n >= SEAL_OVERHEAD_MIN && spoiled_has(env->kit->spoiled, in->payload.p + 1))
		return SEAL_E_AUTH;
	enum seal_error error =
	    seal_open_begin(env->kit->opener, &demand, in->topic, in->payload, env->now,
	                    env->kit->scratch + PAYLOAD_OPENED_AT, &opened, rest);
	if (error != SEAL_OK)
		return error;
	*out = clear_of(&opened);
	*n = opened.payload.n;
	out->payload.n += rest->left;
	return SEAL_OK;
}

struct seal_message payload_message(const struct payload_in *in, const struct payload_clear *clear)
{
	unsigned flags = (clear->utf8 ? SEAL_UTF8 : 0u) | (in->retain ? SEAL_RETAIN : 0u) |
	                 (in->connect_will ? SEAL_WILL : 0u) |
	                 (in->rule->unbound ? SEAL_UNBOUND : 0u);

	return (struct seal_message){.flags = (uint8_t)flags,
	                             .topic = in->topic,
	                             .has_props = clear->has_props,
	                             .props = clear->props,
	                             .pad_to = in->rule->pad_to,
	                             .payload = clear->payload};
}

struct sealer *payload_sealer(const struct session_env *env, const struct payload_in *in)
{
	return env->kit->sealers[in->rule->leg[side_other(in->from)].keys[0]];
}
