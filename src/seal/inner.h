/* SPDX-License-Identifier: ISC */
/* Inside the room: the inner message M = [P: varint length || v5 properties] [Z: u16 fill || fill zero bytes] || payload. */
#ifndef SEAL_INNER_H
#define SEAL_INNER_H

#include "base/slice.h"
#include "seal/envelope.h"

enum { INNER_PIECES = 5, INNER_PAD_MIN = 16, INNER_PAD_MAX = 1024 };

/* M as a list of n borrowed pieces: varint, properties, fill count, fill, and always the payload.
 * It points into itself, so it is not copied. */
struct inner {
	struct slice piece[INNER_PIECES];
	size_t n;
	size_t size; /* m */
	uint8_t varint[4];
	uint8_t fill[2];
};

/* props NULL: no P block; pad_to 0: no padding. False where P and Z pass SEAL_PREFIX_MAX, pad_to is out of its range or M
 * passes 2^32 - 1 bytes. */
bool inner_make(struct inner *in, const struct slice *props, size_t pad_to, struct slice payload);

/* Takes M apart, which is authentic but perhaps wrong: SEAL_OK or SEAL_E_INNER. */
enum seal_error inner_get(struct slice m, uint8_t flags, struct slice *props, struct slice *payload);

#endif
