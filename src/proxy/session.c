/* SPDX-License-Identifier: ISC */
/* A session itself: its memory, its states, which are entered through session_enter() alone, what
 * it notes, and which stage its bytes are for. How it ends is in ends.c. */
#include "proxy/session.h"

#include "base/secret.h"
#include "proxy/stage.h"

#include <stdlib.h>

static const char *const state_names[] = {"GREET",    "JUDGING",    "DIALING",       "CONSUMING",
                                          "DRAWING",  "FORWARDING", "AWAIT_CONNACK", "RELAYING",
                                          "REFUSING", "DRAINING",   "DEAD"};

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

struct session *session_new(const struct acl_address *address, const uint8_t source[16])
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->address = *address;
	memcpy(s->source, source, sizeof s->source);
	s->own[SIDE_CLIENT].cap = s->own[SIDE_BROKER].cap = SESSION_OWN_MAX;
	return s;
}

void session_leased(struct session *s)
{
	session_forget_extra(s);
}

bool session_extra(struct session *s)
{
	if (s->extra == NULL)
		s->extra = calloc(1, sizeof *s->extra);
	return s->extra != NULL;
}

void session_forget_extra(struct session *s)
{
	if (s->extra != NULL)
		secret_wipe(s->extra, sizeof *s->extra);
	free(s->extra);
	s->extra = NULL;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	buf_free(&s->own[SIDE_CLIENT]);
	buf_free(&s->own[SIDE_BROKER]);
	changing_end(&s->flow[SIDE_CLIENT]);
	changing_end(&s->flow[SIDE_BROKER]);
	subscribing_free(s);
	mqtt_aliases_free(&s->aliases[SIDE_CLIENT]);
	mqtt_aliases_free(&s->aliases[SIDE_BROKER]);
	free(s->owned[SIDE_CLIENT]);
	free(s->owned[SIDE_BROKER]);
	free(s->identity);
	secret_wipe(s->code, sizeof s->code);
	session_forget_extra(s);
	free(s);
}

int session_identify(struct session *s, struct slice client_id, bool has_user, struct slice user)
{
	uint8_t *identity = malloc(client_id.n + user.n + 1);

	if (identity == NULL)
		return -1;
	if (client_id.n != 0)
		memcpy(identity, client_id.p, client_id.n);
	if (user.n != 0)
		memcpy(identity + client_id.n, user.p, user.n);
	free(s->identity);
	s->identity = identity;
	s->client_id = slice_of(identity, client_id.n);
	s->has_user = has_user;
	s->user = slice_of(identity + client_id.n, user.n);
	return 0;
}

void session_enter(struct session *s, enum session_state to)
{
	/* Sent or not: neither code nor password stays. */
	if (s->state == SESSION_FORWARDING)
		secret_wipe(s->code, sizeof s->code);
	if (s->state == SESSION_FORWARDING && s->extra != NULL) {
		secret_wipe(s->extra->stored, s->extra->stored_len);
		s->extra->stored_len = 0;
	}
	if (to == SESSION_REFUSING || to == SESSION_DEAD)
		session_forget_extra(s);
	s->state = to;
	if (to == SESSION_RELAYING || to == SESSION_DEAD)
		s->deadline = 0;
	if (to == SESSION_DEAD)
		s->held_back_ms = 0;
}

struct session_note *session_noted(struct session_step *step, enum note_kind kind)
{
	/* No call makes more notes than there is room for; were it so, the last one would be the
	 * one to keep. */
	struct session_note *n =
	    &step->notes[step->n_notes < SESSION_NOTES ? step->n_notes++ : SESSION_NOTES - 1];

	*n = (struct session_note){.kind = kind};
	return n;
}

void session_note_payload(const struct session_env *env, struct session_step *step,
                          enum seal_error error, const struct payload_in *in)
{
	struct session_note *n = session_noted(step, NOTE_PAYLOAD);

	n->error = error;
	n->from = in->from;
	n->topic = in->topic;
	/* Of a fault of the proxy's own the payload may be plaintext: no byte of that is told. */
	if (error >= SEAL_E_KEY && error != SEAL_E_INTERNAL && in->payload.n >= SEAL_HEADER) {
		memcpy(n->kid, in->payload.p + 1, sizeof n->kid);
		n->has_kid = true;
	}
	meter_failed(env, in, error, step);
}

void session_input(struct session *s, const struct session_env *env, enum side from,
                   struct slice bytes, struct session_step *step)
{
	switch (s->state) {
	case SESSION_GREET:
		if (from == SIDE_CLIENT)
			stage_greet(s, env, bytes, step);
		break;
	case SESSION_FORWARDING:
		if (from == SIDE_CLIENT)
			stage_forward(s, env, bytes, step);
		break;
	case SESSION_DRAWING:
	case SESSION_AWAIT_CONNACK:
		stage_await(s, env, from, bytes, step);
		break;
	case SESSION_RELAYING:
	case SESSION_DRAINING:
		stage_relay(s, env, from, bytes, step);
		break;
	case SESSION_JUDGING:
	case SESSION_DIALING:
	case SESSION_CONSUMING:
	case SESSION_REFUSING:
		break;
	case SESSION_DEAD:
		step->consumed = bytes.n;
		break;
	}
}

bool session_wants(const struct session *s, enum side from)
{
	switch (s->state) {
	case SESSION_GREET:
		return from == SIDE_CLIENT;
	case SESSION_DRAWING: /* a broker that leaves meanwhile costs no code */
		return from == SIDE_BROKER;
	case SESSION_AWAIT_CONNACK:
		return from == SIDE_BROKER || s->has_auth_method;
	case SESSION_RELAYING:
	case SESSION_DRAINING:
		/* A client that is being stopped is heard no more, one that publishes too much
		 * later. */
		return !s->flow[from].ended &&
		       !(from == SIDE_CLIENT && (s->stopping || s->held_back_ms != 0));
	case SESSION_JUDGING:
	case SESSION_DIALING:
	case SESSION_CONSUMING:
	case SESSION_FORWARDING:
	case SESSION_REFUSING:
	case SESSION_DEAD:
		return false;
	}
	return false;
}

bool session_adopted(struct session *s)
{
	bool held_back = s->held_back_ms != 0;

	s->held_back_ms = 0;
	return held_back;
}
