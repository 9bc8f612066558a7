/* SPDX-License-Identifier: ISC */
/* Plays scenarios with the real daemon between a client and a broker that record what they get. */
#ifndef SCENARIO_WIRE_H
#define SCENARIO_WIRE_H

#include "tests/scenario/packet.h"

/* Plays all scenarios of the script for the policy of that number, in lanes at once, and prints TAP
 * lines with numbers from *lines on. Returns how many failed. */
unsigned wire_play(const struct script *script, size_t policy, const char *part, unsigned *lines);

#endif
