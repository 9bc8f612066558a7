/* SPDX-License-Identifier: ISC */
/* Whoever keeps to the packet size that it was shown never makes a packet that its receiver does
 * not take: so for every message, sealed under every option, a limit one byte below its envelope's
 * packet must be shown as less than its own packet. What the engine makes is asked of the engine.
 */
#include "mqtt/publish.h"
#include "proxy/payload.h"
#include "tests/scenario/world.h"
#include "tests/support/suite.h"
#include "tests/unit/rig.h"

#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct named_policy policies[] = {
    {"plain", {{"rule=t:plain:k1"}, 1}},
    {"pad-16", {{"rule=t:plain:k1:pad-16"}, 1}},
    {"pad-1024", {{"rule=t:plain:k1:pad-1024"}, 1}},
    {"props", {{"rule=t:plain:k1:properties"}, 1}},
    {"both", {{"rule=t:plain:k1:properties:pad-64"}, 1}},
    {"brief", {{"rule=t:plain:k1:properties:pad-64", "message=16384"}, 2}},
    {"reseal", {{"rule=t:k2:k1:properties:pad-64"}, 1}},
    {"reseal-plainly", {{"rule=t:k2:k1"}, 1}},
    {"others", {{"rule=t:plain:k1", "rule=u:plain:k1:pad-512", "rule=v:k1:plain"}, 3}},
};

static const size_t payloads[] = {0,     1,     30,    62,    63,    85,    86,    126,
                                  127,   500,   1022,  1023,  16213, 16290, 16339, 16340,
                                  16381, 16382, 16383, 16384, 32700, 32768, 49000};
static const size_t values[] = {0, 1, 50, 120, 121, 122, 8000, 16310, 16370};

/* One message: a payload, and a user property whose value is so long, or none at all for 0. */
struct sample {
	uint8_t *bytes; /* payload, and behind it the property */
	struct payload_in in;
	struct mqtt_publish p;
};

static void make_sample(struct sample *m, const struct world *w, size_t payload, size_t value)
{
	size_t props = value == 0 ? 0 : 5 + value;

	m->bytes = calloc(1, payload + props + 1);
	struct writer out = {.p = m->bytes, .cap = payload + props, .len = payload};
	if (props != 0) {
		writer_u8(&out, MQTT_USER_PROPERTY);
		writer_u16(&out, 0);
		out.p[out.len] = (uint8_t)(value >> 8);
		out.p[out.len + 1] = (uint8_t)value;
	}
	m->in = (struct payload_in){.rule = &w->rules[0],
	                            .v5 = true,
	                            .topic = slice_str("t"),
	                            .payload = slice_of(m->bytes, payload),
	                            .props = slice_of(m->bytes + payload, props)};
	m->p = (struct mqtt_publish){.topic = m->in.topic, .props = m->in.props};
}

static size_t packet_size(const struct mqtt_publish *p, const struct mqtt_props_edit *edit,
                          size_t payload)
{
	return mqtt_publish_size(p, MQTT_5, edit, payload) + payload;
}

START_TEST(what_was_shown_fits)
{
	struct world *w = world_new(&policies[_i]);
	struct session_env env = {.policy = &w->policy, .kit = &w->kit};
	bool opens = w->rules[0].leg[SIDE_CLIENT].encrypted;
	size_t tried = 0;

	for (int k = 0; k < ROWS(payloads) * ROWS(values); k++) {
		struct sample m;
		bool fits;
		make_sample(&m, w, payloads[k / ROWS(values)], values[k % ROWS(values)]);
		struct payload_clear clear = {.payload = m.in.payload};
		fits = payload_take_props(&env, &m.in, &clear) &&
		       m.in.payload.n <= w->policy.max_message;
		struct seal_message message = payload_message(&m.in, &clear);
		struct mqtt_props_edit edit = payload_edit(&env, &m.in, &clear, true);
		size_t inner = fits ? seal_inner_size(&message, &fits) : 0;
		size_t after = packet_size(&m.p, &edit, envelope_size(inner));
		size_t before =
		    packet_size(&m.p, NULL, opens ? envelope_size(m.in.payload.n) : m.in.payload.n);
		uint32_t shown = policy_shown_limit(&w->policy, SIDE_BROKER, (uint32_t)after - 1);
		ck_assert_msg(!fits || shown < before || before <= 1,
		              "%zu bytes become %zu, and %zu are shown as %u", before, after,
		              after - 1, shown);
		tried += fits;
		free(m.bytes);
	}
	ck_assert_uint_ge(tried, 40);
	world_free(w);
}
END_TEST

/* Nor is it told much less than it might send: the worst case is met by some message. */
START_TEST(no_more_than_needed)
{
	static const struct {
		size_t policy;
		uint32_t growth;
	} rows[] = {{0, 43}, {1, 61}, {2, 1069}, {3, 47}, {4, 113}, {6, 73}, {7, 0}, {8, 557}};
	struct world *w = world_new(&policies[rows[_i].policy]);

	ck_assert_uint_eq(policy_shown_limit(&w->policy, SIDE_BROKER, 5000),
	                  5000 - rows[_i].growth);
	world_free(w);
}
END_TEST

/* What a broker was told of a client stays told when the rules that it was told for are gone. */
START_TEST(told_by_former_rules)
{
	static const struct named_policy none = {"none", {{NULL}, 0}};
	static const struct sim_way ways[] = {{.bytewise = false}, {.bytewise = true}};
	struct world *w = world_new(&policies[0]), *after = world_new(&none);
	struct rig *r = rig_new(w, MQTT_5, &ways[_i]);

	rig_send(r, SIDE_CLIENT, "connect id=c1 p:maximum-packet-size=100");
	rig_expect(r, SIDE_BROKER, "connect id=c1 p:maximum-packet-size=143");
	rig_send(r, SIDE_BROKER, "connack");
	rig_expect(r, SIDE_CLIENT, "connack");
	rig_exchange(r, after);
	rig_send(r, SIDE_BROKER, "publish topic=t qos=1 pid=7 payload=fill:93");
	rig_expect_nothing(r, SIDE_CLIENT);
	rig_expect(r, SIDE_BROKER, "puback pid=7");
	rig_send(r, SIDE_BROKER, "publish topic=t qos=1 pid=8 payload=fill:92");
	rig_expect(r, SIDE_CLIENT, "publish topic=t qos=1 pid=8 payload=fill:92");
	rig_send(r, SIDE_BROKER, "puback pid=3 code=0x10 p:reason-string=text:92");
	rig_expect(r, SIDE_CLIENT, "raw 400400031000");
	rig_free(r);
	world_free(after);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("growth");
	TCase *t = tcase_create("growth");

	tcase_add_loop_test(t, what_was_shown_fits, 0, ROWS(policies));
	tcase_add_loop_test(t, no_more_than_needed, 0, 8);
	tcase_add_loop_test(t, told_by_former_rules, 0, 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
