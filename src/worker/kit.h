/* SPDX-License-Identifier: ISC */
/* A worker's tools for one snapshot: sealers, opener, HMAC contexts, scratch. */
#ifndef WORKER_KIT_H
#define WORKER_KIT_H

#include "proxy/policy.h"
#include "worker/snapshot.h"

/* NULL and the reason. The snapshot must outlive it. */
struct kit *kit_new(const struct snapshot *s, struct err *e);
void kit_free(struct kit *k); /* NULL-safe */

/* What a worker writes from, one buffer a side that the bytes go to: room for the largest packet,
 * and a batch of others. */
uint8_t *kit_output(const struct kit *k, enum side to);
size_t kit_output_size(const struct kit *k);

/* Gives every sealer that needs one a new SALT. Between batches, on the worker's thread. A sealer
 * that cannot be renewed seals nothing any more. */
void kit_freshen(struct kit *k, struct now now);

#endif
