/* SPDX-License-Identifier: ISC */
/* The life of a connection: let in or not, refused, ended. How its bytes move is in conn_io.c. A
 * connection is freed in one place, at the end of conn_settle() (or by conn_abort()), so nothing is
 * freed under a callback that still uses it. */
#include "worker/conn.h"

#include "net/addr.h"
#include "worker/banish.h"
#include "worker/report.h"
#include "worker/trace.h"
#include "worker/worker.h"

#include <stdlib.h>
#include <unistd.h>

const struct conf_listener *conn_conf(const struct conn *c)
{
	return c->worker->snapshot->listeners[c->listener];
}

static struct report_peer peer_of(const struct conn *c)
{
	return (struct report_peer){c->worker, c->listener, c->address, c->port};
}

const struct gate_limits *conn_limits(const struct conn *c)
{
	return &c->worker->snapshot->limits[c->listener];
}

struct gate_who conn_who(const struct conn *c)
{
	struct gate_who who = {.client_id = {NULL, 0}, .user = {NULL, 0}};

	memcpy(who.address, c->address, sizeof who.address);
	net_addr_source(c->address, who.source);
	if (c->session != NULL && c->session->identity != NULL) {
		who.client_id = c->session->client_id;
		who.user = c->session->user;
	}
	return who;
}

/* Ends a connection of this worker that waits, and has waited longest: at this listener, or,
 * `heavy`, one that holds bytes. This one (or NULL) is spared. False where there is none. */
static bool evict(struct worker *w, size_t listener, bool heavy, const struct conn *spared)
{
	for (struct conn *c = w->conns; c != NULL && c->waits; c = c->next) {
		if (c == spared || (heavy ? c->buffered == 0 : c->listener != listener))
			continue;
		struct report_peer peer = peer_of(c);
		report_refused(&peer, &(struct report_refusal){.verdict = "evicted"});
		conn_closes(c, CLOSED_EVICTED);
		conn_abort(c);
		return true;
	}
	return false;
}

/* Closed at accept, or before anything came. */
static void refuse_unheard(const struct report_peer *peer, const struct gate_who *who,
                           const struct report_refusal *r)
{
	report_refused(peer, r);
	banish_refused(peer->worker, peer->listener, who);
}

/* The connect rules, with the address alone. A filter that is but tried has its say at CONNECT. */
static bool rules_allow(const struct report_peer *peer, const struct gate_who *who)
{
	const struct policy_filter *f = &peer->worker->snapshot->policies[peer->listener].filter;
	struct acl_address a;
	struct acl_verdict v;

	memcpy(a.b, peer->address, sizeof a.b);
	if (f->rules == NULL || f->dry_run || !acl_denied_at_accept(f->rules, &a, &v))
		return true;
	refuse_unheard(peer, who, &(struct report_refusal){.verdict = "filtered", .rule = &v});
	return false;
}

/* What the gate says to the address. It is told in the answer to CONNECT, but for a flood, and
 * where the filter answers nothing. */
static bool gate_allows(const struct report_peer *peer, const struct gate_who *who,
                        struct gate_word *due)
{
	struct worker *w = peer->worker;
	struct gate_word word =
	    gate_knock(w->shared->gate, &w->snapshot->limits[peer->listener], who, w->now);

	/* Whether there is a place is looked at again then. */
	if (word.verdict != VERDICT_SHARE_LIMIT)
		*due = word;
	if (word.verdict == VERDICT_ACCEPTED || word.dry ||
	    (!word.flood && !w->snapshot->policies[peer->listener].filter.silent))
		return true;
	struct acl_verdict rule = report_limit(&w->snapshot->limits[peer->listener], word.limit);
	refuse_unheard(peer, who,
	               &(struct report_refusal){.verdict = verdict_info(word.verdict)->name,
	                                        .why = word.why,
	                                        .rule = &rule});
	return false;
}

static bool may_wait(const struct report_peer *peer, const uint8_t source[16])
{
	struct worker *w = peer->worker;
	const struct gate_limits *limits = &w->snapshot->limits[peer->listener];
	enum gate_answer answer = gate_arrive(w->shared->gate, peer->listener, source, limits);

	if (answer == GATE_FULL && evict(w, peer->listener, false, NULL))
		answer = gate_arrive(w->shared->gate, peer->listener, source, limits);
	if (answer != GATE_OPEN)
		report_refused(peer, &(struct report_refusal){.verdict = "connection_limit"});
	return answer == GATE_OPEN;
}

/* Into the list, right behind those that wait. */
static void put_in(struct conn *c)
{
	struct worker *w = c->worker;
	struct conn **from = w->waiting_newest == NULL ? &w->conns : &w->waiting_newest->next;

	c->prev = w->waiting_newest;
	c->next = *from;
	if (c->next != NULL)
		c->next->prev = c;
	*from = c;
}

static void take_out(struct conn *c)
{
	struct worker *w = c->worker;

	if (w->waiting_newest == c)
		w->waiting_newest = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		w->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
}

static void wait_in_line(struct conn *c)
{
	c->waits = true;
	put_in(c);
	c->worker->waiting_newest = c;
}

void conn_waits_no_more(struct conn *c)
{
	struct worker *w = c->worker;
	struct gate_who who = conn_who(c);

	if (!c->waits)
		return;
	c->waits = false;
	take_out(c);
	put_in(c);
	gate_depart(w->shared->gate, c->listener, who.source);
	w->waiting_bytes -= c->buffered;
}

static size_t held(const struct leg *l)
{
	return l == NULL ? 0 : l->in.size + l->out.size;
}

static void count_held(struct conn *c)
{
	struct worker *w = c->worker;
	size_t bytes = held(&c->client) + held(conn_side(c, SIDE_BROKER));

	if (bytes == c->buffered)
		return;
	metrics_add(&w->metrics, METRIC_BUFFERED, (uint64_t)bytes - c->buffered);
	if (c->waits)
		w->waiting_bytes += bytes - c->buffered;
	c->buffered = bytes;
}

bool conn_count_waiting(struct conn *c)
{
	struct worker *w = c->worker;

	if (!c->waits)
		return true;
	count_held(c);
	while (w->waiting_bytes > w->waiting_bytes_max && evict(w, c->listener, true, c))
		;
	return w->waiting_bytes <= w->waiting_bytes_max;
}

void conn_accept(struct worker *w, size_t listener, int fd, const struct net_addr *peer)
{
	struct gate_who who = {.client_id = {NULL, 0}, .user = {NULL, 0}};
	struct report_peer from = {w, listener, who.address, net_addr_port(peer)};
	struct gate_word due = {.verdict = VERDICT_ACCEPTED};

	metrics_add(&w->metrics, METRIC_CONNECTIONS_ACCEPTED, 1);
	net_addr_bytes(peer, who.address);
	net_addr_source(who.address, who.source);
	if (!rules_allow(&from, &who) || !gate_allows(&from, &who, &due) ||
	    !may_wait(&from, who.source)) {
		counter_add(&w->closed[CLOSED_REFUSED], 1);
		(void)close(fd);
		return;
	}
	struct conn *c = calloc(1, sizeof *c);
	if (c == NULL || deadlines_reserve(&w->deadlines, w->n_conns + 1) != 0) {
		free(c);
		gate_depart(w->shared->gate, listener, who.source);
		(void)close(fd);
		return;
	}
	c->worker = w;
	c->listener = (uint32_t)listener;
	c->port = from.port;
	c->due = due;
	memcpy(c->address, who.address, sizeof c->address);
	c->accepted_ms = w->now.mono_ms;
	w->n_conns++;
	atomic_fetch_add(&w->load, 1);
	wait_in_line(c);
	leg_init(&c->client, conn_conf(c)->max_buffer);
	leg_open(&c->client, w->base, fd, conn_client_ready, c);
	leg_await(&c->client, EV_READ);
	conn_arm(c);
	report_arrived(c);
}

void conn_account(struct conn *c)
{
	int64_t now = c->worker->now.mono_ms;
	struct upstream *up = c->up;

	count_held(c);
	if (up == NULL)
		return;
	if (up->full_since != 0)
		metrics_add(&c->worker->metrics, METRIC_BACKPRESSURE_MS,
		            (uint64_t)(now - up->full_since));
	up->full_since = c->client.full || up->leg.full ? now : 0;
}

void conn_abort(struct conn *c)
{
	struct worker *w = c->worker;

	login_forget(c);
	inject_done(c);
	leg_close(&c->client);
	if (c->up != NULL)
		leg_close(&c->up->leg);
	conn_account(c);
	deadlines_set(&w->deadlines, &c->deadline, 0);
	conn_waits_no_more(c);
	if (c->up != NULL) {
		c->up->place.spent = c->session->spent;
		gate_disconnect(w->shared->gate, c->listener, &c->up->place, w->now);
	}
	free(c->up);
	if (c->refusing)
		w->n_refusing--;
	trace_forget(c);
	session_free(c->session);
	take_out(c);
	w->n_conns--;
	atomic_fetch_sub(&w->load, 1);
	metrics_add(&w->metrics, METRIC_CONNECTIONS_CLOSED, 1);
	counter_add(&w->closed[c->closed], 1);
	free(c);
}

void conn_taken(struct conn *c, const struct session_credential *answer)
{
	struct turn t;

	turn_begin(&t, c);
	session_taken(c->session, &t.env, buf_view(&c->client.in), answer, &t.step);
	turn_end(&t);
	conn_settle(c);
}

void conn_consumed(struct conn *c, enum verdict answer)
{
	struct turn t;

	turn_begin(&t, c);
	session_consumed(c->session, &t.env, answer, &t.step);
	turn_end(&t);
	conn_settle(c);
}

void conn_drawn(struct conn *c, struct slice code)
{
	struct turn t;

	turn_begin(&t, c);
	session_drawn(c->session, &t.env, code, &t.step);
	turn_end(&t);
	conn_settle(c);
}

void conn_stop(struct conn *c, enum mqtt_reason_code code, const char *why,
               const struct acl_verdict *rule)
{
	struct turn t;

	if (c->session == NULL) {
		conn_closes(c, report_closed_by((uint8_t)code));
		conn_abort(c);
		return;
	}
	turn_begin(&t, c);
	session_stop(c->session, &t.env, code, why, &t.step);
	if (rule != NULL && t.step.n_notes != 0)
		t.step.notes[0].rule = *rule;
	turn_end(&t);
	conn_settle(c);
}

/* Never lowered under what a leg may hold already. */
static void raise_cap(struct leg *l, size_t cap)
{
	if (cap > l->in.cap)
		l->in.cap = l->out.cap = cap;
}

void conn_adopt(struct conn *c)
{
	struct gate_who who = conn_who(c);

	raise_cap(&c->client, conn_conf(c)->max_buffer);
	if (c->up == NULL)
		return;
	raise_cap(&c->up->leg, conn_conf(c)->max_buffer);
	gate_recount(c->worker->shared->gate, conn_limits(c), &who, &c->up->place);
}

void conn_judge_again(struct conn *c)
{
	struct session_env env = {.policy = &c->worker->snapshot->policies[c->listener]};
	struct acl_verdict v;

	if (c->session == NULL || c->session->state == SESSION_DEAD)
		return;
	if (session_allowed(c->session, &env, &v)) {
		if (session_adopted(c->session))
			conn_settle(c);
		return;
	}
	conn_stop(c, MQTT_NOT_AUTHORIZED, "the connect rules deny this client now", &v);
}

void conn_greet_timeout(struct conn *c)
{
	struct turn t;

	if (c->session == NULL) {
		struct report_peer peer = peer_of(c);
		struct gate_who who = conn_who(c);
		refuse_unheard(&peer, &who, &(struct report_refusal){.verdict = "timeout"});
		conn_closes(c, CLOSED_TIMEOUT);
		conn_abort(c);
		return;
	}
	turn_begin(&t, c);
	session_refuse(c->session, &t.env, &(struct session_word){.verdict = VERDICT_TIMEOUT},
	               &t.step);
	turn_end(&t);
	conn_settle(c);
}
