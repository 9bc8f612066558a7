/* SPDX-License-Identifier: ISC */
#ifndef OTP_BASE32_H
#define OTP_BASE32_H

#include "base/slice.h"

/* Decodes RFC 4648 base32, as secrets are written by people: case, spaces and missing padding are ignored.
 * Returns the number of bytes written to out (size bytes), or -1 (bad character, impossible length, nonzero rest bits,
 * no room). */
int base32_decode(struct slice text, uint8_t *out, size_t size);

/* Encodes without padding, upper case, and a NUL; out holds at least base32_size(n) bytes. */
void base32_encode(const uint8_t *p, size_t n, char *out);

static inline size_t base32_size(size_t n)
{
	return (n * 8 + 4) / 5 + 1;
}

#endif
