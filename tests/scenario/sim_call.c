/* SPDX-License-Identifier: ISC */
/* Every call of the session goes through call_begin() and call_finish(): outputs of an exact size
 * that hold something already, and every promise of session.h that can be checked, is. */
#include "tests/scenario/sim_call.h"

#include "mqtt/frame.h"

#include <stdlib.h>

static const char *const sides[] = {"client", "broker"};

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

void stream_clear(struct stream *s)
{
	free(s->p);
	*s = (struct stream){0};
}

struct slice stream_rest(const struct stream *s)
{
	return slice_of(s->p == NULL ? NULL : s->p + s->at, s->n - s->at);
}

void call_begin(const struct host *h, struct call *c, size_t room)
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
	struct slice through = c->step.through[to];
	bool ok = true;

	if (c->step.out[to] == NULL)
		return through.n == 0 || fault_set(h->fault, "bytes for no %s", sides[to]);
	if (through.n > writer_room(w) || (through.n != 0 && !c->step.lends))
		ok = fault_set(h->fault, "more to the %s than was asked for", sides[to]);
	else
		writer_bytes(w, through);
	if (w->full)
		ok = fault_set(h->fault, "the output to the %s was left full", sides[to]);
	if (w->len < 2 || w->p[0] != 0xee || w->p[1] != 0xee)
		ok = fault_set(h->fault, "the output to the %s lost what stood in it", sides[to]);
	if (w->len > 2 && to == SIDE_BROKER && !h->forwarding)
		ok = fault_set(h->fault, "a byte went up before all was settled");
	if (w->len > 2 && (h->closed[to] || h->shut[to]))
		ok = fault_set(h->fault, "a byte to the %s behind its end", sides[to]);
	/* Nor may it be left behind what was written. */
	if (h->marker.n != 0 && memmem(w->p, w->cap, h->marker.p, h->marker.n) != NULL)
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
	if ((ask & ASK_DRAW) != 0 && (!h->leg || (h->s->login == LOGIN_CODE && !h->consumed)))
		return fault_set(h->fault, "a code drawn without a broker, or for a stranger");
	if ((ask & ASK_DRAW) != 0 && session_user_up(h->s, h->env.policy).n == 0 && !h->s->has_user)
		return fault_set(h->fault, "a code for nobody");
	if ((ask & ASK_ADMIT) != 0 && (h->s->client_id.n == 0 || h->has_verdict))
		return fault_set(h->fault, "nobody, or somebody who is in, to be admitted");
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
		} else if (n->kind == NOTE_DENIED) {
			*(n->dry ? &h->tried : &h->denied) += 1 + n->more;
		} else if (n->kind == NOTE_PAYLOAD) {
			h->notes++;
			h->has_error = true;
			h->error = n->error;
			if (n->has_kid && n->error == SEAL_E_INTERNAL)
				return fault_set(h->fault, "plaintext told as a key's id");
			/* Read it all: it is to be logged. */
			volatile uint8_t sum = 0;
			for (size_t k = 0; k < n->topic.n; k++)
				sum = (uint8_t)(sum + n->topic.p[k]);
		}
	}
	h->failed += step->failed;
	h->tolerated += step->tolerated;
	if (h->notes != h->failed)
		return fault_set(h->fault, "%zu notes of %zu payloads", h->notes, h->failed);
	return true;
}

static bool zeros(const uint8_t *p, size_t n)
{
	while (n != 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

bool call_finish(struct host *h, struct call *c, size_t given, bool *moved)
{
	struct session_step *step = &c->step;
	bool dead = h->last == SESSION_DEAD, ok = true;

	ok = take_output(h, c, SIDE_CLIENT) && ok;
	ok = take_output(h, c, SIDE_BROKER) && ok;
	bool wrote =
	    (step->out[0] != NULL && c->w[0].len > 2) || (step->out[1] != NULL && c->w[1].len > 2);
	*moved = wrote || step->consumed != 0 || h->s->state != h->last || step->ask != 0;
	if (step->consumed > given)
		ok = fault_set(h->fault, "consumed %zu of %zu", step->consumed, given);
	if (dead && (wrote || step->ask != 0 || step->n_notes != 0 || h->s->state != SESSION_DEAD ||
	             step->close[0] || step->close[1]))
		ok = fault_set(h->fault, "something came behind DEAD");
	if (h->s->state < h->last && h->s->state != SESSION_DEAD)
		ok = fault_set(h->fault, "from %s back to %s", session_state_name(h->last),
		               session_state_name(h->s->state));
	if (h->last == SESSION_FORWARDING && h->s->state != h->last && h->s->extra != NULL &&
	    !zeros(h->s->extra->stored, sizeof h->s->extra->stored))
		ok = fault_set(h->fault, "a stored password outlives its CONNECT");
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
	static const uint8_t nothing[sizeof h->s->code];
	if (h->s->state > SESSION_FORWARDING && memcmp(h->s->code, nothing, sizeof nothing) != 0)
		ok = fault_set(h->fault, "the code is still there");
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
