/* SPDX-License-Identifier: ISC */
/* What each side is told about the other, so that nobody sends what the other may not take. An
 * envelope is longer than its payload, so the limit that is shown is not the one that was said. */
#include "proxy/stage.h"

struct mqtt_props_edit limits_edit(struct session *s, const struct session_env *env,
                                   enum side whose, struct slice props, uint8_t room[LIMITS_ROOM])
{
	struct mqtt_props_edit edit = {0};
	struct mqtt_prop said;
	struct writer w = {.p = room, .cap = LIMITS_ROOM};

	if (s->version != MQTT_5)
		return edit;
	bool says = mqtt_props_find(props, MQTT_MAXIMUM_PACKET_SIZE, &said);
	/* Noted in any case: a later configuration may have rules. */
	if (says)
		s->max_packet[whose] = said.number;
	if (policy_forbids_aliases(env->policy))
		edit.drop = MQTT_PROP_BIT(MQTT_TOPIC_ALIAS_MAXIMUM);
	/* Where no payload changes, the size is between the two of them. */
	if (!env->policy->encrypts)
		return edit;
	if (!says)
		return edit;
	uint32_t shown = policy_shown_limit(env->policy, whose, said.number);
	if (whose == SIDE_BROKER)
		s->shown = shown;
	if (shown == said.number)
		return edit;
	edit.drop |= MQTT_PROP_BIT(MQTT_MAXIMUM_PACKET_SIZE);
	writer_u8(&w, MQTT_MAXIMUM_PACKET_SIZE);
	writer_u32(&w, shown);
	edit.append = slice_of(room, w.len);
	return edit;
}

const struct mqtt_props_edit limits_brief = {.drop = MQTT_PROP_BIT(MQTT_REASON_STRING) |
                                                     MQTT_PROP_BIT(MQTT_USER_PROPERTY)};

bool limits_raised(const struct session *s, const struct session_env *env, enum side to,
                   size_t total)
{
	return env->policy->encrypts && limits_passed(s, to, total);
}

bool limits_passed(const struct session *s, enum side to, size_t total)
{
	return s->max_packet[to] != 0 && total > s->max_packet[to];
}
