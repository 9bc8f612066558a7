/* SPDX-License-Identifier: ISC */
/* The real daemon with a configuration made from a policy. Each lane is a listener with a broker of
 * its own, so that lanes may be used at the same time; `dead` is one whose broker is never there.
 */
#ifndef SCENARIO_DAEMON_H
#define SCENARIO_DAEMON_H

#include "tests/scenario/world.h"

#include <sys/types.h>

enum { LANES = 6 };

struct daemon {
	pid_t pid, reader;
	char folder[64];
	uint16_t port[LANES], dead;
};

/* Starts it and waits until it is ready. brokers: where the lanes' brokers listen. runs: users t0 …
 * and h0 … are enrolled for so many runs, where the policy has passwords. False with the reason. */
bool daemon_start(struct daemon *d, const struct world *world, const uint16_t brokers[LANES],
                  unsigned runs, struct fault *f);

/* Ends it; false where it does not end well by itself. tell: its log is shown, as comments. */
bool daemon_stop(struct daemon *d, bool tell, struct fault *f);

/* Forks a process for each lane, which calls run() and ends; what they print is shown, lines that
 * begin with + or - as TAP, numbered from *lines on. Returns how many of those began with -. */
unsigned daemon_lanes(void (*run)(int lane, void *ctx), void *ctx, unsigned *lines);

/* A socket bound to a free port of 127.0.0.1; listening, or not, so that nobody can connect. */
int daemon_bind(bool listening, uint16_t *port);

#endif
