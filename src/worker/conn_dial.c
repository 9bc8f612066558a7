/* SPDX-License-Identifier: ISC */
/* The way to the broker: its addresses one after the other, each with its share of the time that is
 * left. Only here does a client that waits become a connection, so nobody who is refused costs the
 * broker anything. */
#include "net/listener.h"
#include "worker/report.h"
#include "worker/worker.h"

#include <stdlib.h>

/* Where the session wants the broker: from now on this is a connection, if the gate lets it be one.
 */
static bool become_connection(struct conn *c)
{
	struct gate_who who = conn_who(c);

	if (c->up != NULL)
		return true;
	struct upstream *up = calloc(1, sizeof *up);
	if (up == NULL) {
		c->dial_failed = true;
		return false;
	}
	struct gate_word word = gate_connect(c->worker->shared->gate, c->listener, conn_limits(c),
	                                     &who, c->worker->now, &up->place);
	if (word.verdict != VERDICT_ACCEPTED) {
		free(up);
		conn_refuse(c, &word);
		return false;
	}
	leg_init(&up->leg, conn_conf(c)->max_buffer);
	c->up = up;
	c->session->spent = up->place.spent;
	conn_waits_no_more(c);
	return true;
}

/* One address: under way or connected; false where it cannot be tried. */
static bool dial_address(struct conn *c, const struct net_addr *to, size_t left)
{
	const struct snapshot *s = c->worker->snapshot;
	const struct conf_broker *b = &s->conf->brokers[conn_conf(c)->broker];
	struct err e;
	int fd = net_dial(to, (unsigned)b->tcp_keepalive_s, &e);

	if (fd < 0) {
		report_dial(c, e.text);
		return false;
	}
	leg_open(&c->up->leg, c->worker->base, fd, conn_broker_ready, c);
	c->up->dialling = true;
	c->up->dial_began = c->worker->now.mono_ms;
	/* Each address gets its share of the time that is left. */
	int64_t rest = session_deadline(c->session) - c->worker->now.mono_ms;
	c->up->dial_until =
	    left > 1 && rest > 0 ? c->worker->now.mono_ms + rest / (int64_t)left : 0;
	c->up->connected = net_connected(fd);
	return true;
}

void conn_dial(struct conn *c)
{
	struct snapshot *s = c->worker->snapshot;
	struct broker *b = &s->brokers[conn_conf(c)->broker];
	struct net_addr to;

	if (!become_connection(c))
		return;
	size_t n = broker_count(b);
	while (c->up->dial_next < n && broker_address(b, c->up->dial_next++, &to)) {
		if (dial_address(c, &to, n - c->up->dial_next + 1))
			return;
	}
	if (b->has_names)
		resolver_ask(c->worker->shared->resolver, s);
	broker_tells(b, false, c->worker->now.mono_ms);
	c->dial_failed = true;
}

void conn_dialled(struct conn *c)
{
	struct upstream *up = c->up;
	struct turn t;
	struct err e;

	up->dialling = up->connected = false;
	up->dial_until = 0;
	if (net_dialled(up->leg.fd, &e) != 0) {
		report_dial(c, e.text);
		leg_close(&up->leg);
		conn_dial(c);
		return;
	}
	int64_t took_ms = c->worker->now.mono_ms - up->dial_began;
	histogram_add(&c->worker->dial_time, took_ms * 1000);
	report_dialled(c, took_ms);
	broker_tells(&c->worker->snapshot->brokers[conn_conf(c)->broker], true,
	             c->worker->now.mono_ms);
	leg_await(&up->leg, 0);
	turn_begin(&t, c);
	session_dialled(c->session, &t.env, true, &t.step);
	turn_end(&t);
}
