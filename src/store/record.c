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

int store_user_check(const struct store_user *u, struct err *e)
{
	if (u->name.n == 0 || u->name.n > STORE_USER_MAX)
		return err_set(e, "a user name has 1 to %d bytes, this one %zu", STORE_USER_MAX,
		               u->name.n);
	if (u->blob.n == 0 || u->blob.n > STORE_BLOB_MAX)
		return err_set(e, "a sealed secret has 1 to %d bytes, this one %zu", STORE_BLOB_MAX,
		               u->blob.n);
	if (!params_ok(&u->params))
		return err_set(e, "the parameters of the credential are out of range");
	if (u->state.mark < -1 || u->state.pending < -1 || u->budget > NUMBER_MAX)
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

enum store_status store_op_fail(struct store_op *op, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(op->err.text, sizeof op->err.text, format, ap);
	va_end(ap);
	return op->status = STORE_FAILED;
}
