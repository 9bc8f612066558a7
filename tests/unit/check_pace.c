/* SPDX-License-Identifier: ISC */
/* The limit on publishing, in the engine, under virtual time: a client above it is read later, and
 * loses nothing. */
#include "proxy/session.h"
#include "tests/support/suite.h"

enum { ROOM = 4096, START_MS = 70000 };

static const uint8_t connect[] = {0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 20, 0, 2, 'c', '1'},
                     connack[] = {0x20, 2, 0, 0}, message[] = {0x30, 4, 0, 1, 't', 'x'},
                     pingreq[] = {0xc0, 0};

static struct policy policy;
static struct session_env env;
static struct session *s;
static struct session_step step;
static struct writer out[2];
static uint8_t room[2][ROOM];

static struct session_step *fresh(void)
{
	step = (struct session_step){.consumed = 0};
	for (int i = 0; i < 2; i++) {
		out[i] = (struct writer){.p = room[i], .cap = ROOM};
		step.out[i] = &out[i];
	}
	return &step;
}

static void give(enum side from, const void *p, size_t n)
{
	session_input(s, &env, from, slice_of(p, n), fresh());
}

/* n messages and, behind them, a PINGREQ. Returns the bytes. */
static size_t messages(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memcpy(p + i * sizeof message, message, sizeof message);
	memcpy(p + n * sizeof message, pingreq, sizeof pingreq);
	return n * sizeof message + sizeof pingreq;
}

static void setup(void)
{
	static const struct acl_address address = {.b = {[10] = 0xff, [11] = 0xff, [15] = 1}};

	policy = (struct policy){.versions = 0xff,
	                         .max_connect = 1000,
	                         .max_packet = 1000,
	                         .broker_timeout_ms = 5000,
	                         .filter = {.publish = rate_of(3, 3000)}};
	env = (struct session_env){.policy = &policy, .now = {START_MS, 1}};
	s = session_new(&address, address.b);
	give(SIDE_CLIENT, connect, sizeof connect);
	session_dialled(s, &env, true, fresh());
	give(SIDE_CLIENT, connect, sizeof connect);
	give(SIDE_BROKER, connack, sizeof connack);
	ck_assert_int_eq(s->state, SESSION_RELAYING);
}

static void teardown(void)
{
	session_free(s);
}

static void wake(int64_t at)
{
	ck_assert_int_eq(session_deadline(s), at);
	env.now.mono_ms = at - 1;
	session_timer(s, &env, fresh());
	ck_assert(!session_wants(s, SIDE_CLIENT));
	env.now.mono_ms = at;
	session_timer(s, &env, fresh());
	ck_assert(session_wants(s, SIDE_CLIENT));
}

START_TEST(read_later)
{
	uint8_t all[100];
	size_t n = messages(all, 5), done;

	give(SIDE_CLIENT, all, n);
	done = step.consumed;
	ck_assert_uint_eq(done, 3 * sizeof message);
	ck_assert_uint_eq(out[SIDE_BROKER].len, done);
	ck_assert_uint_eq(step.want, 0);
	ck_assert_uint_eq(step.n_notes, 1);
	ck_assert_int_eq(step.notes[0].kind, NOTE_DELAYED);
	ck_assert(session_wants(s, SIDE_BROKER));
	session_listens(s, &env, false);
	wake(START_MS + 1000);
	give(SIDE_CLIENT, all + done, n - done);
	ck_assert_uint_eq(step.consumed, sizeof message);
	done += step.consumed;
	wake(START_MS + 2000);
	give(SIDE_CLIENT, all + done, n - done);
	ck_assert_uint_eq(step.consumed, n - done); /* the PINGREQ too */
	ck_assert_uint_eq(step.n_notes, 0);
	ck_assert(session_wants(s, SIDE_CLIENT));
}
END_TEST

/* A message that comes byte by byte, and is looked at each time, counts once. */
START_TEST(counted_once)
{
	uint8_t all[100];
	size_t n = messages(all, 4), at = 0;

	for (size_t end = 1; end <= 3 * sizeof message; end++) {
		give(SIDE_CLIENT, all + at, end - at);
		at += step.consumed;
		ck_assert_uint_eq(step.n_notes, 0);
	}
	ck_assert_uint_eq(at, 3 * sizeof message);
	give(SIDE_CLIENT, all + at, n - at);
	ck_assert_uint_eq(step.consumed, 0);
	ck_assert_int_eq(session_deadline(s), START_MS + 1000);
}
END_TEST

/* What the broker sends is not the client's. */
START_TEST(one_direction)
{
	uint8_t all[100];
	size_t n = messages(all, 10) - sizeof pingreq;

	give(SIDE_BROKER, all, n);
	ck_assert_uint_eq(step.consumed, n);
	give(SIDE_CLIENT, all, 3 * sizeof message);
	ck_assert_uint_eq(step.consumed, 3 * sizeof message);
	ck_assert_uint_eq(step.n_notes, 0);
}
END_TEST

/* What was spent by another session of the client. */
START_TEST(carried_over)
{
	s->spent = (START_MS + 3000) * INT64_C(1000000);
	give(SIDE_CLIENT, message, sizeof message);
	ck_assert_uint_eq(step.consumed, 0);
	wake(START_MS + 1000);
}
END_TEST

START_TEST(on_trial)
{
	uint8_t all[100];
	size_t n = messages(all, 5);

	policy.filter.dry_run = true;
	give(SIDE_CLIENT, all, n);
	ck_assert_uint_eq(step.consumed, n);
	ck_assert_uint_eq(step.n_notes, 2);
	ck_assert_int_eq(step.notes[1].kind, NOTE_DELAYED);
	ck_assert(step.notes[1].dry && session_wants(s, SIDE_CLIENT));
}
END_TEST

START_TEST(a_new_policy)
{
	uint8_t all[100];
	size_t n = messages(all, 5), done;

	ck_assert(!session_adopted(s));
	give(SIDE_CLIENT, all, n);
	done = step.consumed;
	ck_assert(!session_wants(s, SIDE_CLIENT));
	policy.filter.publish = rate_of(0, 0);
	ck_assert(session_adopted(s) && session_wants(s, SIDE_CLIENT));
	give(SIDE_CLIENT, all + done, n - done);
	ck_assert_uint_eq(done + step.consumed, n);
}
END_TEST

/* Held back, it is not silent: no keep-alive runs out, and a stop comes at its time. */
START_TEST(ends_while_held_back)
{
	uint8_t all[100];

	policy.filter.publish = rate_of(1, 86400000);
	give(SIDE_CLIENT, all, messages(all, 2));
	session_listens(s, &env, false);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_ne(session_deadline(s), 0);
		env.now.mono_ms = session_deadline(s);
		session_timer(s, &env, fresh());
		ck_assert_int_eq(s->state, SESSION_RELAYING);
		if (session_wants(s, SIDE_CLIENT))
			break;
		/* PINGREQ in its stead, and the broker's answer. */
		if (out[SIDE_BROKER].len != 0)
			give(SIDE_BROKER, (uint8_t[]){0xd0, 0}, 2);
	}
	session_stop(s, &env, MQTT_SERVER_SHUTTING_DOWN, "stop", fresh());
	ck_assert_int_eq(s->state, SESSION_DEAD);
	ck_assert_int_eq(session_deadline(s), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pace");
	TCase *t = tcase_create("pace");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, read_later);
	tcase_add_test(t, counted_once);
	tcase_add_test(t, one_direction);
	tcase_add_test(t, carried_over);
	tcase_add_test(t, on_trial);
	tcase_add_test(t, a_new_policy);
	tcase_add_test(t, ends_while_held_back);
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
