/* SPDX-License-Identifier: ISC */
/* The store and the broker of sim mode. It keeps the marks as the real one would, so a session that
 * did not ask for its mark to be raised would be found out at the next login. */
#include "tests/scenario/sim_call.h"

#include <stdlib.h>

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
	uint8_t login[OTP_LOGIN_MAX];
	struct session_credential answer = {.why = VERDICT_USER_UNKNOWN, .stranger = a == NULL};
	struct slice rest = stream_rest(&h->in[SIDE_CLIENT]);
	uint8_t *view = take(rest.n);
	struct call c;
	bool moved;

	if (a != NULL) {
		world_credential(slice_str(a->name), &cred);
		cred.state = a->state;
		answer = (struct session_credential){
		    .found = true, .id = 1 + (a - h->accounts), .guess_taken = true, .cred = &cred};
		answer.login = slice_of(login, world_login(slice_str(a->name), login));
		answer.leased = h->lease_at != 0 && h->s->extra != NULL &&
		                memcmp(h->lease, h->s->extra->lease, sizeof h->lease) == 0 &&
		                h->env.now.mono_ms - h->lease_at < h->env.policy->lease.ms;
		a->taken++;
	}
	if (says(h, "fails"))
		answer = (struct session_credential){.why = VERDICT_STORE_FAILED};
	else if (says(h, "locked"))
		answer = (struct session_credential){.why = VERDICT_OTP_LOCKED};
	else if (says(h, "removed"))
		answer = (struct session_credential){.why = VERDICT_USER_UNKNOWN};
	memcpy(view, rest.p, rest.n);
	call_begin(h, &c, EVENT_ROOM);
	session_taken(h->s, &h->env, slice_of(view, rest.n), &answer, &c.step);
	free(view);
	otp_credential_wipe(&cred);
	return call_finish(h, &c, 0, &moved);
}

static bool answer_dial(struct host *h)
{
	struct call c;
	bool moved;

	/* Closed while it was dialled: given up. */
	if (h->closed[SIDE_BROKER])
		return true;
	h->leg = !h->dial_fails;
	h->forwarding = h->s->login != LOGIN_CODE && !h->env.policy->inject.on;
	call_begin(h, &c, EVENT_ROOM);
	session_dialled(h->s, &h->env, h->leg, &c.step);
	return call_finish(h, &c, 0, &moved);
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
		h->consumed = true;
		h->forwarding = !h->env.policy->inject.on;
		h->marks++;
	}
	call_begin(h, &c, EVENT_ROOM);
	session_consumed(h->s, &h->env, answer, &c.step);
	return call_finish(h, &c, 0, &moved);
}

/* The next code of the user h, whoever it is for. */
static bool answer_draw(struct host *h)
{
	struct otp_credential cred;
	char text[OTP_DIGITS_MAX + 1];
	uint32_t code = 0;
	struct call c;
	bool moved, fails = says(h, "fails");

	world_credential(slice_str("h"), &cred);
	(void)hotp_code(h->world->kit.hotp, cred.params.algorithm,
	                slice_of(cred.secret, cred.secret_len), (uint64_t)h->draws,
	                cred.params.digits, &code);
	hotp_text(code, cred.params.digits, text);
	h->draws += !fails;
	h->forwarding = !fails;
	call_begin(h, &c, EVENT_ROOM);
	session_drawn(h->s, &h->env, fails ? slice_of(NULL, 0) : slice_str(text), &c.step);
	return call_finish(h, &c, 0, &moved);
}

static bool answer_admit(struct host *h)
{
	enum verdict answer = says(h, "banned") ? VERDICT_BANNED : VERDICT_ACCEPTED;
	struct call c;
	bool moved;

	call_begin(h, &c, EVENT_ROOM);
	session_admitted(h->s, &h->env, &(struct session_word){.verdict = answer}, &c.step);
	return call_finish(h, &c, 0, &moved);
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

static bool lease(struct host *h)
{
	if (h->s->extra == NULL) /* it has ended meanwhile */
		return true;
	memcpy(h->lease, h->s->extra->lease, sizeof h->lease);
	h->lease_at = h->env.now.mono_ms;
	session_leased(h->s);
	return h->consumed || fault_set(h->fault, "a lease for a code that was not used up");
}

bool host_answer_asks(struct host *h, bool *any)
{
	static const struct {
		unsigned ask;
		bool (*answer)(struct host *h);
	} answers[] = {
	    {ASK_TAKE, answer_take}, {ASK_DIAL, answer_dial}, {ASK_CONSUME, answer_consume},
	    {ASK_SETTLE, settle},    {ASK_DRAW, answer_draw}, {ASK_ADMIT, answer_admit},
	    {ASK_LEASE, lease}};

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
