/* SPDX-License-Identifier: ISC */
/* Memory is made as aliases come and kept for the next topic of the same alias, so that a sender
 * that goes on re-mapping a few aliases costs no allocation. */
#include "mqtt/alias.h"

#include <stdlib.h>

struct mqtt_alias *mqtt_alias_find(const struct mqtt_aliases *t, uint16_t alias)
{
	if (t->at == NULL || t->at[alias - 1].n == 0)
		return NULL;
	return &t->at[alias - 1];
}

struct mqtt_alias *mqtt_alias_set(struct mqtt_aliases *t, uint16_t alias, struct slice topic)
{
	if (t->at == NULL)
		t->at = calloc(t->max, sizeof *t->at);
	if (t->at == NULL)
		return NULL;
	struct mqtt_alias *a = &t->at[alias - 1];
	if (slice_eq(mqtt_alias_topic(a), topic))
		return a;
	if (topic.n > a->size) {
		uint8_t *bytes = malloc(topic.n);
		if (bytes == NULL)
			return NULL;
		free(a->bytes);
		a->bytes = bytes;
		a->size = (uint16_t)topic.n;
	}
	memcpy(a->bytes, topic.p, topic.n);
	a->n = (uint16_t)topic.n;
	a->told = false;
	return a;
}

void mqtt_aliases_free(struct mqtt_aliases *t)
{
	for (uint16_t i = 0; t->at != NULL && i < t->max; i++)
		free(t->at[i].bytes);
	free(t->at);
	t->at = NULL;
}
