/* SPDX-License-Identifier: ISC */
/* Packets as words. Made for one version: what that version does not have (properties) is left out,
 * and a number may be written A/B, A for 3.x and B for 5.0. In strings "$code" and the like are
 * replaced (world.h), "_" stays.
 *
 *   connect    id= user= pass= keep=60 clean=1 will-topic= will-payload= will-qos= will-retain=
 * proto= level= flags= will-sealed=KEY[/FLAGS] p:NAME=VALUE wp:NAME=VALUE connack    code=0 sp=0
 * p:NAME=VALUE publish    topic= qos=0 pid=1 dup=0 retain=0 payload=TEXT|hex:DIGITS|fill:COUNT
 * |text:COUNT (letters)
 * p:NAME=VALUE sealed=KEY[/FLAGS] [bound=TOPIC] [spoil=OFFSET] [age=MS] puback pubrec pubrel
 * pubcomp  pid= code= dup=0 p:NAME=VALUE subscribe  pid= filter=FILTER:OPTIONS … p:… suback    pid=
 * code=N … p:… unsubscribe pid= filter=FILTER …                      unsuback  pid= code=N … (5.0)
 *   pingreq pingresp disconnect [code= p:…] auth code= p:…
 *   raw HEX…
 *
 * `sealed` replaces the payload by its envelope under that key: made when it is sent; opened and
 * compared, flags, topic and key included, when it is expected. FLAGS are letters of U R W N P;
 * without a "/", R and W as the packet says. Inside it are the properties ip:NAME=VALUE (a Will's
 * wip:…; P without any says that the list is empty), and padding to a multiple of pad= (will-pad=).
 * age=MS: sealed so long ago, or, below 0, so far in the future. A property's NAME is that of the
 * specification in lower case with dashes; a pair is NAME=KEY:VALUE. */
#ifndef SCENARIO_PACKET_H
#define SCENARIO_PACKET_H

#include "tests/scenario/world.h"

/* An envelope inside a packet that is expected. */
struct hole {
	size_t at, n;
	uint8_t flags;
	uint16_t key;
	struct slice topic, plain, props;
};

struct packet {
	uint8_t *p;
	size_t n, size;
	struct hole holes[2];
	size_t n_holes;
};

struct making {
	const struct world *world;
	struct expanding expanding;
	enum mqtt_version version;
	struct now now;
};

/* Makes the packet of these words. False with the reason. */
bool packet_make(const struct making *m, const struct words *words, struct packet *out,
                 struct fault *f);
void packet_free(struct packet *p);

/* Whether the bytes (as many as the packet has) are that packet. False with the first difference.
 */
bool packet_match(const struct making *m, const struct packet *want, struct slice got,
                  struct fault *f);

#endif
