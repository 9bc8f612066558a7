/* SPDX-License-Identifier: ISC */
/* Topics are judged once a message and matched once a rule, so nothing here copies or allocates,
 * and the matcher is one walk without going back: `+` is confined to its level and `#` ends the
 * filter. */
#include "mqtt/topic.h"

#include "mqtt/utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

static bool is_wildcard(uint8_t b)
{
	return b == '+' || b == '#';
}

/* Whether one of eight bytes is a wildcard: '+' is 0x2B and '#' is 0x23, so with bit 3 set both are
 * 0x2B and no other byte is. */
static bool has_wildcard8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	v = (v | ONES * 0x08) ^ ONES * 0x2B;
	return ((v - ONES) & ~v & HIGH) != 0;
}

bool mqtt_topic_wild(struct slice s)
{
	const uint8_t *p = s.p;
	size_t left = s.n;

	for (; left >= 8; p += 8, left -= 8) {
		if (has_wildcard8(p))
			return true;
	}
	for (; left != 0; p++, left--) {
		if (is_wildcard(*p))
			return true;
	}
	return false;
}

bool mqtt_topic_valid(struct slice topic)
{
	return topic.n != 0 && topic.n <= UINT16_MAX && !mqtt_topic_wild(topic) &&
	       mqtt_utf8_valid(topic);
}

/* [MQTT-4.7.1-1], [MQTT-4.7.1-2]: a wildcard fills its level, `#` only the last one. */
static bool wildcard_placed(struct slice f, size_t i)
{
	if (i != 0 && f.p[i - 1] != '/')
		return false;
	return i + 1 == f.n || (f.p[i] == '+' && f.p[i + 1] == '/');
}

bool mqtt_filter_levels_valid(struct slice filter)
{
	if (filter.n == 0 || filter.n > UINT16_MAX || !mqtt_utf8_valid(filter))
		return false;
	for (size_t i = 0; i < filter.n; i++) {
		if (is_wildcard(filter.p[i]) && !wildcard_placed(filter, i))
			return false;
	}
	return true;
}

static const char share_prefix[] = "$share/";
enum { SHARE_PREFIX = sizeof share_prefix - 1 };

bool mqtt_filter_shared(struct slice filter)
{
	return filter.n >= SHARE_PREFIX && memcmp(filter.p, share_prefix, SHARE_PREFIX) == 0;
}

struct slice mqtt_filter_inner(struct slice filter)
{
	if (!mqtt_filter_shared(filter))
		return filter;
	struct slice rest = slice_from(filter, SHARE_PREFIX);
	const uint8_t *slash = rest.n == 0 ? NULL : memchr(rest.p, '/', rest.n);
	return slash == NULL ? slice_of(NULL, 0) : slice_from(rest, (size_t)(slash - rest.p) + 1);
}

bool mqtt_filter_valid(struct slice filter)
{
	if (!mqtt_filter_levels_valid(filter))
		return false;
	if (!mqtt_filter_shared(filter))
		return true;
	struct slice inner = mqtt_filter_inner(filter);
	if (inner.n == 0)
		return false;
	/* [MQTT-4.8.2-1], [MQTT-4.8.2-2] */
	struct slice group =
	    slice_of(filter.p + SHARE_PREFIX, filter.n - inner.n - 1 - SHARE_PREFIX);
	return group.n != 0 && !mqtt_topic_wild(group);
}

bool mqtt_topic_match(struct slice filter, struct slice topic)
{
	size_t i = 0, k = 0;

	if (filter.n == 0 || topic.n == 0 || (topic.p[0] == '$' && is_wildcard(filter.p[0])))
		return false;
	while (i < filter.n) {
		uint8_t c = filter.p[i];
		if (c == '#')
			return true;
		if (c == '+') {
			while (k < topic.n && topic.p[k] != '/')
				k++;
			i++;
			continue;
		}
		if (k == topic.n)
			return filter.n - i == 2 && c == '/' && filter.p[i + 1] == '#';
		if (c != topic.p[k])
			return false;
		i++;
		k++;
	}
	return k == topic.n;
}
