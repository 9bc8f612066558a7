/* SPDX-License-Identifier: ISC */
/* What a connection waits for, and until when. All of that has one deadline, the earliest; what was
 * put off since it was set is then found not to be due, and the deadline set anew. */
#include "worker/report.h"
#include "worker/worker.h"

static int64_t earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static bool greets(const struct conn *c)
{
	return c->session == NULL || c->session->state == SESSION_GREET;
}

static int64_t greet_until(const struct conn *c)
{
	return greets(c) ? c->accepted_ms + (int64_t)conn_conf(c)->connect_timeout_ms : 0;
}

/* A client that takes nothing is given up, and a broker too, once nobody but it is waited for. */
static int64_t stall_until(const struct conn *c, const struct leg *l)
{
	if (l->taken_ms == 0 || (l != &c->client && c->session->state < SESSION_DRAINING))
		return 0;
	return l->taken_ms + (int64_t)conn_conf(c)->stall_timeout_ms;
}

static int64_t dial_until(const struct conn *c)
{
	return c->up == NULL ? 0 : c->up->dial_until;
}

void conn_arm(struct conn *c)
{
	int64_t at = greet_until(c);

	for (enum side side = SIDE_CLIENT; side <= SIDE_BROKER; side++) {
		const struct leg *l = conn_side(c, side);
		if (l != NULL)
			at = earlier(at, earlier(stall_until(c, l), l->linger_until));
	}
	at = earlier(at, dial_until(c));
	if (c->session != NULL)
		at = earlier(at, session_deadline(c->session));
	/* One that comes early finds nothing due and is set anew, which is cheaper than moving it
	 * each time. */
	if (at == 0 || (c->deadline.at != 0 && c->deadline.at <= at))
		return;
	deadlines_set(&c->worker->deadlines, &c->deadline, at);
	worker_set_alarm(c->worker);
}

static bool due(const struct conn *c, int64_t at)
{
	return at != 0 && at <= c->worker->now.mono_ms;
}

/* What is due at the legs. */
static void legs_due(struct conn *c)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_BROKER; side++) {
		struct leg *l = conn_leg(c, side);
		if (l == NULL)
			continue;
		if (due(c, l->linger_until)) {
			leg_close(l);
		} else if (due(c, stall_until(c, l))) {
			report_stalled(c, side);
			c->broken[side] = true;
		}
	}
}

void conn_due(struct conn *c)
{
	struct turn t;

	deadlines_set(&c->worker->deadlines, &c->deadline, 0);
	if (due(c, greet_until(c))) {
		conn_greet_timeout(c);
		return;
	}
	legs_due(c);
	if (due(c, dial_until(c))) {
		report_dial(c, "no answer in time, the next address is tried");
		leg_close(&c->up->leg);
		c->up->dial_until = 0;
		conn_dial(c);
	}
	if (c->session != NULL && due(c, session_deadline(c->session))) {
		turn_begin(&t, c);
		session_timer(c->session, &t.env, &t.step);
		turn_end(&t);
	}
	conn_settle(c);
}
