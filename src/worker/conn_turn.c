/* SPDX-License-Identifier: ISC */
/* One call to the session: what it is lent, and then what it asks for, done in a fixed order: its
 * bytes are sent, its notes told, legs marked, and only then are others asked, whose answer may be
 * the next call. */
#include "base/secret.h"
#include "worker/banish.h"
#include "worker/kit.h"
#include "worker/report.h"
#include "worker/trace.h"
#include "worker/worker.h"

static struct session_word conn_word(const struct conn *c, const struct gate_word *word)
{
	return (struct session_word){.verdict = word->verdict,
	                             .why = word->why,
	                             .rule = report_limit(conn_limits(c), word->limit)};
}

void turn_begin(struct turn *t, struct conn *c)
{
	struct worker *w = c->worker;

	t->conn = c;
	t->before = c->session->state;
	t->env = (struct session_env){
	    .policy = &w->snapshot->policies[c->listener],
	    .kit = w->kit,
	    .meter = &w->meter,
	    .lease_key = leases_key(w->shared->leases),
	    .now = w->now,
	    .due = c->due.dry ? (struct session_word){.verdict = VERDICT_ACCEPTED}
	                      : conn_word(c, &c->due)};
	t->step = (struct session_step){0};
	if (t->env.policy->encrypts)
		kit_freshen(w->kit, w->now);
	for (enum side side = SIDE_CLIENT; side <= SIDE_BROKER; side++) {
		struct leg *l = conn_leg(c, side);
		if (l == NULL || l->close_wanted || (side == SIDE_BROKER && c->up->dialling))
			continue;
		size_t room = buf_room(&l->out);
		t->w[side] = (struct writer){.p = kit_output(w->kit, side),
		                             .cap = room < KIT_OUTPUT ? room : KIT_OUTPUT};
		t->step.out[side] = &t->w[side];
	}
}

static void count(struct worker *w, const struct session_step *step)
{
	metrics_add(&w->metrics, METRIC_PACKETS_UP, step->packets[SIDE_CLIENT]);
	metrics_add(&w->metrics, METRIC_PACKETS_DOWN, step->packets[SIDE_BROKER]);
	metrics_add(&w->metrics, METRIC_PAYLOADS_SEALED, step->sealed);
	metrics_add(&w->metrics, METRIC_PAYLOADS_OPENED, step->opened);
	metrics_add(&w->metrics, METRIC_PAYLOADS_FAILED, step->failed);
	metrics_add(&w->metrics, METRIC_PAYLOADS_TOLERATED, step->tolerated);
}

void conn_write_failed(struct conn *c, enum side side, struct leg *l)
{
	leg_give_up_writing(l);
	if (!session_wants(c->session, side))
		c->broken[side] = true;
}

static void write_bytes(struct turn *t, enum side side, struct slice bytes)
{
	struct conn *c = t->conn;
	struct leg *l = conn_leg(c, side);

	if (l == NULL || bytes.n == 0)
		return;
	metrics_add(&c->worker->metrics, side == SIDE_BROKER ? METRIC_BYTES_UP : METRIC_BYTES_DOWN,
	            bytes.n);
	if (leg_write(l, bytes, c->worker->now.mono_ms) != LEG_OK)
		conn_write_failed(c, side, l);
}

static void write_out(struct turn *t, enum side side)
{
	struct writer *out = t->step.out[side];

	if (out == NULL)
		return;
	write_bytes(t, side, slice_of(out->p, out->len));
	write_bytes(t, side, t->step.through[side]);
	/* A login's bytes do not stay behind in a buffer that all share. */
	if (t->conn->session->state <= SESSION_AWAIT_CONNACK)
		secret_wipe(out->p, out->len);
}

void conn_refuse(struct conn *c, const struct gate_word *word)
{
	struct session_word refusal = conn_word(c, word);
	struct turn t;

	turn_begin(&t, c);
	session_refuse(c->session, &t.env, &refusal, &t.step);
	turn_end(&t);
}

/* Counts the refusal of its CONNECT for a ban, once. */
static void blame(struct conn *c)
{
	struct gate_who who = conn_who(c);

	if (!c->blamed)
		banish_refused(c->worker, c->listener, &who);
	c->blamed = true;
}

/* The gate's judgement of a CONNECT, once. It comes before a code is looked at, so that it tells
 * nothing about it. */
static bool admit(struct conn *c)
{
	struct gate_who who = conn_who(c);

	if (c->admitted)
		return true;
	struct gate_word word =
	    gate_judge(c->worker->shared->gate, c->listener, conn_limits(c), &who, c->worker->now);
	/* What was found at accept, and is only tried. */
	if (word.verdict == VERDICT_ACCEPTED)
		word = c->due;
	c->admitted = word.verdict == VERDICT_ACCEPTED || word.dry;
	if (!c->admitted)
		conn_refuse(c, &word);
	if (c->admitted && word.dry) {
		report_would_refuse(c, &word);
		blame(c);
	}
	return c->admitted;
}

/* The gate's judgement of a client id that the broker has assigned. */
static void admit_named(struct conn *c)
{
	struct gate_who who = conn_who(c);
	struct gate_word word =
	    gate_named(c->worker->shared->gate, conn_limits(c), &who, c->worker->now);
	struct session_word answer = conn_word(c, &word);
	struct turn t;

	turn_begin(&t, c);
	session_admitted(c->session, &t.env, &answer, &t.step);
	turn_end(&t);
}

static void ask(struct conn *c, unsigned what)
{
	struct turn t;
	bool sent = true;

	if ((what & ASK_SETTLE) != 0)
		login_settle(c);
	if ((what & (ASK_TAKE | ASK_DIAL)) != 0 && !admit(c))
		return;
	if ((what & ASK_TAKE) != 0)
		sent = login_take(c);
	if ((what & ASK_ADMIT) != 0)
		admit_named(c);
	if ((what & ASK_CONSUME) != 0)
		sent = login_consume(c);
	if ((what & ASK_DIAL) != 0)
		conn_dial(c);
	if ((what & ASK_DRAW) != 0)
		sent = inject_draw(c);
	if (sent)
		return;
	/* No such user can be stored, there is no memory for the request, or no code to be drawn.
	 */
	bool never = c->session->user.n > STORE_USER_MAX;
	struct session_credential answer = {
	    .stranger = never, .why = never ? VERDICT_USER_UNKNOWN : VERDICT_STORE_FAILED};
	turn_begin(&t, c);
	if ((what & ASK_TAKE) != 0)
		session_taken(c->session, &t.env, slice_of(NULL, 0), &answer, &t.step);
	else if ((what & ASK_DRAW) != 0)
		session_drawn(c->session, &t.env, slice_of(NULL, 0), &t.step);
	else
		session_consumed(c->session, &t.env, VERDICT_STORE_FAILED, &t.step);
	turn_end(&t);
}

/* Refusals wait for their time, but not more of them than the worker has room for. */
static void count_refusing(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->refusing || c->session->state != SESSION_REFUSING)
		return;
	if (w->n_refusing >= WORKER_REFUSING_MAX) {
		c->broken[SIDE_CLIENT] = true;
		return;
	}
	c->refusing = true;
	w->n_refusing++;
}

/* Whether a note tells that a CONNECT was refused for what the client did; or would have been, by
 * a filter that is only tried. */
static bool blames(const struct turn *t, const struct session_note *n)
{
	if (n->kind == NOTE_VERDICT)
		return verdict_blames_client(n->verdict, n->code);
	return n->kind == NOTE_DENIED && n->dry && t->before < SESSION_RELAYING;
}

static void count_refusals(const struct turn *t)
{
	for (size_t i = 0; i < t->step.n_notes; i++) {
		if (blames(t, &t->step.notes[i]))
			blame(t->conn);
	}
}

void turn_end(struct turn *t)
{
	struct conn *c = t->conn;
	struct session_step *step = &t->step;

	count(c->worker, step);
	/* Before the client learns that it is in: it may come again at once, at another worker. */
	if ((step->ask & ASK_LEASE) != 0)
		login_lease(c);
	write_out(t, SIDE_CLIENT);
	write_out(t, SIDE_BROKER);
	if (c->worker->trace != NULL && t->before < SESSION_RELAYING)
		trace_look(c, (const uint32_t[2]){0, 0});
	for (size_t i = 0; i < step->n_notes; i++) {
		trace_note(c, &step->notes[i]);
		report_note(c, &step->notes[i]);
	}
	count_refusals(t);
	for (enum side side = SIDE_CLIENT; side <= SIDE_BROKER; side++) {
		struct leg *l = conn_leg(c, side);
		if (l == NULL)
			continue;
		l->shut_wanted = l->shut_wanted || step->shut[side];
		l->close_wanted = l->close_wanted || step->close[side];
	}
	if (step->close[SIDE_BROKER] && c->up != NULL) {
		c->up->dialling = false;
		c->up->dial_until = 0;
	}
	/* What could not be used before is looked at again. */
	if (c->session->state != t->before) {
		c->client.want = 0;
		if (c->up != NULL)
			c->up->leg.want = 0;
	}
	count_refusing(c);
	if (c->session->state < SESSION_DRAWING || c->session->state > SESSION_AWAIT_CONNACK)
		inject_done(c);
	if (step->ask != 0)
		ask(c, step->ask);
}
