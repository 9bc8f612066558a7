/* SPDX-License-Identifier: ISC */
/* One arithmetic for all databases, so that a test of one is a test of the rule. */
#include "store/record.h"

#include "base/text.h"

#include <stdio.h>

enum { QUOTE = 160, NUMBER_MAX = 1000000000 };

static bool params_ok(const struct otp_params *p)
{
	if (p->kind != OTP_HOTP && p->kind != OTP_TOTP)
		return false;
	if (p->algorithm != OTP_SHA1 && p->algorithm != OTP_SHA256 && p->algorithm != OTP_SHA512)
		return false;
	if (p->digits < OTP_DIGITS_MIN || p->digits > OTP_DIGITS_MAX)
		return false;
	return p->step <= NUMBER_MAX && p->back <= NUMBER_MAX && p->fwd <= NUMBER_MAX &&
	       p->window <= NUMBER_MAX && p->resync <= NUMBER_MAX;
}

static int login_check(struct slice login, struct err *e)
{
	if (login.n <= STORE_LOGIN_MAX)
		return 0;
	return err_set(e, "a sealed login has at most %d bytes, this one %zu", STORE_LOGIN_MAX,
	               login.n);
}

int store_login_check(const struct store_edit *edit, struct err *e)
{
	return edit->kind == STORE_LOGIN ? login_check(edit->login, e) : 0;
}

int store_user_check(const struct store_user *u, struct err *e)
{
	if (u->name.n == 0 || u->name.n > STORE_USER_MAX)
		return err_set(e, "a user name has 1 to %d bytes, this one %zu", STORE_USER_MAX,
		               u->name.n);
	if (u->blob.n == 0 || u->blob.n > STORE_BLOB_MAX)
		return err_set(e, "a sealed secret has 1 to %d bytes, this one %zu", STORE_BLOB_MAX,
		               u->blob.n);
	if (login_check(u->login, e) != 0)
		return -1;
	if (!params_ok(&u->params))
		return err_set(e, "the parameters of the credential are out of range");
	if (u->state.mark < -1 || u->state.pending < -1 || u->budget > NUMBER_MAX || u->expires < 0)
		return err_set(e, "the state of the credential is out of range");
	return 0;
}

int store_user_exists(struct slice name, struct err *e)
{
	char quote[QUOTE];

	return err_set(e, "user \"%s\" exists already", text_escape(name, quote, sizeof quote));
}

double store_guesses_now(double guesses, int64_t at, unsigned budget, int64_t now)
{
	if (now > at) {
		double elapsed = (double)now - (double)at;
		guesses += elapsed * (double)budget / (double)STORE_REFILL_SECONDS;
	}
	return guesses > (double)budget ? (double)budget : guesses;
}

bool store_delayed(int64_t failures, int64_t last, int64_t now)
{
	enum { SKEW = 60, DOUBLINGS = 12 }; /* the first power of two beyond the greatest delay */

	/* A request may have waited for its turn, and clocks are read apart. */
	if (failures <= 0 || now < last - SKEW)
		return false;
	int64_t delay =
	    failures > DOUBLINGS ? (int64_t)STORE_DELAY_MAX : (int64_t)1 << (failures - 1);
	return now - last < delay;
}

bool store_resyncs(const struct otp_state *s, const uint8_t source[16], int64_t now)
{
	return s->pending >= 0 && s->pending >= s->mark && now >= s->pending_at &&
	       now - s->pending_at < OTP_PENDING_SECONDS &&
	       memcmp(s->pending_source, source, sizeof s->pending_source) == 0;
}

enum store_status store_user_admitted(bool locked, bool stale, int64_t expires, int64_t now)
{
	if (locked)
		return STORE_LOCKED;
	if (expires != 0 && now >= expires)
		return STORE_EXPIRED;
	return stale ? STORE_STALE : STORE_DONE;
}

/* The last step that is accepted at `now`; no mark is beyond what has no steps. */
static int64_t window_end(const struct otp_params *p, int64_t now)
{
	if (p->kind != OTP_TOTP || p->step == 0 || now < 0)
		return INT64_MAX;
	return now / (int64_t)p->step + (int64_t)p->fwd;
}

int64_t store_reset_mark(const struct otp_params *p, int64_t mark, int64_t now)
{
	int64_t end = window_end(p, now);

	return mark > end ? end : mark;
}

void store_census_add(struct store_census *c, const struct store_user *u, int64_t now)
{
	enum store_status admitted = store_user_admitted(u->locked, u->stale, u->expires, now);

	c->users++;
	c->locked += admitted == STORE_LOCKED;
	c->expired += admitted == STORE_EXPIRED;
	c->stale += admitted == STORE_STALE;
	c->ahead += u->state.mark > window_end(&u->params, now);
}

const char *store_user_condition(const struct store_user *u, int64_t now)
{
	switch (store_user_admitted(u->locked, u->stale, u->expires, now)) {
	case STORE_LOCKED:
		return "locked";
	case STORE_EXPIRED:
		return "expired";
	case STORE_STALE:
		return "stale";
	default:
		return u->state.mark > window_end(&u->params, now) ? "ahead" : "ok";
	}
}

int store_edit_conflict(struct err *e)
{
	return err_set(e, "the counter of this user is there already or beyond");
}

enum store_status store_op_fail(struct store_op *op, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(op->err.text, sizeof op->err.text, format, ap);
	va_end(ap);
	return op->status = STORE_FAILED;
}

bool store_ban_valid(const struct store_ban *ban)
{
	return ban->kind >= STORE_BAN_ADDRESS && ban->kind <= STORE_BAN_CLIENT_ID &&
	       ban->value.n != 0 && ban->value.n <= STORE_BAN_VALUE_MAX &&
	       ban->reason.n <= STORE_BAN_REASON_MAX && ban->since >= 0 && ban->until >= 0;
}
