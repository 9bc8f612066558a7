/* SPDX-License-Identifier: ISC */
/* Messages of many segments, sealed, opened and both, as they come: cut anywhere, with a new
 * configuration anywhere, stopped anywhere, and tampered with anywhere. Nothing is opened whole. */
#include "tests/support/suite.h"
#include "tests/unit/rig.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { VERSIONS = 3, SEALED_SEGMENT = SEAL_SEGMENT + SEAL_TAG };

static const struct named_policy words[] = {
    {"seal", {{"rule=t/#:plain:k1"}, 1}},
    {"seal-more", {{"rule=t/#:plain:k1:pad-1024:properties"}, 1}},
    {"open", {{"rule=t/#:k1:plain", "whole=0"}, 2}},
    {"reseal", {{"rule=t/#:k1:k3", "whole=0"}, 2}},
    {"reseal-more", {{"rule=t/#:k1:k3:pad-1024:properties", "whole=0"}, 2}},
    {"nothing", {{"rule=t/#:pass"}, 1}},
    {"mixed", {{"rule=t/#:plain:k1", "rule=o/#:k1:plain", "whole=0"}, 3}},
};
enum { SEAL, SEAL_MORE, OPEN, RESEAL, RESEAL_MORE, NOTHING, MIXED, POLICIES };

static struct world *worlds[POLICIES];
static const struct sim_way ways[] = {{.bytewise = false}, {.tight = true, .patient = true}};

static void setup(void)
{
	for (int i = 0; i < POLICIES; i++)
		worlds[i] = world_new(&words[i]);
}

static void teardown(void)
{
	for (int i = 0; i < POLICIES; i++)
		world_free(worlds[i]);
}

static enum mqtt_version version_of(int i)
{
	return (enum mqtt_version)(MQTT_31 + i % VERSIONS);
}

static struct rig *connected(int policy, enum mqtt_version version, const struct sim_way *way)
{
	struct rig *r = rig_new(worlds[policy], version, way);

	rig_connect(r, "");
	return r;
}

/* The key that a leg of a policy is sealed with, 0 none. */
static int key_of(int policy, enum side side)
{
	const struct payload_leg *leg = &worlds[policy]->rules[0].leg[side];

	return leg->encrypted ? 1 + leg->keys[0] : 0;
}

/* A message of n bytes as it goes on that leg. */
static const char *text_of(int policy, enum side side, size_t n, const char *more)
{
	static char text[RIG_TEXT];
	char sealed[32] = "";

	if (key_of(policy, side) != 0)
		(void)snprintf(sealed, sizeof sealed, " sealed=k%d%s", key_of(policy, side),
		               policy == SEAL_MORE ? "/P" : "");
	(void)snprintf(text, sizeof text, "publish topic=t/a qos=1 pid=7 payload=fill:%zu%s%s", n,
	               sealed, more);
	return text;
}

/* What the options of a rule make of it on a sealed leg. */
static const char *options_of(int policy, enum side side, enum mqtt_version version)
{
	bool more = policy == SEAL_MORE || policy == RESEAL_MORE;

	if (!more || key_of(policy, side) == 0)
		return "";
	return version == MQTT_5 || policy == RESEAL_MORE ? " pad=1024 ip:user-property=a:b"
	                                                  : " pad=1024";
}

/* What is sent: where it is not sealed its properties stand outside. */
static const char *sent_of(int policy, enum side side, enum mqtt_version version)
{
	if (policy == RESEAL_MORE && key_of(policy, side) != 0)
		return " pad=64 ip:user-property=a:b";
	return policy == SEAL_MORE && version == MQTT_5 ? " p:user-property=a:b" : "";
}

static const size_t lengths[] = {0,     1,     16342, 16343, 16344, 16370,  16384,  16385,
                                 32700, 32767, 32768, 32769, 49152, 100000, 300000, 700000};

/* length × policy × version: whole, in one write or with little room, and behind it another one. */
START_TEST(every_length)
{
	int policy = _i / VERSIONS % NOTHING;
	enum mqtt_version version = version_of(_i);
	size_t n = lengths[_i / VERSIONS / NOTHING];

	for (int way = 0; way < ROWS(ways); way++) {
		struct rig *r = connected(policy, version, &ways[way]);
		for (int i = 0; i < 2; i++) {
			rig_send(
			    r, SIDE_CLIENT,
			    text_of(policy, SIDE_CLIENT, n, sent_of(policy, SIDE_CLIENT, version)));
			rig_expect(r, SIDE_BROKER,
			           text_of(policy, SIDE_BROKER, n,
			                   options_of(policy, SIDE_BROKER, version)));
		}
		rig_expect_nothing(r, SIDE_BROKER);
		ck_assert(!r->host.s->flow[SIDE_CLIENT].changes);
		ck_assert_uint_eq(r->host.failed, 0);
		rig_free(r);
	}
}
END_TEST

/* Every byte near a place where something changes, and some between. */
static size_t next_cut(size_t cut, size_t size)
{
	size_t in = cut % SEAL_SEGMENT;

	if (cut < 60 || in < 60 || in > SEAL_SEGMENT - 40 || size - cut < 40)
		return cut + 1;
	return cut + 61;
}

/* policy: cut behind every byte; the configuration that was in force when it began is exchanged
 * there for one that changes nothing, and freed. */
static void cut_everywhere(int policy, bool reload)
{
	enum { LENGTH = 2 * SEAL_SEGMENT + 100 };
	enum mqtt_version version = MQTT_5;
	size_t size = 2;

	for (size_t cut = 1; cut < size; cut = next_cut(cut, size)) {
		struct world *w = world_new(&words[policy]);
		struct rig *r = rig_new(w, version, &ways[0]);
		rig_connect(r, "");
		rig_add(
		    r, text_of(policy, SIDE_CLIENT, LENGTH, sent_of(policy, SIDE_CLIENT, version)));
		size = r->made.n;
		struct stream made = r->made;
		r->made = (struct stream){0};
		ck_assert_msg(host_send(&r->host, SIDE_CLIENT, slice_of(made.p, cut)), "%s",
		              r->fault.text);
		bool begun = r->host.s->flow[SIDE_CLIENT].left != 0;
		if (reload) {
			r->host.world = worlds[NOTHING];
			rig_exchange(r, worlds[NOTHING]);
			world_free(w);
		}
		ck_assert_msg(host_send(&r->host, SIDE_CLIENT, slice_of(made.p + cut, size - cut)),
		              "%s", r->fault.text);
		if (begun || !reload) {
			rig_expect(r, SIDE_BROKER,
			           text_of(policy, SIDE_BROKER, LENGTH,
			                   options_of(policy, SIDE_BROKER, version)));
		} else { /* by the new rules: as it came */
			struct stream *o = &r->host.out[SIDE_BROKER];
			expect_bytes(slice_of(o->p + o->at, o->n - o->at), slice_of(made.p, size),
			             "unchanged");
			o->at = o->n;
		}
		rig_expect_nothing(r, SIDE_BROKER);
		rig_free(r);
		free(made.p);
		if (!reload)
			world_free(w);
	}
	ck_assert_uint_gt(size, LENGTH);
}

START_TEST(cuts)
{
	cut_everywhere(_i, false);
}
END_TEST

START_TEST(reloads)
{
	cut_everywhere(_i, true);
}
END_TEST

/* Bytes of the plain message in what came out: behind the head, which names the whole length. */
static size_t released(const struct rig *r, enum side to, size_t length)
{
	const struct stream *o = &r->host.out[to];
	uint8_t *fill = take(length);
	size_t head = (r->version == MQTT_5 ? 1u : 0u) + 1 + 4 + 5 + 2 - 1;

	head = length + 11 < 2097152 ? head : head + 1;
	if (o->n == o->at) {
		free(fill);
		return 0;
	}
	for (size_t i = 0; i < length; i++)
		fill[i] = (uint8_t)(i * 7 + (i >> 8));
	ck_assert_uint_ge(o->n - o->at, head);
	size_t n = o->n - o->at - head;
	ck_assert_uint_lt(n, length);
	expect_bytes(slice_of(o->p + o->at + head, n), slice_of(fill, n), "released");
	free(fill);
	return n;
}

enum { TAMPERED = 3 * SEAL_SEGMENT + 9 };

/* A byte of segment k is changed. k 0: dropped, the session goes on. Else: closed in mid-frame with
 * just the segments before it out and nothing behind them; the same again is dropped before a byte
 * of it goes anywhere, and a good one passes. side × version × segment × way */
START_TEST(tampered)
{
	enum mqtt_version version = version_of(_i);
	size_t k = (size_t)_i / VERSIONS % 4;
	const struct sim_way *way = &ways[_i / VERSIONS / 4 % ROWS(ways)];
	bool dup = _i / VERSIONS / 4 / ROWS(ways) != 0;
	struct rig *r = connected(OPEN, version, way);
	const char *ack = version == MQTT_5 ? "puback pid=7 code=0x99" : "puback pid=7";
	struct world *fresh = world_new(&words[OPEN]);
	char spoil[32];

	spoiled_free(fresh->kit.spoiled);
	fresh->kit.spoiled = worlds[OPEN]->kit.spoiled;
	(void)snprintf(spoil, sizeof spoil, " spoil=%zu", SEAL_HEADER + k * SEALED_SEGMENT + 3);
	rig_add(r, text_of(OPEN, SIDE_CLIENT, TAMPERED, spoil));
	struct stream bytes = {0};
	stream_add(&bytes, slice_of(r->made.p, r->made.n));
	rig_send_all(r, SIDE_CLIENT);
	ck_assert_uint_eq(released(r, SIDE_BROKER, TAMPERED), k * SEAL_SEGMENT);
	ck_assert_int_eq(r->host.s->state, k == 0 ? SESSION_RELAYING : SESSION_DEAD);
	ck_assert_uint_eq(r->host.failed, 1);
	ck_assert_int_eq(r->host.error, SEAL_E_AUTH);
	if (k == 0)
		rig_expect(r, SIDE_CLIENT, ack);
	else if (version == MQTT_5)
		rig_expect(r, SIDE_CLIENT, "disconnect code=0x99");
	rig_expect_nothing(r, SIDE_CLIENT);
	/* A new session, under a configuration of other tools. */
	host_again(&r->host);
	rig_exchange(r, fresh);
	rig_connect(r, "");
	if (dup)
		bytes.p[0] |= 8;
	stream_add(&r->made, slice_of(bytes.p, bytes.n));
	rig_send_all(r, SIDE_CLIENT);
	rig_expect_nothing(r, SIDE_BROKER);
	rig_expect(r, SIDE_CLIENT, ack);
	ck_assert_int_eq(r->host.s->state, SESSION_RELAYING);
	rig_send(r, SIDE_CLIENT, text_of(OPEN, SIDE_CLIENT, TAMPERED, ""));
	rig_expect(r, SIDE_BROKER, text_of(OPEN, SIDE_BROKER, TAMPERED, ""));
	rig_free(r);
	free(bytes.p);
	fresh->kit.spoiled = NULL;
	world_free(fresh);
}
END_TEST

/* The same between two sealed legs: what comes out never opens as a whole, and what stands in it
 * was verified. */
START_TEST(tampered_between)
{
	size_t k = (size_t)_i % 4;
	struct rig *r = connected(_i / 4 == 0 ? RESEAL : RESEAL_MORE, MQTT_311, &ways[0]);
	char spoil[32];

	(void)snprintf(spoil, sizeof spoil, " spoil=%zu", SEAL_HEADER + k * SEALED_SEGMENT + 3);
	rig_send(r, SIDE_CLIENT, text_of(RESEAL, SIDE_CLIENT, TAMPERED, spoil));
	const struct stream *o = &r->host.out[SIDE_BROKER];
	/* Two are opened before the first is sealed. */
	ck_assert_int_eq(r->host.s->state, k < 2 ? SESSION_RELAYING : SESSION_DEAD);
	ck_assert_uint_eq(r->host.failed, 1);
	if (k < 2)
		rig_expect_nothing(r, SIDE_BROKER);
	else
		ck_assert_uint_le(o->n - o->at, 20 + SEAL_HEADER + k * SEALED_SEGMENT);
	rig_free(r);
}
END_TEST

/* Half of a message is out toward the client: what the proxy says waits behind it. */
START_TEST(answers_wait)
{
	struct rig *r = connected(SEAL, version_of(_i), &ways[0]);
	struct stream made;

	worlds[SEAL]->policy.max_whole = 0;
	rig_add(r, text_of(SEAL, SIDE_BROKER, 50000, ""));
	made = r->made;
	r->made = (struct stream){0};
	ck_assert(host_send(&r->host, SIDE_BROKER, slice_of(made.p, 30000)));
	ck_assert_uint_eq(released(r, SIDE_CLIENT, 50000), SEAL_SEGMENT);
	size_t half = r->host.out[SIDE_CLIENT].n;
	if (_i / VERSIONS == 0)
		ck_assert(host_stop(&r->host, MQTT_SERVER_SHUTTING_DOWN));
	else
		rig_send(r, SIDE_CLIENT, "publish topic=t/a qos=1 pid=9 payload=fill:2000000");
	ck_assert_uint_eq(r->host.out[SIDE_CLIENT].n, half);
	if (_i / VERSIONS == 0) {
		ck_assert(
		    host_send(&r->host, SIDE_BROKER, slice_of(made.p + 30000, made.n - 30000)));
		rig_expect(r, SIDE_CLIENT, text_of(SEAL, SIDE_CLIENT, 50000, ""));
		if (r->version == MQTT_5)
			rig_expect(r, SIDE_CLIENT, "disconnect code=0x8b");
	} else { /* too long: the session ends, in mid-frame */
		r->host.out[SIDE_CLIENT].at = half;
	}
	rig_expect_nothing(r, SIDE_CLIENT);
	ck_assert_int_eq(r->host.s->state, SESSION_DEAD);
	rig_free(r);
	free(made.p);
}
END_TEST

/* Many answers wait behind it, and room is short: its last segment goes only with room for them, so
 * that they come out with it. sealed, opened or both × version × way */
START_TEST(answers_have_room)
{
	/* The last segment nearly fills the outputs of a tight way at their 12 KiB. */
	enum { LENGTH = 2 * SEAL_SEGMENT + 11000 };
	static const int policies[] = {OPEN, MIXED, RESEAL};
	int policy = policies[_i / VERSIONS % 3];
	struct rig *r = connected(policy, version_of(_i), &ways[_i / VERSIONS / 3]);

	rig_add(r, text_of(policy, SIDE_BROKER, LENGTH, ""));
	struct stream made = r->made;
	r->made = (struct stream){0};
	ck_assert_msg(host_send(&r->host, SIDE_BROKER, slice_of(made.p, 40000)), "%s",
	              r->fault.text);
	for (unsigned id = 1; id <= 500; id++)
		rig_addf(r, "publish topic=%s/a qos=1 pid=%u payload=bad",
		         policy == MIXED ? "o" : "t", id);
	rig_send_all(r, SIDE_CLIENT);
	ck_assert_uint_gt(r->host.s->own[SIDE_CLIENT].len, 1900);
	ck_assert_msg(host_send(&r->host, SIDE_BROKER, slice_of(made.p + 40000, made.n - 40000)),
	              "%s", r->fault.text);
	rig_expect(r, SIDE_CLIENT, text_of(policy, SIDE_CLIENT, LENGTH, ""));
	for (unsigned id = 1; id <= 500; id++) {
		char text[RIG_TEXT];
		(void)snprintf(text, sizeof text, "puback pid=%u%s", id,
		               r->version == MQTT_5 ? " code=0x99" : "");
		rig_expect(r, SIDE_CLIENT, text);
	}
	rig_expect_nothing(r, SIDE_CLIENT);
	rig_free(r);
	free(made.p);
}
END_TEST

/* Ends in the middle: the other side gets what there is, and no more. side × version × reset */
START_TEST(an_end)
{
	struct rig *r = connected(OPEN, version_of(_i), &ways[0]);
	bool broke = _i / VERSIONS % 2 != 0;
	size_t n;

	rig_add(r, text_of(OPEN, SIDE_CLIENT, 50000, ""));
	struct stream made = r->made;
	r->made = (struct stream){0};
	ck_assert(host_send(&r->host, SIDE_CLIENT, slice_of(made.p, 40000)));
	n = r->host.out[SIDE_BROKER].n;
	ck_assert_uint_eq(released(r, SIDE_BROKER, 50000), 2 * SEAL_SEGMENT);
	ck_assert(host_end(&r->host, SIDE_CLIENT, broke));
	ck_assert_uint_eq(r->host.out[SIDE_BROKER].n, n);
	ck_assert_int_eq(r->host.s->state, broke ? SESSION_DEAD : SESSION_DRAINING);
	rig_free(r);
	free(made.p);
}
END_TEST

/* What is too long for max-message, or for its receiver, is known before anything of it goes on. */
START_TEST(too_long)
{
	static const struct named_policy brief = {
	    "brief", {{"rule=t/#:k1:plain", "message=40000", "whole=0"}, 3}};
	struct world *w = world_new(&brief);
	struct rig *r = rig_new(w, MQTT_311, &ways[0]);

	rig_connect(r, "");
	rig_send(r, SIDE_CLIENT, text_of(OPEN, SIDE_CLIENT, 40000, " pad=1024"));
	rig_expect(r, SIDE_BROKER, text_of(OPEN, SIDE_BROKER, 40000, ""));
	rig_send(r, SIDE_CLIENT, text_of(OPEN, SIDE_CLIENT, 40001, ""));
	rig_expect_nothing(r, SIDE_BROKER);
	ck_assert_int_eq(r->host.s->state, SESSION_DEAD);
	ck_assert_int_eq(r->host.error, SEAL_E_TOO_LARGE);
	rig_free(r);
	world_free(w);
}
END_TEST

/* A ring: the newest so many are known. */
START_TEST(spoiled_ring)
{
	struct spoiled *s = spoiled_new();
	uint8_t id[SPOILED_ID] = {0};

	for (uint32_t i = 0; i < 2 * SPOILED_KEPT; i++) {
		memcpy(id, &i, sizeof i);
		ck_assert(!spoiled_has(s, id));
		spoiled_add(s, id);
		spoiled_add(s, id);
		ck_assert(spoiled_has(s, id));
	}
	for (uint32_t i = 0; i < 2 * SPOILED_KEPT; i++) {
		memcpy(id, &i, sizeof i);
		ck_assert_int_eq(spoiled_has(s, id), i >= SPOILED_KEPT);
	}
	spoiled_free(s);
	spoiled_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("changing");
	TCase *t = tcase_create("changing");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, every_length, 0, ROWS(lengths) * NOTHING * VERSIONS);
	tcase_add_loop_test(t, cuts, 0, NOTHING);
	tcase_add_loop_test(t, reloads, 0, NOTHING);
	tcase_add_loop_test(t, tampered, 0, VERSIONS * 4 * ROWS(ways) * 2);
	tcase_add_loop_test(t, tampered_between, 0, 8);
	tcase_add_loop_test(t, answers_wait, 0, 2 * VERSIONS);
	tcase_add_loop_test(t, answers_have_room, 0, 2 * 3 * VERSIONS);
	tcase_add_loop_test(t, an_end, 0, 2 * VERSIONS);
	tcase_add_test(t, too_long);
	tcase_add_test(t, spoiled_ring);
	suite_add_tcase(s, t);
	return suite_run(s);
}
