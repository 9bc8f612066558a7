/* SPDX-License-Identifier: ISC */
#include "proxy/verdict.h"

static const struct verdict_info infos[VERDICT_COUNT] = {
#define X(symbol, name_, code3_, code5_, held_) \
	[VERDICT_##symbol] = {.name = name_, .code3 = code3_, .code5 = code5_, .held = held_},
    VERDICTS(X)
#undef X
};

const struct verdict_info *verdict_info(enum verdict v)
{
	return &infos[v];
}
