/* SPDX-License-Identifier: ISC */
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

/* Whether some rule has envelopes on this leg alone. */
static bool seals_only(const struct policy *p, enum side leg)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct payload_rule *r = &p->rules[i];
		if (!r->pass && r->leg[leg].encrypted && !r->leg[side_other(leg)].encrypted)
			return true;
	}
	return false;
}

uint32_t policy_shown_limit(const struct policy *p, enum side toward, uint32_t limit)
{
	static const uint32_t largest = 268435460; /* the longest packet of the protocol */
	static const size_t length_fields = 3;
	size_t message = limit < p->max_message ? limit : p->max_message;
	size_t growth = envelope_size(message) - message + length_fields;

	bool adds = seals_only(p, toward), removes = seals_only(p, side_other(toward));
	/* A client must not be told too much, since a packet that does not fit cuts it, so for the
	 * broker's limit nothing is gained by what rules take away. What a broker sends too long is
	 * only discarded, so it is not told too little. */
	if (toward == SIDE_BROKER)
		removes = false;
	else if (removes)
		adds = false;
	if (adds)
		return limit > growth ? limit - (uint32_t)growth : 1;
	if (removes)
		return limit < largest - growth ? limit + (uint32_t)growth : largest;
	return limit;
}
