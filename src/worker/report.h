/* SPDX-License-Identifier: ISC */
/* What happened to a connection, as a line in the log and in the counters. */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "worker/conn.h"

/* One of the session's notes. */
void report_note(struct conn *c, const struct session_note *n);

/* A connection that ended before a session could tell: refused at accept, timed out in silence,
 * evicted. rule may be NULL. */
void report_refused(struct worker *w, size_t listener, const uint8_t address[16], uint16_t port,
                    const char *verdict, const struct acl_verdict *rule);

/* A side that took nothing for stall-timeout. */
void report_stalled(const struct conn *c, enum side side);

/* Why a broker could not be connected to, one address. */
void report_dial(const struct conn *c, const char *why);

#endif
