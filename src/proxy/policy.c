/* SPDX-License-Identifier: ISC */
/* What a rule adds to a packet is reckoned for the worst payload that it lets pass, so that no
 * packet is made that its receiver has said it does not take. */
#include "proxy/policy.h"

#include "mqtt/topic.h"

const struct payload_rule *policy_rule(const struct policy *p, struct slice topic)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		if (mqtt_topic_match(p->rules[i].filter, topic))
			return &p->rules[i];
	}
	return NULL;
}

bool policy_rule_changes(const struct payload_rule *r)
{
	return !r->pass && (r->leg[SIDE_CLIENT].encrypted || r->leg[SIDE_BROKER].encrypted);
}

/* The most that a packet of at most `limit` bytes grows by on its way to `toward`. Properties that
 * move inside only move, but may take one segment more. What is opened before it is sealed may have
 * come without padding and sealed properties, and just below the end of a segment. */
static size_t growth(const struct policy *p, const struct payload_rule *r, enum side toward,
                     size_t limit)
{
	enum { LENGTH_FIELDS = 3, PAD_FIELD = 2, PROPS_FIELD = 4 };
	size_t most = p->max_message + (r->seals_props ? SEAL_PREFIX_MAX : 0);
	size_t message = limit < most ? limit : most;
	size_t prefix =
	    (r->pad_to != 0 ? r->pad_to + PAD_FIELD : 0) + (r->seals_props ? PROPS_FIELD : 0);

	if (r->pass || !r->leg[toward].encrypted)
		return 0;
	if (!r->leg[side_other(toward)].encrypted)
		return envelope_size(message + prefix) - message + LENGTH_FIELDS;
	if (prefix == 0)
		return 0;
	return prefix + (message + prefix > SEAL_SEGMENT ? SEAL_TAG : 0) + LENGTH_FIELDS;
}

/* The same under all rules; or only under those that leave `toward` alone with envelopes. */
static size_t worst_growth(const struct policy *p, enum side toward, bool alone, size_t limit)
{
	size_t worst = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct payload_rule *r = &p->rules[i];
		size_t n = growth(p, r, toward, limit);
		if (n > worst && !(alone && r->leg[side_other(toward)].encrypted))
			worst = n;
	}
	return worst;
}

uint32_t policy_shown_limit(const struct policy *p, enum side toward, uint32_t limit)
{
	static const uint32_t largest = 268435460; /* the longest packet of the protocol */
	size_t adds = worst_growth(p, toward, false, limit);
	size_t removes = worst_growth(p, side_other(toward), true, limit);

	/* A client must not be told too much, since a packet that does not fit cuts it, so for the
	 * broker's limit nothing is gained by what rules take away. What a broker sends too long is
	 * only discarded, so it is not told too little. */
	if (toward == SIDE_BROKER || removes == 0)
		return limit > adds ? limit - (uint32_t)adds : 1;
	return limit < largest - removes ? limit + (uint32_t)removes : largest;
}
