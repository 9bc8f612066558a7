/* SPDX-License-Identifier: ISC */
/* A PUBLISH in passage that is sealed, opened, or both: what change.c begins goes on in changing.c.
 */
#ifndef PROXY_CHANGING_H
#define PROXY_CHANGING_H

#include "base/buf.h"
#include "proxy/message.h"

struct changing {
	struct seal_stream in, out; /* what is opened, what is sealed; none: it is in clear there */
	struct buf carry; /* both: opened and verified, and not a whole segment to seal yet */
	enum payload_form form;
	uint8_t header[SEAL_HEADER]; /* of the envelope that is opened segment by segment */
	struct slice topic;          /* in `text`, once it is kept for later calls */
	uint8_t text[];
};

/* Gives up all that it holds. Idempotent. */
void changing_fini(struct changing *c);

/* Sealed bytes of so much text that follows in a message: of its whole segments, or of all of it.
 */
size_t changing_sealed_size(size_t text, bool all);

/* Seals what of the text makes segments and has room, and takes it off. reserve: what must have
 * room behind the last one. */
enum seal_error changing_seal(struct changing *c, struct slice *text, struct writer *to,
                              size_t reserve);

/* Seals text that was opened, for which there is room; what makes no segment yet is carried on. */
enum seal_error changing_reseal(struct changing *c, struct slice text, struct writer *to);

/* The beginning of the message is in the output, and `used` bytes of its payload are in that: goes
 * on with the others that are there, and moves it to where it is kept while some are not. */
enum progress changing_begun(const struct message *m, struct changing *c, size_t used);

/* It is whole in the output, or passes as it comes: is counted. */
void changing_done(const struct session_env *env, enum side from, const struct changing *c,
                   const struct payload_rule *rule, struct session_step *step);

#endif
