/* SPDX-License-Identifier: ISC */
/* Shared by sealer and opener, so that both can only agree. */
#include "seal/segment.h"

static void put_number(uint8_t *out, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i > 0; i--, value >>= 8)
		out[i - 1] = (uint8_t)value;
}

void segment_header(uint8_t *out, uint8_t flags, const uint8_t *kid, const uint8_t *salt,
                    uint64_t num)
{
	out[0] = (uint8_t)(0x80 | (flags & 0x3f));
	memcpy(out + 1, kid, 4);
	memcpy(out + 5, salt, SEAL_SALT_SIZE);
	put_number(out + 17, num, 7);
}

void segment_iv(uint8_t iv[AEAD_IV_SIZE], uint64_t num, size_t i, bool last)
{
	put_number(iv, num, 7);
	put_number(iv + 7, i, 4);
	iv[11] = last ? 1 : 0;
}

void segment_aad(struct slice aad[2], uint8_t head[SEGMENT_AAD_SIZE], const uint8_t *header,
                 size_t m, struct slice topic)
{
	memcpy(head, header, SEAL_HEADER);
	put_number(head + SEAL_HEADER, m, 4);
	aad[0] = slice_of(head, SEGMENT_AAD_SIZE);
	aad[1] = (header[0] & SEAL_UNBOUND) != 0 ? slice_of(NULL, 0) : topic;
}
