/* SPDX-License-Identifier: ISC */
/* A filter, a line feed, a topic: judged and matched once by the code and once by the plainest
 * reading of the specification, level by level and code point by code point. */
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "tests/fuzz/fuzz.h"

/* Decodes first and asks afterwards: value, shortest form, surrogates, zero. */
static bool plain_utf8(struct slice s)
{
	static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};

	for (size_t i = 0; i < s.n;) {
		uint8_t b = s.p[i];
		size_t n = b < 0x80 ? 1 : b >> 5 == 6 ? 2 : b >> 4 == 14 ? 3 : b >> 3 == 30 ? 4 : 0;
		if (n == 0 || n > s.n - i)
			return false;
		uint32_t value = n == 1 ? b : b & (0x7fu >> n);
		for (size_t k = 1; k < n; k++) {
			if (s.p[i + k] >> 6 != 2)
				return false;
			value = value << 6 | (s.p[i + k] & 0x3fu);
		}
		if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return false;
		i += n;
	}
	return true;
}

static bool has(struct slice s, char c)
{
	return s.n != 0 && memchr(s.p, c, s.n) != NULL;
}

/* Takes the first level off; false where there was none left. */
static bool level(struct slice *rest, bool *more, struct slice *out)
{
	if (!*more)
		return false;
	const uint8_t *slash = rest->n == 0 ? NULL : memchr(rest->p, '/', rest->n);
	*more = slash != NULL;
	*out = *rest;
	if (slash != NULL) {
		out->n = (size_t)(slash - rest->p);
		*rest = slice_of(slash + 1, rest->n - out->n - 1);
	}
	return true;
}

static bool plain_levels(struct slice filter)
{
	struct slice l, rest = filter;
	bool more = true;

	if (filter.n == 0 || filter.n > 65535 || !plain_utf8(filter))
		return false;
	while (level(&rest, &more, &l)) {
		if (has(l, '#') && (l.n != 1 || more))
			return false;
		if (has(l, '+') && l.n != 1)
			return false;
	}
	return true;
}

static bool plain_filter(struct slice filter)
{
	struct slice l, rest = filter;
	bool more = true;

	if (!plain_levels(filter))
		return false;
	(void)level(&rest, &more, &l);
	if (!slice_eq(l, slice_str("$share")) || !more)
		return true;
	(void)level(&rest, &more, &l);
	return l.n != 0 && !has(l, '+') && !has(l, '#') && more && rest.n != 0;
}

static bool plain_match(struct slice filter, bool f_more, struct slice topic, bool t_more)
{
	struct slice f, t;

	if (!level(&filter, &f_more, &f))
		return !t_more;
	if (slice_eq(f, slice_str("#")))
		return true;
	if (!level(&topic, &t_more, &t))
		return false;
	return (slice_eq(f, slice_str("+")) || slice_eq(f, t)) &&
	       plain_match(filter, f_more, topic, t_more);
}

static bool plain_topic_match(struct slice filter, struct slice topic)
{
	if (topic.p[0] == '$' && (filter.p[0] == '+' || filter.p[0] == '#'))
		return false;
	return plain_match(filter, true, topic, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size == 0 ? NULL : memchr(data, '\n', size);
	struct slice filter = slice_of(data, lf == NULL ? size : (size_t)(lf - data));
	struct slice topic =
	    lf == NULL ? slice_of(NULL, 0) : slice_from(slice_of(data, size), filter.n + 1);
	bool levels = mqtt_filter_levels_valid(filter), valid = mqtt_topic_valid(topic);

	FUZZ_CHECK(mqtt_utf8_valid(filter) == plain_utf8(filter));
	FUZZ_CHECK(mqtt_utf8_valid(topic) == plain_utf8(topic));
	FUZZ_CHECK(mqtt_topic_wild(topic) == (has(topic, '+') || has(topic, '#')));
	FUZZ_CHECK(levels == plain_levels(filter));
	FUZZ_CHECK(mqtt_filter_valid(filter) == plain_filter(filter));
	FUZZ_CHECK(valid == (topic.n != 0 && topic.n <= 65535 && plain_utf8(topic) &&
	                     !has(topic, '+') && !has(topic, '#')));
	/* Whatever comes in, the matcher stays inside it. */
	bool match = mqtt_topic_match(filter, topic);
	if (levels && valid)
		FUZZ_CHECK(match == plain_topic_match(filter, topic));
	struct slice inner = mqtt_filter_inner(filter);
	FUZZ_CHECK(mqtt_filter_shared(filter) || slice_eq(inner, filter));
	FUZZ_CHECK(!mqtt_filter_valid(filter) || mqtt_filter_levels_valid(inner));
	return 0;
}
