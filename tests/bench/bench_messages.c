/* SPDX-License-Identifier: ISC */
/* What a message costs in the engine alone, with neither kernel nor network: a read of 64 KiB full
 * of them is given to a session again and again. `bench_messages ROW` does one row, for a profiler.
 */
#include "base/secret.h"
#include "tests/unit/rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { READ = 65536, ROOM = 2 * READ + 65536, ROUNDS = 15, ROUND_BYTES = 16 << 20 };

static const struct row {
	struct named_policy policy;
	const char *message; /* of the client */
} rows[] = {
    {{"plain", {{NULL}, 0}}, "publish topic=plant/7/temp payload=fill:64"},
    {{"plain, lists", {{"allow-publish=plant/#"}, 1}},
     "publish topic=plant/7/temp payload=fill:64"},
    {{"seal", {{"rule=#:plain:k1"}, 1}}, "publish topic=plant/7/temp payload=fill:64"},
    {{"seal", {{"rule=#:plain:k1"}, 1}}, "publish topic=plant/7/temp payload=fill:256"},
    {{"seal", {{"rule=#:plain:k1"}, 1}}, "publish topic=plant/7/temp payload=fill:1024"},
    {{"seal", {{"rule=#:plain:k1"}, 1}}, "publish topic=plant/7/temp payload=fill:16384"},
    {{"open", {{"rule=#:k1:plain"}, 1}}, "publish topic=plant/7/temp payload=fill:64 sealed=k1"},
    {{"open", {{"rule=#:k1:plain"}, 1}}, "publish topic=plant/7/temp payload=fill:256 sealed=k1"},
    {{"open", {{"rule=#:k1:plain"}, 1}}, "publish topic=plant/7/temp payload=fill:1024 sealed=k1"},
};

static double cpu_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Gives the read, as often as the session gets on with it. */
static void give(struct rig *r)
{
	static uint8_t out[2][ROOM];
	struct slice view = slice_of(r->made.p, r->made.n);

	while (view.n != 0) {
		struct writer w[2] = {{.p = out[0], .cap = ROOM}, {.p = out[1], .cap = ROOM}};
		struct session_step step = {.out = {&w[0], &w[1]}, .lends = true};
		session_input(r->host.s, &r->host.env, SIDE_CLIENT, view, &step);
		if (step.consumed == 0)
			abort();
		view = slice_from(view, step.consumed);
	}
}

static void measure(const struct row *row)
{
	static const struct sim_way way = {.bytewise = false};
	struct world *world = world_new(&row->policy);
	struct rig *r = rig_new(world, MQTT_311, &way);
	size_t n = 0;
	double best = 1e9;

	rig_connect(r, "");
	do {
		rig_add(r, row->message);
		n++;
	} while (r->made.n + r->made.n / n <= READ);
	for (int round = 0; round < ROUNDS; round++) {
		size_t times = ROUND_BYTES / r->made.n;
		double start = cpu_seconds();
		for (size_t i = 0; i < times; i++)
			give(r);
		start = (cpu_seconds() - start) / (double)(times * n);
		best = start < best ? start : best;
	}
	(void)printf("%-13s %-60s %6.0f ns\n", row->policy.name, row->message, best * 1e9);
	rig_free(r);
	world_free(world);
}

static size_t first, behind = sizeof rows / sizeof rows[0];

START_TEST(bench)
{
	for (size_t i = first; i < behind; i++)
		measure(&rows[i]);
}
END_TEST

/* In a test of Check's, since the rig asserts. */
int main(int argc, char **argv)
{
	Suite *s = suite_create("messages");
	TCase *t = tcase_create("messages");
	SRunner *runner = srunner_create(s);

	if (argc > 1) {
		first = strtoul(argv[1], NULL, 10);
		behind = first < behind ? first + 1 : 0;
	}
	tcase_add_test(t, bench);
	suite_add_tcase(s, t);
	srunner_set_fork_status(runner, CK_NOFORK);
	if (secret_init() != 0)
		return 1;
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
