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
