/* SPDX-License-Identifier: ISC */
/* Messages that may not pass, in numbers that no scenario writes down. The host balances after each
 * call that every packet id was answered once. */
#include "tests/support/suite.h"
#include "tests/unit/rig.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY = 10000, WINDOW = 20, BITMAP = 65536 / 8, VERSIONS = 3 };

static const struct named_policy words = {"reseal", {{"rule=t/#:k1:k3", "message=1024"}, 2}};

static struct world *world;
static const struct sim_way ways[] = {{.bytewise = false}, {.tight = true, .patient = true}};

static void setup(void)
{
	world = world_new(&words);
}

static void teardown(void)
{
	world_free(world);
}

static struct rig *connected(enum mqtt_version version, const struct sim_way *way)
{
	struct rig *r = rig_new(world, version, way);

	rig_connect(r, "");
	return r;
}

static enum mqtt_version version_of(int i)
{
	return (enum mqtt_version)(MQTT_31 + i % VERSIONS);
}

static bool owns_none(const struct session *s, enum side from)
{
	for (size_t i = 0; s->owned[from] != NULL && i < BITMAP; i++) {
		if (s->owned[from][i] != 0)
			return false;
	}
	return true;
}

/* Whether a negative PUBREC ends the handshake: to a 5.0 client. */
static bool refused(const struct rig *r, enum side from)
{
	return r->version == MQTT_5 && from == SIDE_CLIENT;
}

static void answer(struct rig *r, enum side from, const char *type, unsigned id)
{
	char text[RIG_TEXT];

	(void)snprintf(text, sizeof text, "%s pid=%u%s", type, id,
	               refused(r, from) && strcmp(type, "pubcomp") != 0 ? " code=0x99" : "");
	rig_expect(r, from, text);
}

/* A window full at a time, as a client or broker would. Ids run through all that there are. */
static void drop_window(struct rig *r, enum side from, unsigned qos, unsigned first)
{
	for (unsigned i = 0; i < WINDOW; i++)
		rig_addf(r, "publish topic=t/a qos=%u pid=%u payload=bad", qos,
		         1 + (first + i) * 7 % 65535);
	rig_send_all(r, from);
	for (unsigned i = 0; i < WINDOW; i++)
		answer(r, from, qos == 1 ? "puback" : "pubrec", 1 + (first + i) * 7 % 65535);
	if (qos == 1 || refused(r, from))
		return;
	for (unsigned i = 0; i < WINDOW; i++)
		rig_addf(r, "pubrel pid=%u", 1 + (first + i) * 7 % 65535);
	rig_send_all(r, from);
	for (unsigned i = 0; i < WINDOW; i++)
		answer(r, from, "pubcomp", 1 + (first + i) * 7 % 65535);
}

/* version × side × QoS × way */
START_TEST(thousands)
{
	enum side from = _i / VERSIONS % 2 == 0 ? SIDE_CLIENT : SIDE_BROKER,
	          to = from == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
	unsigned qos = 1 + (unsigned)_i / (2 * VERSIONS) % 2;
	const struct sim_way *way = &ways[_i / (4 * VERSIONS)];
	struct rig *r = connected(version_of(_i), way);
	unsigned many = way->tight ? MANY / 10 : MANY;

	for (unsigned n = 0; n < many; n += WINDOW)
		drop_window(r, from, qos, n);
	rig_expect_nothing(r, to);
	ck_assert_uint_eq(r->host.failed, many);
	ck_assert(owns_none(r->host.s, SIDE_CLIENT) && owns_none(r->host.s, SIDE_BROKER));
	ck_assert(r->host.s->own[from].p == NULL);
	for (unsigned id = 1; id <= 3; id++) {
		char text[RIG_TEXT];
		rig_addf(r, "publish topic=t/a qos=%u pid=%u payload=good sealed=%s", qos, id,
		         from == SIDE_CLIENT ? "k1" : "k3");
		rig_send_all(r, from);
		(void)snprintf(text, sizeof text,
		               "publish topic=t/a qos=%u pid=%u payload=good sealed=%s", qos, id,
		               from == SIDE_CLIENT ? "k3" : "k1");
		rig_expect(r, to, text);
	}
	rig_free(r);
}
END_TEST

/* A bitmap a side, r->made when it is needed first. */
START_TEST(bitmaps)
{
	struct rig *r = connected(version_of(_i), &ways[0]);
	const struct session *s = r->host.s;

	rig_send(r, SIDE_CLIENT, "publish topic=t/a qos=1 payload=bad");
	rig_send(r, SIDE_BROKER, "publish topic=t/a qos=1 payload=bad");
	rig_send(r, SIDE_CLIENT, "publish topic=t/a qos=2 payload=good sealed=k1");
	rig_send(r, SIDE_CLIENT, "pubrel pid=9");
	ck_assert(s->owned[SIDE_CLIENT] == NULL && s->owned[SIDE_BROKER] == NULL);
	rig_send(r, SIDE_CLIENT, "publish topic=t/a qos=2 payload=bad");
	ck_assert_int_eq(s->owned[SIDE_CLIENT] == NULL, r->version == MQTT_5);
	ck_assert(s->owned[SIDE_BROKER] == NULL);
	rig_send(r, SIDE_BROKER, "publish topic=t/a qos=2 pid=65535 payload=bad");
	ck_assert(s->owned[SIDE_BROKER] != NULL && !owns_none(s, SIDE_BROKER));
	rig_free(r);
}
END_TEST

/* Answers that wait for a frame boundary: when 4 KiB of them do, the side that causes them is not
 * heard, the other is; then it goes on where it was. */
START_TEST(a_pause)
{
	enum side from = _i / VERSIONS % 2 == 0 ? SIDE_CLIENT : SIDE_BROKER,
	          to = from == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
	unsigned count = 3000;
	struct rig *r = connected(version_of(_i), &ways[_i / (2 * VERSIONS)]);
	struct host *h = &r->host;
	const char *good = from == SIDE_CLIENT ? "publish topic=t/a payload=good sealed=k1"
	                                       : "publish topic=t/a payload=good sealed=k3";

	rig_send(r, to, "raw 3010 000161 00");
	rig_expect(r, from, "raw 3010 000161 00");
	for (unsigned id = 1; id <= count; id++)
		rig_addf(r, "publish topic=t/a qos=%u pid=%u payload=bad", 1 + id % 2, id);
	rig_add(r, good);
	rig_send_all(r, from);
	rig_expect_nothing(r, from);
	rig_expect_nothing(r, to);
	ck_assert_uint_le(h->s->own[from].len, SESSION_OWN_MAX);
	ck_assert_uint_gt(h->s->own[from].len, SESSION_OWN_MAX - 16);
	ck_assert_uint_gt(h->in[from].n - h->in[from].at, 4000);
	rig_send(r, to, "raw 0102030405060708090a0b");
	rig_expect(r, from, "raw 0102030405060708090a0b");
	rig_expect_nothing(r, from);
	rig_send(r, to, "raw 0c");
	rig_expect(r, from, "raw 0c");
	for (unsigned id = 1; id <= count; id++)
		answer(r, from, id % 2 == 0 ? "puback" : "pubrec", id);
	rig_expect(r, to,
	           from == SIDE_CLIENT ? "publish topic=t/a payload=good sealed=k3"
	                               : "publish topic=t/a payload=good sealed=k1");
	ck_assert_uint_eq(h->in[from].n - h->in[from].at, 0);
	ck_assert_uint_eq(h->failed, count);
	rig_free(r);
}
END_TEST

/* The same, and the packet that they wait behind never ends: nobody is there to be answered any
 * more, so it goes on. */
START_TEST(a_pause_and_a_fin)
{
	enum side from = _i / VERSIONS == 0 ? SIDE_CLIENT : SIDE_BROKER,
	          to = from == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
	struct rig *r = connected(version_of(_i), &ways[0]);

	rig_send(r, to, "raw 3010 000161 00");
	rig_expect(r, from, "raw 3010 000161 00");
	for (unsigned id = 1; id <= 3000; id++)
		rig_addf(r, "publish topic=t/a qos=1 pid=%u payload=bad", id);
	rig_send_all(r, from);
	ck_assert_uint_gt(r->host.in[from].n - r->host.in[from].at, 4000);
	ck_assert_msg(host_end(&r->host, to, false), "%s", r->fault.text);
	ck_assert_uint_eq(r->host.in[from].n - r->host.in[from].at, 0);
	rig_expect_nothing(r, from);
	rig_free(r);
}
END_TEST

/* Both sides inside a packet and both with more answers than may wait: no deadlock. */
START_TEST(a_pause_both_ways)
{
	struct rig *r = connected(version_of(_i), &ways[_i / VERSIONS]);

	for (enum side from = SIDE_CLIENT; from <= SIDE_BROKER; from++)
		rig_send(r, from, "raw 3005 000161 00");
	for (enum side from = SIDE_CLIENT; from <= SIDE_BROKER; from++) {
		rig_add(r, "raw 78");
		for (unsigned id = 1; id <= 1500; id++)
			rig_addf(r, "publish topic=t/a qos=1 pid=%u payload=bad", id);
		rig_add(r, "raw 3005 000161 00");
		rig_send_all(r, from);
	}
	ck_assert_uint_eq(r->host.failed, 3000);
	for (enum side from = SIDE_CLIENT; from <= SIDE_BROKER; from++) {
		ck_assert_uint_eq(r->host.in[from].n - r->host.in[from].at, 0);
		rig_send(r, from, "raw 78");
	}
	ck_assert_uint_eq(r->host.s->own[0].len + r->host.s->own[1].len, 0);
	rig_free(r);
}
END_TEST

/* A side that has had its FIN is answered no more, and its peer is not held up by that. */
START_TEST(behind_a_fin)
{
	enum side from = _i / VERSIONS % 2 == 0 ? SIDE_CLIENT : SIDE_BROKER,
	          to = from == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
	struct rig *r = connected(version_of(_i), &ways[0]);

	ck_assert_msg(host_end(&r->host, to, false), "%s", r->fault.text);
	for (unsigned id = 1; id <= 3000; id++)
		rig_addf(r, "publish topic=t/a qos=2 pid=%u payload=bad", id);
	for (unsigned id = 1; id <= 3000; id++)
		rig_addf(r, "pubrel pid=%u", id);
	rig_send_all(r, from);
	ck_assert_uint_eq(r->host.in[from].n - r->host.in[from].at, 0);
	ck_assert_uint_eq(r->host.failed, 3000);
	rig_expect_nothing(r, from);
	rig_free(r);
}
END_TEST

/* Far longer than any buffer: thrown away as it comes, the answer behind it. Meanwhile the client
 * is served, and answered. */
START_TEST(too_long)
{
	enum { PAYLOAD = 3000000, PIECE = 50000 };
	static uint8_t zeros[PIECE];
	unsigned qos = (unsigned)_i / VERSIONS % 3;
	struct rig *r = connected(version_of(_i), &ways[_i / (3 * VERSIONS)]);
	struct host *h = &r->host;
	uint8_t head[] = {(uint8_t)(0x30 | qos << 1), 0, 0, 0, 0, 0, 1, 't', 0, 4, 0};
	size_t variable = 3u + (qos != 0 ? 2 : 0) + (r->version == MQTT_5 ? 1 : 0),
	       n = PAYLOAD + variable;

	for (int i = 1; i < 5; i++, n >>= 7)
		head[i] = (uint8_t)((n & 127) | (i < 4 ? 128 : 0));
	if (qos == 0)
		head[8] = 0;
	ck_assert(host_send(h, SIDE_BROKER, slice_of(head, 5 + variable)));
	for (size_t at = 0; at < PAYLOAD; at += PIECE) {
		rig_expect_nothing(r, SIDE_BROKER);
		rig_expect_nothing(r, SIDE_CLIENT);
		ck_assert_msg(host_send(h, SIDE_BROKER, slice_of(zeros, PIECE)), "%s",
		              r->fault.text);
		ck_assert_uint_le(h->in[SIDE_BROKER].n - h->in[SIDE_BROKER].at, 1);
		if (at == PIECE) {
			rig_send(r, SIDE_CLIENT, "publish topic=t/a qos=1 payload=bad");
			answer(r, SIDE_CLIENT, "puback", 1);
			rig_send(r, SIDE_CLIENT, "publish topic=x payload=good");
			rig_expect(r, SIDE_BROKER, "publish topic=x payload=good");
		}
	}
	if (qos != 0)
		rig_expect(r, SIDE_BROKER, qos == 1 ? "puback pid=4" : "pubrec pid=4");
	rig_expect_nothing(r, SIDE_BROKER);
	ck_assert_uint_eq(h->failed, 2);
	rig_send(r, SIDE_BROKER, "publish topic=t/a payload=good sealed=k3");
	rig_expect(r, SIDE_CLIENT, "publish topic=t/a payload=good sealed=k1");
	rig_send(r, SIDE_BROKER, "pubrel pid=4");
	rig_expect(r, qos == 2 ? SIDE_BROKER : SIDE_CLIENT,
	           qos == 2 ? "pubcomp pid=4" : "pubrel pid=4");
	rig_free(r);
}
END_TEST

/* What the proxy itself could not do is not acknowledged away. */
START_TEST(own_faults)
{
	enum side from = _i / VERSIONS == 0 ? SIDE_CLIENT : SIDE_BROKER;
	struct rig *r = connected(version_of(_i), &ways[0]);
	struct kit kit = world->kit;

	kit.scratch_size = 3;
	r->host.env.kit = &kit;
	rig_send(r, from,
	         from == SIDE_CLIENT ? "publish topic=t/a qos=1 payload=good sealed=k1"
	                             : "publish topic=t/a qos=1 payload=good sealed=k3");
	ck_assert_int_eq(r->host.s->state, SESSION_DEAD);
	ck_assert_int_eq(r->host.error, SEAL_E_INTERNAL);
	if (r->version == MQTT_5)
		rig_expect(r, SIDE_CLIENT, "disconnect code=0x80");
	rig_expect_nothing(r, SIDE_CLIENT);
	rig_expect_nothing(r, SIDE_BROKER);
	rig_free(r);
}
END_TEST

/* A new policy, or none, does not make the proxy forget what it owns. */
START_TEST(policy_exchanged)
{
	static const struct named_policy plain_words = {"plain", {{NULL}, 0}};
	struct world *plain = world_new(&plain_words);
	struct rig *r = connected(version_of(_i), &ways[0]);

	rig_send(r, SIDE_BROKER, "publish topic=t/a qos=2 pid=8 payload=bad");
	rig_expect(r, SIDE_BROKER, "pubrec pid=8");
	rig_exchange(r, plain);
	rig_send(r, SIDE_BROKER, "pubrel pid=8");
	rig_expect(r, SIDE_BROKER, "pubcomp pid=8");
	rig_send(r, SIDE_BROKER, "pubrel pid=8");
	rig_expect(r, SIDE_CLIENT, "pubrel pid=8");
	rig_expect_nothing(r, SIDE_BROKER);
	rig_free(r);
	world_free(plain);
}
END_TEST

/* An exchange in the middle of a message, wherever that is: one policy treats it, whole. Which: the
 * old one where it has begun to pass, else the new one. want: the broker's key, NULL for a drop. */
struct exchange {
	struct named_policy before, after;
	const char *want;
};

#define KEYS(words)                        \
	{                                  \
		words,                     \
		{                          \
			{"rule=" words}, 1 \
		}                          \
	}
#define NO_RULE                   \
	{                         \
		"plain",          \
		{                 \
			{NULL}, 0 \
		}                 \
	}

static const struct exchange exchanges[] = {
    {KEYS("t/#:k1:k3"), KEYS("t/#:k1:k2"), "k2"}, {KEYS("t/#:k1:k3"), NO_RULE, "k1"},
    {NO_RULE, KEYS("t/#:k1:k3"), "k3"},           {KEYS("t/#:k1:k3"), KEYS("t/#:k2:k3"), NULL},
    {KEYS("t/#:k2:k3"), KEYS("t/#:k1:k3"), "k3"}, {NO_RULE, KEYS("t/#:k2:k3"), NULL},
};

enum { EXCHANGES = sizeof exchanges / sizeof exchanges[0] };

/* Sends a message with the exchange behind `cut` of its bytes. False where it has no so many. */
static bool exchange_at(struct rig *r, struct world *const worlds[2], size_t cut, const char *want)
{
	static const char sent[] = "publish topic=t/a qos=1 pid=5 payload=good sealed=k1";
	const struct stream *to = &r->host.out[SIDE_BROKER];
	char text[RIG_TEXT];

	rig_exchange(r, worlds[0]);
	rig_add(r, sent);
	bool inside = cut < r->made.n;
	if (inside) {
		ck_assert(host_send(&r->host, SIDE_CLIENT, slice_of(r->made.p, cut)));
		if (to->n != to->at)
			want = "k1";
		rig_exchange(r, worlds[1]);
		ck_assert_msg(
		    host_send(&r->host, SIDE_CLIENT, slice_of(r->made.p + cut, r->made.n - cut)),
		    "%s", r->fault.text);
	}
	free(r->made.p);
	r->made = (struct stream){0};
	if (inside && want == NULL) {
		answer(r, SIDE_CLIENT, "puback", 5);
	} else if (inside) {
		(void)snprintf(text, sizeof text, "%.*s%s", (int)sizeof sent - 3, sent, want);
		rig_expect(r, SIDE_BROKER, text);
		rig_send(r, SIDE_BROKER, "puback pid=5");
		rig_expect(r, SIDE_CLIENT, "puback pid=5");
	}
	rig_expect_nothing(r, SIDE_BROKER);
	rig_expect_nothing(r, SIDE_CLIENT);
	return inside;
}

START_TEST(policy_exchanged_within)
{
	const struct exchange *x = &exchanges[_i / VERSIONS];
	struct world *worlds[2] = {world_new(&x->before), world_new(&x->after)};
	struct rig *r = connected(version_of(_i), &ways[0]);
	size_t cut = 1;

	while (exchange_at(r, worlds, cut, x->want))
		cut++;
	ck_assert_uint_gt(cut, SEAL_OVERHEAD_MIN);
	rig_free(r);
	world_free(worlds[0]);
	world_free(worlds[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flight");
	TCase *t = tcase_create("flight");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, thousands, 0, 8 * VERSIONS);
	tcase_add_loop_test(t, bitmaps, 0, VERSIONS);
	tcase_add_loop_test(t, a_pause, 0, 4 * VERSIONS);
	tcase_add_loop_test(t, a_pause_and_a_fin, 0, 2 * VERSIONS);
	tcase_add_loop_test(t, a_pause_both_ways, 0, 2 * VERSIONS);
	tcase_add_loop_test(t, behind_a_fin, 0, 2 * VERSIONS);
	tcase_add_loop_test(t, too_long, 0, 6 * VERSIONS);
	tcase_add_loop_test(t, own_faults, 0, 2 * VERSIONS);
	tcase_add_loop_test(t, policy_exchanged, 0, VERSIONS);
	tcase_add_loop_test(t, policy_exchanged_within, 0, EXCHANGES * VERSIONS);
	suite_add_tcase(s, t);
	return suite_run(s);
}
