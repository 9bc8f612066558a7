/* SPDX-License-Identifier: ISC */
/* otp verify: what the gateway would say to a code now, and why. It only reads: no guess is taken,
 * nothing is used up. With --explain it looks far beyond the window, to tell a clock that is wrong
 * from a secret that is another. */
#include "ctl/state.h"

#include "base/secret.h"
#include "base/text.h"
#include "otp/judge.h"
#include "sys/clock.h"

#include <stdio.h>

enum { FAR_SECONDS = 86400, FAR_STEPS_MAX = 20000, FAR_COUNTERS = 10000 };

struct question {
	const uint8_t *key;
	char code[1][OTP_DIGITS_MAX + 1];
	int64_t now;
	bool explain, accepted;
	struct ctl_pairs pairs;
	const char *failure;
};

static bool gives(struct hotp *h, const struct otp_credential *c, int64_t counter, uint32_t want)
{
	uint32_t code = 0;

	return counter >= 0 &&
	       hotp_code(h, c->params.algorithm, slice_of(c->secret, c->secret_len),
	                 (uint64_t)counter, c->params.digits, &code) == 0 &&
	       code == want;
}

/* The match nearest to `from`, as an offset. false: none that near. */
static bool nearest(struct hotp *h, const struct otp_credential *c, int64_t from, int64_t far,
                    uint32_t want, int64_t *offset)
{
	for (int64_t i = 0; i <= far; i++) {
		for (int sign = -1; sign <= (i == 0 ? -1 : 1); sign += 2) {
			if (!gives(h, c, from + sign * i, want))
				continue;
			*offset = sign * i;
			return true;
		}
	}
	return false;
}

static void explain_totp(struct question *q, struct hotp *h, const struct otp_credential *c,
                         uint32_t want)
{
	int64_t step = c->params.step, now = totp_step(q->now, c->params.step), offset = 0;
	int64_t far = FAR_SECONDS / (step == 0 ? 1 : step);

	if (step == 0)
		return;
	ctl_pair_number(&q->pairs, "present-step", now);
	if (!nearest(h, c, now, far < FAR_STEPS_MAX ? far : FAR_STEPS_MAX, want, &offset)) {
		ctl_pair_text(&q->pairs, "matches",
		              "no step within a day: another secret, or "
		              "other parameters");
		return;
	}
	ctl_pair_number(&q->pairs, "matches-step", now + offset);
	ctl_pair_date(&q->pairs, "step-time", (now + offset) * step, "1970-01-01T00:00:00Z");
	ctl_pair_number(&q->pairs, "drift-steps", offset);
	ctl_pair_number(&q->pairs, "drift-seconds", offset * step);
	if (now + offset <= c->state.mark)
		ctl_pair_text(&q->pairs, "used", "at or before the last accepted code");
	if (offset < -(int64_t)c->params.back || offset > (int64_t)c->params.fwd)
		ctl_pair_text(&q->pairs, "window", "outside: one of the clocks is wrong");
}

static void explain_hotp(struct question *q, struct hotp *h, const struct otp_credential *c,
                         uint32_t want)
{
	int64_t next = c->state.mark, offset = 0;

	ctl_pair_number(&q->pairs, "next-counter", next);
	if (!nearest(h, c, next, FAR_COUNTERS, want, &offset)) {
		ctl_pair_text(&q->pairs, "matches",
		              "no counter near: another secret, or other "
		              "parameters");
		return;
	}
	ctl_pair_number(&q->pairs, "matches-counter", next + offset);
	ctl_pair_number(&q->pairs, "drift-counters", offset);
	if (offset < 0)
		ctl_pair_text(&q->pairs, "used", "before the last accepted code");
	else if (offset >= (int64_t)c->params.window)
		ctl_pair_text(&q->pairs, "window", "outside: user resync finds the counter");
}

static const char *verdict_name(enum otp_verdict v)
{
	static const char *const names[] = {[OTP_ACCEPT] = "accepted",
	                                    [OTP_REPLAY] = "otp_replayed",
	                                    [OTP_RESYNC] = "otp_resync",
	                                    [OTP_BAD] = "otp_wrong",
	                                    [OTP_ERROR] = "store_failed"};

	return names[v];
}

static void judge(struct question *q, struct hotp *h, const struct store_user *u,
                  const struct otp_credential *c)
{
	static const uint8_t nowhere[16];
	struct slice code = slice_str(q->code[0]);
	const char *condition = store_user_condition(u, q->now);
	bool refused = strcmp(condition, "ok") != 0 && strcmp(condition, "ahead") != 0;
	struct otp_judgement j = otp_judge(h, c, code, q->now, nowhere);
	uint64_t want = 0;

	q->accepted = j.verdict == OTP_ACCEPT && !refused;
	ctl_pair_text(&q->pairs, "verdict", refused ? "otp_locked" : verdict_name(j.verdict));
	if (!q->explain)
		return;
	ctl_pair_text(&q->pairs, "state", condition);
	if (code.n != c->params.digits || text_number(code, 0, UINT32_MAX, &want, NULL) != 0) {
		ctl_pair_text(&q->pairs, "matches", "nothing: it has another number of digits");
		ctl_pair_number(&q->pairs, "digits", c->params.digits);
	} else if (c->params.kind == OTP_TOTP) {
		explain_totp(q, h, c, (uint32_t)want);
	} else {
		explain_hotp(q, h, c, (uint32_t)want);
	}
}

static int ask(void *ctx, const struct store_user *u)
{
	struct question *q = ctx;
	struct otp_credential c;
	struct hotp *h = hotp_new(NULL);

	if (h == NULL)
		q->failure = "HMAC does not work here";
	else if (ctl_open_user(q->key, u, &c) != 0)
		q->failure = "the secret does not open: the state key is not the one it was sealed "
		             "with";
	else
		judge(q, h, u, &c);
	if (h != NULL)
		hotp_forget(h);
	otp_credential_wipe(&c);
	hotp_free(h);
	return 0;
}

static int verify_user(const struct ctl *ctl, const struct ctl_args *args,
                       const struct ctl_state *state)
{
	struct slice name = slice_str(args->operands[0]);
	struct question q = {.key = state->key,
	                     .explain = ctl_arg(args, "explain") != NULL,
	                     .pairs = {.json = ctl->json}};
	struct err e = {""};
	int result = ctl_read_codes(1, q.code);

	if (result != CTL_OK)
		return result;
	q.now = clock_now().real_us / 1000000;
	result = state->db->ops->user_find(state->db, name, ask, &q, &e);
	secret_wipe(q.code, sizeof q.code);
	if (result > 0)
		return ctl_no_user(name);
	if (result != 0 || q.failure != NULL)
		return ctl_fail("%s", result != 0 ? e.text : q.failure);
	ctl_pairs_end(&q.pairs);
	return q.accepted ? CTL_OK : CTL_FAILED;
}

static int verify(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_state state;
	int result = ctl_state_open(ctl, CTL_KEY_THERE, &state);

	if (result != CTL_OK)
		return result;
	result = verify_user(ctl, args, &state);
	ctl_state_close(&state);
	return result;
}

const struct ctl_command ctl_otp_verify = {
    .words = "otp verify",
    .usage = "USER [--explain]",
    .summary = "say whether a code, read from standard input, would be accepted; --explain says "
               "which step or counter it is. Nothing is used up",
    .n_operands = 1,
    .run = verify,
    .options = {{"explain", false, false}},
};
