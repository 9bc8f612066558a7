/* SPDX-License-Identifier: ISC */
/* A message that passes an established session allocates nothing, ours or libcrypto's: as it is,
 * sealed, opened, or opened and sealed again, short and long, of every QoS. */
#include "tests/support/allocations.h"
#include "tests/support/suite.h"
#include "tests/unit/rig.h"

static const struct {
	struct named_policy policy;
	const char *message; /* of the client */
} rows[] = {
    {{"plain", {{NULL}, 0}}, "publish topic=t/a payload=1"},
    {{"plain", {{NULL}, 0}}, "publish topic=t/a payload=1 qos=1 pid=7"},
    {{"plain", {{NULL}, 0}}, "publish topic=t/a payload=1 qos=2 pid=7"},
    {{"plain", {{NULL}, 0}}, "publish topic=t/a payload=fill:40000"},
    {{"seal", {{"rule=t/#:plain:k1"}, 1}}, "publish topic=t/a payload=1"},
    {{"seal", {{"rule=t/#:plain:k1"}, 1}}, "publish topic=t/a payload=fill:40000 qos=1 pid=7"},
    {{"open", {{"rule=t/#:k1:plain"}, 1}}, "publish topic=t/a payload=1 sealed=k1"},
    {{"open", {{"rule=t/#:k1:plain"}, 1}}, "publish topic=t/a payload=fill:40000 sealed=k1"},
    {{"reseal", {{"rule=t/#:k1:k3"}, 1}}, "publish topic=t/a payload=1 sealed=k1"},
    {{"lists", {{"allow-publish=t/#", "deny-publish="}, 2}}, "publish topic=t/a payload=1"},
};

enum { ROOM = 200000, ROUNDS = 20 };

/* Gives the message again, as often as the session gets on with it. False: it did not take all. */
static bool give(struct rig *r, bool lends)
{
	static uint8_t out[2][ROOM];
	struct slice view = slice_of(r->made.p, r->made.n);

	while (view.n != 0) {
		struct writer w[2] = {{.p = out[0], .cap = ROOM}, {.p = out[1], .cap = ROOM}};
		struct session_step step = {.out = {&w[0], &w[1]}, .lends = lends};
		session_input(r->host.s, &r->host.env, SIDE_CLIENT, view, &step);
		if (step.consumed == 0 || w[SIDE_BROKER].len + step.through[SIDE_BROKER].n == 0)
			return false;
		view = slice_from(view, step.consumed);
	}
	return true;
}

START_TEST(no_allocation)
{
	static const struct sim_way way = {.bytewise = false};
	struct world *world = world_new(&rows[_i].policy);
	struct rig *r = rig_new(world, MQTT_311, &way);

	rig_connect(r, "");
	rig_add(r, rows[_i].message);
	ck_assert_uint_gt(allocations_now().ours, 0); /* the counters count */
	ck_assert_uint_gt(allocations_now().theirs, 0);
	bool good = give(r, false);
	struct allocations before = allocations_now();
	for (unsigned i = 0; i < ROUNDS; i++)
		good = give(r, i % 2 == 0) && good;
	struct allocations after = allocations_now(); /* an assertion allocates */
	ck_assert(good);
	ck_assert_uint_eq(after.ours, before.ours);
	ck_assert_uint_eq(after.theirs, before.theirs);
	rig_free(r);
	world_free(world);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relay costs");
	TCase *t = tcase_create("relay costs");

	if (!allocations_watch())
		return 99;
	tcase_add_loop_test(t, no_allocation, 0, (int)(sizeof rows / sizeof rows[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
