/* SPDX-License-Identifier: ISC */
/* v5 topic aliases of one direction: what the sender has set, and which of it the receiver knows.
 */
#ifndef MQTT_ALIAS_H
#define MQTT_ALIAS_H

#include "base/slice.h"

/* The largest Topic Alias Maximum that the proxy lets a sender have, so that a table is bounded by
 * construction: 32 topics of at most 65,535 bytes. */
enum { MQTT_ALIASES_MAX = 32 };

struct mqtt_alias {
	uint8_t *bytes;
	uint16_t n, size; /* of the topic, and allocated; n 0: not set */
	bool told; /* the receiver has this very mapping; for the caller to set and to clear */
};

/* Zeroed it is a table that allows no alias and owns no memory. */
struct mqtt_aliases {
	uint16_t max; /* the largest alias that the sender may use; at most MQTT_ALIASES_MAX, and
	                 set before the first one is */
	struct mqtt_alias *at; /* made with the first alias */
};

/* Whether the sender may use this alias: not 0 [MQTT-3.3.2-8], and not above what it was told
 * [MQTT-3.3.2-9], [MQTT-3.3.2-11]. */
static inline bool mqtt_alias_valid(const struct mqtt_aliases *t, uint16_t alias)
{
	return alias != 0 && alias <= t->max;
}

/* The entry of a valid alias, or NULL where it was never set. */
struct mqtt_alias *mqtt_alias_find(const struct mqtt_aliases *t, uint16_t alias);

/* Maps a valid alias to a copy of `topic` (1 to 65,535 bytes) and returns its entry: not told, but
 * where it is the mapping that was there. NULL without memory; nothing is changed then. */
struct mqtt_alias *mqtt_alias_set(struct mqtt_aliases *t, uint16_t alias, struct slice topic);

/* The topic, borrowed until the alias is set anew. */
static inline struct slice mqtt_alias_topic(const struct mqtt_alias *a)
{
	return slice_of(a->bytes, a->n);
}

/* Forgets everything; `max` stays. */
void mqtt_aliases_free(struct mqtt_aliases *t);

#endif
