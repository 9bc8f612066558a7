/* SPDX-License-Identifier: ISC */
/* A worker's tools for one snapshot: sealers, opener, HMAC contexts, scratch. */
#ifndef WORKER_KIT_H
#define WORKER_KIT_H

#include "proxy/session.h"
#include "worker/snapshot.h"

/* Memory for payloads: apart from the heap, left out of dumps, only there where it is touched, and
 * wiped by the kernel. NULL without. To unmap NULL is nothing. */
uint8_t *kit_map(size_t size);
void kit_unmap(uint8_t *p, size_t size);

/* NULL and the reason. Snapshot and spoiled must outlive it. */
struct kit *kit_new(const struct snapshot *s, struct spoiled *spoiled, struct err *e);
void kit_free(struct kit *k); /* NULL-safe */

/* What a worker writes from, KIT_OUTPUT bytes a side that they go to: room for the most that is
 * written at once, and a batch of ordinary messages. */
enum { KIT_OUTPUT = SESSION_WRITE_MAX + 256 * 1024 };
uint8_t *kit_output(const struct kit *k, enum side to);

/* Gives every sealer that needs one a new SALT. Between batches, on the worker's thread. A sealer
 * that cannot be renewed seals nothing any more. */
void kit_freshen(struct kit *k, struct now now);

#endif
