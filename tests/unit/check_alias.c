/* SPDX-License-Identifier: ISC */
/* The table of topic aliases: what it maps, what it takes for told, and what it owns. */
#include "mqtt/alias.h"
#include "tests/support/suite.h"

static struct mqtt_aliases t;

static void setup(void)
{
	t = (struct mqtt_aliases){.max = 3};
}

static void teardown(void)
{
	mqtt_aliases_free(&t);
	ck_assert_ptr_null(t.at);
}

static void expect_topic(uint16_t alias, const char *topic)
{
	const struct mqtt_alias *a = mqtt_alias_find(&t, alias);

	ck_assert_ptr_nonnull(a);
	ck_assert(slice_eq(mqtt_alias_topic(a), slice_str(topic)));
}

START_TEST(validity)
{
	ck_assert(!mqtt_alias_valid(&t, 0));
	ck_assert(mqtt_alias_valid(&t, 1));
	ck_assert(mqtt_alias_valid(&t, 3));
	ck_assert(!mqtt_alias_valid(&t, 4));
	ck_assert(!mqtt_alias_valid(&t, 65535));
	t.max = 0;
	ck_assert(!mqtt_alias_valid(&t, 0));
	ck_assert(!mqtt_alias_valid(&t, 1));
}
END_TEST

START_TEST(nothing_before_the_first)
{
	for (uint16_t i = 1; i <= 3; i++)
		ck_assert_ptr_null(mqtt_alias_find(&t, i));
	ck_assert_ptr_null(t.at);
}
END_TEST

START_TEST(each_its_own)
{
	mqtt_alias_set(&t, 1, slice_str("a"));
	mqtt_alias_set(&t, 3, slice_str("long/topic"));
	expect_topic(1, "a");
	ck_assert_ptr_null(mqtt_alias_find(&t, 2));
	expect_topic(3, "long/topic");
}
END_TEST

START_TEST(a_copy)
{
	char topic[] = "abc";

	mqtt_alias_set(&t, 1, slice_str(topic));
	topic[0] = 'x';
	expect_topic(1, "abc");
}
END_TEST

/* Told holds for a mapping, not for an alias. */
START_TEST(told)
{
	struct mqtt_alias *a = mqtt_alias_set(&t, 2, slice_str("abc"));

	ck_assert(!a->told);
	a->told = true;
	ck_assert(mqtt_alias_set(&t, 2, slice_str("abc"))->told);
	ck_assert(mqtt_alias_find(&t, 2)->told);
	ck_assert(!mqtt_alias_set(&t, 2, slice_str("abd"))->told);
	a->told = true;
	ck_assert(!mqtt_alias_set(&t, 2, slice_str("ab"))->told);
	ck_assert(!mqtt_alias_set(&t, 2, slice_str("abcd"))->told);
	ck_assert(!mqtt_alias_set(&t, 1, slice_str("abcd"))->told);
	expect_topic(2, "abcd");
}
END_TEST

/* Memory grows to the longest topic of an alias and is used again. */
START_TEST(memory)
{
	static uint8_t longest[UINT16_MAX];
	struct mqtt_alias *a;

	memset(longest, 'x', sizeof longest);
	a = mqtt_alias_set(&t, 3, slice_of(longest, sizeof longest));
	ck_assert_uint_eq(a->size, UINT16_MAX);
	ck_assert_uint_eq(mqtt_alias_topic(a).n, UINT16_MAX);
	const uint8_t *bytes = a->bytes;
	for (size_t n = 1; n <= sizeof longest; n += 1111) {
		longest[0] = (uint8_t)('a' + n % 26);
		ck_assert_ptr_eq(mqtt_alias_set(&t, 3, slice_of(longest, n)), a);
		ck_assert(slice_eq(mqtt_alias_topic(a), slice_of(longest, n)));
	}
	ck_assert_ptr_eq(a->bytes, bytes);
	mqtt_alias_set(&t, 1, slice_str("ab"));
	ck_assert_uint_eq(mqtt_alias_set(&t, 1, slice_str("abcd"))->size, 4);
	expect_topic(1, "abcd");
}
END_TEST

START_TEST(forgotten)
{
	mqtt_alias_set(&t, 1, slice_str("a"))->told = true;
	mqtt_aliases_free(&t);
	mqtt_aliases_free(&t);
	ck_assert_ptr_null(mqtt_alias_find(&t, 1));
	ck_assert(!mqtt_alias_set(&t, 1, slice_str("a"))->told);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("alias");
	TCase *c = tcase_create("alias");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, validity);
	tcase_add_test(c, nothing_before_the_first);
	tcase_add_test(c, each_its_own);
	tcase_add_test(c, a_copy);
	tcase_add_test(c, told);
	tcase_add_test(c, memory);
	tcase_add_test(c, forgotten);
	suite_add_tcase(s, c);
	return suite_run(s);
}
