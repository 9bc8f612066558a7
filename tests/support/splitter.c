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
