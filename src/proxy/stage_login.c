/* SPDX-License-Identifier: ISC */
/* From a judged CONNECT to the one that goes up: the code is judged, the broker is dialled, the
 * mark is made durable, a code for the broker is drawn, and only then is it written. The order is
 * the promise: nothing is used up unless the broker stands, nothing is sent unless it is used up,
 * and for a client that is not let in no code is drawn. */
#include "proxy/stage.h"

void stage_dial(struct session *s, const struct session_env *env, struct session_step *step)
{
	session_enter(s, SESSION_DIALING);
	s->deadline = env->now.mono_ms + env->policy->broker_timeout_ms;
	step->ask |= ASK_DIAL;
}

/* What the log alone is told of a refusal beside its verdict. */
static const char *why_refused(const struct otp_judgement *j, struct slice code)
{
	if (j->verdict == OTP_ERROR)
		return "the code could not be computed";
	return j->verdict == OTP_BAD && code.n == 0 ? "no code stands in the password" : NULL;
}

/* A code that is not accepted: what the store must know of it, and the refusal. */
static void refuse_code(struct session *s, const struct session_env *env,
                        const struct session_credential *answer, const struct otp_judgement *j,
                        const char *why, struct session_step *step)
{
	static const enum verdict verdicts[] = {[OTP_ACCEPT] = VERDICT_ACCEPTED,
	                                        [OTP_REPLAY] = VERDICT_OTP_REPLAYED,
	                                        [OTP_RESYNC] = VERDICT_OTP_RESYNC,
	                                        [OTP_BAD] = VERDICT_OTP_WRONG,
	                                        [OTP_ERROR] = VERDICT_STORE_FAILED};

	s->settle =
	    (struct session_settle){.id = answer->id,
	                            .give_back = answer->guess_taken && j->verdict == OTP_REPLAY,
	                            .failed = j->verdict == OTP_BAD || j->verdict == OTP_RESYNC,
	                            .replayed = j->verdict == OTP_REPLAY,
	                            .forget_pending = j->forget_pending,
	                            .pending = j->verdict == OTP_RESYNC ? j->new_pending : -1};
	if (s->settle.failed || s->settle.replayed || s->settle.forget_pending)
		step->ask |= ASK_SETTLE;
	session_deny(s, env, verdicts[j->verdict], why, step);
}

/* The same password from the same client again. Its code is not looked at, so there is no guess. */
static void go_on_leased(struct session *s, const struct session_env *env,
                         const struct session_credential *answer, struct session_step *step)
{
	session_give_back(s, answer->id, answer->guess_taken, step);
	s->login = LOGIN_LEASED;
	stage_dial(s, env, step);
}

/* What is to go up in place of the client's login. False where there is none. */
static bool keep_stored(struct session *s, const struct session_credential *answer)
{
	struct otp_login login;

	if (s->forward != FORWARD_STORED)
		return true;
	if (!otp_login_unpack(answer->login, &login))
		return false;
	if (answer->login.n > sizeof s->extra->stored || !session_extra(s))
		return false;
	memcpy(s->extra->stored, answer->login.p, answer->login.n);
	s->extra->stored_len = answer->login.n;
	return true;
}

/* Before a code is looked at: this tells nothing of it, and was no guess. */
static void refuse_unjudged(struct session *s, const struct session_env *env,
                            const struct session_credential *answer, enum verdict v,
                            const char *why, struct session_step *step)
{
	session_give_back(s, answer->id, answer->guess_taken, step);
	session_deny(s, env, v, why, step);
}

void session_taken(struct session *s, const struct session_env *env, struct slice client,
                   const struct session_credential *answer, struct session_step *step)
{
	struct mqtt_frame f;
	struct mqtt_connect c;
	struct slice fixed, code = {0};

	if (s->state != SESSION_JUDGING)
		return;
	if (answer->stranger && env->policy->pass_strangers) {
		s->login = LOGIN_PASSED;
		s->forward = FORWARD_PASSWORD;
		stage_dial(s, env, step);
		return;
	}
	if (!answer->found) {
		refuse_unjudged(s, env, answer, answer->why, answer->reason, step);
		return;
	}
	if (mqtt_frame_next(client, &f) != MQTT_OK || client.n < f.head + (size_t)f.remaining ||
	    mqtt_connect_get(slice_of(client.p + f.head, f.remaining), f.minimal, &c) != MQTT_OK) {
		refuse_unjudged(s, env, answer, VERDICT_STORE_FAILED, "the CONNECT is gone", step);
		return;
	}
	if (s->extra != NULL)
		s->extra->edition = answer->edition;
	s->forward = env->policy->forward; /* of one configuration with the layout */
	if (!keep_stored(s, answer)) {
		refuse_unjudged(
		    s, env, answer, VERDICT_OTP_LOCKED,
		    "no login for the broker is kept for this user: mqsecproxyctl user edit", step);
		return;
	}
	s->layout = env->policy->layout;
	s->digits = (uint8_t)answer->cred->params.digits;
	if (answer->leased) {
		go_on_leased(s, env, answer, step);
		return;
	}
	/* No code where it should stand is judged like a wrong one. */
	if (!otp_split(c.password, s->layout, s->digits, &fixed, &code))
		code = slice_of(NULL, 0);
	struct otp_judgement j =
	    otp_judge(env->kit->hotp, answer->cred, code, env->now.real_us / 1000000, s->source);
	if (j.verdict != OTP_ACCEPT) {
		refuse_code(s, env, answer, &j, why_refused(&j, code), step);
		return;
	}
	s->consume = (struct session_consume){
	    .id = answer->id, .mark = j.new_mark, .guess_taken = answer->guess_taken};
	stage_dial(s, env, step);
}

/* All is settled but the code that the broker is to get. */
static void draw(struct session *s, const struct session_env *env, struct session_step *step)
{
	if (!env->policy->inject.on) {
		session_enter(s, SESSION_FORWARDING);
		return;
	}
	/* Judged before; a new configuration may have come meanwhile. */
	if (!stage_may_draw(s, env, step))
		return;
	session_enter(s, SESSION_DRAWING);
	/* Its turn may be some time off: the broker's time begins anew, here and with the code. */
	s->deadline = env->now.mono_ms + env->policy->broker_timeout_ms;
	step->ask |= ASK_DRAW;
}

bool stage_stored(const struct session *s, struct otp_login *out)
{
	const struct session_extra *x = s->extra;

	return x != NULL && otp_login_unpack(slice_of(x->stored, x->stored_len), out);
}

struct slice session_user_up(const struct session *s, const struct policy *p)
{
	struct otp_login stored;

	if (s->forward == FORWARD_STORED && stage_stored(s, &stored))
		return stored.user;
	return s->forward == FORWARD_PASSWORD && s->has_user ? s->user : p->inject.user;
}

void session_drawn(struct session *s, const struct session_env *env, struct slice code,
                   struct session_step *step)
{
	if (s->state != SESSION_DRAWING)
		return;
	if (code.n == 0 || code.n > sizeof s->code) {
		session_deny(s, env, VERDICT_STORE_FAILED, "no code could be drawn for the broker",
		             step);
		return;
	}
	/* A new configuration may have come meanwhile, which has nobody to log in, or wants no
	 * codes. */
	if (!stage_may_draw(s, env, step))
		return;
	memcpy(s->code, code.p, code.n);
	s->code_len = (uint8_t)code.n;
	s->injects = env->policy->inject.on;
	s->deadline = env->now.mono_ms + env->policy->broker_timeout_ms;
	session_enter(s, SESSION_FORWARDING);
}

void session_dialled(struct session *s, const struct session_env *env, bool connected,
                     struct session_step *step)
{
	if (s->state != SESSION_DIALING)
		return;
	if (!connected) {
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE,
		             "no address of the broker could be connected to", step);
		return;
	}
	if (s->login != LOGIN_CODE) {
		draw(s, env, step);
		return;
	}
	session_enter(s, SESSION_CONSUMING);
	step->ask |= ASK_CONSUME;
}

void session_consumed(struct session *s, const struct session_env *env, enum verdict answer,
                      struct session_step *step)
{
	if (s->state != SESSION_CONSUMING)
		return;
	if (answer == VERDICT_ACCEPTED) {
		draw(s, env, step);
		return;
	}
	/* Somebody else used the code up: a replay, which is no guess. */
	if (answer == VERDICT_OTP_REPLAYED)
		session_give_back(s, s->consume.id, s->consume.guess_taken, step);
	session_deny(s, env, answer, NULL, step);
}
