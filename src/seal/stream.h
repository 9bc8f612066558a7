/* SPDX-License-Identifier: ISC */
/* A message that is sealed or opened segment by segment, so that no more of it need be in memory than one. It begins with
 * seal_begin() or seal_open_begin(), which do the first segment; each other one is done here. */
#ifndef SEAL_STREAM_H
#define SEAL_STREAM_H

#include "seal/envelope.h"

struct aead;

/* What the segments to come take: it holds the session key that the message began with, whatever becomes of the sealer or
 * opener meanwhile. In the caller's storage; zeroed: none. One thread. */
struct seal_stream {
	struct aead *aead; /* a reference */
	uint64_t num;
	size_t next; /* the number of the next segment */
	size_t left; /* bytes of the inner message in the segments to come */
};

/* Bytes of inner message in the next segment; sealed it is SEAL_TAG longer. 0: there is none. */
static inline size_t seal_stream_next(const struct seal_stream *s)
{
	return s->left < SEAL_SEGMENT ? s->left : SEAL_SEGMENT;
}

/* Seals or opens the next segment: seal_stream_next() bytes of text, and the sealed ones behind their tag's length, either
 * way. Neither may overlap `out`. On failure (SEAL_E_AUTH when opening, SEAL_E_INTERNAL) what was written is wiped, and
 * the message is at its end. */
enum seal_error seal_stream_seal(struct seal_stream *s, const uint8_t *text, uint8_t *out);
enum seal_error seal_stream_open(struct seal_stream *s, const uint8_t *sealed, uint8_t *out);

/* Gives the key up. Also after the last segment, and for none. */
void seal_stream_end(struct seal_stream *s);

#endif
