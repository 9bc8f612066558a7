/* SPDX-License-Identifier: ISC */
/* Secrets are opened here, for as long as the session judges with them, and wiped behind it. What
 * was asked is answered for, whether its connection is still there or not: the turn of a TAKE is
 * given up, and a guess that nobody will use given back. */
#include "worker/login.h"

#include "base/secret.h"
#include "seal/atrest.h"
#include "worker/conn.h"
#include "worker/report.h"
#include "worker/worker.h"

#include <stdlib.h>

static struct login *login_make(struct worker *w, const uint8_t source[16], enum store_verb verb,
                                void (*deliver)(struct mail *))
{
	struct login *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->worker = w;
	l->op.mail.deliver = deliver;
	l->op.reply_to = &w->mailbox;
	l->op.verb = verb;
	l->op.now = w->now.real_us / 1000000;
	l->op.pending = -1;
	memcpy(l->op.source, source, sizeof l->op.source);
	return l;
}

static struct login *login_new(const struct conn *c, enum store_verb verb,
                               void (*deliver)(struct mail *))
{
	return login_make(c->worker, c->session->source, verb, deliver);
}

/* Takes the request from its connection; NULL where the connection is gone, which may be because
 * the state took too long: why is told all the same. */
static struct conn *answered(struct login *l)
{
	struct conn *c = l->conn;

	if (c != NULL)
		c->login = NULL;
	if (l->op.status == STORE_FAILED)
		report_state(l->worker, l->op.err.text);
	return c;
}

/* What the store's answer means for a login that it does not let go on. */
static enum verdict verdict_of(enum store_status status, const char **reason)
{
	*reason = NULL;
	switch (status) {
	case STORE_UNKNOWN:
	case STORE_STRANGER:
		return VERDICT_USER_UNKNOWN;
	case STORE_CONFLICT:
		return VERDICT_OTP_REPLAYED;
	case STORE_DELAYED:
		*reason = "delay after failures from this source";
		return VERDICT_OTP_LOCKED;
	case STORE_REPLAYING:
		*reason = "too many used codes from this source";
		return VERDICT_OTP_LOCKED;
	case STORE_EXHAUSTED:
		*reason = "no guess is left for an unknown source";
		return VERDICT_OTP_LOCKED;
	case STORE_LOCKED:
		*reason = "locked by an administrator";
		return VERDICT_OTP_LOCKED;
	case STORE_EXPIRED:
		*reason = "expired";
		return VERDICT_OTP_LOCKED;
	case STORE_STALE:
		*reason = "the counter comes from an old copy: mqsecproxyctl user resync";
		return VERDICT_OTP_LOCKED;
	case STORE_DONE:
	case STORE_EARLY: /* of a DRAW only */
	case STORE_FAILED:
		break;
	}
	return VERDICT_STORE_FAILED;
}

static void settled(struct mail *mail)
{
	struct login *l = (struct login *)mail;

	(void)answered(l);
	free(l);
}

/* Nobody waits any more, so no code is judged, and this was no guess. */
static void give_guess_back(const struct login *taken)
{
	struct worker *w = taken->worker;
	struct login *l = w->shared->store == NULL
	                      ? NULL
	                      : login_make(w, taken->op.source, STORE_SETTLE, settled);

	/* Without memory the guess stays taken, which errs on the safe side. */
	if (l == NULL)
		return;
	l->op.id = taken->op.id;
	l->op.give_back = true;
	worker_ask(w, &l->op);
}

static void yielded(struct mail *mail)
{
	free((struct login *)mail);
}

/* The code was judged, and what came of it is on its way to the store: the next may be. */
static void yield_turn(struct login *l)
{
	struct store *store = l->worker->shared->store;

	l->conn = NULL;
	if (store == NULL || l->op.status != STORE_DONE) {
		free(l);
		return;
	}
	l->op.verb = STORE_YIELD;
	l->op.mail.deliver = yielded;
	worker_ask(l->worker, &l->op);
}

/* What the login of a session is known by, with the credential as TAKE found it. */
static struct lease lease_of(const struct session *s, int64_t id, int64_t edition)
{
	struct lease lease = {.id = id, .edition = edition};

	memcpy(lease.tag, s->extra->lease, sizeof lease.tag);
	return lease;
}

static bool leased(const struct conn *c, const struct store_op *op)
{
	const struct session *s = c->session;
	int64_t within_ms = c->worker->snapshot->policies[c->listener].lease.ms;

	if (s->extra == NULL || !s->extra->may_lease || within_ms == 0)
		return false;
	struct lease lease = lease_of(s, op->id, op->edition);
	return leases_held(c->worker->shared->leases, &lease, c->worker->now.mono_ms, within_ms);
}

/* What the broker gets in place of the client's login, where it gets that. */
static struct slice open_login(const struct login *l, const struct conn *c,
                               uint8_t out[OTP_LOGIN_MAX])
{
	struct slice blob = slice_of(l->op.login, l->op.login_len);

	if (c->worker->snapshot->policies[c->listener].forward != FORWARD_STORED ||
	    blob.n <= ATREST_OVERHEAD || blob.n - ATREST_OVERHEAD > OTP_LOGIN_MAX)
		return slice_of(NULL, 0);
	if (atrest_open(l->worker->shared->state_key, l->op.user, "login", blob, out) == 0)
		return slice_of(out, blob.n - ATREST_OVERHEAD);
	report_state(l->worker, "a login for a broker cannot be opened: the state key is not the "
	                        "one it was sealed with");
	return slice_of(NULL, 0);
}

static void taken(struct mail *mail)
{
	struct login *l = (struct login *)mail;
	struct conn *c = answered(l);
	struct otp_credential cred = {.params = l->op.params, .state = l->op.state};
	struct session_credential answer = {.stranger = l->op.status == STORE_STRANGER,
	                                    .id = l->op.id,
	                                    .edition = l->op.edition,
	                                    .guess_taken = l->op.guess_taken,
	                                    .cred = &cred};
	uint8_t login[OTP_LOGIN_MAX];

	if (c != NULL && c->session->state != SESSION_JUDGING) /* it took too long */
		c = NULL;
	answer.why = verdict_of(l->op.status, &answer.reason);
	if (l->op.status == STORE_DONE && l->op.blob_len > ATREST_OVERHEAD &&
	    l->op.blob_len - ATREST_OVERHEAD <= sizeof cred.secret) {
		answer.found = atrest_open(l->worker->shared->state_key, l->op.user, "secret",
		                           slice_of(l->op.blob, l->op.blob_len), cred.secret) == 0;
		cred.secret_len = l->op.blob_len - ATREST_OVERHEAD;
		if (!answer.found && c != NULL)
			report_state(l->worker,
			             "a secret cannot be opened: the state key is not the one it "
			             "was sealed with");
	}
	answer.leased = answer.found && c != NULL && leased(c, &l->op);
	if (answer.found && c != NULL)
		answer.login = open_login(l, c, login);
	if (c != NULL)
		conn_taken(c, &answer);
	else if (l->op.status == STORE_DONE && l->op.guess_taken)
		give_guess_back(l);
	secret_wipe(login, sizeof login);
	otp_credential_wipe(&cred);
	yield_turn(l);
}

static void consumed(struct mail *mail)
{
	struct login *l = (struct login *)mail;
	struct conn *c = answered(l);
	const char *reason;
	enum verdict v =
	    l->op.status == STORE_DONE ? VERDICT_ACCEPTED : verdict_of(l->op.status, &reason);

	if (c != NULL)
		conn_consumed(c, v);
	free(l);
}

bool login_take(struct conn *c)
{
	struct slice user = c->session->user;
	struct login *l = user.n > STORE_USER_MAX ? NULL : login_new(c, STORE_TAKE, taken);

	if (l == NULL)
		return false;
	if (user.n != 0)
		memcpy(l->user, user.p, user.n);
	l->op.user = slice_of(l->user, user.n);
	l->op.in_turn = true;
	l->op.strangers = c->worker->snapshot->policies[c->listener].pass_strangers;
	l->conn = c;
	c->login = l;
	worker_ask(c->worker, &l->op);
	return true;
}

bool login_consume(struct conn *c)
{
	struct login *l = login_new(c, STORE_CONSUME, consumed);

	if (l == NULL)
		return false;
	l->op.id = c->session->consume.id;
	l->op.mark = c->session->consume.mark;
	l->op.give_back = c->session->consume.guess_taken;
	l->conn = c;
	c->login = l;
	worker_ask(c->worker, &l->op);
	return true;
}

void login_settle(struct conn *c)
{
	const struct session_settle *settle = &c->session->settle;
	struct login *l = login_new(c, STORE_SETTLE, settled);

	/* Without memory the guess stays taken, which errs on the safe side. */
	if (l == NULL)
		return;
	l->op.id = settle->id;
	l->op.give_back = settle->give_back;
	l->op.failed = settle->failed;
	l->op.replayed = settle->replayed;
	l->op.forget_pending = settle->forget_pending;
	l->op.pending = settle->pending;
	worker_ask(c->worker, &l->op);
}

void login_lease(struct conn *c)
{
	const struct session *s = c->session;

	if (s->extra == NULL) /* it has ended meanwhile */
		return;
	struct lease lease = lease_of(s, s->consume.id, s->extra->edition);
	leases_grant(c->worker->shared->leases, &lease, c->worker->now.mono_ms);
	session_leased(c->session);
}

void login_forget(struct conn *c)
{
	if (c->login != NULL)
		c->login->conn = NULL;
	c->login = NULL;
}
