/* SPDX-License-Identifier: ISC */
/* Cover and overlap against what they mean: the sets of topics that filters match, all topics of a
 * small world counted out. A filter has up to four levels and the topics one more, so that "#" and
 * four times "+" differ; the word "z" stands in no filter, so that "+" is more than all words. */
#include "mqtt/topic.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdio.h>

enum { LEVELS = 4, TOPIC_LEVELS = LEVELS + 1, TEXT = 24, TOPICS_MAX = 1728, FILTERS_MAX = 576 };
enum { WORDS = (TOPICS_MAX + 63) / 64 };

static const char *const topic_words[] = {"a", "b", "", "z", "$a"};
static const char *const filter_words[] = {"a", "b", "", "$a", "+", "#"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A line of levels, as text and apart. */
struct line {
	char text[TEXT];
	const char *level[TOPIC_LEVELS];
	size_t n;
};

static struct line topics[TOPICS_MAX], filters[FILTERS_MAX];
static size_t n_topics, n_filters;
static uint64_t sets[FILTERS_MAX][WORDS]; /* of each filter: the topics that match */

/* Level by level, as the specification has it. */
static bool plain_match(const struct line *f, const struct line *t)
{
	if (t->text[0] == '$' && (f->text[0] == '+' || f->text[0] == '#'))
		return false;
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->level[i], "#") == 0)
			return true;
		if (i == t->n)
			return false;
		if (strcmp(f->level[i], "+") != 0 && strcmp(f->level[i], t->level[i]) != 0)
			return false;
		if (i + 1 == t->n && i + 2 == f->n && strcmp(f->level[i + 1], "#") == 0)
			return true;
	}
	return f->n == t->n;
}

/* All lines of up to `depth` levels, each word below `alphabet`; `$a` only in front, where alone it
 * is special, which keeps the world small. */
static size_t all_lines(struct line *out, const char *const *words, size_t n_words, size_t depth)
{
	size_t n = 0;

	for (size_t levels = 1; levels <= depth; levels++) {
		size_t combinations = 1;
		for (size_t i = 0; i < levels; i++)
			combinations *= n_words;
		for (size_t c = 0; c < combinations; c++) {
			struct line l = {.n = levels};
			size_t rest = c, at = 0;
			bool good = true;
			for (size_t i = 0; i < levels; i++, rest /= n_words) {
				l.level[i] = words[rest % n_words];
				good = good && (l.level[i][0] != '$' || i == 0) &&
				       (l.level[i][0] != '#' || i + 1 == levels);
				at += (size_t)snprintf(l.text + at, TEXT - at, "%s%s",
				                       i == 0 ? "" : "/", l.level[i]);
			}
			if (good && l.text[0] != '\0') {
				out[n] = l;
				n++;
			}
		}
	}
	return n;
}

static void make_world(void)
{
	n_topics = all_lines(topics, topic_words, COUNT(topic_words), TOPIC_LEVELS);
	n_filters = all_lines(filters, filter_words, COUNT(filter_words), LEVELS);
	for (size_t f = 0; f < n_filters; f++) {
		for (size_t t = 0; t < n_topics; t++) {
			if (plain_match(&filters[f], &topics[t]))
				sets[f][t / 64] |= UINT64_C(1) << t % 64;
		}
	}
}

START_TEST(match_everywhere)
{
	for (size_t f = 0; f < n_filters; f++) {
		for (size_t t = 0; t < n_topics; t++) {
			bool want = (sets[f][t / 64] >> t % 64 & 1) != 0;
			ck_assert_msg(mqtt_topic_match(slice_str(filters[f].text),
			                               slice_str(topics[t].text)) == want,
			              "%s %s", filters[f].text, topics[t].text);
		}
	}
}
END_TEST

START_TEST(cover_and_overlap_everywhere)
{
	size_t covered = 0, overlapping = 0;

	for (size_t a = 0; a < n_filters; a++) {
		struct slice rule = slice_str(filters[a].text);
		for (size_t b = 0; b < n_filters; b++) {
			struct slice filter = slice_str(filters[b].text);
			uint64_t both = 0, beside = 0;
			for (size_t w = 0; w < WORDS; w++) {
				both |= sets[a][w] & sets[b][w];
				beside |= sets[b][w] & ~sets[a][w];
			}
			bool covers = mqtt_filter_covers(rule, filter);
			bool overlaps = mqtt_filter_overlaps(rule, filter);
			ck_assert_msg(covers == (beside == 0), "%s covers %s: %d", filters[a].text,
			              filters[b].text, covers);
			ck_assert_msg(overlaps == (both != 0), "%s overlaps %s: %d",
			              filters[a].text, filters[b].text, overlaps);
			covered += covers;
			overlapping += overlaps;
		}
	}
	ck_assert_uint_gt(covered, n_filters);
	ck_assert_uint_gt(overlapping, covered);
}
END_TEST

/* Cut at any place into three pieces, where no "/#" is torn, a rule says the same.
 */
START_TEST(pieces_read_as_one)
{
	for (size_t a = 0; a < n_filters; a += 3) {
		struct slice rule = slice_str(filters[a].text);
		size_t name = a % (rule.n + 1);
		if (name < rule.n && rule.p[name] == '#' && name != 0)
			name--;
		size_t end = name;
		while (end < rule.n && strchr("/+#", rule.p[end]) == NULL)
			end++;
		struct slice pieces[] = {slice_of(rule.p, name),
		                         slice_of(rule.p + name, end - name),
		                         slice_from(rule, end)};
		for (size_t b = 0; b < n_filters; b += 2) {
			struct slice filter = slice_str(filters[b].text);
			ck_assert_msg(mqtt_pieces_cover(pieces, 3, filter) ==
			                  mqtt_filter_covers(rule, filter),
			              "%s covers %s", filters[a].text, filters[b].text);
			ck_assert_msg(mqtt_pieces_overlap(pieces, 3, filter) ==
			                  mqtt_filter_overlaps(rule, filter),
			              "%s overlaps %s", filters[a].text, filters[b].text);
		}
	}
}
END_TEST

struct row {
	const char *rule, *filter;
	bool covers, overlaps;
};

static const struct row rows[] = {
    {"cmd/#", "#", false, true},
    {"#", "cmd/#", true, true},
    {"#", "+/#", true, true},
    {"+/#", "#", true, true},
    {"a/+/#", "a/#", false, true},
    {"a/#", "a/+/#", true, true},
    {"a/#", "a", true, true},
    {"a", "a/#", false, true},
    {"+", "#", false, true},
    {"#", "$SYS/#", false, false},
    {"$SYS/#", "#", false, false},
    {"+/x", "$SYS/x", false, false},
    {"$SYS/#", "$SYS/+/x", true, true},
    {"a/", "a/+", false, true},
    {"a/", "a/+/#", false, true},
    {"a", "a/+", false, false},
    {"a/+", "a/", true, true},
    {"telemetry/+/t", "telemetry/a/#", false, true},
    {"telemetry/+/t", "telemetry/a/+", false, true},
    {"telemetry/+/t", "telemetry/a/t", true, true},
    {"abc", "abd", false, false},
    {"abc", "ab", false, false},
    {"ab", "abc", false, false},
    {"a/b/c/d/e/f/+/h", "a/b/c/d/e/+/g/h", false, true},
    {"+", "/#", false, false},
    {"/+/#", "/#", true, true},
    {"+/+/#", "/#", true, true},
    {"", "a", false, false},
    {"a", "", false, false},
    {"#", "", false, false},
    {"", "", false, false},
};

START_TEST(by_hand)
{
	struct slice rule = guard_copy(slice_str(rows[_i].rule));
	struct slice filter = guard_copy(slice_str(rows[_i].filter));

	ck_assert_msg(mqtt_filter_covers(rule, filter) == rows[_i].covers, "row %d", _i);
	ck_assert_msg(mqtt_filter_overlaps(rule, filter) == rows[_i].overlaps, "row %d", _i);
	ck_assert_msg(mqtt_filter_overlaps(filter, rule) == rows[_i].overlaps, "row %d", _i);
	guard_free(rule);
	guard_free(filter);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filters");
	TCase *t = tcase_create("filters");

	make_world();
	tcase_set_timeout(t, 120);
	tcase_add_test(t, match_everywhere);
	tcase_add_test(t, cover_and_overlap_everywhere);
	tcase_add_test(t, pieces_read_as_one);
	tcase_add_loop_test(t, by_hand, 0, (int)COUNT(rows));
	suite_add_tcase(s, t);
	return suite_run(s);
}
