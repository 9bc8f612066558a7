/* SPDX-License-Identifier: ISC */
/* What a ban does beyond the gate: it is logged, kept in the state, and cuts who is connected. */
#ifndef WORKER_BANISH_H
#define WORKER_BANISH_H

#include "worker/worker.h"

/* A CONNECT of this source was refused: where the filter bans after so many, it is banned now, for
 * all workers. On the worker's thread; ends no connection before it returns. */
void banish_refused(struct worker *w, size_t listener, const struct gate_who *who);

/* Ends the worker's connections that the ban is about, with v5 code 0x8A, in the name of the line
 * of their filter that made it. On its thread. Returns how many. */
size_t banish_all(struct worker *w, const struct store_ban *ban);

/* Asks the state, if there is one, to keep the ban, or (STORE_UNBAN) to forget it; a failure is
 * logged by worker w, and the ban is in force all the same. Any thread. */
void banish_keep(struct worker *w, enum store_verb verb, const struct store_ban *ban, int64_t now);

/* `event=… address=… until=… by=… rule=… reason=…`; rule: what made the ban, or NULL. */
void banish_log(const struct store_ban *ban, const char *event, const char *by,
                const struct acl_verdict *rule);

/* The network of an address ban as text into out (NET_ADDR_TEXT bytes). Returns out. */
const char *banish_address(const struct store_ban *ban, char *out);

#endif
