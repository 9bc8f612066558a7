/* SPDX-License-Identifier: ISC */
/* Sealing is the only copy that a payload sees: its pieces go through the cipher straight into the
 * packet that will be sent. A number is spent before it is used, so a seal that failed half way
 * never meets its IV again. */
#include "seal/sealer.h"

#include "base/hot.h"
#include "base/secret.h"
#include "seal/aead.h"
#include "seal/cmac.h"
#include "seal/epoch.h"
#include "seal/inner.h"
#include "seal/segment.h"

#include <stdlib.h>

enum { FLAGS_GIVEN = SEAL_UTF8 | SEAL_RETAIN | SEAL_WILL | SEAL_UNBOUND };

struct sealer {
	const uint8_t *secret; /* the ring's */
	uint8_t kid[SEAL_KID_SIZE];
	uint8_t salt[SEAL_SALT_SIZE];
	struct epoch epoch;
	struct aead *aead;
	struct cmac *cmac;
};

struct sealer *sealer_new(const struct seal_key *key, struct err *e)
{
	struct sealer *s = calloc(1, sizeof *s);

	if (s != NULL) {
		s->secret = key->secret;
		memcpy(s->kid, key->kid, sizeof s->kid);
		s->aead = aead_new(AEAD_SEAL);
		s->cmac = cmac_new();
		if (s->aead != NULL && s->cmac != NULL)
			return s;
	}
	sealer_free(s);
	err_set(e, "no memory for a sealer, or libcrypto gives no AES-256-GCM");
	return NULL;
}

void sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	aead_unref(s->aead);
	cmac_free(s->cmac);
	free(s);
}

bool sealer_stale(const struct sealer *s, struct now now)
{
	return epoch_stale(&s->epoch, now);
}

int sealer_renew(struct sealer *s, const uint8_t salt[SEAL_SALT_SIZE], struct now now,
                 struct err *e)
{
	uint8_t derived[AEAD_KEY_SIZE];

	s->epoch = (struct epoch){0}; /* a sealer whose renewal failed seals nothing */
	s->aead = aead_alone(s->aead, AEAD_SEAL);
	if (s->aead == NULL || xaes_derive(s->cmac, s->secret, salt, derived) != 0)
		return err_set(e, "libcrypto failed to derive a session key");
	aead_set_key(s->aead, derived);
	secret_wipe(derived, sizeof derived);
	memcpy(s->salt, salt, sizeof s->salt);
	epoch_begin(&s->epoch, now);
	return 0;
}

static bool make_inner(struct inner *in, const struct seal_message *m)
{
	return inner_make(in, m->has_props ? &m->props : NULL, m->pad_to, m->payload);
}

size_t seal_inner_size(const struct seal_message *m, bool *ok)
{
	HOT_LOCAL struct inner in;

	*ok = make_inner(&in, m);
	return *ok ? in.size : 0;
}

/* The first `want` bytes of the pieces of M. Returns how many pieces they are. */
static size_t first_pieces(const struct inner *in, size_t want, struct slice out[INNER_PIECES])
{
	size_t n = 0;

	for (size_t i = 0; i < in->n && want != 0; i++) {
		size_t take = in->piece[i].n < want ? in->piece[i].n : want;
		if (take == 0)
			continue;
		out[n++] = slice_of(in->piece[i].p, take);
		want -= take;
	}
	return n;
}

/* Header and first segment. */
static bool seal_first(struct sealer *s, struct inner *in, const struct seal_message *m,
                       uint64_t num, uint8_t *out)
{
	size_t first = in->size < SEAL_SEGMENT ? in->size : SEAL_SEGMENT;
	uint8_t flags = m->flags & FLAGS_GIVEN;
	HOT_LOCAL uint8_t iv[AEAD_IV_SIZE], room[SEGMENT_AAD_ROOM];
	HOT_LOCAL struct slice aad[2], pieces[INNER_PIECES];

	if (m->has_props)
		flags |= SEAL_PROPS;
	if (m->pad_to != 0)
		flags |= SEAL_PADDED;
	segment_header(room, flags, s->kid, s->salt, num);
	memcpy(out, room, SEAL_HEADER);
	segment_aad(aad, room, in->size, m->topic);
	segment_iv(iv, num, 0, first == in->size);
	size_t n = first_pieces(in, first, pieces);
	if (aead_seal(s->aead, iv, aad, pieces, n, out + SEAL_HEADER) == AEAD_OK)
		return true;
	secret_wipe(out, SEAL_HEADER + first + SEAL_TAG);
	return false;
}

static enum seal_error begin(struct sealer *s, struct inner *in, const struct seal_message *m,
                             uint64_t num, uint8_t *out, struct seal_stream *rest)
{
	size_t segments = (envelope_size(in->size) - SEAL_HEADER - in->size) / SEAL_TAG;

	*rest = (struct seal_stream){0};
	if (!epoch_spend(&s->epoch, num, segments, in->size) || !seal_first(s, in, m, num, out))
		return SEAL_E_INTERNAL;
	rest->aead = aead_ref(s->aead);
	rest->num = num;
	rest->next = 1;
	rest->left = in->size < SEAL_SEGMENT ? 0 : in->size - SEAL_SEGMENT;
	return SEAL_OK;
}

enum seal_error seal_begin(struct sealer *s, const struct seal_message *m, struct now now,
                           uint8_t *out, struct seal_stream *rest)
{
	HOT_LOCAL struct inner in;

	*rest = (struct seal_stream){0};
	if (!make_inner(&in, m))
		return SEAL_E_INTERNAL;
	return begin(s, &in, m, epoch_number(&s->epoch, now), out, rest);
}

enum seal_error seal_message_numbered(struct sealer *s, const struct seal_message *m, uint64_t num,
                                      uint8_t *out)
{
	struct seal_stream rest;
	HOT_LOCAL struct inner in;

	if (!make_inner(&in, m))
		return SEAL_E_INTERNAL;
	size_t size = envelope_size(in.size);
	enum seal_error error = begin(s, &in, m, num, out, &rest);
	const uint8_t *text = slice_from(m->payload, m->payload.n - rest.left).p;
	for (size_t at = envelope_first(size); error == SEAL_OK && rest.left != 0;
	     at += SEAL_SEGMENT + SEAL_TAG) {
		error = seal_stream_seal(&rest, text, out + at);
		text += SEAL_SEGMENT;
	}
	seal_stream_end(&rest);
	if (error != SEAL_OK)
		secret_wipe(out, size);
	return error;
}

enum seal_error seal_message(struct sealer *s, const struct seal_message *m, struct now now,
                             uint8_t *out)
{
	return seal_message_numbered(s, m, epoch_number(&s->epoch, now), out);
}
