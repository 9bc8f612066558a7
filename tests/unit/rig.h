/* SPDX-License-Identifier: ISC */
/* A session on the scenarios' host, driven from a unit test with packets in words (see packet.h):
 * for what no scenario can write down. Each function fails the running test. */
#ifndef UNIT_RIG_H
#define UNIT_RIG_H

#include "tests/scenario/packet.h"
#include "tests/scenario/sim_host.h"

enum { RIG_TEXT = 200 };

struct rig {
	struct host host;
	enum mqtt_version version;
	struct fault fault;
	struct stream made; /* what is sent next */
};

/* The world and the way stay the caller's. */
struct rig *rig_new(const struct world *world, enum mqtt_version version,
                    const struct sim_way *way);
void rig_free(struct rig *r);

/* CONNECT and CONNACK, both with these properties ("p:… "), which must pass unchanged. */
void rig_connect(struct rig *r, const char *props);

/* Another configuration takes effect. */
void rig_exchange(struct rig *r, const struct world *world);

/* Makes packets, and sends all that were made in one segment; or one packet. */
void rig_add(struct rig *r, const char *text);
__attribute__((format(printf, 2, 3))) void rig_addf(struct rig *r, const char *format, ...);
void rig_send_all(struct rig *r, enum side from);
void rig_send(struct rig *r, enum side from, const char *text);

/* What came out to a side next is exactly this packet; or nothing more did. */
void rig_expect(struct rig *r, enum side to, const char *text);
void rig_expect_nothing(const struct rig *r, enum side to);

#endif
