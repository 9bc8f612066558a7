/* SPDX-License-Identifier: ISC */
/* What each side is told about the other, so that nobody sends what the other may not take. An
 * envelope is longer than its payload, so the limit that is shown is not the one that was said. And
 * nobody is told of more topic aliases than the proxy itself can remember: it has to know them all,
 * also where no rule asks for topics now, since a later configuration may. */
#include "proxy/stage.h"

/* Replaces a number that `whose` says by the one that is shown. */
static void replace(struct mqtt_props_edit *edit, struct writer *w, uint8_t id)
{
	edit->drop |= MQTT_PROP_BIT(id);
	edit->append = slice_of(w->p, w->len);
}

/* Topic Alias Maximum: what the other side may use. Without one there are none [MQTT-3.1.2-27],
 * [MQTT-3.2.2-18]. */
static void show_aliases(struct session *s, enum side whose, struct slice props,
                         struct mqtt_props_edit *edit, struct writer *w)
{
	struct mqtt_aliases *aliases = &s->aliases[side_other(whose)];
	struct mqtt_prop said;

	aliases->max = 0;
	if (!mqtt_props_find(props, MQTT_TOPIC_ALIAS_MAXIMUM, &said))
		return;
	aliases->max = said.number < MQTT_ALIASES_MAX ? (uint16_t)said.number : MQTT_ALIASES_MAX;
	if (aliases->max == said.number)
		return;
	writer_u8(w, MQTT_TOPIC_ALIAS_MAXIMUM);
	writer_u16(w, aliases->max);
	replace(edit, w, MQTT_TOPIC_ALIAS_MAXIMUM);
}

struct mqtt_props_edit limits_edit(struct session *s, const struct session_env *env,
                                   enum side whose, struct slice props, uint8_t room[LIMITS_ROOM])
{
	struct mqtt_props_edit edit = {0};
	struct mqtt_prop said;
	struct writer w = {.p = room, .cap = LIMITS_ROOM};

	if (s->version != MQTT_5)
		return edit;
	show_aliases(s, whose, props, &edit, &w);
	bool says = mqtt_props_find(props, MQTT_MAXIMUM_PACKET_SIZE, &said);
	/* Noted in any case: a later configuration may have rules. */
	if (says)
		s->max_packet[whose] = said.number;
	/* Where no payload changes, the size is between the two of them. */
	if (!env->policy->encrypts)
		return edit;
	if (!says)
		return edit;
	uint32_t shown = policy_shown_limit(env->policy, whose, said.number);
	if (whose == SIDE_BROKER)
		s->shown = shown;
	else
		s->raised = shown > said.number;
	if (shown == said.number)
		return edit;
	writer_u8(&w, MQTT_MAXIMUM_PACKET_SIZE);
	writer_u32(&w, shown);
	replace(&edit, &w, MQTT_MAXIMUM_PACKET_SIZE);
	return edit;
}

const struct mqtt_props_edit limits_brief = {.drop = MQTT_PROP_BIT(MQTT_REASON_STRING) |
                                                     MQTT_PROP_BIT(MQTT_USER_PROPERTY)};

bool limits_raised(const struct session *s, const struct session_env *env, enum side to,
                   size_t total)
{
	/* What was said while there were rules holds when they are gone. */
	return (env->policy->encrypts || s->raised) && limits_passed(s, to, total);
}

bool limits_passed(const struct session *s, enum side to, size_t total)
{
	return s->max_packet[to] != 0 && total > s->max_packet[to];
}
