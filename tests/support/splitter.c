/* SPDX-License-Identifier: ISC */
#include "tests/support/splitter.h"

#include <stdlib.h>

void splitter_run(struct slice stream, splitter_fn *fn, void *ctx)
{
	size_t *cuts = calloc(stream.n + 1, sizeof *cuts);

	if (cuts == NULL)
		abort();
	fn(ctx, stream, NULL, 0);
	for (size_t i = 1; i < stream.n; i++)
		cuts[i - 1] = i;
	if (stream.n > 1)
		fn(ctx, stream, cuts, stream.n - 1);
	for (size_t i = 1; i < stream.n; i++)
		fn(ctx, stream, &i, 1);
	free(cuts);
}

void splitter_random(struct slice stream, uint64_t seed, unsigned times, splitter_fn *fn, void *ctx)
{
	size_t *cuts = calloc(stream.n + 1, sizeof *cuts);
	uint64_t x = seed | 1;

	if (cuts == NULL)
		abort();
	for (unsigned t = 0; t < times; t++) {
		/* A cut behind each byte with a chance of 1 in 2, 4, 8 …, but not thousands of
		 * cuts. */
		uint64_t one_in = (UINT64_C(2) << t % 6) + stream.n / 500;
		size_t n = 0;
		for (size_t i = 1; i < stream.n; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			if ((x >> 32) % one_in == 0)
				cuts[n++] = i;
		}
		fn(ctx, stream, cuts, n);
	}
	free(cuts);
}
