/* SPDX-License-Identifier: ISC */
/* Plays a scenario with the pure session, in virtual time, and holds it to its contract all the
 * while. */
#ifndef SCENARIO_SIM_H
#define SCENARIO_SIM_H

#include "tests/scenario/packet.h"

/* How the bytes that are sent come in, and how much room the outputs have. */
struct sim_way {
	bool bytewise;
	size_t cut; /* one more cut behind so many sent bytes of the whole scenario; 0 none */
	bool tight; /* outputs begin with a few bytes of room and get more only where the session is
	               stuck */
	bool streams; /* nothing is opened whole */
	bool patient; /* as struct session_step.want asks: a view that is too short is not given */
};

struct sim_result {
	size_t sent; /* bytes of both sides: where a cut can be */
	unsigned line;
	struct fault fault;
};

/* False with the line and the reason. */
bool sim_play(const struct scene *scene, const struct world *world, enum mqtt_version version,
              const struct sim_way *way, struct sim_result *result);

#endif
