/* SPDX-License-Identifier: ISC */
/* A draw outlives its connection where mail for it is under way: it then finds no connection, lets
 * the next one in line go on, and is freed. The order counts: what became of a code is given to the
 * store before the next one in line is called, so it is known when the next code is drawn. */
#include "worker/inject.h"

#include "base/secret.h"
#include "otp/secret.h"
#include "seal/atrest.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "worker/conn.h"
#include "worker/lines.h"
#include "worker/report.h"
#include "worker/worker.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECRET_FILE_MAX = 8192 };

enum draw_state {
	DRAW_IN_LINE,
	DRAW_ASKED, /* the store */
	DRAW_EARLY, /* for the next step, with the timer */
	DRAW_GIVEN  /* the session has the code */
};

struct draw {
	struct store_op op; /* first; its mail is the turn's, too, which comes before */
	struct line_place place;
	enum draw_state state;
	struct conn *conn; /* NULL: nobody waits any more */
	struct worker *worker;
	struct otp_credential cred; /* without a state */
	struct event timer;
};

static void draw_free(struct draw *d)
{
	otp_credential_wipe(&d->cred);
	free(d);
}

/* Its turn is over. */
static void draw_end(struct draw *d)
{
	if (d->conn != NULL)
		d->conn->up->draw = NULL;
	lines_leave(d->worker->shared->lines, &d->place);
	draw_free(d);
}

static int read_secret(const char *path, struct otp_credential *cred, struct err *e)
{
	struct buf content = {.cap = SECRET_FILE_MAX};
	struct err why = {""};

	if (file_read(NULL, path, true, &content, e) != 0) {
		buf_free(&content);
		return -1;
	}
	int n = otp_secret_parse(buf_view(&content), cred->secret, &why);
	buf_free(&content);
	if (n < 0)
		return err_set(e, "%s: %s", path, why.text);
	cred->secret_len = (size_t)n;
	return 0;
}

/* The secret of the user: of the configuration, or of a file that is read each time, so that a new
 * device or a new secret needs no reload. */
static int find_secret(const struct conf_otp *otp, struct slice user, struct otp_credential *cred,
                       struct err *e)
{
	char path[PATH_MAX];

	cred->params = otp->profile->params;
	if (otp->secret == NULL)
		return otp_secret_path(otp->secret_file, user, path, sizeof path, e) != 0
		           ? -1
		           : read_secret(path, cred, e);
	memcpy(cred->secret, otp->secret, otp->secret_len);
	cred->secret_len = otp->secret_len;
	return 0;
}

static void drawn(struct mail *mail);

static void ask_store(struct draw *d)
{
	int64_t now = d->worker->now.real_us / 1000000;

	d->state = DRAW_ASKED;
	d->op.mail.deliver = drawn;
	d->op.verb = STORE_DRAW;
	d->op.now = now;
	d->op.mark = d->op.kind == OTP_TOTP ? totp_step(now, d->cred.params.step) : 0;
	worker_ask(d->worker, &d->op);
}

static void called(struct mail *mail)
{
	struct draw *d = (struct draw *)mail;

	if (d->conn == NULL)
		draw_end(d);
	else
		ask_store(d);
}

static void step_came(evutil_socket_t fd, short what, void *arg)
{
	struct draw *d = arg;

	(void)fd;
	(void)what;
	d->worker->now = clock_now();
	ask_store(d);
}

static void fail(struct draw *d, const char *why)
{
	struct conn *c = d->conn;

	report_inject(c, why);
	draw_end(d);
	conn_drawn(c, slice_of(NULL, 0));
}

/* The step of now and the next are used: waits for the first in which one is free. */
static void await_step(struct draw *d)
{
	const struct now *now = &d->worker->now;
	int64_t at = d->op.mark * (int64_t)d->cred.params.step, us = at * 1000000 - now->real_us;
	char why[80];

	if (us / 1000 > session_deadline(d->conn->session) - now->mono_ms) {
		(void)snprintf(why, sizeof why, "the next code is free in %lld s",
		               (long long)(us / 1000000 + 1));
		fail(d, why);
		return;
	}
	struct timeval tv = {.tv_sec = us < 0 ? 0 : us / 1000000,
	                     .tv_usec = us < 0 ? 0 : us % 1000000};
	d->state = DRAW_EARLY;
	(void)event_add(&d->timer, &tv);
}

static void give_code(struct draw *d)
{
	struct hotp *hotp = d->worker->kit->hotp;
	const struct otp_params *p = &d->cred.params;
	char text[OTP_DIGITS_MAX + 1];
	uint32_t code = 0;

	int failed = hotp_code(hotp, p->algorithm, slice_of(d->cred.secret, d->cred.secret_len),
	                       (uint64_t)d->op.mark, p->digits, &code);
	hotp_forget(hotp);
	if (failed != 0) {
		fail(d, "the code could not be computed");
		return;
	}
	hotp_text(code, p->digits, text);
	secret_wipe(&code, sizeof code);
	secret_wipe(d->cred.secret, sizeof d->cred.secret);
	d->state = DRAW_GIVEN;
	conn_drawn(d->conn, slice_of((const uint8_t *)text, p->digits));
	secret_wipe(text, sizeof text);
}

static void drawn(struct mail *mail)
{
	struct draw *d = (struct draw *)mail;

	if (d->conn == NULL && d->op.status == STORE_FAILED)
		report_state(d->worker, d->op.err.text);
	if (d->conn == NULL)
		draw_end(d);
	else if (d->op.status == STORE_DONE)
		give_code(d);
	else if (d->op.status == STORE_EARLY)
		await_step(d);
	else
		fail(d, d->op.err.text);
}

static void settled(struct mail *mail)
{
	struct draw *d = (struct draw *)mail;

	if (d->op.status == STORE_FAILED)
		report_state(d->worker, d->op.err.text);
	draw_free(d);
}

static const struct conf_otp *otp_of(const struct conn *c)
{
	const struct snapshot *s = c->worker->snapshot;
	int otp = s->conf->brokers[s->listeners[c->listener]->broker].otp;

	return otp < 0 ? NULL : &s->conf->otps[otp];
}

bool inject_draw(struct conn *c)
{
	struct worker *w = c->worker;
	const struct conf_otp *otp = otp_of(c);
	struct slice user = session_user_up(c->session, &w->snapshot->policies[c->listener]);
	struct draw *d = otp == NULL ? NULL : calloc(1, sizeof *d);
	struct err e = {"out of memory"};

	if (d == NULL || find_secret(otp, user, &d->cred, &e) != 0) {
		report_inject(c, e.text);
		free(d);
		return false;
	}
	d->conn = c;
	d->worker = w;
	d->op.mail.deliver = called;
	d->op.reply_to = &w->mailbox;
	d->op.kind = d->cred.params.kind;
	d->place.mail = &d->op.mail;
	d->place.to = &w->mailbox;
	/* Codes of another kind, for another user, or of another secret begin anew. */
	atrest_name(w->shared->state_key, otp->profile_name, user,
	            slice_of(d->cred.secret, d->cred.secret_len), d->op.drawer);
	memcpy(d->place.key, d->op.drawer, sizeof d->place.key);
	event_assign(&d->timer, w->base, -1, 0, step_came, d);
	c->up->draw = d;
	if (lines_join(w->shared->lines, &d->place))
		ask_store(d);
	return true;
}

/* The code went up: what the broker said of it is for the store, then the next one goes on. */
static void retire(struct draw *d, enum session_fate fate)
{
	if (fate == FATE_OPEN || d->op.kind != OTP_HOTP) {
		draw_end(d);
		return;
	}
	d->op.mail.deliver = settled;
	d->op.verb = STORE_DRAWN;
	d->op.accepted = fate == FATE_ACCEPTED;
	worker_ask(d->worker, &d->op);
	/* The answer is mail to this thread, so it is still there. */
	lines_leave(d->worker->shared->lines, &d->place);
}

void inject_done(struct conn *c)
{
	struct draw *d = c->up == NULL ? NULL : c->up->draw;

	if (d == NULL)
		return;
	c->up->draw = NULL;
	d->conn = NULL;
	switch (d->state) {
	case DRAW_IN_LINE:
		if (lines_give_up(d->worker->shared->lines, &d->place))
			draw_free(d);
		break;
	case DRAW_ASKED:
		break;
	case DRAW_EARLY:
		(void)event_del(&d->timer);
		draw_end(d);
		break;
	case DRAW_GIVEN:
		retire(d, c->session->fate);
		break;
	}
}
