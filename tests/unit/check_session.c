/* SPDX-License-Identifier: ISC */
/* What a scenario cannot say of the engine: wishes, timers, hints, counters, events at the wrong
 * time, a policy that changes. */
#include "proxy/session.h"
#include "tests/scenario/packet.h"
#include "tests/support/suite.h"

#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { START_MS = 70000, ROOM = 4096 };

static const struct named_policy plain_words = {"plain", {{NULL}, 0}};
static const struct named_policy seal_words = {"seal", {{"rule=t/#:plain:k1"}, 1}};
static const struct named_policy cut_words = {"cut", {{"rule=t/#:plain:k1:disconnect"}, 1}};
static const struct named_policy open_words = {"open", {{"rule=t/#:k1:plain"}, 1}};
static const struct named_policy otp_words = {"otp", {{"otp=password+otp"}, 1}};
static const struct named_policy inject_words = {"inject",
                                                 {{"inject=password+otp", "supply-user=u"}, 2}};
static const struct named_policy both_words = {"both", {{"otp=password+otp", "inject=otp"}, 2}};
static const struct named_policy deny_words = {"deny", {{"deny-id=c1"}, 1}};

static struct world *plain, *sealing, *cutting, *opening, *otp, *denying, *inject, *twice;

/* A session with its outputs and what the last call answered. */
struct rig {
	struct session *s;
	struct session_env env;
	enum mqtt_version version;
	bool leg;
	struct session_step step;
	struct writer out[2];
	uint8_t room[2][ROOM];
};

static void setup(void)
{
	plain = world_new(&plain_words);
	sealing = world_new(&seal_words);
	cutting = world_new(&cut_words);
	opening = world_new(&open_words);
	otp = world_new(&otp_words);
	inject = world_new(&inject_words);
	twice = world_new(&both_words);
	denying = world_new(&deny_words);
}

static void teardown(void)
{
	world_free(plain);
	world_free(sealing);
	world_free(cutting);
	world_free(opening);
	world_free(otp);
	world_free(inject);
	world_free(twice);
	world_free(denying);
}

static struct rig *rig_new(const struct world *w, enum mqtt_version version)
{
	static const struct acl_address address = {.b = {[10] = 0xff, [11] = 0xff, [15] = 1}};
	struct rig *r = take(sizeof *r);

	r->s = session_new(&address, address.b);
	r->version = version;
	r->env = (struct session_env){
	    .policy = &w->policy, .kit = &w->kit, .now = {START_MS, INT64_C(1800000003000000)}};
	return r;
}

static void rig_free(struct rig *r)
{
	session_free(r->s);
	free(r);
}

static struct session_step *fresh(struct rig *r, size_t room)
{
	r->step = (struct session_step){.consumed = 0};
	for (int i = 0; i < 2; i++)
		r->out[i] = (struct writer){.p = r->room[i], .cap = room};
	r->step.out[SIDE_CLIENT] = &r->out[SIDE_CLIENT];
	r->step.out[SIDE_BROKER] = r->leg ? &r->out[SIDE_BROKER] : NULL;
	return &r->step;
}

/* The packet of these words (blank between them); freed by the caller. */
static struct packet packet_of(const struct rig *r, const struct world *w, const char *text)
{
	struct making m = {
	    .world = w,
	    .version = r->version,
	    .now = r->env.now,
	    .expanding = {.hotp = w->kit.hotp, .time = r->env.now.real_us / 1000000}};
	char copy[512];
	struct words words = {.n = 0};
	struct packet p;
	struct fault f = {""};

	ck_assert_uint_lt(strlen(text), sizeof copy);
	memcpy(copy, text, strlen(text) + 1);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		words.w[words.n++] = word;
	ck_assert_msg(packet_make(&m, &words, &p, &f), "%s", f.text);
	return p;
}

static void give(struct rig *r, enum side from, const char *text, size_t room)
{
	struct packet p = packet_of(r, sealing, text);

	session_input(r->s, &r->env, from, slice_of(p.p, p.n), fresh(r, room));
	packet_free(&p);
}

static void expect_out(const struct rig *r, enum side to, const char *text)
{
	struct packet p = packet_of(r, sealing, text);
	struct making m = {.world = sealing, .version = r->version, .now = r->env.now};
	struct fault f = {""};

	ck_assert_uint_eq(r->out[to].len, p.n);
	ck_assert_msg(packet_match(&m, &p, slice_of(r->out[to].p, p.n), &f), "%s", f.text);
	packet_free(&p);
}

/* Up to a state; the CONNECT is kept for session_taken(). */
static void reach(struct rig *r, enum session_state state)
{
	const char *text = r->env.policy->otp ? "connect id=c1 user=$t pass=pw$code keep=33"
	                                      : "connect id=c1 keep=33";
	struct packet connect = packet_of(r, otp, text);
	struct slice view = slice_of(connect.p, connect.n);
	struct otp_credential cred;

	if (state > SESSION_GREET)
		session_input(r->s, &r->env, SIDE_CLIENT, view, fresh(r, ROOM));
	if (r->env.policy->otp && state > SESSION_JUDGING) {
		ck_assert(world_credential(slice_str("t0"), &cred));
		struct session_credential answer = {
		    .found = true, .id = 7, .guess_taken = true, .cred = &cred};
		session_taken(r->s, &r->env, view, &answer, fresh(r, ROOM));
	}
	if (state > SESSION_DIALING) {
		r->leg = true;
		session_dialled(r->s, &r->env, true, fresh(r, ROOM));
	}
	if (r->env.policy->otp && state > SESSION_CONSUMING)
		session_consumed(r->s, &r->env, VERDICT_ACCEPTED, fresh(r, ROOM));
	if (r->env.policy->inject.on && state > SESSION_DRAWING)
		session_drawn(r->s, &r->env, slice_str("12345678"), fresh(r, ROOM));
	if (state > SESSION_FORWARDING)
		session_input(r->s, &r->env, SIDE_CLIENT, view, fresh(r, ROOM));
	if (state > SESSION_AWAIT_CONNACK)
		give(r, SIDE_BROKER, "connack", ROOM);
	if (state == SESSION_DRAINING)
		session_ended(r->s, &r->env, SIDE_CLIENT, fresh(r, ROOM));
	if (state == SESSION_DEAD)
		session_broke(r->s, &r->env, SIDE_BROKER, fresh(r, ROOM));
	packet_free(&connect);
	ck_assert_int_eq(r->s->state, state);
}

START_TEST(small)
{
	ck_assert_uint_le(sizeof(struct session), 440);
}
END_TEST

/* What is wanted and when the timer is due, in each state that can be reached straight. */
static const struct state_row {
	enum session_state state;
	int login; /* 0 plain, 1 checked, 2 injected, 3 both */
	bool client, broker;
	int64_t deadline; /* after START_MS; 0 none */
	unsigned ask;     /* of the call that led there */
} states[] = {
    {SESSION_GREET, 0, true, false, 0, 0},
    {SESSION_JUDGING, 1, false, false, 5000, ASK_TAKE},
    {SESSION_DIALING, 0, false, false, 5000, ASK_DIAL},
    {SESSION_DIALING, 1, false, false, 5000, ASK_DIAL},
    {SESSION_CONSUMING, 1, false, false, 5000, ASK_CONSUME},
    {SESSION_DIALING, 2, false, false, 5000, ASK_DIAL},
    {SESSION_DRAWING, 2, false, true, 5000, ASK_DRAW},
    {SESSION_CONSUMING, 3, false, false, 5000, ASK_CONSUME},
    {SESSION_DRAWING, 3, false, true, 5000, ASK_DRAW},
    {SESSION_FORWARDING, 2, false, false, 5000, 0},
    {SESSION_AWAIT_CONNACK, 3, false, true, 5000, 0},
    {SESSION_FORWARDING, 0, false, false, 5000, 0},
    {SESSION_FORWARDING, 1, false, false, 5000, 0},
    {SESSION_AWAIT_CONNACK, 0, false, true, 5000, 0},
    {SESSION_AWAIT_CONNACK, 1, false, true, 5000, 0},
    {SESSION_RELAYING, 0, true, true, 66000, 0}, /* twice the keep-alive */
    {SESSION_DRAINING, 0, false, true, SESSION_HALF_CLOSE_MS, 0},
    {SESSION_DEAD, 0, false, false, 0, 0},
};

static const struct world *world_of(int login)
{
	return login == 0 ? plain : login == 1 ? otp : login == 2 ? inject : twice;
}

START_TEST(wants_and_deadlines)
{
	const struct state_row *row = &states[_i];
	struct rig *r = rig_new(world_of(row->login), MQTT_311);

	reach(r, row->state);
	ck_assert_int_eq(session_wants(r->s, SIDE_CLIENT), row->client);
	ck_assert_int_eq(session_wants(r->s, SIDE_BROKER), row->broker);
	ck_assert_int_eq(session_deadline(r->s), row->deadline == 0 ? 0 : START_MS + row->deadline);
	ck_assert_uint_eq(r->step.ask, row->ask);
	rig_free(r);
}
END_TEST

/* A timer that is early, and answers that nobody asked for, change nothing. */
START_TEST(untimely_events)
{
	const struct state_row *row = &states[_i];
	struct rig *r = rig_new(world_of(row->login), MQTT_5);
	struct session_credential answer = {.why = VERDICT_USER_UNKNOWN};
	int64_t deadline;

	reach(r, row->state);
	deadline = session_deadline(r->s);
	r->env.now.mono_ms = deadline == 0 ? START_MS + 1000000 : deadline - 1;
	session_timer(r->s, &r->env, fresh(r, ROOM));
	if (row->state != SESSION_JUDGING)
		session_taken(r->s, &r->env, slice_of(NULL, 0), &answer, &r->step);
	if (row->state != SESSION_DIALING)
		session_dialled(r->s, &r->env, false, &r->step);
	if (row->state != SESSION_CONSUMING)
		session_consumed(r->s, &r->env, VERDICT_STORE_FAILED, &r->step);
	if (row->state != SESSION_DRAWING)
		session_drawn(r->s, &r->env, slice_str("12345678"), &r->step);
	ck_assert_int_eq(r->s->state, row->state);
	ck_assert_int_eq(session_deadline(r->s), deadline);
	ck_assert_uint_eq(
	    r->out[SIDE_CLIENT].len + r->out[SIDE_BROKER].len + r->step.n_notes + r->step.ask, 0);
	rig_free(r);
}
END_TEST

/* Bytes, ends and stops behind the end: nothing, and no bytes are left to be given again. */
START_TEST(dead_is_dead)
{
	struct rig *r = rig_new(plain, MQTT_5);

	reach(r, SESSION_DEAD);
	give(r, (enum side)_i, "pingreq", ROOM);
	ck_assert_uint_eq(r->step.consumed, 2);
	session_ended(r->s, &r->env, SIDE_CLIENT, &r->step);
	session_broke(r->s, &r->env, SIDE_BROKER, &r->step);
	session_stop(r->s, &r->env, MQTT_SERVER_SHUTTING_DOWN, "stop", &r->step);
	session_refuse(r->s, &r->env, &(struct session_word){.verdict = VERDICT_TIMEOUT}, &r->step);
	ck_assert_uint_eq(
	    r->out[SIDE_CLIENT].len + r->out[SIDE_BROKER].len + r->step.n_notes + r->step.ask, 0);
	ck_assert(!r->step.close[SIDE_CLIENT] && !r->step.close[SIDE_BROKER]);
	rig_free(r);
}
END_TEST

/* Every verdict that a caller may refuse with, in every version: what is said, when, and what is
 * noted. */
START_TEST(refusals)
{
	enum verdict v = (enum verdict)(1 + _i / 3);
	enum mqtt_version version = (enum mqtt_version)(MQTT_31 + _i % 3);
	const struct verdict_info *info = verdict_info(v);
	struct rig *r = rig_new(plain, version);
	uint8_t code = version == MQTT_5 ? (uint8_t)info->code5 : (uint8_t)info->code3;
	bool says = version == MQTT_5 ? info->code5 != 0 : info->code3 >= 0;

	if (v == VERDICT_MALFORMED) /* it takes its code from the decoder */
		says = false;
	reach(r, SESSION_DIALING);
	r->env.now.mono_ms += 400;
	session_refuse(r->s, &r->env, &(struct session_word){.verdict = v}, fresh(r, ROOM));
	ck_assert_uint_eq(r->step.n_notes, 1);
	ck_assert_int_eq(r->step.notes[0].kind, NOTE_VERDICT);
	ck_assert_int_eq(r->step.notes[0].verdict, v);
	if (info->how == VERDICT_HELD) {
		ck_assert_int_eq(r->s->state, SESSION_REFUSING);
		ck_assert_int_eq(session_deadline(r->s), START_MS + SESSION_REFUSAL_MS);
		ck_assert_uint_eq(r->out[SIDE_CLIENT].len, 0);
		ck_assert(!r->step.close[SIDE_CLIENT] && r->step.close[SIDE_BROKER]);
		ck_assert(!session_wants(r->s, SIDE_CLIENT) && !session_wants(r->s, SIDE_BROKER));
		r->env.now.mono_ms = session_deadline(r->s);
		session_timer(r->s, &r->env, fresh(r, ROOM));
		ck_assert_uint_eq(r->step.n_notes, 0);
	}
	ck_assert_int_eq(r->s->state, SESSION_DEAD);
	ck_assert(r->step.close[SIDE_CLIENT]);
	ck_assert_int_eq(r->step.close[SIDE_BROKER], info->how != VERDICT_HELD);
	if (says && version == MQTT_5)
		expect_bytes(slice_of(r->out[0].p, r->out[0].len),
		             slice_of((uint8_t[]){0x20, 3, 0, code, 0}, 5), "v5");
	else if (says)
		expect_bytes(slice_of(r->out[0].p, r->out[0].len),
		             slice_of((uint8_t[]){0x20, 2, 0, code}, 4), "v3");
	else if (v != VERDICT_MALFORMED)
		ck_assert_uint_eq(r->out[0].len, 0);
	rig_free(r);
}
END_TEST

START_TEST(refuse_comes_too_late)
{
	struct rig *r = rig_new(plain, MQTT_5);

	reach(r, SESSION_RELAYING);
	session_refuse(r->s, &r->env, &(struct session_word){.verdict = VERDICT_CONNECTION_LIMIT},
	               fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_RELAYING);
	ck_assert_uint_eq(r->out[SIDE_CLIENT].len + r->step.n_notes, 0);
	rig_free(r);
}
END_TEST

/* The deadline of the broker is passed on the dot. */
START_TEST(broker_deadline)
{
	struct rig *r = rig_new(plain, MQTT_5);

	reach(r, SESSION_AWAIT_CONNACK);
	r->env.now.mono_ms = session_deadline(r->s);
	session_timer(r->s, &r->env, fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_DEAD);
	expect_out(r, SIDE_CLIENT, "connack code=0x88");
	ck_assert_int_eq(r->step.notes[0].verdict, VERDICT_BROKER_UNREACHABLE);
	rig_free(r);
}
END_TEST

/* How many bytes must be there before a view can be got on with. */
static const struct want_row {
	enum session_state state;
	enum side from;
	const char *packet;
	size_t given, want, consumed;
	bool seal;
} wants[] = {
    {SESSION_GREET, SIDE_CLIENT, "connect id=c1", 1, 2, 0, false},
    {SESSION_GREET, SIDE_CLIENT, "connect id=c1", 2, 16, 0, false},
    {SESSION_GREET, SIDE_CLIENT, "connect id=c1", 15, 16, 0, false},
    {SESSION_AWAIT_CONNACK, SIDE_BROKER, "connack", 3, 4, 0, false},
    {SESSION_AWAIT_CONNACK, SIDE_CLIENT, "subscribe filter=a:0", 8, 0, 0,
     false}, /* waits for its turn */
    {SESSION_RELAYING, SIDE_CLIENT, "subscribe filter=a:0", 3, 8, 0, false},
    {SESSION_RELAYING, SIDE_CLIENT, "publish topic=x/y payload=hello", 4, 5, 0, false},
    {SESSION_RELAYING, SIDE_CLIENT, "publish topic=x/y payload=hello", 8, 0, 8, false},
    {SESSION_RELAYING, SIDE_CLIENT, "publish topic=x/y payload=hello", 8, 0, 8, true},
    {SESSION_RELAYING, SIDE_CLIENT, "publish topic=t/y payload=hello", 8, 12, 0, true},
    {SESSION_RELAYING, SIDE_BROKER, "publish topic=t/y payload=hello sealed=k1", 20, 52, 0, true},
    {SESSION_RELAYING, SIDE_CLIENT, "publish topic=t/y payload=hello", 12, 0, 12, true},
};

START_TEST(want_hints)
{
	const struct want_row *row = &wants[_i];
	struct rig *r = rig_new(row->seal ? sealing : plain, MQTT_311);

	reach(r, row->state);
	struct packet p = packet_of(r, sealing, row->packet);
	ck_assert_uint_ge(p.n, row->given);
	session_input(r->s, &r->env, row->from, slice_of(p.p, row->given), fresh(r, ROOM));
	ck_assert_uint_eq(r->step.want, row->want);
	ck_assert_uint_eq(r->step.consumed, row->consumed);
	packet_free(&p);
	rig_free(r);
}
END_TEST

/* Too little room: nothing is consumed nor written, and with enough it goes on as if nothing had
 * been. */
static const struct room_row {
	struct world *const *world;
	enum side from;
	const char *packet, *out;
} rooms[] = {
    {&plain, SIDE_BROKER, "suback code=0", NULL},
    {&sealing, SIDE_CLIENT, "publish topic=t/a payload=hello",
     "publish topic=t/a payload=hello sealed=k1"},
    {&sealing, SIDE_BROKER, "publish topic=t/a payload=hello sealed=k1",
     "publish topic=t/a payload=hello"},
    {&opening, SIDE_BROKER, "publish topic=t/a payload=hello",
     "publish topic=t/a payload=hello sealed=k1"},
    {&opening, SIDE_CLIENT, "publish topic=t/a payload=hello sealed=k1",
     "publish topic=t/a payload=hello"},
};

START_TEST(every_room)
{
	const struct room_row *row = &rooms[_i];
	const char *text = row->out == NULL ? row->packet : row->out;
	struct rig *r = rig_new(*row->world, MQTT_5);
	enum side to = row->from == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;

	reach(r, SESSION_RELAYING);
	struct packet in = packet_of(r, sealing, row->packet), out = packet_of(r, sealing, text);
	for (size_t room = 0; row->out != NULL && room < out.n; room++) {
		session_input(r->s, &r->env, row->from, slice_of(in.p, in.n), fresh(r, room));
		ck_assert_uint_eq(r->step.consumed, 0);
		ck_assert_uint_eq(r->out[to].len, 0);
		ck_assert(!r->out[to].full);
		ck_assert_uint_eq(r->step.sealed + r->step.opened + r->step.n_notes, 0);
	}
	session_input(r->s, &r->env, row->from, slice_of(in.p, in.n), fresh(r, out.n));
	ck_assert_uint_eq(r->step.consumed, in.n);
	expect_out(r, to, text);
	packet_free(&in);
	packet_free(&out);
	rig_free(r);
}
END_TEST

/* What passes unchanged goes out in as many pieces as there is room for. */
START_TEST(streams_into_small_rooms)
{
	struct rig *r = rig_new(plain, MQTT_311);
	uint8_t got[64];
	size_t at = 0;

	reach(r, SESSION_RELAYING);
	struct packet p = packet_of(r, sealing, "publish topic=a qos=1 payload=fill:40");
	for (int i = 0; at < p.n && i < 100; i++) {
		session_input(r->s, &r->env, SIDE_CLIENT, slice_of(p.p + at, p.n - at),
		              fresh(r, (size_t)_i));
		ck_assert_uint_eq(r->step.consumed, r->out[SIDE_BROKER].len);
		memcpy(got + at, r->out[SIDE_BROKER].p, r->out[SIDE_BROKER].len);
		at += r->step.consumed;
	}
	expect_bytes(slice_of(got, at), slice_of(p.p, p.n), "stream");
	packet_free(&p);
	rig_free(r);
}
END_TEST

static void exchange(struct rig *r, const struct world *w)
{
	r->env.policy = &w->policy;
	r->env.kit = &w->kit;
}

/* A new policy counts from the next packet on, not inside one. */
START_TEST(policy_exchanged)
{
	struct rig *r = rig_new(plain, MQTT_311);

	reach(r, SESSION_RELAYING);
	give(r, SIDE_CLIENT, "publish topic=t/a payload=hello", ROOM);
	expect_out(r, SIDE_BROKER, "publish topic=t/a payload=hello");
	give(r, SIDE_CLIENT, "raw 3009 0003742f61 68656c", ROOM);
	ck_assert_uint_eq(r->step.consumed, 10);
	exchange(r, sealing);
	give(r, SIDE_CLIENT, "raw 6c", ROOM);
	expect_bytes(slice_of(r->out[SIDE_BROKER].p, r->out[SIDE_BROKER].len), slice_str("l"),
	             "the rest");
	give(r, SIDE_CLIENT, "publish topic=t/a payload=hello", ROOM);
	expect_out(r, SIDE_BROKER, "publish topic=t/a payload=hello sealed=k1");
	exchange(r, plain);
	give(r, SIDE_CLIENT, "publish topic=t/a payload=hello", ROOM);
	expect_out(r, SIDE_BROKER, "publish topic=t/a payload=hello");
	rig_free(r);
}
END_TEST

/* What a side takes is known also to a policy that came later. */
START_TEST(limits_outlive_a_policy)
{
	struct rig *r = rig_new(plain, MQTT_5);

	reach(r, SESSION_AWAIT_CONNACK);
	give(r, SIDE_BROKER, "connack p:maximum-packet-size=60", ROOM);
	give(r, SIDE_CLIENT, "publish topic=t/a payload=fill:100", ROOM);
	expect_out(r, SIDE_BROKER, "publish topic=t/a payload=fill:100");
	exchange(r, sealing);
	give(r, SIDE_CLIENT, "publish topic=t/a payload=fill:10", ROOM);
	expect_out(r, SIDE_BROKER, "publish topic=t/a payload=fill:10 sealed=k1");
	give(r, SIDE_CLIENT, "publish topic=t/a payload=fill:30", ROOM);
	ck_assert_uint_eq(r->out[SIDE_BROKER].len, 0);
	expect_out(r, SIDE_CLIENT, "disconnect code=0x95");
	rig_free(r);
}
END_TEST

/* The CONNECT is written under the policy of that moment; a session with an OTP stays one. */
START_TEST(policy_exchanged_before_connect)
{
	struct rig *r = rig_new(otp, MQTT_311);

	reach(r, SESSION_FORWARDING);
	exchange(r, plain);
	struct packet p = packet_of(r, otp, "connect id=c1 user=$t pass=pw$code keep=33");
	session_input(r->s, &r->env, SIDE_CLIENT, slice_of(p.p, p.n), fresh(r, ROOM));
	expect_out(r, SIDE_BROKER, "connect id=c1 user=t0 pass=pw keep=33");
	packet_free(&p);
	rig_free(r);
}
END_TEST

START_TEST(still_allowed)
{
	struct rig *r = rig_new(plain, MQTT_311);
	struct acl_verdict v = {.allow = true};

	reach(r, SESSION_RELAYING);
	ck_assert(session_allowed(r->s, &r->env, &v));
	exchange(r, denying);
	ck_assert(!session_allowed(r->s, &r->env, &v));
	ck_assert_uint_eq(v.line, 1);
	rig_free(r);
}
END_TEST

/* What others may read of a session. */
START_TEST(identity)
{
	struct rig *r = rig_new(otp, MQTT_5);

	reach(r, SESSION_RELAYING);
	ck_assert(slice_eq(r->s->client_id, slice_str("c1")));
	ck_assert(r->s->has_user && slice_eq(r->s->user, slice_str("t0")));
	ck_assert_int_eq(r->s->version, MQTT_5);
	ck_assert_int_eq(r->s->consume.id, 7);
	ck_assert_int_eq(r->s->consume.mark, 1800000003 / 30);
	ck_assert(r->s->consume.guess_taken);
	rig_free(r);
}
END_TEST

/* A guess is only one where a code was judged: what is refused before gives it back. */
START_TEST(guess_comes_back)
{
	static const struct {
		bool found, gone;
	} rows[] = {{false, false}, {true, true}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rig *r = rig_new(otp, MQTT_311);
		struct packet connect =
		    packet_of(r, otp, "connect id=c1 user=$t pass=pw$code keep=33");
		struct otp_credential cred;

		reach(r, SESSION_JUDGING);
		ck_assert(world_credential(slice_str("t0"), &cred));
		struct session_credential answer = {.found = rows[i].found,
		                                    .why = VERDICT_STORE_FAILED,
		                                    .id = 7,
		                                    .guess_taken = true,
		                                    .cred = &cred};
		session_taken(r->s, &r->env, slice_of(connect.p, rows[i].gone ? 3 : connect.n),
		              &answer, fresh(r, ROOM));
		ck_assert_int_eq(r->s->refusal, VERDICT_STORE_FAILED);
		ck_assert_uint_eq(r->step.ask, ASK_SETTLE);
		ck_assert(r->s->settle.give_back && !r->s->settle.failed && !r->s->settle.replayed);
		ck_assert_int_eq(r->s->settle.id, 7);
		ck_assert_int_eq(r->s->settle.pending, -1);
		packet_free(&connect);
		rig_free(r);
	}
}
END_TEST

/* A refusal that waits for its time has nothing of the login any more, and what the broker's leg
 * says is nobody's business: one verdict a session. */
START_TEST(refusal_waits)
{
	struct rig *r = rig_new(otp, MQTT_311);

	reach(r, SESSION_DIALING);
	r->s->extra = calloc(1, sizeof *r->s->extra);
	session_dialled(r->s, &r->env, false, fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_REFUSING);
	ck_assert_ptr_null(r->s->extra);
	ck_assert_uint_eq(r->step.n_notes, 1);
	session_ended(r->s, &r->env, SIDE_BROKER, fresh(r, ROOM));
	ck_assert_uint_eq(r->step.n_notes, 0);
	session_broke(r->s, &r->env, SIDE_BROKER, fresh(r, ROOM));
	ck_assert_uint_eq(r->step.n_notes, 0);
	ck_assert_int_eq(r->s->state, SESSION_REFUSING);
	rig_free(r);
}
END_TEST

/* A session that is being stopped ends for that, whoever goes first. */
START_TEST(stop_is_the_reason)
{
	struct rig *r = rig_new(plain, MQTT_311);
	static const uint8_t half[] = {0x30, 100, 0, 1, 't'};

	reach(r, SESSION_RELAYING);
	session_input(r->s, &r->env, SIDE_BROKER, slice_of(half, sizeof half), fresh(r, ROOM));
	session_stop(r->s, &r->env, MQTT_SERVER_SHUTTING_DOWN, "a stop", fresh(r, ROOM));
	ck_assert_uint_eq(r->step.n_notes, 1);
	ck_assert_int_ne(r->s->state, SESSION_DEAD);
	session_ended(r->s, &r->env, SIDE_CLIENT, fresh(r, ROOM));
	ck_assert_uint_eq(r->step.n_notes, 0);
	rig_free(r);
}
END_TEST

/* 3.1 gives the flags of a CONNECT no meaning; later versions allow none [MQTT-2.2.2-2]. */
START_TEST(connect_flags)
{
	static const enum mqtt_version versions[] = {MQTT_31, MQTT_311, MQTT_5};
	struct rig *r = rig_new(plain, versions[_i]);
	struct packet p = packet_of(r, plain, "connect id=c1 keep=33");

	p.p[0] |= 2;
	session_input(r->s, &r->env, SIDE_CLIENT, slice_of(p.p, p.n), fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, versions[_i] == MQTT_31 ? SESSION_DIALING : SESSION_DEAD);
	packet_free(&p);
	rig_free(r);
}
END_TEST

/* What is drawn has the length of a code, or it is none. */
START_TEST(drawn_length)
{
	static const char digits[] = "123456789";

	for (size_t n = 0; n < sizeof digits; n++) {
		struct rig *r = rig_new(inject, MQTT_311);
		reach(r, SESSION_DRAWING);
		session_drawn(r->s, &r->env, slice_of(digits, n), fresh(r, ROOM));
		ck_assert_int_eq(r->s->state, n == 0 || n > OTP_DIGITS_MAX ? SESSION_REFUSING
		                                                           : SESSION_FORWARDING);
		rig_free(r);
	}
}
END_TEST

/* A broker's answer that is longer than any packet may be is not waited for. */
START_TEST(endless_connack)
{
	struct rig *r = rig_new(plain, MQTT_5);
	static const uint8_t head[] = {MQTT_CONNACK << 4, 0xff, 0xff, 0xff, 0x7f, 0};

	reach(r, SESSION_AWAIT_CONNACK);
	session_input(r->s, &r->env, SIDE_BROKER, slice_of(head, sizeof head), fresh(r, ROOM));
	ck_assert_uint_eq(r->step.want, 0);
	ck_assert_uint_eq(r->step.n_notes, 1);
	ck_assert_int_eq(r->step.notes[0].verdict, VERDICT_BROKER_UNREACHABLE);
	rig_free(r);
}
END_TEST

START_TEST(counters)
{
	struct rig *r = rig_new(sealing, MQTT_311);

	reach(r, SESSION_RELAYING);
	struct packet a = packet_of(r, sealing, "publish topic=t/a payload=1"),
	              b = packet_of(r, sealing, "pingreq");
	uint8_t both[128];
	memcpy(both, a.p, a.n);
	memcpy(both + a.n, b.p, b.n);
	memcpy(both + a.n + b.n, a.p, a.n);
	session_input(r->s, &r->env, SIDE_CLIENT, slice_of(both, 2 * a.n + b.n), fresh(r, ROOM));
	ck_assert_uint_eq(r->step.packets[SIDE_CLIENT], 3);
	ck_assert_uint_eq(r->step.packets[SIDE_BROKER], 0);
	ck_assert_uint_eq(r->step.sealed, 2);
	ck_assert_uint_eq(r->step.opened + r->step.failed, 0);
	give(r, SIDE_BROKER, "publish topic=t/a payload=1 sealed=k1", ROOM);
	ck_assert_uint_eq(r->step.packets[SIDE_BROKER], 1);
	ck_assert_uint_eq(r->step.opened, 1);
	packet_free(&a);
	packet_free(&b);
	rig_free(r);
}
END_TEST

/* The note of a failed opening names topic, side, error and key; and the session's end, where the
 * rule wants it, is noted as well. */
START_TEST(failed_opening_is_noted)
{
	struct rig *r = rig_new(_i == 0 ? sealing : cutting, MQTT_5);
	struct packet p;

	reach(r, SESSION_RELAYING);
	p = packet_of(r, sealing, "publish topic=t/a payload=hello sealed=k2");
	session_input(r->s, &r->env, SIDE_BROKER, slice_of(p.p, p.n), fresh(r, ROOM));
	ck_assert_uint_eq(r->step.failed, 1);
	ck_assert_uint_eq(r->step.opened, 0);
	ck_assert_uint_eq(r->step.n_notes, _i == 0 ? 1 : 2);
	const struct session_note *n = &r->step.notes[0];
	ck_assert_int_eq(n->kind, NOTE_PAYLOAD);
	ck_assert_int_eq(n->error, SEAL_E_SCOPE);
	ck_assert_int_eq(n->from, SIDE_BROKER);
	ck_assert(slice_eq(n->topic, slice_str("t/a")));
	ck_assert(n->has_kid);
	ck_assert_mem_eq(n->kid, sealing->ring.keys[1].kid, 4);
	ck_assert_int_eq(r->s->state, _i == 0 ? SESSION_RELAYING : SESSION_DEAD);
	if (_i == 1) {
		ck_assert_int_eq(r->step.notes[1].kind, NOTE_CLOSED);
		/* It is the broker's fault, of which a client hears nothing. */
		ck_assert_uint_eq(r->step.notes[1].code, 0);
	}
	packet_free(&p);
	rig_free(r);
}
END_TEST

START_TEST(stop_is_noted)
{
	struct rig *r = rig_new(plain, _i == 0 ? MQTT_311 : MQTT_5);

	reach(r, SESSION_RELAYING);
	session_stop(r->s, &r->env, MQTT_ADMINISTRATIVE_ACTION, "kicked", fresh(r, ROOM));
	ck_assert_uint_eq(r->step.n_notes, 1);
	ck_assert_str_eq(r->step.notes[0].why, "kicked");
	ck_assert_uint_eq(r->step.notes[0].code, _i == 0 ? 0 : 0x98);
	ck_assert_int_eq(r->s->state, SESSION_DEAD);
	rig_free(r);
}
END_TEST

/* While a stop waits for a boundary the client is not heard any more, and the wait has an end. */
START_TEST(stop_inside_a_packet)
{
	struct rig *r = rig_new(plain, MQTT_5);
	struct packet p = packet_of(r, plain, "publish topic=x/y payload=hello");

	reach(r, SESSION_RELAYING);
	session_input(r->s, &r->env, SIDE_BROKER, slice_of(p.p, p.n - 1), fresh(r, ROOM));
	session_stop(r->s, &r->env, MQTT_ADMINISTRATIVE_ACTION, "kicked", fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_RELAYING);
	ck_assert_uint_eq(r->out[SIDE_CLIENT].len, 0);
	ck_assert(!session_wants(r->s, SIDE_CLIENT) && session_wants(r->s, SIDE_BROKER));
	give(r, SIDE_CLIENT, "publish topic=x/y payload=late", ROOM);
	ck_assert_uint_eq(r->out[SIDE_BROKER].len, 0);
	if (_i == 0) {
		session_input(r->s, &r->env, SIDE_BROKER, slice_of(p.p + p.n - 1, 1),
		              fresh(r, ROOM));
		expect_bytes(slice_of(r->out[SIDE_CLIENT].p, r->out[SIDE_CLIENT].len),
		             unhex("6fe00198"), "the end of the packet, then DISCONNECT");
	} else {
		r->env.now.mono_ms = session_deadline(r->s);
		session_timer(r->s, &r->env, fresh(r, ROOM));
		ck_assert_uint_eq(r->out[SIDE_CLIENT].len, 0);
	}
	ck_assert_int_eq(r->s->state, SESSION_DEAD);
	packet_free(&p);
	rig_free(r);
}
END_TEST

/* What is still being sent after a half-close gives the rest its time anew. */
START_TEST(flushing_extends_a_half_close)
{
	struct rig *r = rig_new(plain, MQTT_311);

	reach(r, SESSION_RELAYING);
	session_flushing(r->s, &r->env);
	ck_assert_int_eq(r->s->deadline, 0);
	session_ended(r->s, &r->env, SIDE_CLIENT, fresh(r, ROOM));
	r->env.now.mono_ms += SESSION_HALF_CLOSE_MS - 1;
	session_flushing(r->s, &r->env);
	ck_assert_int_eq(session_deadline(r->s), r->env.now.mono_ms + SESSION_HALF_CLOSE_MS);
	rig_free(r);
}
END_TEST

/* A client that has had its FIN is told nothing, and the note says so. */
START_TEST(nothing_is_told_behind_a_fin)
{
	struct rig *r = rig_new(plain, MQTT_5);

	reach(r, SESSION_RELAYING);
	session_ended(r->s, &r->env, SIDE_BROKER, fresh(r, ROOM));
	ck_assert(r->step.shut[SIDE_CLIENT] && !r->step.close[SIDE_CLIENT]);
	if (_i == 0)
		give(r, SIDE_CLIENT, "raw 0000", ROOM);
	else
		session_stop(r->s, &r->env, MQTT_SERVER_SHUTTING_DOWN, "stop", fresh(r, ROOM));
	ck_assert_uint_eq(r->out[SIDE_CLIENT].len, 0);
	ck_assert_uint_eq(r->step.n_notes, 1);
	ck_assert_uint_eq(r->step.notes[0].code, 0);
	ck_assert_int_eq(r->s->state, SESSION_DEAD);
	rig_free(r);
}
END_TEST

/* max-connect is the size of the whole packet, header included. */
START_TEST(max_connect)
{
	struct rig *r = rig_new(plain, MQTT_5);
	struct packet p = packet_of(r, plain, "connect id=c1 will-topic=w will-payload=fill:500");
	struct policy policy = plain->policy;

	policy.max_connect = _i == 0 ? p.n : p.n - 1;
	r->env.policy = &policy;
	session_input(r->s, &r->env, SIDE_CLIENT, slice_of(p.p, p.n), fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, _i == 0 ? SESSION_DIALING : SESSION_DEAD);
	packet_free(&p);
	rig_free(r);
}
END_TEST

/* What waits for a boundary is bounded, and stops wait once only. */
START_TEST(own_packets_are_bounded)
{
	struct rig *r = rig_new(plain, MQTT_5);

	reach(r, SESSION_RELAYING);
	give(r, SIDE_BROKER, "raw 3010 000161 00", ROOM);
	for (int i = 0; i < 3000; i++)
		session_stop(r->s, &r->env, MQTT_SERVER_SHUTTING_DOWN, "stop", fresh(r, ROOM));
	ck_assert_uint_le(r->s->own[SIDE_CLIENT].len, SESSION_OWN_MAX);
	ck_assert_uint_eq(r->out[SIDE_CLIENT].len, 0);
	rig_free(r);
}
END_TEST

START_TEST(names)
{
	for (int s = SESSION_GREET; s <= SESSION_DEAD; s++)
		ck_assert_uint_gt(strlen(session_state_name((enum session_state)s)), 3);
	for (int v = 0; v < VERDICT_COUNT; v++)
		ck_assert_uint_gt(strlen(verdict_info((enum verdict)v)->name), 3);
	ck_assert_str_eq(session_state_name(SESSION_AWAIT_CONNACK), "AWAIT_CONNACK");
}
END_TEST

/* A new configuration adds codes while the broker is dialled, or takes the user name away while a
 * code is drawn: for a client without a user name there is none; one that wants no codes any more
 * gets none; one that supplies no user any more has nothing to be written. */
START_TEST(inject_comes_and_goes)
{
	struct rig *r = rig_new(plain, MQTT_311);
	const struct world *sparse = twice;

	reach(r, SESSION_DIALING);
	r->leg = true;
	r->env.policy = &sparse->policy;
	session_dialled(r->s, &r->env, true, fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_REFUSING);
	ck_assert_int_eq(r->step.notes[0].verdict, VERDICT_USER_MISSING);
	ck_assert_uint_eq(r->step.ask & ASK_DRAW, 0);
	rig_free(r);

	r = rig_new(inject, MQTT_311);
	reach(r, SESSION_DRAWING);
	r->env.policy = &sparse->policy;
	session_drawn(r->s, &r->env, slice_str("123456"), fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_REFUSING);
	ck_assert_int_eq(r->step.notes[0].verdict, VERDICT_USER_MISSING);
	rig_free(r);

	r = rig_new(inject, MQTT_311);
	reach(r, SESSION_DRAWING);
	r->env.policy = &plain->policy;
	session_drawn(r->s, &r->env, slice_str("123456"), fresh(r, ROOM));
	ck_assert_int_eq(r->s->state, SESSION_FORWARDING);
	ck_assert(!r->s->injects);
	rig_free(r);

	r = rig_new(inject, MQTT_311);
	struct packet connect = packet_of(r, plain, "connect id=c1 keep=33");
	reach(r, SESSION_FORWARDING);
	r->env.policy = &plain->policy;
	session_input(r->s, &r->env, SIDE_CLIENT, slice_of(connect.p, connect.n), fresh(r, ROOM));
	ck_assert_uint_eq(r->out[SIDE_BROKER].len, 0);
	ck_assert_int_eq(r->s->state, SESSION_DEAD);
	packet_free(&connect);
	rig_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session");
	TCase *t = tcase_create("session");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, small);
	tcase_add_test(t, inject_comes_and_goes);
	tcase_add_loop_test(t, wants_and_deadlines, 0, ROWS(states));
	tcase_add_loop_test(t, untimely_events, 0, ROWS(states));
	tcase_add_loop_test(t, dead_is_dead, 0, 2);
	tcase_add_loop_test(t, refusals, 0, 3 * (VERDICT_COUNT - 1));
	tcase_add_test(t, refuse_comes_too_late);
	tcase_add_test(t, broker_deadline);
	tcase_add_loop_test(t, stop_inside_a_packet, 0, 2);
	tcase_add_test(t, flushing_extends_a_half_close);
	tcase_add_loop_test(t, want_hints, 0, ROWS(wants));
	tcase_add_loop_test(t, every_room, 0, ROWS(rooms));
	tcase_add_loop_test(t, streams_into_small_rooms, 1, 50);
	tcase_add_test(t, policy_exchanged);
	tcase_add_test(t, limits_outlive_a_policy);
	tcase_add_test(t, policy_exchanged_before_connect);
	tcase_add_test(t, still_allowed);
	tcase_add_test(t, identity);
	tcase_add_test(t, guess_comes_back);
	tcase_add_test(t, refusal_waits);
	tcase_add_test(t, stop_is_the_reason);
	tcase_add_loop_test(t, connect_flags, 0, 3);
	tcase_add_test(t, drawn_length);
	tcase_add_test(t, endless_connack);
	tcase_add_test(t, counters);
	tcase_add_loop_test(t, failed_opening_is_noted, 0, 2);
	tcase_add_loop_test(t, stop_is_noted, 0, 2);
	tcase_add_loop_test(t, nothing_is_told_behind_a_fin, 0, 2);
	tcase_add_loop_test(t, max_connect, 0, 2);
	tcase_add_test(t, own_packets_are_bounded);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	return suite_run(s);
}
