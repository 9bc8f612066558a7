/* SPDX-License-Identifier: ISC */
#include "mqtt/topic.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdlib.h>

struct match_row {
	const char *filter, *topic;
	bool match;
};

static const struct match_row matches[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a", "A", false},
    {"a", "aa", false},
    {"aa", "a", false},
    {"#", "a", true},
    {"#", "a/b/c", true},
    {"#", "/", true},
    {"+", "a", true},
    {"+", "a/b", false},
    {"+", "/finance", false},
    {"/+", "/finance", true},
    {"+/+", "/finance", true},
    {"+/+", "a", false},
    {"+/", "a/", true},
    {"+/", "a", false},
    {"a/+", "a/", true},
    {"a/+", "a", false},
    {"a/+", "a/b", true},
    {"a/+", "a/b/c", false},
    {"a/+/c", "a/b/c", true},
    {"a/+/c", "a//c", true},
    {"a/+/c", "a/b/d", false},
    {"a/+/c", "a/b", false},
    {"a/+/c", "a/bb/bb/c", false},
    {"a/#", "a", true},
    {"a/#", "a/", true},
    {"a/#", "a/b/c", true},
    {"a/#", "ab", false},
    {"a/#", "b", false},
    {"a/b/#", "a", false},
    {"+/#", "a", true},
    {"+/b/#", "a/b", true},
    {"+/+/#", "a", false},
    {"+/+/#", "a/b", true},
    {"/#", "/", true},
    {"/#", "a", false},
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/tennis/player1/#", "sport/tennis/player2", false},
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"#", "$SYS/x", false},
    {"+/x", "$SYS/x", false},
    {"+", "$SYS", false},
    {"$SYS/#", "$SYS/x", true},
    {"$SYS/#", "$SYS", true},
    {"$SYS/+", "$SYS/x", true},
    {"$SYS/x", "$SYS/x", true},
    {"a/#", "a/$SYS", true},
    {"a/+", "a/$b", true},
    {"a/b", "a/b/c", false},
    {"a/b/c", "a/b", false},
    {"a/b/", "a/b", false},
    {"a/b", "a/b/", false},
    {"gr\xc3\xbcn/+", "gr\xc3\xbcn/\xe2\x82\xac", true},
    {"\xef\xbb\xbf"
     "a",
     "a", false},
};

START_TEST(match)
{
	const struct match_row *row = &matches[_i];
	struct slice filter = guard_copy(slice_str(row->filter)),
	             topic = guard_copy(slice_str(row->topic));

	ck_assert(mqtt_filter_valid(filter));
	ck_assert(mqtt_topic_valid(topic));
	ck_assert_msg(mqtt_topic_match(filter, topic) == row->match, "%s and %s", row->filter,
	              row->topic);
	guard_free(filter);
	guard_free(topic);
}
END_TEST

START_TEST(match_of_nothing)
{
	ck_assert(!mqtt_topic_match(slice_of(NULL, 0), slice_str("a")));
	ck_assert(!mqtt_topic_match(slice_str("#"), slice_of(NULL, 0)));
}
END_TEST

struct valid_row {
	const char *text;
	bool topic, levels, filter;
};

static const struct valid_row valids[] = {
    {"", false, false, false},
    {"a", true, true, true},
    {"/", true, true, true},
    {"//", true, true, true},
    {" ", true, true, true},
    {"$SYS/x", true, true, true},
    {"#", false, true, true},
    {"+", false, true, true},
    {"+/+/#", false, true, true},
    {"/+/", false, true, true},
    {"a#", false, false, false},
    {"#a", false, false, false},
    {"#/", false, false, false},
    {"a/#/b", false, false, false},
    {"a/b#", false, false, false},
    {"##", false, false, false},
    {"a+", false, false, false},
    {"+a", false, false, false},
    {"a/+b/c", false, false, false},
    {"a/b+/c", false, false, false},
    {"++", false, false, false},
    {"+#", false, false, false},
    {"a/+", false, true, true},
    {"1234567+", false, false, false},
    {"12345678#", false, false, false},
    {"a\xff", false, false, false},
    {"a\xed\xa0\x80", false, false, false},
    {"a\x01", true, true, true},
    {"$share", true, true, true},
    {"$shared/a", true, true, true},
    {"$share/", true, true, false},
    {"$share/g", true, true, false},
    {"$share/g/", true, true, false},
    {"$share//a", true, true, false},
    {"$share/g/a", true, true, true},
    {"$share/g//", true, true, true},
    {"$share/g/#", false, true, true},
    {"$share/g/+/a", false, true, true},
    {"$share/+/a", false, true, false},
    {"$share/#", false, true, false},
    {"$share/g+/a", false, false, false},
    {"$share/g/a#", false, false, false},
};

START_TEST(valid)
{
	const struct valid_row *row = &valids[_i];
	struct slice s = guard_copy(slice_str(row->text));

	ck_assert_msg(mqtt_topic_valid(s) == row->topic, "topic %s", row->text);
	ck_assert_msg(mqtt_filter_levels_valid(s) == row->levels, "levels %s", row->text);
	ck_assert_msg(mqtt_filter_valid(s) == row->filter, "filter %s", row->text);
	guard_free(s);
}
END_TEST

START_TEST(zero_byte)
{
	struct slice s = slice_of("a\0b", 3);

	ck_assert(!mqtt_topic_valid(s));
	ck_assert(!mqtt_filter_valid(s));
}
END_TEST

START_TEST(longest)
{
	uint8_t *p = malloc(65536);

	ck_assert_ptr_nonnull(p);
	memset(p, 'a', 65536);
	ck_assert(mqtt_topic_valid(slice_of(p, 65535)));
	ck_assert(mqtt_filter_valid(slice_of(p, 65535)));
	ck_assert(!mqtt_topic_valid(slice_of(p, 65536)));
	ck_assert(!mqtt_filter_valid(slice_of(p, 65536)));
	free(p);
}
END_TEST

/* All bytes in all lanes: only two of them are wildcards. */
START_TEST(wild)
{
	for (unsigned b = 0; b < 256; b++) {
		for (size_t lane = 0; lane < 19; lane++) {
			uint8_t bytes[19];
			memset(bytes, '*', sizeof bytes);
			bytes[lane] = (uint8_t)b;
			ck_assert_msg(mqtt_topic_wild(slice_of(bytes, 19)) ==
			                  (b == '+' || b == '#'),
			              "%02x in lane %zu", b, lane);
		}
	}
	ck_assert(!mqtt_topic_wild(slice_of(NULL, 0)));
}
END_TEST

/* One byte among ASCII is what it is on its own, so plain and valid are then the same. */
START_TEST(plain)
{
	for (size_t n = 1; n <= 19; n++) {
		for (size_t at = 0; at < 256 * n; at++) {
			uint8_t bytes[19];
			memset(bytes, 't', sizeof bytes);
			bytes[at % n] = (uint8_t)(at / n);
			struct slice topic = guard_copy(slice_of(bytes, n));
			ck_assert_msg(mqtt_topic_plain(topic) == mqtt_topic_valid(topic),
			              "%02zx in lane %zu of %zu", at / n, at % n, n);
			guard_free(topic);
		}
	}
	ck_assert(!mqtt_topic_plain(slice_of(NULL, 0)));
}
END_TEST

struct share_row {
	const char *filter;
	bool shared;
	const char *inner;
};

static const struct share_row shares[] = {
    {"a/b", false, "a/b"},
    {"$share", false, "$share"},
    {"$sharex/g/a", false, "$sharex/g/a"},
    {"$share/g/a/b", true, "a/b"},
    {"$share/g/#", true, "#"},
    {"$share/g", true, ""},
    {"$share/g/", true, ""},
    {"$share/", true, ""},
    {"$share//a", true, "a"},
};

START_TEST(share)
{
	const struct share_row *row = &shares[_i];
	struct slice f = guard_copy(slice_str(row->filter));

	ck_assert(mqtt_filter_shared(f) == row->shared);
	expect_bytes(mqtt_filter_inner(f), slice_str(row->inner), row->filter);
	guard_free(f);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("topic");
	TCase *t = tcase_create("topic");

	tcase_add_loop_test(t, match, 0, ROWS(matches));
	tcase_add_test(t, match_of_nothing);
	tcase_add_loop_test(t, valid, 0, ROWS(valids));
	tcase_add_test(t, zero_byte);
	tcase_add_test(t, longest);
	tcase_add_test(t, wild);
	tcase_add_test(t, plain);
	tcase_add_loop_test(t, share, 0, ROWS(shares));
	suite_add_tcase(s, t);
	return suite_run(s);
}
