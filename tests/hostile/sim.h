/* SPDX-License-Identifier: ISC */
/* The corpus played with the pure session: each stream whole, byte by byte and cut at random, in
 * plain relay and under payload rules; in plain relay also cut once at each byte. What a client
 * sends is also sent with its CONNECT, before CONNACK. */
#ifndef HOSTILE_SIM_H
#define HOSTILE_SIM_H

#include "tests/hostile/corpus.h"

/* Prints a TAP line a stream and version for the streams whose id has `part` in it; returns how
 * many failed. */
unsigned hostile_sim(const struct hostile_corpus *c, const char *part, unsigned *lines);

#endif
