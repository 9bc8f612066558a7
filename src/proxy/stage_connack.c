/* SPDX-License-Identifier: ISC */
/* What the broker says to the CONNECT, up to the packet that opens the relay or ends the login. The
 * broker is as little trusted as the client: what is no CONNACK, malformed or longer than the
 * client takes is no answer. A client is let in here alone, and where codes are verified a refusal
 * of credentials confirms none. */
#include "mqtt/control.h"
#include "mqtt/reply.h"
#include "proxy/stage.h"

/* A whole packet at the start of the view, or not yet. */
static enum mqtt_result whole_frame(const struct session_env *env, struct slice bytes,
                                    struct mqtt_frame *f, struct session_step *step)
{
	enum mqtt_result r = mqtt_frame_next(bytes, f);

	if (r == MQTT_MORE)
		step->want = bytes.n + 1;
	if (r != MQTT_OK)
		return r;
	if (f->remaining > env->policy->max_packet - f->head)
		return MQTT_TOO_LARGE;
	if (bytes.n >= f->head + (size_t)f->remaining)
		return MQTT_OK;
	step->want = f->head + (size_t)f->remaining;
	return MQTT_MORE;
}

/* AUTH before CONNACK, either way: passed on as it is, and the broker has its time anew. */
static void pass_auth(struct session *s, const struct session_env *env, enum side from,
                      const struct mqtt_frame *f, struct slice packet, struct session_step *step)
{
	struct writer *w = step->out[side_other(from)];

	if (w == NULL || writer_room(w) < packet.n)
		return;
	size_t before = w->len;
	if (limits_raised(s, env, side_other(from), packet.n))
		mqtt_control_put(w, f, slice_from(packet, f->head), &limits_brief);
	else
		writer_bytes(w, packet);
	if (limits_raised(s, env, side_other(from), w->len - before)) {
		w->len = before;
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE,
		             "an AUTH is longer than the client takes", step);
		return;
	}
	step->consumed = packet.n;
	meter_packets(env, from, f->type, 1, step);
	s->deadline = env->now.mono_ms + env->policy->broker_timeout_ms;
}

static enum mqtt_result check_auth(const struct session *s, const struct mqtt_frame *f,
                                   struct slice packet, bool from_client)
{
	if (s->version != MQTT_5 || !s->has_auth_method || f->type != MQTT_AUTH)
		return MQTT_PROTOCOL;
	enum mqtt_result r = mqtt_frame_check(f, MQTT_5, from_client);
	return r != MQTT_OK ? r : mqtt_control_check(f, slice_from(packet, f->head), MQTT_5);
}

/* From the client only AUTH may pass; everything else waits for CONNACK. */
static void await_client(struct session *s, const struct session_env *env, struct slice bytes,
                         struct session_step *step)
{
	struct mqtt_frame f;

	if (!s->has_auth_method || bytes.n == 0 || bytes.p[0] >> 4 != MQTT_AUTH)
		return;
	enum mqtt_result r = whole_frame(env, bytes, &f, step);
	if (r == MQTT_MORE)
		return;
	struct slice packet =
	    r == MQTT_OK ? slice_of(bytes.p, f.head + (size_t)f.remaining) : bytes;
	if (r == MQTT_OK)
		r = check_auth(s, &f, packet, true);
	if (r == MQTT_OK) {
		pass_auth(s, env, SIDE_CLIENT, &f, packet, step);
		return;
	}
	session_decide(s, env,
	               &(struct refusal){.verdict = VERDICT_MALFORMED,
	                                 .code = (uint8_t)mqtt_reason(r),
	                                 .why = "a malformed AUTH"},
	               step);
}

/* Writes a CONNACK, in brief where it is longer than the client takes [MQTT-3.2.2-19],
 * [MQTT-3.2.2-20]. False, with nothing written, where that is too long as well. */
static bool put_connack(const struct session *s, const struct session_env *env,
                        const struct mqtt_connack *a, struct mqtt_props_edit *edit,
                        struct writer *w)
{
	size_t before = w->len;

	mqtt_connack_put(w, s->version, a, edit);
	if (!limits_raised(s, env, SIDE_CLIENT, w->len - before))
		return true;
	w->len = before;
	edit->drop |= limits_brief.drop;
	mqtt_connack_put(w, s->version, a, edit);
	if (!limits_passed(s, SIDE_CLIENT, w->len - before))
		return true;
	w->len = before;
	return false;
}

static bool refuses_credentials(const struct session *s, const struct mqtt_connack *a)
{
	bool code3 = a->code == MQTT3_BAD_CREDENTIALS || a->code == MQTT3_NOT_AUTHORIZED;

	return code3 || (s->version == MQTT_5 &&
	                 (a->code == MQTT_BAD_CREDENTIALS || a->code == MQTT_NOT_AUTHORIZED));
}

/* The broker refuses. Where codes are verified a refusal of credentials looks like every other, so
 * that neither a right code is confirmed without the password nor who needs one. A client whose
 * code the proxy added has nothing to find out. */
static void refused_by_broker(struct session *s, const struct session_env *env,
                              const struct mqtt_connack *a, struct slice packet,
                              struct session_step *step)
{
	bool credentials = refuses_credentials(s, a);
	const char *why = s->injects && credentials
	                      ? "the code was added here: the log of who verifies it says more"
	                      : NULL;

	if (s->login != LOGIN_OPEN && credentials) {
		session_decide(s, env,
		               &(struct refusal){
		                   .verdict = VERDICT_BROKER_REFUSED, .code = a->code, .why = why},
		               step);
		return;
	}
	struct session_note *n = session_noted(step, NOTE_VERDICT);
	n->verdict = VERDICT_BROKER_REFUSED;
	n->code = a->code;
	n->why = why;
	if (limits_raised(s, env, SIDE_CLIENT, packet.n))
		(void)put_connack(s, env, a, &(struct mqtt_props_edit){0}, step->out[SIDE_CLIENT]);
	else
		writer_bytes(step->out[SIDE_CLIENT], packet);
	session_finish(s, step);
}

/* A client without an id has the one that the broker assigns, and is judged by it: by the rules,
 * then by bans. Its Will was judged already, as that of whoever could have any id. */
static void assigned(struct session *s, const struct session_env *env, const struct mqtt_connack *a,
                     struct session_step *step)
{
	struct mqtt_prop id;
	struct acl_verdict v;

	if (mqtt_props_find(a->props, MQTT_ASSIGNED_CLIENT_IDENTIFIER, &id) &&
	    session_identify(s, id.text, s->has_user, s->user) != 0) {
		session_deny(s, env, VERDICT_CONNECTION_LIMIT, "out of memory", step);
		return;
	}
	bool may = session_allowed(s, env, &v);
	if (may && v.allow)
		may = access_name(s, env, ACL_CLIENT_ID, &v);
	if (!may) {
		session_decide(s, env, &(struct refusal){.verdict = VERDICT_FILTERED, .rule = &v},
		               step);
		return;
	}
	access_deny(env, SIDE_CLIENT, ACL_CONNECT, slice_of(NULL, 0), &v, step);
	s->unadmitted = s->client_id.n != 0;
	step->ask |= s->unadmitted ? ASK_ADMIT : 0;
}

static void connack(struct session *s, const struct session_env *env, const struct mqtt_frame *f,
                    struct slice packet, struct session_step *step)
{
	struct writer *w = step->out[SIDE_CLIENT];
	uint8_t room[LIMITS_ROOM];
	struct mqtt_prop keep_alive;
	struct mqtt_connack a;

	if ((f->flags != 0 && s->version != MQTT_31) || (s->version == MQTT_5 && !f->minimal) ||
	    mqtt_connack_get(slice_from(packet, f->head), s->version, &a) != MQTT_OK) {
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE,
		             "the broker's CONNACK is malformed", step);
		return;
	}
	if (w == NULL || writer_room(w) < packet.n || s->unadmitted)
		return;
	s->fate = a.code == MQTT_SUCCESS       ? FATE_ACCEPTED
	          : refuses_credentials(s, &a) ? FATE_REFUSED
	                                       : FATE_OPEN;
	if (a.code == MQTT_SUCCESS && s->version == MQTT_5 && s->client_id.n == 0)
		assigned(s, env, &a, step);
	if (s->unadmitted)
		return;
	step->consumed = packet.n;
	meter_packets(env, SIDE_BROKER, MQTT_CONNACK, 1, step);
	if (s->state != SESSION_AWAIT_CONNACK)
		return;
	if (a.code != MQTT_SUCCESS) {
		refused_by_broker(s, env, &a, packet, step);
		return;
	}
	struct mqtt_props_edit edit = limits_edit(s, env, SIDE_BROKER, a.props, room);
	if (s->version != MQTT_5) { /* as it came: its length may be in a longer form */
		writer_bytes(w, packet);
	} else if (!put_connack(s, env, &a, &edit, w)) {
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE,
		             "the broker's CONNACK is longer than the client takes", step);
		return;
	}
	if (mqtt_props_find(a.props, MQTT_SERVER_KEEP_ALIVE, &keep_alive)) /* [MQTT-3.2.2-21] */
		s->alive.keep_ms = keep_alive.number * INT64_C(1000);
	alive_begin(s, env->now.mono_ms);
	/* Nothing else gives a lease, nor makes it longer. */
	if (s->extra != NULL && s->extra->may_lease && s->login == LOGIN_CODE)
		step->ask |= ASK_LEASE;
	else
		session_forget_extra(s);
	session_noted(step, NOTE_VERDICT)->verdict = VERDICT_ACCEPTED;
	session_enter(s, SESSION_RELAYING);
}

static void await_broker(struct session *s, const struct session_env *env, struct slice bytes,
                         struct session_step *step)
{
	uint8_t type = bytes.n == 0 || s->state != SESSION_AWAIT_CONNACK ? 0 : bytes.p[0] >> 4;
	bool awaited = type == MQTT_CONNACK || (type == MQTT_AUTH && s->has_auth_method);
	struct mqtt_frame f;
	enum mqtt_result r = awaited ? whole_frame(env, bytes, &f, step) : MQTT_PROTOCOL;

	if (r == MQTT_MORE || bytes.n == 0)
		return;
	struct slice packet =
	    r == MQTT_OK ? slice_of(bytes.p, f.head + (size_t)f.remaining) : bytes;
	if (r == MQTT_OK && type == MQTT_CONNACK)
		connack(s, env, &f, packet, step);
	else if (r == MQTT_OK && check_auth(s, &f, packet, false) == MQTT_OK)
		pass_auth(s, env, SIDE_BROKER, &f, packet, step);
	else
		session_deny(s, env, VERDICT_BROKER_UNREACHABLE,
		             "the broker sent something else than CONNACK", step);
}

void stage_await(struct session *s, const struct session_env *env, enum side from,
                 struct slice bytes, struct session_step *step)
{
	if (from == SIDE_CLIENT && s->state == SESSION_AWAIT_CONNACK)
		await_client(s, env, bytes, step);
	else if (from == SIDE_BROKER)
		await_broker(s, env, bytes, step);
}
