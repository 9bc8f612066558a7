/* SPDX-License-Identifier: ISC */
/* The names stand beside the symbols in one list, so neither can be forgotten. */
#include "sys/metrics.h"

#include <stddef.h>

const char *metrics_name(enum metric which)
{
	static const char *const names[] = {
#define X(symbol, name) [METRIC_##symbol] = (name),
	    METRICS(X)
#undef X
	};

	return (size_t)which < METRIC_COUNT ? names[which] : NULL;
}
