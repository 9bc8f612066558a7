/* SPDX-License-Identifier: ISC */
#include "acl/ruleset.h"
#include "mqtt/topic.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

/* One rule from "allow publish a/%u"; `none` stands for no filter. */
static int add_line(struct acl_ruleset *r, const char *line, unsigned number, struct err *e)
{
	char verb[16], effect[16], text[256] = "";
	int words = sscanf(line, "%15s %15s %255s", effect, verb, text);
	struct slice filter = slice_str(text);
	bool allow = strcmp(effect, "allow") == 0;

	ck_assert_int_ge(words, 2);
	if (strcmp(verb, "connect") == 0)
		return acl_ruleset_add_connect(r, allow, NULL, 0, "a.conf", number, e);
	return acl_ruleset_add_topic(r, verb[0] == 'p' ? ACL_PUBLISH : ACL_SUBSCRIBE, allow,
	                             words == 2 ? NULL : &filter, "a.conf", number, e);
}

/* Rules parted by line feeds. */
static struct acl_ruleset *build(const char *rules)
{
	struct acl_ruleset *r = acl_ruleset_new();
	char text[1024], *end;
	unsigned number = 0;
	struct err e = {""};

	ck_assert_ptr_nonnull(r);
	(void)snprintf(text, sizeof text, "%s", rules);
	for (char *line = strtok_r(text, "\n", &end); line != NULL;
	     line = strtok_r(NULL, "\n", &end))
		ck_assert_msg(add_line(r, line, ++number, &e) == 0, "%s: %s", line, e.text);
	return r;
}

struct row {
	const char *rules;
	char what; /* p publish, s subscribe, d deliver */
	const char *topic;
	bool allow;
	unsigned line; /* 0: no rule */
};

/* The client is c1, the user u1. */
static const struct row rows[] = {
    {"", 'p', "a", true, 0},
    {"deny publish", 's', "a", true, 0},
    {"deny publish", 'd', "a", true, 0},
    {"deny subscribe", 'p', "a", true, 0},
    {"deny connect", 'p', "a", true, 0},
    {"deny publish", 'p', "a", false, 1},
    {"deny publish", 'p', "$SYS/a", false, 1},
    {"allow publish", 'p', "$SYS/a", true, 1},
    {"allow publish #\ndeny publish", 'p', "$SYS/a", false, 2},
    {"allow publish a", 'p', "b", false, 0},
    {"deny publish cmd/#\nallow publish", 'p', "cmd", false, 1},
    {"deny publish cmd/#\nallow publish", 'p', "cmd/x/y", false, 1},
    {"deny publish cmd/#\nallow publish", 'p', "cmds", true, 2},
    {"allow publish a/+\ndeny publish a/#\nallow publish", 'p', "a/b", true, 1},
    {"allow publish a/+\ndeny publish a/#\nallow publish", 'p', "a/b/c", false, 2},
    /* names */
    {"allow publish up/%u/#\ndeny publish", 'p', "up/u1/x", true, 1},
    {"allow publish up/%u/#\ndeny publish", 'p', "up/u1", true, 1},
    {"allow publish up/%u/#\ndeny publish", 'p', "up/u2/x", false, 2},
    {"allow publish up/%u/#\ndeny publish", 'p', "up/u1x/x", false, 2},
    {"allow publish up/%u/#\ndeny publish", 'p', "up/u", false, 2},
    {"allow publish %u-%c/x\ndeny publish", 'p', "u1-c1/x", true, 1},
    {"allow publish %u-%c/x\ndeny publish", 'p', "c1-u1/x", false, 2},
    {"allow publish dev-%c-%u-t\ndeny publish", 'p', "dev-c1-u1-t", true, 1},
    {"allow publish %u\ndeny publish", 'p', "u1", true, 1},
    {"allow publish %u%u%c\ndeny publish", 'p', "u1u1c1", true, 1},
    {"allow publish 100%\ndeny publish", 'p', "100%", true, 1},
    {"allow publish %x/%%u\ndeny publish", 'p', "%x/%u1", true, 1},
    {"deny publish private/%c\nallow publish", 'p', "private/c1", false, 1},
    {"deny publish private/%c\nallow publish", 'p', "private/c2", true, 2},
    /* an allow rule covers, a deny rule overlaps */
    {"deny subscribe cmd/#\nallow subscribe", 's', "#", false, 1},
    {"deny subscribe cmd/#\nallow subscribe", 's', "+/x", false, 1},
    {"deny subscribe cmd/#\nallow subscribe", 's', "+", false, 1},
    {"deny subscribe cmd/+\nallow subscribe", 's', "+", true, 2},
    {"deny subscribe cmd/#\nallow subscribe", 's', "a/#", true, 2},
    {"allow subscribe cmd/%u/#\ndeny subscribe", 's', "cmd/u1/+", true, 1},
    {"allow subscribe cmd/%u/#\ndeny subscribe", 's', "cmd/+/x", false, 2},
    {"allow subscribe cmd/%u/#\ndeny subscribe", 's', "cmd/#", false, 2},
    {"allow subscribe cmd/%u/#\ndeny subscribe", 's', "#", false, 2},
    {"allow subscribe a/#\ndeny subscribe a/b\nallow subscribe", 's', "a/b", true, 1},
    {"allow subscribe a/#\ndeny subscribe a/b\nallow subscribe", 's', "#", false, 2},
    {"allow subscribe a/#\ndeny subscribe a/b\nallow subscribe", 's', "+/c", true, 3},
    {"deny subscribe +/%u/x\nallow subscribe", 's', "a/+/+", false, 1},
    {"deny subscribe +/p%ux/x\nallow subscribe", 's', "a/+/+", false, 1},
    {"deny subscribe $SYS/#\nallow subscribe", 's', "#", true, 2},
    {"deny subscribe $SYS/#\nallow subscribe", 's', "$SYS/#", false, 1},
    {"deny subscribe #\nallow subscribe", 's', "$SYS/#", true, 2},
    /* shared subscriptions by their filter */
    {"deny subscribe cmd/#\nallow subscribe", 's', "$share/g/cmd/x", false, 1},
    {"deny subscribe cmd/#\nallow subscribe", 's', "$share/cmd/x", true, 2},
    {"deny subscribe cmd/#\nallow subscribe", 's', "$share/g/#", false, 1},
    {"allow subscribe a/#\ndeny subscribe", 's', "$share/g/a/b", true, 1},
    {"allow subscribe a/#\ndeny subscribe", 's', "$share/g", false, 2},
    /* what is delivered, by the subscribe rules */
    {"deny subscribe cmd/#\nallow subscribe", 'd', "cmd/x", false, 1},
    {"deny subscribe cmd/#\nallow subscribe", 'd', "a/x", true, 2},
    {"deny subscribe cmd/#\nallow subscribe", 'd', "$share/g/cmd/x", true, 2},
    {"allow subscribe cmd/%u/#\ndeny subscribe", 'd', "cmd/u1/x", true, 1},
    {"allow subscribe cmd/%u/#\ndeny subscribe", 'd', "cmd/u2/x", false, 2},
};

static struct acl_verdict ask(const struct acl_ruleset *r, const struct acl_who *who, char what,
                              const char *topic)
{
	struct slice s = slice_str(topic);

	return what == 'p'   ? acl_publish(r, who, s)
	       : what == 's' ? acl_subscribe(r, who, s)
	                     : acl_deliver(r, who, s);
}

START_TEST(verdict)
{
	const struct row *row = &rows[_i];
	struct acl_ruleset *r = build(row->rules);
	struct acl_who who = {
	    .client_id = slice_str("c1"), .has_user = true, .user = slice_str("u1")};
	struct acl_verdict v = ask(r, &who, row->what, row->topic);

	ck_assert_msg(v.allow == row->allow && v.line == row->line, "%s, %c %s: allow %d by %u",
	              row->rules, row->what, row->topic, v.allow, v.line);
	ck_assert_uint_eq(v.rule, row->line == 0 ? ACL_NO_RULE : row->line - 1);
	if (row->line != 0)
		ck_assert_str_eq(v.file, "a.conf");
	else
		ck_assert_ptr_null(v.file);
	acl_ruleset_free(r);
}
END_TEST

struct unfit_row {
	const char *rules;
	enum acl_kind kind;
	const char *name;
	unsigned line; /* that refuses; 0: it is fit */
};

static const struct unfit_row unfits[] = {
    {"", ACL_USER, "", 0},
    {"allow publish a/%u\ndeny publish", ACL_USER, "u", 0},
    {"allow publish a/%u\ndeny publish", ACL_USER, "", 1},
    {"allow publish a/%u\ndeny publish", ACL_USER, "/", 1},
    {"allow publish a/%u\ndeny publish", ACL_USER, "a+", 1},
    {"allow publish a/%u\ndeny publish", ACL_USER, "#", 1},
    {"allow publish a/%u\ndeny publish", ACL_CLIENT_ID, "#", 0},
    {"allow publish a\nallow subscribe x%c\ndeny publish", ACL_CLIENT_ID, "a/b", 2},
    {"allow publish a\nallow subscribe x%c\ndeny publish", ACL_USER, "a/b", 0},
    {"allow publish a/%u\nallow publish %u/a", ACL_USER, "$SYS", 2},
    {"allow publish a/%u", ACL_USER, "$SYS", 0},
    {"allow publish %u/a", ACL_USER, "$", 1},
    {"allow publish %u/a", ACL_USER, "a$", 0},
    {"allow publish x%u/a", ACL_USER, "$a", 0},
};

START_TEST(unfit)
{
	const struct unfit_row *row = &unfits[_i];
	struct acl_ruleset *r = build(row->rules);
	struct acl_verdict v = {.allow = true};
	bool refused = acl_name_unfit(r, row->kind, slice_str(row->name), &v);

	ck_assert_msg(refused == (row->line != 0), "%s: %s", row->rules, row->name);
	if (refused) {
		ck_assert(!v.allow);
		ck_assert_uint_eq(v.line, row->line);
		ck_assert_uint_eq(v.rule, row->line - 1);
	}
	acl_ruleset_free(r);
}
END_TEST

/* Until a name is known, or if it was never checked, it opens nothing. */
START_TEST(unfit_names_open_nothing)
{
	static const char *const names[] = {"", "a/b", "+", "#", "x/#", "$SYS"};
	struct acl_ruleset *r = build("allow publish %c/#\nallow publish other\ndeny publish");
	struct acl_ruleset *d = build("deny publish %c/#\nallow publish");

	for (int i = 0; i < ROWS(names); i++) {
		struct acl_who who = {.client_id = slice_str(names[i])};
		ck_assert_uint_eq(acl_publish(r, &who, slice_str("a/b")).line, 3);
		ck_assert_uint_eq(acl_publish(r, &who, slice_str("$SYS/b")).line, 3);
		ck_assert_uint_eq(acl_publish(r, &who, slice_str("other")).line, 2);
		ck_assert_uint_eq(acl_publish(d, &who, slice_str("anything")).line, 1);
	}
	/* Without a user name, whatever stands in its place. */
	struct acl_who who = {.has_user = false, .user = slice_str("u")};
	struct acl_ruleset *u = build("allow publish %u/#\ndeny publish");
	ck_assert_uint_eq(acl_publish(u, &who, slice_str("u/x")).line, 2);
	acl_ruleset_free(r);
	acl_ruleset_free(d);
	acl_ruleset_free(u);
}
END_TEST

START_TEST(rules_are_numbered)
{
	struct acl_ruleset *r = build(
	    "deny publish a\nallow connect\nallow subscribe b\nallow publish\ndeny subscribe");
	static const struct acl_rule want[] = {
	    {ACL_PUBLISH, false, "a.conf", 1},   {ACL_CONNECT, true, "a.conf", 2},
	    {ACL_SUBSCRIBE, true, "a.conf", 3},  {ACL_PUBLISH, true, "a.conf", 4},
	    {ACL_SUBSCRIBE, false, "a.conf", 5},
	};
	struct acl_who who = {.has_user = false};

	ck_assert_uint_eq(acl_ruleset_size(r), 5);
	for (size_t i = 0; i < 5; i++) {
		struct acl_rule got = acl_ruleset_rule(r, i);
		ck_assert_int_eq(got.verb, want[i].verb);
		ck_assert_int_eq(got.allow, want[i].allow);
		ck_assert_str_eq(got.file, want[i].file);
		ck_assert_uint_eq(got.line, want[i].line);
	}
	ck_assert_uint_eq(acl_connect(r, &who).rule, 1);
	ck_assert_uint_eq(acl_publish(r, &who, slice_str("b")).rule, 3);
	ck_assert_uint_eq(acl_subscribe(r, &who, slice_str("a")).rule, 4);
	ck_assert(acl_has_rules(r, ACL_CONNECT) && acl_has_rules(r, ACL_SUBSCRIBE));
	acl_ruleset_free(r);
	r = acl_ruleset_new();
	ck_assert(!acl_has_rules(r, ACL_CONNECT) && !acl_has_rules(r, ACL_SUBSCRIBE));
	ck_assert_str_eq(acl_verb_name(ACL_SUBSCRIBE), "subscribe");
	acl_ruleset_free(r);
}
END_TEST

START_TEST(last_line)
{
	struct acl_ruleset *r =
	    build("deny publish\nallow publish a\nallow subscribe\ndeny connect");
	struct err e = {""};

	ck_assert_int_eq(acl_ruleset_check(r, ACL_PUBLISH, &e), -1);
	ck_assert_str_eq(e.text, "the publish rules must end in a line without a filter, \"deny "
	                         "publish\" or \"allow publish\", which says what holds for all "
	                         "others");
	ck_assert_int_eq(acl_ruleset_check(r, ACL_SUBSCRIBE, &e), 0);
	ck_assert_int_eq(acl_ruleset_check(r, ACL_CONNECT, &e), 0);
	acl_ruleset_free(r);
}
END_TEST

struct bad_row {
	const char *line, *error;
};

static const struct bad_row bads[] = {
    {"deny publish a/#/b", "\"a/#/b\" is not a topic filter"},
    {"deny publish +%u", "\"+%u\" is not a topic filter"},
    {"deny publish %u#", "\"%u#\" is not a topic filter"},
    {"deny subscribe $share/g/a", "\"$share/g/a\" is a shared subscription"},
    {"deny subscribe %u%u%u%u%c", "more than 4 names"},
};

START_TEST(bad_filters)
{
	struct acl_ruleset *r = acl_ruleset_new();
	struct err e = {""};

	ck_assert_int_eq(add_line(r, bads[_i].line, 1, &e), -1);
	ck_assert_msg(strncmp(e.text, bads[_i].error, strlen(bads[_i].error)) == 0, "%s", e.text);
	ck_assert_uint_eq(acl_ruleset_size(r), 0);
	acl_ruleset_free(r);
}
END_TEST

static uint64_t random_state = 0x2545f4914f6cdd1d;

static size_t next_random(size_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state >> 20) % below;
}

/* A few levels of a few words, so that much is equal. */
static void random_line(char *out, size_t size, const char *const *words, size_t n)
{
	size_t levels = 1 + next_random(4), at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < levels; i++) {
		const char *word = words[next_random(n)];
		at += (size_t)snprintf(out + at, size - at, "%s%s", i == 0 ? "" : "/", word);
		if (word[0] == '#')
			break;
	}
	if (out[0] == '\0')
		(void)snprintf(out, size, "a");
}

/* Writes a filter with the names of the client in it. */
static void expand(const char *filter, char *out)
{
	for (; *filter != '\0'; filter++) {
		if (filter[0] == '%' && (filter[1] == 'u' || filter[1] == 'c')) {
			*out++ = *++filter == 'u' ? 'b' : 'c';
			continue;
		}
		*out++ = *filter;
	}
	*out = '\0';
}

enum { RULES = 6 };

static const char *const rule_words[] = {"a", "b", "%u", "%c", "x%u", "%cy", "+", "", "#", "$a"};
static const char *const filter_words[] = {"a", "b", "c", "xb", "cy", "+", "", "#", "$a"};
static const char *const topic_words[] = {"a", "b", "c", "xb", "cy", "z", "", "$a"};

/* Rules with names are the rules that have the names written out, and the first that applies wins.
 * Who may subscribe to a filter may have all that matches it. */
START_TEST(against_the_plain_reading)
{
	size_t allowed = 0, by_name = 0;

	for (int round = 0; round < 20000; round++) {
		struct acl_ruleset *r = acl_ruleset_new();
		char filters[RULES][40], filter[40], topic[40];
		bool allow[RULES];
		unsigned by_topic = ACL_NO_RULE, by_filter = ACL_NO_RULE;
		struct acl_who who = {
		    .client_id = slice_str("c"), .has_user = true, .user = slice_str("b")};
		random_line(filter, sizeof filter, filter_words, ROWS(filter_words));
		random_line(topic, sizeof topic, topic_words, ROWS(topic_words));
		for (unsigned i = 0; i < RULES; i++) {
			char text[40];
			random_line(text, sizeof text, rule_words, ROWS(rule_words));
			expand(text, filters[i]);
			allow[i] = next_random(2) == 0;
			struct slice f = slice_str(text), plain = slice_str(filters[i]);
			ck_assert_int_eq(
			    acl_ruleset_add_topic(r, ACL_SUBSCRIBE, allow[i], &f, "f", 1, NULL), 0);
			if (by_topic == ACL_NO_RULE && mqtt_topic_match(plain, slice_str(topic)))
				by_topic = i;
			if (by_filter == ACL_NO_RULE &&
			    (allow[i] ? mqtt_filter_covers(plain, slice_str(filter))
			              : mqtt_filter_overlaps(plain, slice_str(filter))))
				by_filter = i;
			by_name += by_filter == i && strcmp(text, filters[i]) != 0;
		}
		struct acl_verdict s = acl_subscribe(r, &who, slice_str(filter));
		struct acl_verdict d = acl_deliver(r, &who, slice_str(topic));
		ck_assert_uint_eq(s.rule, by_filter);
		ck_assert_uint_eq(d.rule, by_topic);
		ck_assert_int_eq(s.allow, by_filter != ACL_NO_RULE && allow[by_filter]);
		ck_assert_int_eq(d.allow, by_topic != ACL_NO_RULE && allow[by_topic]);
		if (s.allow && mqtt_topic_match(slice_str(filter), slice_str(topic)))
			ck_assert(d.allow);
		allowed += s.allow;
		acl_ruleset_free(r);
	}
	ck_assert_uint_gt(allowed, 1000);
	ck_assert_uint_gt(by_name, 1000);
}
END_TEST

/* Who has no id yet is judged as one who may be given any: what passes then, passes with every id.
 */
START_TEST(whatever_id_comes)
{
	static const char *const ids[] = {"a", "b", "c", "y", "auto-1", "$a"};
	size_t allowed = 0, more = 0;

	for (int round = 0; round < 20000; round++) {
		struct acl_ruleset *r = acl_ruleset_new();
		struct acl_who who = {.has_user = true, .user = slice_str("b")};
		char topic[40];
		random_line(topic, sizeof topic, topic_words, ROWS(topic_words));
		for (unsigned i = 0; i < RULES; i++) {
			char text[40];
			random_line(text, sizeof text, rule_words, ROWS(rule_words));
			struct slice f = slice_str(text);
			ck_assert_int_eq(acl_ruleset_add_topic(r, ACL_PUBLISH, next_random(2) == 0,
			                                       &f, "f", 1, NULL),
			                 0);
		}
		bool before = acl_publish(r, &who, slice_str(topic)).allow;
		allowed += before;
		for (int i = 0; i < ROWS(ids); i++) {
			struct acl_verdict v;
			who.client_id = slice_str(ids[i]);
			bool after = acl_publish(r, &who, slice_str(topic)).allow;
			if (!acl_name_unfit(r, ACL_CLIENT_ID, who.client_id, &v)) {
				ck_assert(after || !before);
				more += after && !before;
			}
		}
		acl_ruleset_free(r);
	}
	ck_assert_uint_gt(allowed, 1000);
	ck_assert_uint_gt(more, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topic_rules");
	TCase *t = tcase_create("topic_rules");

	tcase_add_loop_test(t, verdict, 0, ROWS(rows));
	tcase_add_loop_test(t, unfit, 0, ROWS(unfits));
	tcase_add_test(t, unfit_names_open_nothing);
	tcase_add_test(t, rules_are_numbered);
	tcase_add_test(t, last_line);
	tcase_add_loop_test(t, bad_filters, 0, ROWS(bads));
	tcase_add_test(t, against_the_plain_reading);
	tcase_add_test(t, whatever_id_comes);
	suite_add_tcase(s, t);
	return suite_run(s);
}
