/* SPDX-License-Identifier: ISC */
/* What sessions add to as they relay, for whoever counts: lent with every call, one a thread. */
#ifndef PROXY_METER_H
#define PROXY_METER_H

#include "base/counter.h"
#include "seal/envelope.h"

enum { METER_TYPES = 16 }; /* of control packets, by enum mqtt_type */

enum meter_operation { METER_OPEN, METER_SEAL, METER_OPERATIONS };

/* What came of it: an enum seal_error (SEAL_OK for a good end), or, of METER_OPEN, that plaintext
 * passed where an envelope is preferred. */
enum { METER_PLAIN = SEAL_ERRORS, METER_RESULTS };

/* The payloads of one rule, by the side (enum side) that sent them. */
struct payload_meter {
	struct counter n[2][METER_OPERATIONS][METER_RESULTS];
};

struct meter {
	struct counter packets[2][METER_TYPES]; /* by the side that sent them */
	struct payload_meter *payloads;       /* by rule of the policy; NULL: not counted */
};

#endif
