/* SPDX-License-Identifier: ISC */
#include "proxy/verdict.h"

static const struct verdict_info infos[VERDICT_COUNT] = {
#define X(symbol, name_, code3_, code5_, how_) \
	[VERDICT_##symbol] = {.name = name_, .code3 = code3_, .code5 = code5_, .how = how_},
    VERDICTS(X)
#undef X
};

const struct verdict_info *verdict_info(enum verdict v)
{
	return &infos[v];
}
