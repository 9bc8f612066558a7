/* SPDX-License-Identifier: ISC */
/* Feeds one stream in every way in which a network may cut it. */
#ifndef SUPPORT_SPLITTER_H
#define SUPPORT_SPLITTER_H

#include "base/slice.h"

/* Called with how the stream is cut: `cuts` positions, rising, each inside the stream; none means whole. */
typedef void splitter_fn(void *ctx, struct slice stream, const size_t *cuts, size_t n_cuts);

/* Calls fn for the stream whole, byte by byte, and cut once at every position. */
void splitter_run(struct slice stream, splitter_fn *fn, void *ctx);

/* Calls fn `times` times, for the stream cut at random places, which the seed alone decides. */
void splitter_random(struct slice stream, uint64_t seed, unsigned times, splitter_fn *fn, void *ctx);

#endif
