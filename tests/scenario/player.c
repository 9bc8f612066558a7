/* SPDX-License-Identifier: ISC */
/* Plays all scenarios, each for every version and policy it is meant for. In sim mode in every way
 * in which its bytes can come; in wire mode with the real daemon between real sockets. A TAP line
 * each.
 *
 *   player sim|wire [-k PART-OF-A-NAME] FILE.scn… */
#include "base/secret.h"
#include "tests/scenario/sim.h"
#include "tests/scenario/wire.h"

#include <stdio.h>
#include <stdlib.h>

/* Where a scenario sends more, it is not cut at each of its bytes but at so many places. */
enum { CUTS_MAX = 600 };

static unsigned lines, failures;

static void report(const struct scene *scene, const char *mode, const char *policy,
                   enum mqtt_version version, const char *way, const struct sim_result *failed)
{
	printf("%sok %u - %s %s %s %s %s\n", failed == NULL ? "" : "not ", ++lines, mode,
	       scene->name, policy, version_name(version), way);
	if (failed == NULL)
		return;
	failures++;
	printf("# %s:%u: %s\n", scene->file, failed->line, failed->fault.text);
}

static void play_cuts(const struct scene *scene, const struct world *world,
                      enum mqtt_version version, size_t sent)
{
	size_t step = 1 + sent / CUTS_MAX;
	struct sim_result result;

	for (size_t cut = 1; cut < sent; cut += cut < 200 || cut + 100 > sent ? 1 : step) {
		struct sim_way way = {
		    .cut = cut, .patient = cut % 2 == 0, .streams = !scene->whole && cut % 3 == 0};
		if (sim_play(scene, world, version, &way, &result))
			continue;
		printf("# cut behind byte %zu\n", cut);
		report(scene, "sim", world->name, version, "each-cut", &result);
		return;
	}
	report(scene, "sim", world->name, version, "each-cut", NULL);
}

static void play_sim(const struct scene *scene, const struct world *world,
                     enum mqtt_version version)
{
	static const struct {
		const char *name;
		struct sim_way way;
	} ways[] = {{"whole", {.bytewise = false}},
	            {"bytewise", {.bytewise = true}},
	            {"whole-tight", {.tight = true}},
	            {"bytewise-tight", {.bytewise = true, .tight = true, .patient = true}},
	            {"streams", {.streams = true}},
	            {"bytewise-streams-tight", {.streams = true, .bytewise = true, .tight = true}}};
	struct sim_result result;
	size_t sent = 0;

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		if (ways[i].way.streams && (scene->whole || !world->policy.encrypts))
			continue;
		bool ok = sim_play(scene, world, version, &ways[i].way, &result);
		report(scene, "sim", world->name, version, ways[i].name, ok ? NULL : &result);
		sent = result.sent;
		if (!ok)
			return;
	}
	play_cuts(scene, world, version, sent);
}

static void play_all_sim(const struct script *script, const char *part)
{
	for (size_t p = 0; p < script->n_policies; p++) {
		struct world *world = world_new(&script->policies[p]);
		for (size_t i = 0; i < script->n; i++) {
			const struct scene *scene = &script->scenes[i];
			if (!scene->sim || strstr(scene->name, part) == NULL)
				continue;
			for (size_t u = 0; u < scene->n_use; u++) {
				for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
					if (strcmp(scene->use[u], world->name) == 0 &&
					    (scene->versions & 1u << v) != 0)
						play_sim(scene, world, v);
				}
			}
		}
		world_free(world);
	}
}

static void check_uses(const struct script *script)
{
	for (size_t i = 0; i < script->n; i++) {
		const struct scene *scene = &script->scenes[i];
		for (size_t u = 0; u < scene->n_use; u++) {
			if (script_policy(script, scene->use[u]) != NULL)
				continue;
			fprintf(stderr, "%s:%u: no such policy: %s\n", scene->file, scene->line,
			        scene->use[u]);
			exit(99);
		}
	}
}

int main(int argc, char **argv)
{
	static struct script script; /* not given back */
	const char *part = "";
	int i = 2;

	if (argc > 4 && strcmp(argv[2], "-k") == 0) {
		part = argv[3];
		i = 4;
	}
	if (argc <= i || (strcmp(argv[1], "sim") != 0 && strcmp(argv[1], "wire") != 0) ||
	    secret_init() != 0) {
		fprintf(stderr, "usage: %s sim|wire [-k PART] FILE.scn...\n", argv[0]);
		return 99;
	}
	for (; i < argc; i++)
		script_read(&script, argv[i]);
	check_uses(&script);
	if (strcmp(argv[1], "sim") == 0)
		play_all_sim(&script, part);
	for (size_t p = 0; argv[1][0] == 'w' && p < script.n_policies; p++)
		failures += wire_play(&script, p, part, &lines);
	printf("1..%u\n", lines);
	return failures == 0 && lines != 0 ? 0 : 1;
}
