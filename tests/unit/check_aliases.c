/* SPDX-License-Identifier: ISC */
/* Topic aliases across a new configuration, and what no scenario sees: which topic a note tells. */
#include "tests/support/suite.h"
#include "tests/unit/rig.h"

#include <stdio.h>
#include <stdlib.h>

static const struct named_policy words[] = {
    {"plain", {{NULL}, 0}},
    {"seal", {{"rule=t/#:plain:k1"}, 1}},
    {"reseal", {{"rule=t/#:k1:k3"}, 1}},
    {"lists",
     {{"allow-publish=t/#", "deny-publish=", "allow-subscribe=t/#", "deny-subscribe="}, 4}},
};
enum { PLAIN, SEAL, RESEAL, LISTS, WORLDS };

static struct world *worlds[WORLDS];
static struct rig *r;
static const struct sim_way ways[] = {{.bytewise = false}, {.tight = true, .patient = true}};
enum { WAYS = 2 };

static void setup(void)
{
	for (int i = 0; i < WORLDS; i++)
		worlds[i] = world_new(&words[i]);
}

static void teardown(void)
{
	for (int i = 0; i < WORLDS; i++)
		world_free(worlds[i]);
}

static void begin(int world, int way)
{
	r = rig_new(worlds[world], MQTT_5, &ways[way]);
	rig_connect(r, "p:topic-alias-maximum=10");
}

/* Aliases that were set before there was a rule are judged by it, both ways; the session stays. */
START_TEST(first_rule)
{
	begin(PLAIN, _i);
	rig_send(r, SIDE_CLIENT, "publish topic=t/a payload=1 p:topic-alias=10");
	rig_expect(r, SIDE_BROKER, "publish topic=t/a payload=1 p:topic-alias=10");
	rig_send(r, SIDE_BROKER, "publish topic=t/b payload=1 p:topic-alias=10");
	rig_expect(r, SIDE_CLIENT, "publish topic=t/b payload=1 p:topic-alias=10");
	rig_exchange(r, worlds[SEAL]);
	rig_send(r, SIDE_CLIENT, "publish payload=2 p:topic-alias=10");
	rig_expect(r, SIDE_BROKER, "publish payload=2 sealed=k1 bound=t/a p:topic-alias=10");
	rig_send(r, SIDE_BROKER, "publish payload=2 sealed=k1 bound=t/b p:topic-alias=10");
	rig_expect(r, SIDE_CLIENT, "publish payload=2 p:topic-alias=10");
	rig_send(r, SIDE_BROKER, "publish payload=plain p:topic-alias=10");
	rig_expect_nothing(r, SIDE_CLIENT);
	rig_send(r, SIDE_CLIENT, "publish topic=t/c payload=3 p:topic-alias=1");
	rig_expect(r, SIDE_BROKER, "publish topic=t/c payload=3 sealed=k1 p:topic-alias=1");
	rig_free(r);
}
END_TEST

START_TEST(first_list)
{
	begin(PLAIN, _i);
	rig_add(r, "publish topic=x payload=1 p:topic-alias=1");
	rig_add(r, "publish topic=t/a payload=2 p:topic-alias=2");
	rig_send_all(r, SIDE_CLIENT);
	rig_expect(r, SIDE_BROKER, "publish topic=x payload=1 p:topic-alias=1");
	rig_expect(r, SIDE_BROKER, "publish topic=t/a payload=2 p:topic-alias=2");
	rig_exchange(r, worlds[LISTS]);
	rig_add(r, "publish payload=3 p:topic-alias=1");
	rig_add(r, "publish payload=4 p:topic-alias=2");
	rig_send_all(r, SIDE_CLIENT);
	rig_expect(r, SIDE_BROKER, "publish payload=4 p:topic-alias=2");
	rig_expect_nothing(r, SIDE_BROKER);
	ck_assert_uint_eq(r->host.denied, 1);
	rig_free(r);
}
END_TEST

/* What the rules kept from a side it does not know when they are gone. */
START_TEST(rules_gone)
{
	begin(LISTS, _i);
	rig_send(r, SIDE_CLIENT, "publish topic=x payload=1 p:topic-alias=1");
	rig_send(r, SIDE_BROKER, "publish topic=y payload=1 p:topic-alias=1");
	rig_expect_nothing(r, SIDE_BROKER);
	rig_expect_nothing(r, SIDE_CLIENT);
	rig_exchange(r, worlds[PLAIN]);
	rig_send(r, SIDE_CLIENT, "publish payload=fill:100000 p:topic-alias=1");
	rig_expect(r, SIDE_BROKER, "publish topic=x payload=fill:100000 p:topic-alias=1");
	rig_send(r, SIDE_CLIENT, "publish payload=fill:100000 p:topic-alias=1");
	rig_expect(r, SIDE_BROKER, "publish payload=fill:100000 p:topic-alias=1");
	rig_send(r, SIDE_BROKER, "publish qos=2 pid=7 p:topic-alias=1");
	rig_expect(r, SIDE_CLIENT, "publish topic=y qos=2 pid=7 p:topic-alias=1");
	rig_free(r);
}
END_TEST

/* The exchange at each byte of the alias's second use: sealed under the new rule, or whole under
 * none. And a message that waits whole is not told before it goes. */
START_TEST(exchanged_within)
{
	static const char sent[] = "publish payload=good p:topic-alias=4";
	bool inside = true;

	for (size_t cut = 1; inside; cut++) {
		begin(PLAIN, 0);
		rig_send(r, SIDE_CLIENT, "publish topic=t/a payload=1 p:topic-alias=4");
		rig_expect(r, SIDE_BROKER, "publish topic=t/a payload=1 p:topic-alias=4");
		rig_add(r, sent);
		struct stream cuts = r->made;
		r->made = (struct stream){0};
		inside = cut < cuts.n - 1;
		struct slice all = slice_of(cuts.p, cuts.n);
		ck_assert(host_send(&r->host, SIDE_CLIENT, slice_of(all.p, cut)));
		bool began = r->host.out[SIDE_BROKER].n != r->host.out[SIDE_BROKER].at;
		rig_exchange(r, worlds[SEAL]);
		ck_assert(host_send(&r->host, SIDE_CLIENT, slice_from(all, cut)));
		free(cuts.p);
		rig_expect(r, SIDE_BROKER,
		           began ? sent
		                 : "publish payload=good sealed=k1 bound=t/a p:topic-alias=4");
		rig_expect_nothing(r, SIDE_BROKER);
		rig_free(r);
	}
}
END_TEST

/* A rewritten head and its payload, cut at each byte and pair of outputs. */
START_TEST(named_in_pieces)
{
	bool inside = true;

	for (size_t cut = 1; inside; cut++) {
		begin(LISTS, _i);
		rig_send(r, SIDE_CLIENT, "publish topic=x payload=1 p:topic-alias=1");
		rig_exchange(r, worlds[PLAIN]);
		rig_add(r, "publish payload=hello qos=1 pid=3 p:topic-alias=1");
		rig_add(r, "publish payload=again p:topic-alias=1");
		struct stream cuts = r->made;
		r->made = (struct stream){0};
		inside = cut < cuts.n - 1;
		struct slice all = slice_of(cuts.p, cuts.n);
		ck_assert(host_send(&r->host, SIDE_CLIENT, slice_of(all.p, cut)));
		rig_send(r, SIDE_BROKER, "publish topic=z payload=down");
		ck_assert(host_send(&r->host, SIDE_CLIENT, slice_from(all, cut)));
		free(cuts.p);
		rig_expect(r, SIDE_BROKER,
		           "publish topic=x payload=hello qos=1 pid=3 p:topic-alias=1");
		rig_expect(r, SIDE_BROKER, "publish payload=again p:topic-alias=1");
		rig_expect(r, SIDE_CLIENT, "publish topic=z payload=down");
		rig_free(r);
	}
}
END_TEST

/* A topic of the greatest length is written in, and is not lost for want of room. */
START_TEST(longest_topic)
{
	struct slice set, named;

	begin(LISTS, _i);
	uint8_t *head = take(UINT16_MAX + 16);
	memcpy(head, (const uint8_t[]){0x30, 0x83, 0x80, 0x04, 0xff, 0xff}, 6);
	memset(head + 6, 'x', UINT16_MAX);
	memcpy(head + 6 + UINT16_MAX, (const uint8_t[]){3, 0x23, 0, 1, 'p'}, 5);
	/* 2 + 65535 + 4 + 1 bytes */
	head[1] = (65542 & 127) | 128;
	head[2] = (65542 >> 7 & 127) | 128;
	head[3] = 65542 >> 14;
	set = slice_of(head, 4 + 65542);
	ck_assert_msg(host_send(&r->host, SIDE_CLIENT, set), "%s", r->fault.text);
	rig_expect_nothing(r, SIDE_BROKER);
	rig_exchange(r, worlds[PLAIN]);
	rig_send(r, SIDE_CLIENT, "publish payload=p p:topic-alias=1");
	named = slice_of(r->host.out[SIDE_BROKER].p + r->host.out[SIDE_BROKER].at,
	                 r->host.out[SIDE_BROKER].n - r->host.out[SIDE_BROKER].at);
	ck_assert(slice_eq(named, set));
	free(head);
	rig_free(r);
}
END_TEST

/* Notes are read when the call is over: the topic of one outlives a new mapping in the same bytes,
 * which thus waits for the next call. */
START_TEST(noted_topic)
{
	uint8_t up[1000], down[1000];
	struct writer w[2] = {{.p = down, .cap = sizeof down}, {.p = up, .cap = sizeof up}};
	struct session_step step = {.out = {&w[0], &w[1]}};

	begin(LISTS, 0);
	rig_send(r, SIDE_CLIENT, "publish topic=x/first payload=1 p:topic-alias=1");
	rig_add(r, "publish payload=2 p:topic-alias=1");
	size_t first = r->made.n;
	rig_add(r, "publish topic=x/other/and/longer payload=3 p:topic-alias=1");
	session_input(r->host.s, &r->host.env, SIDE_CLIENT, slice_of(r->made.p, r->made.n), &step);
	ck_assert_uint_eq(step.n_notes, 1);
	ck_assert_uint_eq(step.consumed, first);
	ck_assert(slice_eq(step.notes[0].topic, slice_str("x/first")));
	rig_free(r);
}
END_TEST

/* As many and as long as there may be: memory is what was promised. */
START_TEST(bounded)
{
	char text[RIG_TEXT];

	r = rig_new(worlds[PLAIN], MQTT_5, &ways[0]);
	rig_send(r, SIDE_CLIENT, "connect id=c1 p:topic-alias-maximum=65535");
	rig_send(r, SIDE_BROKER, "connack p:topic-alias-maximum=65535");
	ck_assert_ptr_null(r->host.s->aliases[SIDE_CLIENT].at);
	for (unsigned i = 1; i <= MQTT_ALIASES_MAX; i++) {
		(void)snprintf(text, sizeof text, "publish topic=a%u p:topic-alias=%u", i, i);
		rig_send(r, SIDE_CLIENT, text);
	}
	ck_assert_int_eq(r->host.s->state, SESSION_RELAYING);
	ck_assert_ptr_null(r->host.s->aliases[SIDE_BROKER].at);
	(void)snprintf(text, sizeof text, "publish topic=a p:topic-alias=%d", MQTT_ALIASES_MAX + 1);
	rig_send(r, SIDE_CLIENT, text);
	ck_assert_int_eq(r->host.s->state, SESSION_DEAD);
	rig_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("aliases");
	TCase *t = tcase_create("aliases");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, first_rule, 0, WAYS);
	tcase_add_loop_test(t, first_list, 0, WAYS);
	tcase_add_loop_test(t, rules_gone, 0, WAYS);
	tcase_add_test(t, exchanged_within);
	tcase_add_loop_test(t, named_in_pieces, 0, WAYS);
	tcase_add_loop_test(t, longest_topic, 0, WAYS);
	tcase_add_test(t, noted_topic);
	tcase_add_test(t, bounded);
	suite_add_tcase(s, t);
	return suite_run(s);
}
