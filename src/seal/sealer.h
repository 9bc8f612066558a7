/* SPDX-License-Identifier: ISC */
/* Sealing with one key by one thread: a random SALT and the context derived from it, kept for many messages. */
#ifndef SEAL_SEALER_H
#define SEAL_SEALER_H

#include "base/err.h"
#include "base/now.h"
#include "seal/envelope.h"
#include "seal/keyring.h"
#include "seal/stream.h"

struct sealer;

/* What is sealed. props: encoded v5 properties for flag P, where has_props; pad_to: 0 or 16…1024 for flag Z.
 * flags: SEAL_UTF8, SEAL_RETAIN, SEAL_WILL, SEAL_UNBOUND; P and Z are set here from the other fields. */
struct seal_message {
	uint8_t flags;
	struct slice topic;
	bool has_props;
	struct slice props;
	size_t pad_to;
	struct slice payload;
};

/* The key's secret is used until sealer_free() and must live as long. A new sealer is stale. */
struct sealer *sealer_new(const struct seal_key *key, struct err *e);
void sealer_free(struct sealer *s);

/* Whether a new SALT is due: none yet, 3600 s, 2^32 segments or 2^38 bytes nearly used (2^30 bytes and 2^20 segments are
 * kept in reserve, so it is enough to ask once a batch), or the wall clock moved against the monotonic one by more than
 * 1 s (a restored snapshot parts from its twin). */
bool sealer_stale(const struct sealer *s, struct now now);

/* Takes a new SALT (12 random bytes) and derives the session key. What is half sealed keeps the old one. 0, or -1. */
int sealer_renew(struct sealer *s, const uint8_t salt[SEAL_SALT_SIZE], struct now now, struct err *e);

/* Bytes of the inner message M, or 0 with *ok = false where P and Z together pass SEAL_PREFIX_MAX. */
size_t seal_inner_size(const struct seal_message *m, bool *ok);

/* Seals into out, exactly envelope_size(seal_inner_size(m)) bytes, which may not overlap the payload. NUM is
 * max(last + 1, now.real_us). SEAL_OK or SEAL_E_INTERNAL (stale sealer never renewed, NUM used up, libcrypto failed; out is
 * then wiped). Hot: no allocation, no system call. */
enum seal_error seal_message(struct sealer *s, const struct seal_message *m, struct now now, uint8_t *out);

/* The same for a message that is sealed segment by segment: writes header and first segment, SEAL_HEADER +
 * min(m, SEAL_SEGMENT) + SEAL_TAG bytes, and *rest, which the caller ends (after a failure it is none). m->payload has its
 * full length, but only what goes into the first segment has to be there: all but the last rest->left bytes. */
enum seal_error seal_begin(struct sealer *s, const struct seal_message *m, struct now now, uint8_t *out,
    struct seal_stream *rest);

/* For test vectors and `encrypt`: the same with the number given (above every earlier one). */
enum seal_error seal_message_numbered(struct sealer *s, const struct seal_message *m, uint64_t num, uint8_t *out);

#endif
