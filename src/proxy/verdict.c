/* SPDX-License-Identifier: ISC */
#include "proxy/verdict.h"

static const struct verdict_info infos[VERDICT_COUNT] = {
#define X(symbol, name_, code3_, code5_, how_) \
	[VERDICT_##symbol] = {.name = name_, .code3 = code3_, .code5 = code5_, .how = how_},
    VERDICTS(X)
#undef X
};

bool verdict_blames_client(enum verdict v, uint8_t code)
{
	switch (v) {
	case VERDICT_ACCEPTED:
	case VERDICT_BROKER_UNREACHABLE:
	case VERDICT_STORE_FAILED:
	case VERDICT_CONNECTION_LIMIT:
	case VERDICT_GONE:
		return false;
	case VERDICT_BROKER_REFUSED:
		return code == MQTT3_BAD_CREDENTIALS || code == MQTT3_NOT_AUTHORIZED ||
		       code == MQTT_BAD_CREDENTIALS || code == MQTT_NOT_AUTHORIZED;
	default:
		return true;
	}
}

const struct verdict_info *verdict_info(enum verdict v)
{
	return &infos[v];
}
