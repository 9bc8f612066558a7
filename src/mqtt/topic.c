/* SPDX-License-Identifier: ISC */
/* Topics are judged once a message and matched once a rule, so nothing here copies or allocates,
 * and every comparison is one walk over both sides without going back: `+` is confined to its level
 * and `#` ends the filter, so both sides stand in the same level at any time. */
#include "mqtt/topic.h"

#include "base/utf8.h"

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

/* Whether eight bytes are ASCII without U+0000 (a zero borrows) and without wildcards. */
static bool plain8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return (((v - ONES) | v) & HIGH) == 0 && !has_wildcard8(p);
}

bool mqtt_topic_plain(struct slice topic)
{
	const uint8_t *p = topic.p;
	uint8_t text[8];
	size_t left = topic.n;

	for (; left >= 8; p += 8, left -= 8) {
		if (!plain8(p))
			return false;
	}
	if (left == 0)
		return topic.n != 0;
	if (topic.n >= 8)
		return plain8(p + left - 8); /* the last eight, some of them again */
	memset(text, '/', sizeof text);
	for (size_t i = 0; i < left; i++)
		text[i] = p[i];
	return plain8(text);
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
	       utf8_valid(topic);
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
	if (filter.n == 0 || filter.n > UINT16_MAX || !utf8_valid(filter))
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
	/* A topic is a filter that only it matches. */
	return mqtt_filter_covers(filter, topic);
}

/* How many bytes both begin with alike, by eights first: most of what a rule and a topic have in
 * common is walked here. A wildcard may be among them, since it covers itself. */
static size_t same_text(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;

	while (n - i >= 8 && memcmp(a.p + i, b.p + i, 8) == 0)
		i += 8;
	while (i < n && a.p[i] == b.p[i])
		i++;
	return i;
}

/* Where the level that holds `at` ends. */
static size_t level_end(struct slice s, size_t at)
{
	while (at < s.n && s.p[at] != '/')
		at++;
	return at;
}

/* "/#" at the end of a filter matches without a level, too. */
static bool is_tail(struct slice s)
{
	return s.n == 2 && s.p[0] == '/' && s.p[1] == '#';
}

/* The first byte of a rule in pieces; 0 where it is empty. */
static uint8_t first_byte(const struct slice *rule, size_t n)
{
	for (; n != 0; rule++, n--) {
		if (rule->n != 0)
			return rule->p[0];
	}
	return 0;
}

bool mqtt_pieces_cover(const struct slice *rule, size_t n, struct slice filter)
{
	size_t k = 0;

	if (filter.n == 0 || (filter.p[0] == '$' && is_wildcard(first_byte(rule, n))))
		return false;
	for (const struct slice *end = rule + n; rule != end; rule++) {
		for (size_t i = 0;; i++) {
			size_t same = same_text(slice_from(*rule, i), slice_from(filter, k));
			i += same;
			k += same;
			if (i == rule->n)
				break;
			if (rule->p[i] == '#')
				return true;
			if (rule->p[i] != '+')
				return k == filter.n && is_tail(slice_from(*rule, i));
			/* Every topic has a level, and none is one empty level: "+/#" is "#", and
			 * "/+/#" is "/#". */
			if (k < filter.n && filter.p[k] == '#')
				return k <= 1 && is_tail(slice_from(*rule, i + 1));
			k = level_end(filter, k);
		}
	}
	return k == filter.n;
}

/* What is left of a filter where the rule beside it has ended, at the end of a level or in an empty
 * one. */
static bool may_end(struct slice rest)
{
	if (rest.n != 0 && rest.p[0] == '+')
		rest = slice_from(rest, 1);
	return rest.n == 0 || rest.p[0] == '#' || is_tail(rest);
}

bool mqtt_pieces_overlap(const struct slice *rule, size_t n, struct slice filter)
{
	uint8_t first = first_byte(rule, n);
	bool skip = false; /* a `+` of the filter takes this level of the rule */
	size_t k = 0;

	if (filter.n == 0 || (filter.p[0] == '$' && is_wildcard(first)) ||
	    (first == '$' && is_wildcard(filter.p[0])))
		return false;
	for (const struct slice *end = rule + n; rule != end; rule++) {
		size_t i = 0;
		for (;;) {
			if (skip)
				i = level_end(*rule, i);
			skip = skip && i == rule->n;
			size_t same = same_text(slice_from(*rule, i), slice_from(filter, k));
			i += same;
			k += same;
			if (i == rule->n)
				break;
			uint8_t c = rule->p[i], f = k < filter.n ? filter.p[k] : 0;
			if (c == '#' || f == '#')
				return true;
			if (c == '+') {
				k = level_end(filter, k);
				i++;
				continue;
			}
			/* "+" and "/#": one empty level is no topic. */
			if (f != '+' || (c == '/' && filter.n == 1))
				return k == filter.n && is_tail(slice_from(*rule, i));
			k++;
			skip = true;
		}
	}
	/* At its start still: one empty level again. */
	return k != 0 && may_end(slice_from(filter, k));
}

bool mqtt_filter_covers(struct slice rule, struct slice filter)
{
	return rule.n != 0 && mqtt_pieces_cover(&rule, 1, filter);
}

bool mqtt_filter_overlaps(struct slice a, struct slice b)
{
	return a.n != 0 && mqtt_pieces_overlap(&a, 1, b);
}
