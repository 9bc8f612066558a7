/* SPDX-License-Identifier: ISC */
/* Which code of an injected credential goes out next. Inside store/ only. */
#ifndef STORE_DRAW_H
#define STORE_DRAW_H

#include "store/store.h"

enum {
	STORE_DRAW_OPEN = 9, /* codes in a row without an answer: the verifier's window less one */
	STORE_DRAW_FAR = 90, /* codes beyond the last good one: less than the verifier's resync */
	STORE_DRAW_BARREN = 4096,       /* rows that let nobody in, at most */
	STORE_DRAW_BARREN_SECONDS = 600 /* how long none of these is forgotten after a draw */
};

/* HOTP: counters; TOTP: steps, and only `last` counts. -1: none yet. */
struct store_draws {
	int64_t last;     /* the highest that was sent, or was to be */
	int64_t good;     /* the last with which a login succeeded */
	int64_t answered; /* the highest that a broker answered, by letting in or refusing */
	int64_t turn;     /* draws since STORE_DRAW_FAR was reached */
	int64_t at;       /* when the last one was drawn */
};
extern const struct store_draws store_draws_none;

/* Whether a row may be forgotten where there are too many. */
bool store_draws_may_go(const struct store_draws *d, int64_t now);

/* The reason where there is no room for one more. */
#define STORE_DRAWS_FULL "codes were drawn for too many new users in the last minutes"

/* Carries out a DRAW or a DRAWN: changes d, which is then to be made durable, and op's answer.
 * STORE_DONE, or STORE_EARLY with nothing changed. */
enum store_status store_draws_run(struct store_draws *d, struct store_op *op);

#endif
