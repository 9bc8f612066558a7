/* SPDX-License-Identifier: ISC */
/* Topic names and topic filters [MQTT 5.0, 4.7]. */
#ifndef MQTT_TOPIC_H
#define MQTT_TOPIC_H

#include "base/slice.h"

/* A topic name that may be published to: 1 to 65535 bytes of valid UTF-8 without wildcards. */
bool mqtt_topic_valid(struct slice topic);

/* Whether it is one of ASCII, as nearly all are: true only where mqtt_topic_valid() is, and cheaper. */
bool mqtt_topic_plain(struct slice topic);

/* Whether there is a `+` or `#` anywhere in s. */
bool mqtt_topic_wild(struct slice s);

/* A topic filter: 1 to 65535 bytes of valid UTF-8, `+` alone in its level, `#` alone in the last one. $share filters are
 * checked in the same call: a group name that is not empty and has no wildcard, and a filter behind it. */
bool mqtt_filter_valid(struct slice filter);

/* The same without the rules of $share, which is then a level like any other. */
bool mqtt_filter_levels_valid(struct slice filter);

/* Whether a filter is a shared subscription: begins with "$share/". */
bool mqtt_filter_shared(struct slice filter);

/* The filter that a shared subscription is about, behind "$share/GROUP/"; empty where there is none. Any other filter
 * comes back as it is. */
struct slice mqtt_filter_inner(struct slice filter);

/* Whether the valid topic matches the valid filter (without $share). A filter that begins with a wildcard matches no
 * topic that begins with `$` [MQTT-4.7.2-1]; `a/#` matches `a` too. */
bool mqtt_topic_match(struct slice filter, struct slice topic);

/* Whether every topic that matches the filter matches the rule; both are valid filters without $share. Exact, with the
 * rule about `$`, for topics of any length: "+/#" covers "#", "a/#" covers "a", "#" does not cover "$SYS/#". A topic is a
 * filter that only it matches, so for a topic this is mqtt_topic_match(). */
bool mqtt_filter_covers(struct slice rule, struct slice filter);

/* Whether some topic matches both valid filters. */
bool mqtt_filter_overlaps(struct slice a, struct slice b);

/* The same with a rule in pieces that are read as one filter, so that a name can stand in it without a copy. Such a name
 * is a piece of its own and has neither `/` nor a wildcard; all pieces together are not empty. */
bool mqtt_pieces_cover(const struct slice *rule, size_t n, struct slice filter);
bool mqtt_pieces_overlap(const struct slice *rule, size_t n, struct slice filter);

#endif
