/* SPDX-License-Identifier: ISC */
/* What happened to a connection, as a line in the log and in the counters. */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "sys/log.h"
#include "worker/conn.h"
#include "worker/worker.h"

/* One of the session's notes. Lines that a peer can cause at will are limited by kind, each verdict
 * of a refusal being one, to the configured rate a worker; who was let in is always told. */
void report_note(struct conn *c, const struct session_note *n);

/* report_rate.c. Whether one more line of that kind may be written now; else it is counted. */
bool report_may_say(struct worker *w, enum report_kind kind);

/* The kind of a refusal: verdicts of one name are one. */
enum report_kind report_kind_of(const char *verdict);

/* Says how many lines were left out, where some were: when the window is over, and at the end. */
void report_suppressed(struct worker *w);

/* A connection that ended before a session could tell: refused at accept, timed out in silence,
 * evicted. */
struct report_peer {
	struct worker *worker;
	size_t listener;
	const uint8_t *address; /* 16 bytes */
	uint16_t port;
};
struct report_refusal {
	const char *verdict, *why;      /* why may be NULL */
	const struct acl_verdict *rule; /* what decided, or NULL */
};
void report_refused(const struct report_peer *peer, const struct report_refusal *r);

/* A limit or the ban of a filter as what decided: where it stands. */
struct acl_verdict report_limit(const struct gate_limits *limits, enum conf_limit limit);

/* "rule": its file and line, where it has one. */
void report_rule(struct log_line *l, const struct acl_verdict *rule);

/* The gate would have refused the CONNECT, were its filter not only tried. */
void report_would_refuse(struct conn *c, const struct gate_word *word);

/* A side that took nothing for stall-timeout. */
void report_stalled(struct conn *c, enum side side);

/* What an end with this v5 code counts as. */
enum closed report_closed_by(uint8_t code);

/* Something is wrong with the state, which a login came upon. */
void report_state(struct worker *w, const char *why);

/* Why a broker could not be connected to, one address. */
void report_dial(const struct conn *c, const char *why);

/* At the level debug, without a limit: a connection that may say something, before it does; and one
 * that the broker took. */
void report_arrived(const struct conn *c);
void report_dialled(const struct conn *c, int64_t took_ms);

/* No code could be drawn for the connection's login at its broker. */
void report_inject(const struct conn *c, const char *why);

#endif
