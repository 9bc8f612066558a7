/* SPDX-License-Identifier: ISC */
/* Opening envelopes with the keys of a ring: derived contexts are kept in an LRU by (KID, SALT). */
#ifndef SEAL_OPENER_H
#define SEAL_OPENER_H

#include "base/err.h"
#include "base/now.h"
#include "seal/envelope.h"
#include "seal/keyring.h"
#include "seal/stream.h"

struct opener;

enum { SEAL_LRU_DEFAULT = 1024 };

/* The ring is borrowed and must outlive the opener. One opener a thread. */
struct opener *opener_new(const struct keyring *ring, size_t lru_entries, struct err *e);
void opener_free(struct opener *o);

/* The index in the ring of the key with these four bytes of KID; -1 where there is none. */
int opener_key(const struct opener *o, const uint8_t kid[SEAL_KID_SIZE]);

/* What an authenticated envelope must satisfy, besides its tag. */
struct seal_demand {
	const uint16_t *keys; /* indexes into the ring that the rule names; NULL: all */
	size_t n_keys;
	bool connect_will;    /* it was the Will of a CONNECT: flag W is needed */
	bool retain;          /* RETAIN (Will Retain) of the carrying packet */
	bool strict_retain;   /* any R other than `retain` fails */
	bool unbound_ok;      /* flag N is allowed */
	int64_t max_age_us;   /* 0: no freshness check */
};

struct seal_opened {
	uint8_t flags;
	uint64_t num;
	int key;              /* index in the ring; set from check 3 on, else -1 */
	bool has_props;
	struct slice props;   /* sealed v5 properties, inside out */
	struct slice payload; /* inside out */
};

/* Opens a whole envelope into out, which has room for the m bytes of its inner message (see envelope_get()) and may not
 * overlap it. On any failure out is wiped and nothing of it is given; the order of checks is that of the format: version,
 * length, key, scope, the first segment's tag, policy and the inner form, the other tags. An LRU entry is added only after its first good tag. */
enum seal_error seal_open(struct opener *o, const struct seal_demand *demand, struct slice topic, struct slice bytes,
    struct now now, uint8_t *out, struct seal_opened *opened);

/* The same for an envelope that is opened segment by segment: `bytes` has its full length, but only its first
 * envelope_first() bytes have to be there. `out` gets the inner message of the first segment, at most SEAL_SEGMENT bytes,
 * opened->payload is what of the payload stands in it, rest->left bytes are still to come. All checks are made but the tags
 * of the other segments, whose bytes must not go anywhere before theirs is. The caller ends *rest (after a failure it is none). */
enum seal_error seal_open_begin(struct opener *o, const struct seal_demand *demand, struct slice topic, struct slice bytes,
    struct now now, uint8_t *out, struct seal_opened *opened, struct seal_stream *rest);

#endif
