/* SPDX-License-Identifier: ISC */
/* The corpus played with the real daemon between real sockets: each stream whole, byte by byte and
 * in random pieces; under payload rules whole. Meanwhile others are served, and afterwards the
 * daemon holds no descriptor and hardly a byte more than before. */
#ifndef HOSTILE_WIRE_H
#define HOSTILE_WIRE_H

#include "tests/hostile/corpus.h"

unsigned hostile_wire(const struct hostile_corpus *c, const char *part, unsigned *lines);

#endif
