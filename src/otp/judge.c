/* SPDX-License-Identifier: ISC */
/* Every candidate that could be accepted is computed and compared whatever has matched before, and
 * for a code that is refused also every other one; so the time of a verdict tells nothing but the
 * verdict. Only ranks are kept on the way; the verdict is read off them at the end. A record that
 * cannot be (no step, a negative HOTP counter) is an error, that is, a refusal. */
#include "otp/judge.h"

#include "base/secret.h"

struct trial {
	struct hotp *h;
	const struct otp_credential *c;
	uint32_t value; /* what was sent */
	bool valid;     /* it has the form of a code */
	bool keyed;     /* the context has the secret */
	bool failed;    /* libcrypto failed on some candidate */
};

/* The number that the code writes; its length is no secret. */
static struct trial trial_of(struct hotp *h, const struct otp_credential *c, struct slice code)
{
	struct trial t = {.h = h, .c = c, .valid = code.n == c->params.digits};

	for (size_t i = 0; t.valid && i < code.n; i++) {
		t.valid = code.p[i] >= '0' && code.p[i] <= '9';
		t.value = t.value * 10 + (uint32_t)(code.p[i] - '0');
	}
	return t;
}

static bool matches(struct trial *t, int64_t counter)
{
	const struct otp_params *p = &t->c->params;
	uint32_t want = 0;
	int r;

	if (t->keyed)
		r = hotp_another(t->h, p->algorithm, (uint64_t)counter, p->digits, &want);
	else
		r = hotp_code(t->h, p->algorithm, slice_of(t->c->secret, t->c->secret_len),
		              (uint64_t)counter, p->digits, &want);
	t->keyed = r == 0;
	if (r != 0) {
		t->failed = true;
		return false;
	}
	return secret_equal(&want, &t->value, sizeof want) & t->valid;
}

static struct otp_judgement judge_totp(struct trial *t, int64_t time)
{
	const struct otp_params *p = &t->c->params;
	int64_t now = totp_step(time, p->step), accepted = -1;
	bool replayed = false;

	if (p->step == 0 || now < 0)
		return (struct otp_judgement){
		    .verdict = OTP_ERROR, .new_mark = -1, .new_pending = -1};
	int64_t from = now < (int64_t)p->back ? 0 : now - (int64_t)p->back;
	for (int64_t step = from; step <= now + (int64_t)p->fwd; step++) {
		bool hit = matches(t, step);
		if (hit && step <= t->c->state.mark)
			replayed = true;
		else if (hit && accepted < 0)
			accepted = step;
	}
	enum otp_verdict v = accepted >= 0 ? OTP_ACCEPT : replayed ? OTP_REPLAY : OTP_BAD;
	return (struct otp_judgement){.verdict = v, .new_mark = accepted, .new_pending = -1};
}

/* A pending counter counts while it is young, and never below the mark, which only rises. */
static bool pending_counts(const struct otp_state *s, int64_t time)
{
	return s->pending >= s->mark && s->pending < INT64_MAX && time >= s->pending_at &&
	       time - s->pending_at < OTP_PENDING_SECONDS;
}

struct hotp_hits {
	int64_t accepted, ahead; /* the lowest match in the window, and beyond it; -1 none */
	bool replayed;
};

static struct hotp_hits hotp_search(struct trial *t)
{
	const struct otp_params *p = &t->c->params;
	struct hotp_hits hits = {-1, -1, false};
	int64_t next = t->c->state.mark;
	int64_t span = p->resync > p->window ? (int64_t)p->resync : (int64_t)p->window;

	if (next > 0)
		hits.replayed = matches(t, next - 1);
	for (int64_t i = 0; i < span && next < INT64_MAX - i - 1; i++) {
		/* What lies beyond is for a code that is refused, and most of the work. */
		if (i >= (int64_t)p->window && hits.accepted >= 0)
			break;
		bool hit = matches(t, next + i);
		if (hit && i < (int64_t)p->window && hits.accepted < 0)
			hits.accepted = next + i;
		else if (hit && i >= (int64_t)p->window && hits.ahead < 0)
			hits.ahead = next + i;
	}
	return hits;
}

static struct otp_judgement judge_hotp(struct trial *t, int64_t time, const uint8_t source[16])
{
	const struct otp_state *s = &t->c->state;
	struct otp_judgement j = {.verdict = OTP_BAD, .new_mark = -1, .new_pending = -1};

	if (s->mark < 0) {
		j.verdict = OTP_ERROR;
		return j;
	}
	bool counts = pending_counts(s, time);
	bool followed = counts && matches(t, s->pending);
	struct hotp_hits hits = hotp_search(t);
	bool own = secret_equal(source, s->pending_source, sizeof s->pending_source);
	if (followed || hits.accepted >= 0) {
		j.verdict = OTP_ACCEPT;
		j.new_mark = (followed ? s->pending : hits.accepted) + 1;
	} else if (hits.replayed) {
		j.verdict = OTP_REPLAY;
	} else if (hits.ahead >= 0) {
		j.verdict = OTP_RESYNC;
		j.new_pending = hits.ahead + 1;
	}
	j.forget_pending = s->pending >= 0 && (!counts || followed || own ||
	                                       j.new_mark > s->pending || j.new_pending >= 0);
	return j;
}

struct otp_judgement otp_judge(struct hotp *h, const struct otp_credential *c, struct slice code,
                               int64_t time, const uint8_t source[16])
{
	struct trial t = trial_of(h, c, code);
	struct otp_judgement j;

	if (c->params.kind == OTP_TOTP)
		j = judge_totp(&t, time);
	else
		j = judge_hotp(&t, time, source);
	hotp_forget(h);
	if (t.failed)
		j = (struct otp_judgement){.verdict = OTP_ERROR, .new_mark = -1, .new_pending = -1};
	return j;
}
