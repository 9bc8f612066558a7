/* SPDX-License-Identifier: ISC */
/* Segments behind the first have no associated data: number, index and the mark of the last one in
 * the IV tie them to their message, and the first one vouched for its length. */
#include "seal/stream.h"

#include "base/secret.h"
#include "seal/aead.h"
#include "seal/segment.h"

static const struct slice no_aad[2];

static enum seal_error fail(struct seal_stream *s, uint8_t *out, size_t written,
                            enum seal_error error)
{
	secret_wipe(out, written);
	s->left = 0;
	return error;
}

/* The IV of the next segment, of n bytes, which is then behind us. */
static void step(struct seal_stream *s, size_t n, uint8_t iv[AEAD_IV_SIZE])
{
	segment_iv(iv, s->num, s->next++, n == s->left);
	s->left -= n;
}

enum seal_error seal_stream_seal(struct seal_stream *s, const uint8_t *text, uint8_t *out)
{
	size_t n = seal_stream_next(s);
	struct slice piece = slice_of(text, n);
	uint8_t iv[AEAD_IV_SIZE];

	step(s, n, iv);
	if (aead_seal(s->aead, iv, no_aad, &piece, 1, out) == AEAD_OK)
		return SEAL_OK;
	return fail(s, out, n + SEAL_TAG, SEAL_E_INTERNAL);
}

enum seal_error seal_stream_open(struct seal_stream *s, const uint8_t *sealed, uint8_t *out)
{
	size_t n = seal_stream_next(s);
	uint8_t iv[AEAD_IV_SIZE];

	step(s, n, iv);
	enum aead_result r = aead_open(s->aead, iv, no_aad, slice_of(sealed, n + SEAL_TAG), out);
	if (r == AEAD_OK)
		return SEAL_OK;
	return fail(s, out, n, r == AEAD_BAD_TAG ? SEAL_E_AUTH : SEAL_E_INTERNAL);
}

void seal_stream_end(struct seal_stream *s)
{
	aead_unref(s->aead);
	*s = (struct seal_stream){0};
}
