/* SPDX-License-Identifier: ISC */
/* CONNECT: read, judged by lists and Will, later written anew. The packet stays with the caller,
 * unconsumed, until all is settled, so no second copy of a password exists; when it is written it
 * is parsed once more from the same bytes. */
#include "base/secret.h"
#include "mqtt/reply.h"
#include "proxy/stage.h"

#include <stdlib.h>

static void refuse(struct session *s, const struct session_env *env, enum verdict v, uint8_t code,
                   const char *why, struct session_step *step)
{
	session_decide(s, env, &(struct refusal){.verdict = v, .code = code, .why = why}, step);
}

/* The version that a CONNECT declares, from the first bytes of its body: enough to answer a packet
 * that will not be read. 0 where they do not say. */
static enum mqtt_version declared_version(struct slice body)
{
	struct reader r = reader_of(body);
	struct slice name = reader_binary(&r);
	uint8_t level = reader_u8(&r) & 0x7f;

	if (r.bad)
		return 0;
	if (slice_eq(name, slice_str("MQTT")))
		return level == MQTT_5 ? MQTT_5 : MQTT_311;
	return MQTT_31;
}

enum { VERSION_BYTES = 9 }; /* of a body: the longest protocol name, its length field, the level */

/* A CONNECT longer than is allowed: nothing of it is read but what tells how to answer. */
static void too_large(struct session *s, const struct session_env *env, const struct mqtt_frame *f,
                      struct slice bytes, struct session_step *step)
{
	if (bytes.n < (size_t)f->head + VERSION_BYTES) {
		step->want = (size_t)f->head + VERSION_BYTES;
		return;
	}
	s->version = declared_version(slice_from(bytes, f->head));
	refuse(s, env, VERDICT_TOO_LARGE, MQTT_PACKET_TOO_LARGE,
	       "CONNECT is longer than max-connect", step);
}

/* What is remembered of the client. */
static int remember(struct session *s, const struct mqtt_connect *c)
{
	struct slice user = c->has_user ? c->user : slice_of(NULL, 0);
	struct mqtt_prop expiry;

	if (session_identify(s, c->client_id, c->has_user, user) != 0)
		return -1;
	s->expires =
	    mqtt_props_find(c->props, MQTT_SESSION_EXPIRY_INTERVAL, &expiry) && expiry.number != 0;
	s->has_auth_method = (c->props_seen & MQTT_PROP_BIT(MQTT_AUTHENTICATION_METHOD)) != 0;
	return 0;
}

/* The Will's payload under the rule of its topic. False where no rule changes it. */
static bool will_in(const struct session_env *env, const struct mqtt_connect *c,
                    struct payload_in *in)
{
	struct mqtt_prop pfi;

	if (!c->has_will)
		return false;
	const struct payload_rule *rule = policy_rule(env->policy, c->will_topic);
	if (rule == NULL || !policy_rule_changes(rule))
		return false;
	*in = (struct payload_in){
	    .rule = rule,
	    .from = SIDE_CLIENT,
	    .connect_will = true,
	    .retain = c->will_retain,
	    .utf8 = mqtt_props_find(c->will_props, MQTT_PAYLOAD_FORMAT_INDICATOR, &pfi) &&
	            pfi.number == 1,
	    .v5 = c->version == MQTT_5,
	    .topic = c->will_topic,
	    .payload = c->will_payload,
	    .props = c->will_props};
	return true;
}

/* The message of a Will that gets sealed and the size of its envelope; false where that is more
 * than a Will may be. */
static bool will_message(const struct session_env *env, const struct payload_in *in,
                         struct payload_clear *clear, struct seal_message *m, size_t *size)
{
	bool fits;

	if (!payload_take_props(env, in, clear))
		return false;
	*m = payload_message(in, clear);
	*size = envelope_size(seal_inner_size(m, &fits));
	return fits && *size <= UINT16_MAX;
}

/* Opens and measures the Will, so that what cannot be forwarded is refused before anything is
 * asked. */
static bool will_judged(struct session *s, const struct session_env *env,
                        const struct mqtt_connect *c, struct session_step *step)
{
	struct payload_in in;
	struct payload_clear clear;
	struct seal_opened opened;
	struct seal_message m;
	size_t size;
	bool fits = true;

	if (!will_in(env, c, &in))
		return true;
	enum seal_error error = payload_open(env, &in, &clear, &opened);
	if (error != SEAL_OK) {
		session_note_payload(env, step, error, &in);
		refuse(s, env, VERDICT_WILL_REFUSED, 0, "the Will's payload cannot be opened",
		       step);
		return false;
	}
	if (payload_gets_sealed(&in, &clear))
		fits = will_message(env, &in, &clear, &m, &size);
	if (!fits)
		refuse(s, env, VERDICT_WILL_TOO_LARGE, 0,
		       "the Will's payload is too large to be sealed", step);
	return fits;
}

/* Asks the lists: the client, its names where rules on topics use them, and the topic of its Will.
 * An empty client id of 5.0 is judged when the broker has assigned one. */
static bool allowed(struct session *s, const struct session_env *env, const struct mqtt_connect *c,
                    struct session_step *step)
{
	bool id_later = c->version == MQTT_5 && c->client_id.n == 0;
	struct acl_verdict v;
	enum verdict verdict = VERDICT_FILTERED;
	bool may = session_allowed(s, env, &v);

	if (may && v.allow)
		may = access_name(s, env, ACL_USER, &v);
	if (may && v.allow && !id_later)
		may = access_name(s, env, ACL_CLIENT_ID, &v);
	if (may && v.allow && c->has_will) {
		verdict = VERDICT_WILL_DENIED;
		may = access_publish(s, env, SIDE_CLIENT, c->will_topic, &v);
	}
	if (!may) {
		session_decide(s, env, &(struct refusal){.verdict = verdict, .rule = &v}, step);
		return false;
	}
	access_deny(env, SIDE_CLIENT, verdict == VERDICT_FILTERED ? ACL_CONNECT : ACL_PUBLISH,
	            verdict == VERDICT_FILTERED ? slice_of(NULL, 0) : c->will_topic, &v, step);
	return true;
}

bool stage_may_draw(struct session *s, const struct session_env *env, struct session_step *step)
{
	bool named =
	    s->forward == FORWARD_STORED || (s->forward == FORWARD_PASSWORD && s->has_user);

	if (!env->policy->inject.on || named || env->policy->inject.user.n != 0)
		return true;
	refuse(s, env, VERDICT_USER_MISSING, 0,
	       "the client sends no user name, and the otp block of its broker supplies none",
	       step);
	return false;
}

/* The rest of the judgement of a whole CONNECT: version, lists, Will; then the login begins. */
static void judge(struct session *s, const struct session_env *env, const struct mqtt_connect *c,
                  struct session_step *step)
{
	s->version = c->version;
	s->connect_ms = env->now.mono_ms;
	if ((env->policy->versions & 1u << c->version) == 0) {
		refuse(s, env, VERDICT_VERSION_REFUSED, 0,
		       "the listener does not allow this version", step);
		return;
	}
	if (remember(s, c) != 0) {
		refuse(s, env, VERDICT_CONNECTION_LIMIT, 0, "out of memory", step);
		return;
	}
	if (env->due.verdict != VERDICT_ACCEPTED) {
		session_refuse(s, env, &env->due, step);
		return;
	}
	if (!allowed(s, env, c, step))
		return;
	if (!will_judged(s, env, c, step))
		return;
	s->login = env->policy->otp ? LOGIN_CODE : LOGIN_OPEN;
	s->forward = env->policy->otp ? env->policy->forward : FORWARD_PASSWORD;
	if (s->login == LOGIN_CODE && !s->has_user) {
		refuse(s, env, VERDICT_USER_MISSING, 0, NULL, step);
		return;
	}
	if (!stage_may_draw(s, env, step))
		return;
	if (s->login == LOGIN_OPEN) {
		stage_dial(s, env, step);
		return;
	}
	/* Without memory there is no lease. */
	if (lease_wanted(s, env) && session_extra(s))
		lease_tag(s, env, c);
	session_enter(s, SESSION_JUDGING);
	s->deadline = env->now.mono_ms + env->policy->broker_timeout_ms;
	step->ask |= ASK_TAKE;
}

void stage_greet(struct session *s, const struct session_env *env, struct slice bytes,
                 struct session_step *step)
{
	struct mqtt_frame f;
	struct mqtt_connect c;
	enum mqtt_result r = mqtt_frame_next(bytes, &f);

	if (r == MQTT_MORE) {
		step->want = bytes.n + 1;
		return;
	}
	if (r != MQTT_OK || f.type != MQTT_CONNECT) {
		refuse(s, env, VERDICT_MALFORMED, MQTT_PROTOCOL_ERROR,
		       "the first packet is not CONNECT", step);
		return;
	}
	if (f.remaining > env->policy->max_connect - f.head) {
		too_large(s, env, &f, bytes, step);
		return;
	}
	if (bytes.n < f.head + (size_t)f.remaining) {
		step->want = f.head + (size_t)f.remaining;
		return;
	}
	s->connect_len = f.head + f.remaining;
	struct slice body = slice_of(bytes.p + f.head, f.remaining);
	r = mqtt_connect_get(body, f.minimal, &c);
	/* 3.1 gives the flags of a CONNECT no meaning, and no rule. */
	if (r == MQTT_OK && f.flags != 0 && c.version != MQTT_31)
		r = MQTT_MALFORMED;
	if (r == MQTT_OK) {
		judge(s, env, &c, step);
		return;
	}
	s->version = r == MQTT_UNSUPPORTED ? c.version : declared_version(body);
	if (r == MQTT_UNSUPPORTED)
		refuse(s, env, VERDICT_VERSION_REFUSED, 0, "not MQTT 3.1, 3.1.1 or 5.0", step);
	else
		refuse(s, env, VERDICT_MALFORMED, (uint8_t)mqtt_reason(r),
		       "the CONNECT is malformed", step);
}

/* Puts the Will into the form of the broker's leg. An envelope is built behind the room that
 * payload_open() needs. */
static bool rewrite_will(const struct session_env *env, struct mqtt_connect *c,
                         struct mqtt_props_edit *edit, struct session_step *step)
{
	struct payload_in in;
	struct payload_clear clear;
	struct seal_opened opened;
	struct seal_message m;
	size_t size;

	if (!will_in(env, c, &in))
		return true;
	if (payload_open(env, &in, &clear, &opened) != SEAL_OK)
		return false;
	meter_passed(env, &in, clear.form, step);
	bool sealed = payload_gets_sealed(&in, &clear);
	if (sealed && !will_message(env, &in, &clear, &m, &size))
		return false;
	*edit = payload_edit(env, &in, &clear, sealed);
	c->will_payload = clear.payload;
	if (!sealed)
		return true;
	uint8_t *out = env->kit->scratch + env->kit->scratch_size - UINT16_MAX;
	if (seal_message(payload_sealer(env, &in), &m, env->now, out) != SEAL_OK)
		return false;
	meter_sealed(env, &in, step);
	c->will_payload = slice_of(out, size);
	return true;
}

/* What a client lacks is supplied, and the code put into its place. */
static bool inject_code(const struct session *s, const struct policy_inject *inject,
                        struct mqtt_connect *c)
{
	struct slice parts[2];

	if (!c->has_user && inject->user.n == 0)
		return false;
	if (!c->has_user)
		c->user = inject->user;
	otp_join(c->has_password ? c->password : inject->password, inject->layout,
	         slice_of(s->code, s->code_len), parts);
	c->password = parts[0];
	c->password_rest = parts[1];
	c->has_user = c->has_password = true;
	c->user_flag_only = c->password_flag_only = false;
	return true;
}

/* There is a code in the password, fresh or not. */
static bool by_code(const struct session *s)
{
	return s->login == LOGIN_CODE || s->login == LOGIN_LEASED;
}

/* Takes the code out, and what is not to go up with it. */
static bool take_code_out(const struct session *s, struct mqtt_connect *c)
{
	struct slice fixed, code;
	struct otp_login stored;

	switch (s->forward) {
	case FORWARD_PASSWORD:
		if (!otp_split(c->password, s->layout, s->digits, &fixed, &code))
			return false;
		c->password = fixed;
		c->has_password = s->layout != OTP_OTP_ONLY;
		return true;
	case FORWARD_STORED:
		if (!stage_stored(s, &stored))
			return false;
		c->user = stored.user;
		c->password = stored.password;
		c->has_password = true;
		return true;
	case FORWARD_NONE:
		c->user = c->password = slice_of(NULL, 0);
		c->has_user = c->has_password = false;
		c->user_flag_only = c->password_flag_only = false;
		return true;
	}
	return false;
}

/* The password and user name that the broker is to see. */
static bool rewrite_login(const struct session *s, const struct session_env *env,
                          struct mqtt_connect *c)
{
	if (by_code(s) && !take_code_out(s, c))
		return false;
	return !s->injects || inject_code(s, &env->policy->inject, c);
}

/* Whether it is another packet that goes up. */
static bool rewritten(const struct session *s, const struct session_env *env,
                      const struct mqtt_connect *c, const struct mqtt_props_edit *edit)
{
	struct payload_in in;

	return by_code(s) || s->injects || edit->drop != 0 || edit->append.n != 0 ||
	       will_in(env, c, &in);
}

void stage_forward(struct session *s, const struct session_env *env, struct slice bytes,
                   struct session_step *step)
{
	struct writer *w = step->out[SIDE_BROKER];
	struct mqtt_props_edit will_edit = {0};
	uint8_t room[LIMITS_ROOM];
	struct mqtt_frame f;
	struct mqtt_connect c;

	if (mqtt_frame_next(bytes, &f) != MQTT_OK || bytes.n < f.head + (size_t)f.remaining ||
	    w == NULL ||
	    mqtt_connect_get(slice_of(bytes.p + f.head, f.remaining), f.minimal, &c) != MQTT_OK ||
	    !rewrite_login(s, env, &c)) {
		refuse(s, env, VERDICT_MALFORMED, MQTT_UNSPECIFIED_ERROR,
		       "the CONNECT changed while it was judged", step);
		return;
	}
	if (!rewrite_will(env, &c, &will_edit, step)) {
		/* Judged before; only a new configuration or a fault of the library leads here. */
		refuse(s, env, VERDICT_WILL_REFUSED, 0, "the Will's payload cannot be forwarded",
		       step);
		return;
	}
	struct mqtt_props_edit edit = limits_edit(s, env, SIDE_CLIENT, c.props, room);
	size_t before = w->len;
	if (rewritten(s, env, &c, &edit))
		mqtt_connect_put(w, &c, &edit, &will_edit);
	else /* also in a header that this proxy would not have written */
		writer_bytes(w, slice_of(bytes.p, f.head + (size_t)f.remaining));
	if (w->full) {
		/* Nothing of the login stays behind. */
		secret_wipe(w->p + before, w->cap - before);
		w->len = before;
		w->full = false;
		refuse(s, env, VERDICT_TOO_LARGE, MQTT_PACKET_TOO_LARGE,
		       "the rewritten CONNECT does not fit", step);
		return;
	}
	step->consumed = f.head + (size_t)f.remaining;
	meter_packets(env, SIDE_CLIENT, MQTT_CONNECT, 1, step);
	s->connect_len = 0;
	s->alive.keep_ms = c.keep_alive * INT64_C(1000);
	session_enter(s, SESSION_AWAIT_CONNACK);
}
