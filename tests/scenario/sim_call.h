/* SPDX-License-Identifier: ISC */
/* Inside the host of sim mode: one call of the session, and the answers to what it asks. */
#ifndef SCENARIO_SIM_CALL_H
#define SCENARIO_SIM_CALL_H

#include "tests/scenario/sim_host.h"

struct call {
	struct session_step step;
	struct writer w[2];
};

/* Lends outputs with that much room, then checks what the call made of them. given: the bytes of
 * the view, if it had one. Whether anything came of it is left in *moved. */
void call_begin(const struct host *h, struct call *c, size_t room);
bool call_finish(struct host *h, struct call *c, size_t given, bool *moved);

/* Answers what was asked and is not held back; *any is set where there was something. */
bool host_answer_asks(struct host *h, bool *any);

/* Whether each packet id was answered once so far. */
bool ledger_balances(struct host *h);

void stream_clear(struct stream *s);
struct slice stream_rest(const struct stream *s);

enum { EVENT_ROOM = 64 }; /* in an output, for calls that bring no bytes */

#endif
