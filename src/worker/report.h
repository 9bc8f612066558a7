/* SPDX-License-Identifier: ISC */
/* What happened to a connection, as a line in the log and in the counters. */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "worker/conn.h"

/* One of the session's notes. Lines about payloads, which a peer can cause at will, are limited:
 * REPORT_LINES in REPORT_WINDOW_MS a worker. */
void report_note(struct conn *c, const struct session_note *n);

/* Says how many lines were left out, where some were: when the window is over, and at the end. */
void report_suppressed(struct worker *w);

/* A connection that ended before a session could tell: refused at accept, timed out in silence,
 * evicted. rule may be NULL. */
void report_refused(struct worker *w, size_t listener, const uint8_t address[16], uint16_t port,
                    const char *verdict, const struct acl_verdict *rule);

/* A side that took nothing for stall-timeout. */
void report_stalled(const struct conn *c, enum side side);

/* Why a broker could not be connected to, one address. */
void report_dial(const struct conn *c, const char *why);

#endif
