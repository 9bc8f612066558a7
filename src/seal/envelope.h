/* SPDX-License-Identifier: ISC */
/* The wire form of a sealed payload, version 1: a 24-byte header, then segments of ciphertext and tag. */
#ifndef SEAL_ENVELOPE_H
#define SEAL_ENVELOPE_H

#include "base/slice.h"

enum {
	SEAL_HEADER = 24,
	SEAL_TAG = 16,
	SEAL_SEGMENT = 16384,   /* plaintext bytes of a segment but the last */
	SEAL_SALT_SIZE = 12,
	SEAL_OVERHEAD_MIN = SEAL_HEADER + SEAL_TAG,
	SEAL_PREFIX_MAX = 16384 /* the P and Z parts together */
};

/* What does AES-256-GCM here: "libIPSec_MB", or "libcrypto" where that is not built in or not fit for this CPU. */
const char *seal_library(void);

enum seal_flag {
	SEAL_UTF8 = 0x01,    /* U: the v5 Payload Format Indicator was 1 */
	SEAL_RETAIN = 0x02,  /* R */
	SEAL_WILL = 0x04,    /* W */
	SEAL_UNBOUND = 0x08, /* N: the topic is not bound */
	SEAL_PROPS = 0x10,   /* P */
	SEAL_PADDED = 0x20   /* Z */
};

enum seal_error {
	SEAL_OK,
	SEAL_E_PLAIN,    /* not an envelope where one is required */
	SEAL_E_VERSION,
	SEAL_E_SHORT,
	SEAL_E_LENGTH,
	SEAL_E_TOO_LARGE, /* not of the format: more than may be handled here, or than a receiver takes */
	SEAL_E_KEY,
	SEAL_E_SCOPE,
	SEAL_E_AUTH,
	SEAL_E_UNBOUND,
	SEAL_E_WILL,
	SEAL_E_RETAIN,
	SEAL_E_STALE,
	SEAL_E_INNER,
	SEAL_E_INTERNAL,  /* libcrypto failed, no memory: the door stays shut */
	SEAL_ERRORS       /* how many there are */
};

/* "E_AUTH" and so on; "OK" for SEAL_OK. */
const char *seal_error_name(enum seal_error e);

/* Whether a payload claims to be an envelope of version 1: its first byte begins with the bits 10. */
static inline bool envelope_looks_sealed(struct slice payload)
{
	return payload.n != 0 && (payload.p[0] & 0xc0) == 0x80;
}

/* Length of the envelope around an inner message of m bytes: 24 + m + 16 · max(1, ceil(m / 16384)). */
static inline size_t envelope_size(size_t m)
{
	size_t n = m == 0 ? 1 : (m + SEAL_SEGMENT - 1) / SEAL_SEGMENT;
	return SEAL_HEADER + m + SEAL_TAG * n;
}

/* Header and first segment of an envelope of so many bytes. */
static inline size_t envelope_first(size_t size)
{
	size_t most = SEAL_HEADER + SEAL_SEGMENT + SEAL_TAG;
	return size < most ? size : most;
}

struct envelope {
	uint8_t flags;
	const uint8_t *kid;  /* 4 bytes, borrowed */
	const uint8_t *salt; /* 12 bytes, borrowed */
	uint64_t num;
	size_t inner;        /* m: bytes of the inner message */
	size_t segments;     /* n, at least 1 */
};

/* Reads header and geometry of a whole envelope; checks 1 and 2 of the order of checks (E_VERSION before E_SHORT: an empty
 * one is E_SHORT). Nothing is authenticated yet. */
enum seal_error envelope_get(struct slice bytes, struct envelope *out);

#endif
