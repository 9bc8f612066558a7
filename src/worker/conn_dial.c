/* SPDX-License-Identifier: ISC */
/* The way to the broker: its addresses one after the other, each with its share of the time that is
 * left. Only here does a client that waits become a connection, so nobody who is refused costs the
 * broker anything. */
#include "net/listener.h"
#include "worker/report.h"
#include "worker/worker.h"

#include <stdlib.h>

static const struct conf_listener *conf_of(const struct conn *c)
{
	return c->worker->snapshot->listeners[c->listener];
}

/* Where the session wants the broker: from now on this is a connection, if the gate lets it be one.
 */
static bool become_connection(struct conn *c)
{
	struct gate_who who = conn_who(c);

	if (c->connected)
		return true;
	struct gate_word word = gate_connect(c->worker->shared->gate, c->listener, conn_limits(c),
	                                     &who, c->worker->now, &c->place);
	if (word.verdict != VERDICT_ACCEPTED) {
		conn_refuse(c, &word);
		return false;
	}
	c->connected = true;
	c->session->spent = c->place.spent;
	conn_waits_no_more(c);
	return true;
}

/* One address: under way or connected; false where it cannot be tried. */
static bool dial_address(struct conn *c, const struct net_addr *to, size_t left)
{
	const struct snapshot *s = c->worker->snapshot;
	const struct conf_broker *b = &s->conf->brokers[conf_of(c)->broker];
	struct err e;
	int fd = net_dial(to, (unsigned)b->tcp_keepalive_s, &e);

	if (fd < 0) {
		report_dial(c, e.text);
		return false;
	}
	leg_open(c->broker, c->worker->base, fd, conn_broker_ready, c);
	c->dialling = true;
	c->dial_began = c->worker->now.mono_ms;
	/* Each address gets its share of the time that is left. */
	int64_t rest = session_deadline(c->session) - c->worker->now.mono_ms;
	c->dial_until = left > 1 && rest > 0 ? c->worker->now.mono_ms + rest / (int64_t)left : 0;
	leg_await(c->broker, EV_WRITE);
	return true;
}

void conn_dial(struct conn *c)
{
	struct snapshot *s = c->worker->snapshot;
	struct broker *b = &s->brokers[conf_of(c)->broker];
	struct net_addr to;

	if (!become_connection(c))
		return;
	if (c->broker == NULL) {
		c->broker = calloc(1, sizeof *c->broker);
		if (c->broker == NULL) {
			c->dial_failed = true;
			return;
		}
		leg_init(c->broker, conf_of(c)->max_buffer);
	}
	size_t n = broker_count(b);
	while (c->dial_next < n && broker_address(b, c->dial_next++, &to)) {
		if (dial_address(c, &to, n - c->dial_next + 1))
			return;
	}
	if (b->has_names)
		resolver_ask(c->worker->shared->resolver, s);
	broker_tells(b, false, c->worker->now.mono_ms);
	c->dial_failed = true;
}

void conn_dialled(struct conn *c)
{
	struct turn t;
	struct err e;

	c->dialling = false;
	c->dial_until = 0;
	if (net_dialled(c->broker->fd, &e) != 0) {
		report_dial(c, e.text);
		leg_close(c->broker);
		conn_dial(c);
		return;
	}
	histogram_add(&c->worker->dial_time, (c->worker->now.mono_ms - c->dial_began) * 1000);
	broker_tells(&c->worker->snapshot->brokers[conf_of(c)->broker], true,
	             c->worker->now.mono_ms);
	leg_await(c->broker, 0);
	turn_begin(&t, c);
	session_dialled(c->session, &t.env, true, &t.step);
	turn_end(&t);
}
