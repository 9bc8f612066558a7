/* SPDX-License-Identifier: ISC */
/* Inside the room: the header, and what each segment is sealed with beside the key. */
#ifndef SEAL_SEGMENT_H
#define SEAL_SEGMENT_H

#include "base/slice.h"
#include "seal/aead.h"
#include "seal/envelope.h"

enum { SEGMENT_AAD_ROOM = 256 };

#define SEAL_NUM_END (UINT64_C(1) << 56)

/* Writes SEAL_HEADER bytes; flags without the version bits. */
void segment_header(uint8_t *out, uint8_t flags, const uint8_t *kid, const uint8_t *salt, uint64_t num);

/* NUM(7) || i(4) || L(1). */
void segment_iv(uint8_t iv[AEAD_IV_SIZE], uint64_t num, size_t i, bool last);

/* The associated data of the first segment: header || m || topic, the topic left out where flag N says so; the others have
 * none. Room holds the header, and is given the rest: then it is all in aad[0], but for a topic too long for it. */
void segment_aad(struct slice aad[2], uint8_t room[SEGMENT_AAD_ROOM], size_t m, struct slice topic);

#endif
