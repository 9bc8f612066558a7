/* SPDX-License-Identifier: ISC */
/* Every call of the session goes through begin() and finish(): a view that is a copy of its own (so
 * that nothing old can be used and nothing behind it read), outputs of an exact size, and every
 * promise of session.h that can be checked, is. */
#include "tests/scenario/sim_host.h"

#include "mqtt/frame.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIGHT = 9, EVENT_ROOM = 64, CONNECT_ROOM = 72 * 1024 };

static const char *const sides[] = {"client", "broker"};

struct call {
	struct session_step step;
	struct writer w[2];
};

void stream_add(struct stream *s, struct slice bytes)
{
	if (bytes.n > s->size - s->n) {
		s->size = 2 * (s->n + bytes.n);
		s->p = realloc(s->p, s->size);
		if (s->p == NULL)
			abort();
	}
	if (bytes.n != 0)
		memcpy(s->p + s->n, bytes.p, bytes.n);
	s->n += bytes.n;
}

static void stream_clear(struct stream *s)
{
	free(s->p);
	*s = (struct stream){0};
}

static struct slice stream_rest(const struct stream *s)
{
	return slice_of(s->p == NULL ? NULL : s->p + s->at, s->n - s->at);
}

/* -- one call -- */

static void begin(const struct host *h, struct call *c, size_t room)
{
	*c = (struct call){0};
	for (enum side i = SIDE_CLIENT; i <= SIDE_BROKER; i++) {
		if (h->closed[i] || (i == SIDE_BROKER && !h->leg))
			continue;
		/* The writer may have been used before the call: what is there stays. */
		c->w[i] = (struct writer){.p = take(room + 2), .cap = room + 2, .len = 2};
		memset(c->w[i].p, 0xee, 2);
		c->step.out[i] = &c->w[i];
	}
}

/* What goes out to a side is a row of packets; a session that ends may leave the last one
 * unfinished. */
static bool walk(struct host *h, enum side to)
{
	struct stream *o = &h->out[to];

	while (h->walked[to] < o->n) {
		struct mqtt_frame f;
		size_t n = o->n - h->walked[to];
		if (h->frame_left[to] == 0) {
			enum mqtt_result r = mqtt_frame_next(slice_of(o->p + h->walked[to], n), &f);
			if (r == MQTT_MORE)
				return true;
			if (r != MQTT_OK)
				return fault_set(h->fault, "no packet to the %s", sides[to]);
			h->frame_left[to] = f.head + (size_t)f.remaining;
		}
		n = n > h->frame_left[to] ? h->frame_left[to] : n;
		h->frame_left[to] -= n;
		h->walked[to] += n;
	}
	return true;
}

static bool take_output(struct host *h, struct call *c, enum side to)
{
	struct writer *w = &c->w[to];
	bool ok = true;

	if (c->step.out[to] == NULL)
		return true;
	if (w->full)
		ok = fault_set(h->fault, "the output to the %s was left full", sides[to]);
	if (w->len < 2 || w->p[0] != 0xee || w->p[1] != 0xee)
		ok = fault_set(h->fault, "the output to the %s lost what stood in it", sides[to]);
	if (w->len > 2 && to == SIDE_BROKER && !h->forwarding)
		ok = fault_set(h->fault, "a byte went up before all was settled");
	if (w->len > 2 && (h->closed[to] || h->shut[to]))
		ok = fault_set(h->fault, "a byte to the %s behind its end", sides[to]);
	/* Nor may it be left behind what was written. */
	if (h->marker != NULL && memmem(w->p, w->cap, h->marker, strlen(h->marker)) != NULL)
		ok = fault_set(h->fault, "what must stay hidden went to the %s", sides[to]);
	if (ok)
		stream_add(&h->out[to], slice_of(w->p + 2, w->len - 2));
	free(w->p);
	return ok && walk(h, to);
}

static bool check_asks(struct host *h, unsigned ask)
{
	unsigned before_leg = ASK_TAKE | ASK_DIAL;

	if ((ask & h->said) != 0)
		return fault_set(h->fault, "asked twice: %x after %x", ask, h->said);
	if ((ask & before_leg) != 0 && h->leg)
		return fault_set(h->fault, "asked too late: %x", ask);
	if ((ask & ASK_CONSUME) != 0 && (!h->leg || (h->said & ASK_TAKE) == 0))
		return fault_set(h->fault, "a code used up without a broker, or unjudged");
	if ((ask & ASK_DIAL) != 0 && h->world->policy.otp && (h->said & ASK_TAKE) == 0)
		return fault_set(h->fault, "a broker leg for somebody who was not judged");
	h->said |= ask;
	h->open |= ask;
	return true;
}

static bool take_notes(struct host *h, const struct session_step *step)
{
	for (size_t i = 0; i < step->n_notes; i++) {
		const struct session_note *n = &step->notes[i];
		if (n->kind == NOTE_VERDICT) {
			if (h->has_verdict)
				return fault_set(h->fault, "a second verdict");
			h->has_verdict = true;
			h->verdict = n->verdict;
		} else if (n->kind == NOTE_PAYLOAD) {
			h->has_error = true;
			h->error = n->error;
			/* Read it all: it is to be logged. */
			volatile uint8_t sum = 0;
			for (size_t k = 0; k < n->topic.n; k++)
				sum = (uint8_t)(sum + n->topic.p[k]);
		}
	}
	return true;
}

/* Whether anything came of the call is left in *moved. */
static bool finish(struct host *h, struct call *c, size_t given, bool *moved)
{
	struct session_step *step = &c->step;
	bool dead = h->last == SESSION_DEAD, ok = true;
	bool wrote =
	    (step->out[0] != NULL && c->w[0].len > 2) || (step->out[1] != NULL && c->w[1].len > 2);

	*moved = wrote || step->consumed != 0 || h->s->state != h->last || step->ask != 0;
	ok = take_output(h, c, SIDE_CLIENT) && ok;
	ok = take_output(h, c, SIDE_BROKER) && ok;
	if (step->consumed > given)
		ok = fault_set(h->fault, "consumed %zu of %zu", step->consumed, given);
	if (dead && (wrote || step->ask != 0 || step->n_notes != 0 || h->s->state != SESSION_DEAD ||
	             step->close[0] || step->close[1]))
		ok = fault_set(h->fault, "something came behind DEAD");
	if (h->s->state < h->last && h->s->state != SESSION_DEAD)
		ok = fault_set(h->fault, "from %s back to %s", session_state_name(h->last),
		               session_state_name(h->s->state));
	h->last = h->s->state;
	ok = ok && check_asks(h, step->ask) && take_notes(h, step);
	for (enum side i = SIDE_CLIENT; i <= SIDE_BROKER; i++) {
		if (step->shut[i] && (h->shut[i] || h->closed[i]))
			ok = fault_set(h->fault, "the %s was shut twice", sides[i]);
		h->shut[i] |= step->shut[i];
		if (step->close[i] && h->closed[i])
			ok = fault_set(h->fault, "the %s was closed twice", sides[i]);
		h->closed[i] |= step->close[i];
	}
	if (h->s->state == SESSION_DEAD && !h->closed[SIDE_CLIENT])
		ok = fault_set(h->fault, "dead, but the client is not closed");
	if (h->s->state == SESSION_DEAD && h->leg && !h->closed[SIDE_BROKER])
		ok = fault_set(h->fault, "dead, but the broker is not closed");
	if (wrote && h->answered_at == 0 && h->out[SIDE_CLIENT].n != 0)
		h->answered_at = h->env.now.mono_ms;
	if (h->connect_at == 0 && h->s->state != SESSION_GREET)
		h->connect_at = h->env.now.mono_ms;
	return ok;
}

/* -- the store -- */

static struct account *account_of(struct host *h, struct slice user)
{
	struct otp_credential c;

	for (size_t i = 0; i < h->n_accounts; i++) {
		if (slice_eq(slice_str(h->accounts[i].name), user))
			return &h->accounts[i];
	}
	if (user.n >= sizeof h->accounts[0].name || h->n_accounts == SIM_ACCOUNTS ||
	    !world_credential(user, &c))
		return NULL;
	struct account *a = &h->accounts[h->n_accounts++];
	*a = (struct account){.state = c.state};
	memcpy(a->name, user.p, user.n);
	return a;
}

static bool says(struct host *h, const char *what)
{
	if (h->store_says == NULL || strcmp(h->store_says, what) != 0)
		return false;
	h->store_says = NULL;
	return true;
}

static bool answer_take(struct host *h)
{
	struct account *a = account_of(h, h->s->user);
	struct otp_credential cred = {0};
	struct session_credential answer = {.why = VERDICT_USER_UNKNOWN};
	struct slice rest = stream_rest(&h->in[SIDE_CLIENT]);
	uint8_t *view = take(rest.n);
	struct call c;
	bool moved;

	if (a != NULL) {
		world_credential(slice_str(a->name), &cred);
		cred.state = a->state;
		answer = (struct session_credential){
		    .found = true, .id = 1 + (a - h->accounts), .guess_taken = true, .cred = &cred};
		a->taken++;
	}
	if (says(h, "fails"))
		answer = (struct session_credential){.why = VERDICT_STORE_FAILED};
	else if (says(h, "locked"))
		answer = (struct session_credential){.why = VERDICT_OTP_LOCKED};
	memcpy(view, rest.p, rest.n);
	begin(h, &c, EVENT_ROOM);
	session_taken(h->s, &h->env, slice_of(view, rest.n), &answer, &c.step);
	free(view);
	otp_credential_wipe(&cred);
	return finish(h, &c, 0, &moved);
}

static bool answer_dial(struct host *h)
{
	struct call c;
	bool moved;

	/* Closed while it was dialled: given up. */
	if (h->closed[SIDE_BROKER])
		return true;
	h->leg = !h->dial_fails;
	h->forwarding = !h->world->policy.otp;
	begin(h, &c, EVENT_ROOM);
	session_dialled(h->s, &h->env, h->leg, &c.step);
	return finish(h, &c, 0, &moved);
}

static bool answer_consume(struct host *h)
{
	const struct session_consume *want = &h->s->consume;
	enum verdict answer = VERDICT_ACCEPTED;
	struct call c;
	bool moved;

	if (want->id < 1 || want->id > (int64_t)h->n_accounts)
		return fault_set(h->fault, "no such credential to use up");
	struct account *a = &h->accounts[want->id - 1];
	if (says(h, "fails"))
		answer = VERDICT_STORE_FAILED;
	else if (says(h, "deleted"))
		answer = VERDICT_USER_UNKNOWN;
	else if (says(h, "raised") || want->mark <= a->state.mark)
		answer = VERDICT_OTP_REPLAYED;
	if (answer == VERDICT_ACCEPTED) {
		a->state.mark = want->mark;
		a->state.pending = -1;
		a->taken -= want->guess_taken;
		h->forwarding = true;
		h->marks++;
	}
	begin(h, &c, EVENT_ROOM);
	session_consumed(h->s, &h->env, answer, &c.step);
	return finish(h, &c, 0, &moved);
}

static bool settle(struct host *h)
{
	const struct session_settle *want = &h->s->settle;

	if (want->id < 1 || want->id > (int64_t)h->n_accounts)
		return fault_set(h->fault, "no such credential to settle");
	struct account *a = &h->accounts[want->id - 1];
	a->taken -= want->give_back;
	if (want->forget_pending)
		a->state.pending = -1;
	if (want->pending >= 0) {
		a->state.pending = want->pending;
		a->state.pending_at = h->env.now.real_us / 1000000;
		memcpy(a->state.pending_source, h->s->source, 16);
	}
	return true;
}

static bool answer_asks(struct host *h, bool *any)
{
	static const struct {
		unsigned ask;
		bool (*answer)(struct host *h);
	} answers[] = {{ASK_TAKE, answer_take},
	               {ASK_DIAL, answer_dial},
	               {ASK_CONSUME, answer_consume},
	               {ASK_SETTLE, settle}};

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		if ((h->open & ~h->held & answers[i].ask) == 0)
			continue;
		h->open &= ~answers[i].ask;
		*any = true;
		if (!answers[i].answer(h))
			return false;
	}
	return true;
}

/* -- bytes -- */

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
	begin(h, &c, room);
	session_input(h->s, &h->env, from, slice_of(view, rest.n), &c.step);
	bool ok = finish(h, &c, rest.n, moved);
	free(view);
	if (ok && c.step.want != 0 && c.step.want <= rest.n - c.step.consumed)
		ok = fault_set(h->fault, "wants %zu bytes and has %zu", c.step.want,
		               rest.n - c.step.consumed);
	h->want[from] = c.step.want;
	h->in[from].at += c.step.consumed;
	return ok;
}

static bool may_give(const struct host *h, enum side from)
{
	size_t n = h->in[from].n - h->in[from].at;

	if (h->s->state == SESSION_DEAD || h->closed[from] || h->ended[from] ||
	    (from == SIDE_BROKER && !h->leg))
		return false;
	if (h->s->state == SESSION_FORWARDING)
		return from == SIDE_CLIENT;
	return n != 0 && session_wants(h->s, from) && !(h->way->patient && n < h->want[from]);
}

/* With more room than this no packet that is there can be stuck. */
static size_t useful_room(const struct host *h)
{
	size_t most = 0;

	for (enum side from = SIDE_CLIENT; from <= SIDE_BROKER; from++) {
		size_t n = h->in[from].n - h->in[from].at;
		if (may_give(h, from) && 256 + 2 * n > most)
			most = 256 + 2 * n;
	}
	return most;
}

/* Lets everything move until nothing does. */
static bool run(struct host *h)
{
	bool any = true;

	const size_t least = h->way->tight ? TIGHT : 1024;

	h->room = least;
	while (any) {
		bool moved = false;
		any = false;
		if (!answer_asks(h, &any))
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
	return true;
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

void host_init(struct host *h, const struct world *world, const struct sim_way *way,
               struct fault *fault)
{
	*h = (struct host){.world = world, .way = way, .fault = fault};
	h->env =
	    (struct session_env){.policy = &world->policy,
	                         .kit = &world->kit,
	                         .now = {.mono_ms = 5000000, .real_us = INT64_C(1800000003000000)}};
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
	                   .n_accounts = old.n_accounts,
	                   .marks = old.marks};
	memcpy(h->accounts, old.accounts, sizeof old.accounts);
	start(h);
}

bool host_send(struct host *h, enum side from, struct slice bytes)
{
	stream_add(&h->in[from], bytes);
	h->want[from] = h->way->patient ? h->want[from] : 0;
	return run(h);
}

bool host_end(struct host *h, enum side from, bool broke)
{
	struct call c;
	bool moved;

	h->ended[from] = true;
	begin(h, &c, EVENT_ROOM);
	if (broke)
		session_broke(h->s, &h->env, from, &c.step);
	else
		session_ended(h->s, &h->env, from, &c.step);
	return finish(h, &c, 0, &moved) && run(h);
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
		begin(h, &c, EVENT_ROOM);
		session_timer(h->s, &h->env, &c.step);
		if (!finish(h, &c, 0, &moved) || !run(h))
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

	begin(h, &c, EVENT_ROOM);
	session_stop(h->s, &h->env, code, "the proxy stops", &c.step);
	return finish(h, &c, 0, &moved) && run(h);
}

bool host_refuse(struct host *h, enum verdict v)
{
	struct call c;
	bool moved;

	begin(h, &c, EVENT_ROOM);
	session_refuse(h->s, &h->env, v, &c.step);
	return finish(h, &c, 0, &moved) && run(h);
}
