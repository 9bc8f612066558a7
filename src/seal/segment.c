/* SPDX-License-Identifier: ISC */
/* Shared by sealer and opener, so that both can only agree. */
#include "seal/segment.h"

#include <endian.h>

/* In few stores: what is read back at once in one load waits for all of them. */
static void put_u32(uint8_t *out, uint32_t value)
{
	uint32_t big = htobe32(value);

	memcpy(out, &big, sizeof big);
}

static void put_u64(uint8_t *out, uint64_t value)
{
	uint64_t big = htobe64(value);

	memcpy(out, &big, sizeof big);
}

void segment_header(uint8_t *out, uint8_t flags, const uint8_t *kid, const uint8_t *salt,
                    uint64_t num)
{
	put_u64(out + SEAL_HEADER - 8, num); /* its first byte makes way for the salt's last */
	memcpy(out + 5, salt, SEAL_SALT_SIZE);
	memcpy(out + 1, kid, 4);
	out[0] = (uint8_t)(0x80 | (flags & 0x3f));
}

void segment_iv(uint8_t iv[AEAD_IV_SIZE], uint64_t num, size_t i, bool last)
{
	put_u64(iv, num << 8 | (i >> 24 & 0xff));
	put_u32(iv + 8, (uint32_t)(i << 8) | last);
}

void segment_aad(struct slice aad[2], uint8_t room[SEGMENT_AAD_ROOM], size_t m, struct slice topic)
{
	enum { HEAD = SEAL_HEADER + 4 };

	put_u32(room + SEAL_HEADER, (uint32_t)m);
	aad[0] = slice_of(room, HEAD);
	aad[1] = (room[0] & SEAL_UNBOUND) != 0 ? slice_of(NULL, 0) : topic;
	if (aad[1].n == 0 || aad[1].n > SEGMENT_AAD_ROOM - HEAD)
		return;
	memcpy(room + HEAD, topic.p, topic.n);
	aad[0].n += topic.n;
	aad[1] = slice_of(NULL, 0);
}
