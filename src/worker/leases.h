/* SPDX-License-Identifier: ISC */
/* Logins that were accepted lately, and may come again with the same password. One table for the
 * whole process, of a fixed size and in memory only: where there is no room the oldest goes, and at
 * the end all go, which costs their clients a fresh code. A mutex, on the CONNECT path only. */
#ifndef WORKER_LEASES_H
#define WORKER_LEASES_H

#include "base/err.h"
#include "base/secret.h"

enum { LEASES_BUCKETS = 4096, LEASES_WAYS = 8 };

/* What a lease stands for: by which login it was got (proxy/session.h), whose credential that used,
 * and its edition (store/store.h), since which nobody changed the user. */
struct lease {
	uint8_t tag[SECRET_HASH_SIZE];
	int64_t id, edition;
};

struct leases;

struct leases *leases_new(struct err *e);
void leases_free(struct leases *l); /* NULL-safe */

/* The key that tags are made with. Any thread. */
const uint8_t *leases_key(const struct leases *l);

/* The login was accepted, with a fresh code. Any thread. */
void leases_grant(struct leases *l, const struct lease *lease, int64_t mono_ms);

/* Whether it was granted within the last so many milliseconds. Any thread. */
bool leases_held(struct leases *l, const struct lease *lease, int64_t mono_ms, int64_t within_ms);

#endif
