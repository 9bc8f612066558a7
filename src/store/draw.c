/* SPDX-License-Identifier: ISC */
/* An edge must still get in after whatever lies between it and its verifier, and must not send a
 * code that was used. Each draw takes a new counter; but a verifier that is not reached (a broker
 * leg that stands and says nothing, a verifier whose own broker is down) counts nothing, so
 * counters that ran on would leave its window, and in the end its resync.
 *
 * Hence: when STORE_DRAW_OPEN codes in a row had no answer, the last one is sent again until there
 * is one; it is within the window wherever the verifier stands, or was used, which is then the
 * answer. A refused login is an answer and lets the counter go on, since the code may have been
 * used up (by a login that the broker behind the verifier refused). It may as well not have been
 * looked at (a lock), so once they are STORE_DRAW_FAR, codes take turns in pairs, of which the
 * second counts where the first is a resync: two that come behind the last good one, for a verifier
 * that stood still, or, every other round, two further on; then new ones for a verifier that went
 * along. What gets in tells where the verifier stands, and the counter goes on there.
 *
 * Whoever may connect to an edge can make rows of names that nobody has, so those that never let
 * anybody in are bounded, and the oldest goes. That is safe: a step has passed by then, and a
 * counter begins anew at a verifier that took none or refuses those that it took. A counter that
 * once let in is kept for ever: nothing here tells whether its secret is still in use. */
#include "store/draw.h"

const struct store_draws store_draws_none = {.last = -1, .good = -1, .answered = -1};

/* Of these, the first two are an old pair. A verifier may let whoever was refused wait for twice as
 * long each time, so the number is odd, or the same turn would come whenever it looks. */
enum { TURNS = 5 };

static int64_t next_counter(struct store_draws *d)
{
	bool stuck = d->last - d->answered >= STORE_DRAW_OPEN;
	int64_t places = (d->last - d->good) / STORE_DRAW_FAR;

	if (places > 0) {
		int64_t round = d->turn / TURNS, turn = d->turn % TURNS;
		int64_t place = round % 2 == 0 ? 0 : round / 2 % places;
		d->turn++;
		if (turn < 2)
			return d->good + STORE_DRAW_FAR * (place + 1) - 1 + turn;
	}
	if (!stuck)
		d->last++;
	return d->last;
}

static void answered(struct store_draws *d, int64_t counter, bool accepted)
{
	bool far = d->last - d->good >= STORE_DRAW_FAR;

	/* Another process may have gone on meanwhile; an old answer changes nothing. */
	if (counter <= d->good || counter > d->last)
		return;
	if (accepted && far)
		d->last = counter;
	if (accepted) {
		d->good = counter;
		d->turn = 0;
	}
	if (counter > d->answered || d->answered > d->last)
		d->answered = counter;
}

bool store_draws_may_go(const struct store_draws *d, int64_t now)
{
	return d->good < 0 &&
	       (d->at < now - STORE_DRAW_BARREN_SECONDS || d->at > now + STORE_DRAW_BARREN_SECONDS);
}

enum store_status store_draws_run(struct store_draws *d, struct store_op *op)
{
	if (op->verb == STORE_DRAWN) {
		if (op->kind == OTP_HOTP)
			answered(d, op->mark, op->accepted);
		return STORE_DONE;
	}
	/* The verifier takes the step of now and the one behind it; clocks differ, so no more. */
	if (op->kind == OTP_TOTP && d->last > op->mark) {
		op->mark = d->last;
		return STORE_EARLY;
	}
	d->at = op->now;
	if (op->kind == OTP_HOTP) {
		op->mark = next_counter(d);
		return STORE_DONE;
	}
	d->last = op->mark > d->last ? op->mark : d->last + 1;
	op->mark = d->last;
	return STORE_DONE;
}
