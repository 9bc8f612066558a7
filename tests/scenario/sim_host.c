/* SPDX-License-Identifier: ISC */
/* The session gets each view as a copy of its own, so that nothing old can be used and nothing
 * behind it read, and is called again for as long as anything moves. */
#include "tests/scenario/sim_call.h"

#include <stdlib.h>

enum { TIGHT = 9, TIGHTER = 3, CONNECT_ROOM = 72 * 1024 };

/* Gives a side's bytes once. */
static bool give(struct host *h, enum side from, bool *moved)
{
	struct slice rest = stream_rest(&h->in[from]);
	uint8_t *view = take(rest.n);
	size_t room = h->way->tight ? h->room : h->room + 2 * rest.n;
	struct call c;

	memcpy(view, rest.p == NULL ? (const uint8_t *)"" : rest.p, rest.n);
	if (h->s->state == SESSION_FORWARDING)
		room = CONNECT_ROOM;
	call_begin(h, &c, room);
	c.step.lends = !h->way->tight || rest.n % 2 != 0;
	session_input(h->s, &h->env, from, slice_of(view, rest.n), &c.step);
	bool ok = call_finish(h, &c, rest.n, moved);
	free(view);
	if (ok && c.step.want != 0 && c.step.want <= rest.n - c.step.consumed)
		ok = fault_set(h->fault, "wants %zu bytes and has %zu", c.step.want,
		               rest.n - c.step.consumed);
	h->want[from] = c.step.want;
	h->in[from].at += c.step.consumed;
	return ok && ledger_balances(h);
}

static bool may_give(const struct host *h, enum side from)
{
	size_t n = h->in[from].n - h->in[from].at;

	if (h->s->state == SESSION_DEAD || h->closed[from] || h->ended[from] || h->unread[from] ||
	    (from == SIDE_BROKER && !h->leg))
		return false;
	if (h->s->state == SESSION_FORWARDING)
		return from == SIDE_CLIENT;
	return n != 0 && session_wants(h->s, from) && !(h->way->patient && n < h->want[from]);
}

/* With more room than this no packet that is there can be stuck, nor what waits behind it. */
static size_t useful_room(const struct host *h)
{
	size_t most = 0;

	for (enum side from = SIDE_CLIENT; from <= SIDE_BROKER; from++) {
		size_t n = h->in[from].n - h->in[from].at;
		/* What an alias stands for may be written in. */
		if (h->s->aliases[from].at != NULL)
			n += UINT16_MAX / 2;
		if (may_give(h, from) && 256 + 2 * n + SESSION_OWN_MAX > most)
			most = 256 + 2 * n + SESSION_OWN_MAX;
	}
	return most;
}

/* Nothing moves any more, so nobody would fetch an answer that could have gone out. */
static bool answers_are_out(const struct host *h)
{
	for (enum side to = SIDE_CLIENT; to <= SIDE_BROKER; to++) {
		const struct flow *flow =
		    &h->s->flow[to == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT];
		if (h->s->state == SESSION_RELAYING && h->s->own[to].len != 0 &&
		    (flow->left == 0 || flow->skips))
			return fault_set(h->fault, "an answer waits for nothing");
	}
	return true;
}

/* Lets everything move until nothing does. */
static bool run(struct host *h)
{
	bool any = true;

	/* A refusal is said at once or not at all; what is said later waits for room. */
	const size_t least = !h->way->tight                   ? 1024
	                     : h->s->state < SESSION_RELAYING ? TIGHT
	                                                      : TIGHTER;

	h->room = least;
	while (any) {
		bool moved = false;
		any = false;
		if (!host_answer_asks(h, &any))
			return false;
		for (enum side from = SIDE_CLIENT; from <= SIDE_BROKER; from++) {
			if (!may_give(h, from))
				continue;
			bool one = false;
			if (!give(h, from, &one))
				return false;
			moved |= one;
		}
		if (moved)
			h->room = least;
		else if (h->room < useful_room(h))
			h->room *= 2;
		else
			continue;
		any = true;
	}
	return answers_are_out(h);
}

/* -- what happens -- */

static void start(struct host *h)
{
	struct acl_address address = {
	    .b = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 7}};

	h->s = session_new(&address, address.b);
	if (h->s == NULL)
		abort();
	h->last = h->s->state;
}

static const uint8_t lease_key[SECRET_HASH_KEY_SIZE] = {1, 2, 3};

void host_init(struct host *h, const struct world *world, const struct sim_way *way,
               struct fault *fault)
{
	*h = (struct host){.world = world, .way = way, .fault = fault};
	h->env =
	    (struct session_env){.policy = way->streams ? &h->streaming : &world->policy,
	                         .lease_key = lease_key,
	                         .kit = &world->kit,
	                         .now = {.mono_ms = 5000000, .real_us = INT64_C(1800000003000000)}};
	h->streaming = world->policy;
	h->streaming.max_whole = 0;
	start(h);
}

void host_fini(struct host *h)
{
	session_free(h->s);
	for (int i = 0; i < 2; i++) {
		stream_clear(&h->in[i]);
		stream_clear(&h->out[i]);
	}
}

void host_again(struct host *h)
{
	struct host old = *h;

	host_fini(h);
	*h = (struct host){.world = old.world,
	                   .way = old.way,
	                   .fault = old.fault,
	                   .env = old.env,
	                   .streaming = old.streaming,
	                   .marker = old.marker,
	                   .n_accounts = old.n_accounts,
	                   .marks = old.marks,
	                   .draws = old.draws,
	                   .lease_at = old.lease_at};
	memcpy(h->lease, old.lease, sizeof old.lease);
	memcpy(h->accounts, old.accounts, sizeof old.accounts);
	start(h);
}

bool host_send(struct host *h, enum side from, struct slice bytes)
{
	stream_add(&h->in[from], bytes);
	h->want[from] = h->way->patient ? h->want[from] : 0;
	if (from == SIDE_CLIENT && !h->unread[from])
		session_heard(h->s, &h->env);
	return run(h);
}

bool host_read(struct host *h, enum side from, bool reads)
{
	h->unread[from] = !reads;
	if (from == SIDE_CLIENT)
		session_listens(h->s, &h->env, reads);
	return run(h);
}

bool host_end(struct host *h, enum side from, bool broke)
{
	struct call c;
	bool moved;

	h->ended[from] = true;
	call_begin(h, &c, EVENT_ROOM);
	if (broke)
		session_broke(h->s, &h->env, from, &c.step);
	else
		session_ended(h->s, &h->env, from, &c.step);
	return call_finish(h, &c, 0, &moved) && run(h);
}

bool host_release(struct host *h)
{
	h->held = 0;
	return run(h);
}

bool host_after(struct host *h, int64_t ms)
{
	int64_t until = h->env.now.mono_ms + ms;

	while (session_deadline(h->s) != 0 && session_deadline(h->s) <= until) {
		int64_t skip = session_deadline(h->s) - h->env.now.mono_ms;
		struct call c;
		bool moved;
		skip = skip < 0 ? 0 : skip;
		h->env.now.mono_ms += skip;
		h->env.now.real_us += skip * 1000;
		int64_t deadline = session_deadline(h->s);
		call_begin(h, &c, EVENT_ROOM);
		session_timer(h->s, &h->env, &c.step);
		if (!call_finish(h, &c, 0, &moved) || !run(h))
			return false;
		if (session_deadline(h->s) == deadline)
			return fault_set(h->fault, "the timer stays where it was");
	}
	h->env.now.real_us += (until - h->env.now.mono_ms) * 1000;
	h->env.now.mono_ms = until;
	return true;
}

bool host_stop(struct host *h, enum mqtt_reason_code code)
{
	struct call c;
	bool moved;

	call_begin(h, &c, EVENT_ROOM);
	session_stop(h->s, &h->env, code, "the proxy stops", &c.step);
	return call_finish(h, &c, 0, &moved) && run(h);
}

bool host_refuse(struct host *h, enum verdict v)
{
	struct call c;
	bool moved;

	call_begin(h, &c, EVENT_ROOM);
	session_refuse(h->s, &h->env, &(struct session_word){.verdict = v}, &c.step);
	return call_finish(h, &c, 0, &moved) && run(h);
}
