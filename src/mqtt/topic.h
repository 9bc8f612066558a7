/* SPDX-License-Identifier: ISC */
/* Topic names and topic filters [MQTT 5.0, 4.7]. */
#ifndef MQTT_TOPIC_H
#define MQTT_TOPIC_H

#include "base/slice.h"

/* A topic name that may be published to: 1 to 65535 bytes of valid UTF-8 without wildcards. */
bool mqtt_topic_valid(struct slice topic);

/* A topic filter: 1 to 65535 bytes of valid UTF-8, `+` alone in its level, `#` alone in the last one. $share filters are
 * checked in the same call: a group name that is not empty and has no wildcard, and a filter behind it. */
bool mqtt_filter_valid(struct slice filter);

/* Whether the valid topic matches the valid filter (without $share). A filter that begins with a wildcard matches no
 * topic that begins with `$` [MQTT-4.7.2-1]; `a/#` matches `a` too. */
bool mqtt_topic_match(struct slice filter, struct slice topic);

#endif
