/* SPDX-License-Identifier: ISC */
/* A filter, a line feed, a topic or a second filter: judged and matched once by the code and once
 * by the plainest reading of the specification, level by level and code point by code point. */
#include "mqtt/topic.h"
#include "base/utf8.h"
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

enum { WITNESS_SIZE = 512, LEVELS_MAX = 40 };

/* A word that stands in no filter that is looked at. */
static const struct slice fresh = {.p = (const uint8_t *)"\x01new", .n = 4};

static bool has_fresh(struct slice s)
{
	return memmem(s.p, s.n, fresh.p, fresh.n) != NULL;
}

/* A topic that is being made up. */
struct witness {
	uint8_t text[WITNESS_SIZE];
	size_t n, levels;
	bool full;
};

static void add_level(struct witness *w, struct slice l)
{
	if (l.n + 1 > sizeof w->text - w->n) {
		w->full = true;
		return;
	}
	if (w->levels++ != 0)
		w->text[w->n++] = '/';
	if (l.n != 0)
		memcpy(w->text + w->n, l.p, l.n);
	w->n += l.n;
}

/* The topic of a filter that is hardest to match by chance: a word of its own in the place of each
 * `+` where the other filter has no word there, and for `#` so many more such levels. */
static struct witness instance(struct slice filter, struct slice other, size_t more)
{
	struct witness w = {.n = 0};
	bool f_more = true, o_more = other.n != 0;
	struct slice f, o = {0};

	while (level(&filter, &f_more, &f)) {
		bool word = level(&other, &o_more, &o) && !has(o, '+') && !has(o, '#');
		if (!has(f, '#')) {
			add_level(&w, has(f, '+') ? word ? o : fresh : f);
			continue;
		}
		for (; more != 0; more--) {
			add_level(&w, word ? o : fresh);
			word = level(&other, &o_more, &o) && !has(o, '+') && !has(o, '#');
		}
	}
	return w;
}

/* Some topic of `a`, made along `b`, which it matches; or, for no b, one that does not. */
static bool some_topic(struct slice a, struct slice along, struct slice b, bool match)
{
	for (size_t more = 0; more <= LEVELS_MAX; more++) {
		struct witness w = instance(a, along, more);
		struct slice topic = slice_of(w.text, w.n);
		if (w.full)
			break;
		if (w.n != 0 && plain_topic_match(a, topic) && plain_topic_match(b, topic) == match)
			return true;
		if (!has(a, '#'))
			break;
	}
	return false;
}

static size_t count_levels(struct slice s)
{
	size_t n = 1;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '/';
	return n;
}

/* Cover and overlap by topics that show them: if there is any, there is one of these. */
static void check_filters(struct slice a, struct slice b)
{
	bool covers = mqtt_filter_covers(a, b), overlaps = mqtt_filter_overlaps(a, b);

	FUZZ_CHECK(mqtt_filter_overlaps(b, a) == overlaps);
	FUZZ_CHECK(mqtt_filter_covers(a, a) && mqtt_filter_overlaps(a, a));
	FUZZ_CHECK(!covers || overlaps);
	if (has_fresh(a) || has_fresh(b) || a.n + b.n > 100 ||
	    count_levels(a) + count_levels(b) > LEVELS_MAX / 2)
		return;
	FUZZ_CHECK(overlaps == (some_topic(a, b, b, true) || some_topic(b, a, a, true)));
	FUZZ_CHECK(covers == !some_topic(b, slice_of(NULL, 0), a, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size == 0 ? NULL : memchr(data, '\n', size);
	struct slice filter = slice_of(data, lf == NULL ? size : (size_t)(lf - data));
	struct slice topic =
	    lf == NULL ? slice_of(NULL, 0) : slice_from(slice_of(data, size), filter.n + 1);
	bool levels = mqtt_filter_levels_valid(filter), valid = mqtt_topic_valid(topic);

	FUZZ_CHECK(utf8_valid(filter) == plain_utf8(filter));
	FUZZ_CHECK(utf8_valid(topic) == plain_utf8(topic));
	FUZZ_CHECK(mqtt_topic_wild(topic) == (has(topic, '+') || has(topic, '#')));
	FUZZ_CHECK(levels == plain_levels(filter));
	FUZZ_CHECK(mqtt_filter_valid(filter) == plain_filter(filter));
	FUZZ_CHECK(valid == (topic.n != 0 && topic.n <= 65535 && plain_utf8(topic) &&
	                     !has(topic, '+') && !has(topic, '#')));
	/* Whatever comes in, the matcher stays inside it. */
	bool match = mqtt_topic_match(filter, topic);
	if (levels && valid)
		FUZZ_CHECK(match == plain_topic_match(filter, topic));
	if (levels && mqtt_filter_levels_valid(topic))
		check_filters(filter, topic);
	FUZZ_CHECK(mqtt_filter_overlaps(filter, topic) || !levels || !valid || !match);
	struct slice inner = mqtt_filter_inner(filter);
	FUZZ_CHECK(mqtt_filter_shared(filter) || slice_eq(inner, filter));
	FUZZ_CHECK(!mqtt_filter_valid(filter) || mqtt_filter_levels_valid(inner));
	return 0;
}
