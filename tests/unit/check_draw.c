/* SPDX-License-Identifier: ISC */
/* Which code goes out next: by rows, in both databases; and against a real judge through outages of
 * every kind, after which the edge must get in. */
#include "otp/judge.h"
#include "store/draw.h"
#include "store/record.h"
#include "tests/unit/scratch.h"
#include "tests/unit/store_behaviour.h"

#include <stdio.h>
#include <stdlib.h>

/* dN: a draw must give N; aN, rN: the broker let N in, or refused it; n×R: so often a draw and a
 * refusal; n×D: so often a draw alone; tN=M: TOTP, at the step N a draw must give M; tN!M: it is
 * too early, until M. */
static const char *const rows[] = {
    "d0 a0 d1 a1 d2 a2 d3",
    /* no answer: nine at most, then the last one again */
    "d0 d1 d2 d3 d4 d5 d6 d7 d8 d8 d8 d8 a8 d9 a9 d10",
    "a0 d0 d1 a1 50*D d10 d10 a10 d11",
    /* and where it was used, the refusal says so */
    "d0 a0 d1 20*D d9 r9 d10 a10 d11",
    /* an answer to an earlier one lets as many more go */
    "d0 d1 d2 r1 d3 d4 d5 d6 d7 d8 d9 d10 d10 d10",
    /* refusals go on, */
    "d0 a0 40*R d41 a41 d42",
    "80*R d80 d81 a81 d82",
    /* and take turns when they are far */
    "d0 a0 90*R d89 r89 d90 r90 d91 r91 d92 r92 d93 r93 d89 r89 d90 r90 d94 r94 d95 r95 d96 d89",
    "d0 a0 94*R d93 r93 d89 r89 d90 a90 d91 a91 d92",
    "d0 a0 92*R d91 r91 d92 a92 d93 a93 d94",
    /* the next time they begin anew */
    "d0 a0 92*R d91 r91 d92 a92 d93 a93 90*R d182 r182 d183 a183 d184",
    "d0 a0 245*R d179 r179 d180 a180 d181 a181 d182",
    /* far, and no answer either */
    "d0 a0 90*R d89 d90 d91 d92 d93 d89 d90 d94 d95 d96 5*D d89 d90 d99 d99 d99 r99 d89 d90 d100",
    /* late and foreign answers */
    "d0 d1 d2 a2 a0 r1 d3 a7 r7 d4 a4 r4 d5",
    "t100=100 t100=101 t100!101 t101=102 t101!102 t99!102 t102=103",
    "t200=200 t199!200 t200=201 t199!201",
    "t0=0 t0=1 t0!1 t1=2",
};

static struct store_backend *databases[2];

static struct store_op draw(struct store_backend *b, char verb, int64_t mark)
{
	struct store_op op = {.verb = verb == 'd' || verb == 't' ? STORE_DRAW : STORE_DRAWN,
	                      .kind = verb == 't' ? OTP_TOTP : OTP_HOTP,
	                      .mark = mark,
	                      .accepted = verb == 'a',
	                      .drawer = {7},
	                      .now = 1};

	store_behaviour_run(b, &op);
	return op;
}

static void play_word(struct store_backend *b, const char *row, const char *word)
{
	char verb = word[0], what = 0;
	long n = 0, want = 0;
	struct store_op op;

	if (sscanf(word, "%ld*%c", &n, &what) == 2) {
		for (; n > 0; n--) {
			op = draw(b, 'd', 0);
			if (what == 'R')
				(void)draw(b, 'r', op.mark);
		}
		return;
	}
	if (sscanf(word, "t%ld%c%ld", &n, &what, &want) == 3) {
		op = draw(b, 't', n);
		ck_assert_msg(
		    op.status == (what == '=' ? STORE_DONE : STORE_EARLY) && op.mark == want,
		    "%s: at %s: %lld, status %d", row, word, (long long)op.mark, (int)op.status);
		return;
	}
	want = strtol(word + 1, NULL, 10);
	op = draw(b, verb, verb == 'd' ? 0 : want);
	ck_assert_msg(op.status == STORE_DONE && op.mark == want, "%s: at %s: %lld, status %d", row,
	              word, (long long)op.mark, (int)op.status);
}

static void open_both(void)
{
	struct err e = {""};

	databases[0] = store_memory_open(&e);
	databases[1] = store_sqlite_open(scratch_path("state.db"), &e);
	ck_assert_msg(databases[0] != NULL && databases[1] != NULL, "%s", e.text);
}

static void close_both(void)
{
	for (int i = 0; i < 2; i++)
		databases[i]->ops->close(databases[i]);
}

START_TEST(by_rows)
{
	open_both();
	for (int i = 0; i < 2; i++) {
		char copy[400], *save = NULL;
		(void)snprintf(copy, sizeof copy, "%s", rows[_i]);
		for (const char *w = strtok_r(copy, " ", &save); w != NULL;
		     w = strtok_r(NULL, " ", &save))
			play_word(databases[i], rows[_i], w);
	}
	close_both();
}
END_TEST

START_TEST(apart)
{
	struct store_op one = {.verb = STORE_DRAW, .kind = OTP_HOTP, .drawer = {1}, .now = 1};

	open_both();
	for (int i = 0; i < 2; i++) {
		for (int64_t n = 0; n < 5; n++)
			ck_assert_int_eq(draw(databases[i], 'd', 0).mark, n);
		store_behaviour_run(databases[i], &one);
		ck_assert_int_eq(one.mark, 0);
		ck_assert_int_eq(draw(databases[i], 'd', 0).mark, 5);
	}
	close_both();
}
END_TEST

/* What was not committed was not drawn. */
START_TEST(undone)
{
	struct store_op op = {.verb = STORE_DRAW, .kind = OTP_HOTP, .drawer = {7}, .now = 1};
	struct err e = {""};

	open_both();
	for (int i = 0; i < 2; i++) {
		const struct store_backend_ops *ops = databases[i]->ops;
		for (int round = 0; round < 2; round++) {
			ck_assert_int_eq(ops->begin(databases[i], &e), 0);
			ops->run(databases[i], &op);
			ck_assert_int_eq(op.mark, round * 2);
			ops->run(databases[i], &op);
			ck_assert_int_eq(op.mark, round * 2 + 1);
			ops->rollback(databases[i]);
			ck_assert_int_eq(draw(databases[i], 'd', 0).mark, round * 2);
			ck_assert_int_eq(draw(databases[i], 'd', 0).mark, round * 2 + 1);
		}
	}
	close_both();
}
END_TEST

START_TEST(kept)
{
	open_both();
	for (int64_t n = 0; n < 3; n++)
		ck_assert_int_eq(draw(databases[1], 'd', 0).mark, n);
	close_both();
	open_both();
	ck_assert_int_eq(draw(databases[1], 'd', 0).mark, 3);
	close_both();
}
END_TEST

static struct store_op draw_for(struct store_backend *b, unsigned who, enum otp_kind kind,
                                int64_t now)
{
	struct store_op op = {.verb = STORE_DRAW, .kind = kind, .mark = now / 30, .now = now};

	memcpy(op.drawer, &who, sizeof who);
	store_behaviour_run(b, &op);
	return op;
}

static void draw_for_many(struct store_backend *b, unsigned first, unsigned n, int64_t now)
{
	struct err e = {""};

	ck_assert_int_eq(b->ops->begin(b, &e), 0);
	for (unsigned i = 0; i < n; i++) {
		struct store_op op = {.verb = STORE_DRAW, .kind = OTP_HOTP, .now = now};
		unsigned who = first + i;
		memcpy(op.drawer, &who, sizeof who);
		b->ops->run(b, &op);
		ck_assert_int_eq(op.status, STORE_DONE);
	}
	ck_assert_int_eq(b->ops->commit(b, &e), 0);
}

static void let_in(struct store_backend *b, struct store_op *op)
{
	op->verb = STORE_DRAWN;
	op->accepted = true;
	store_behaviour_run(b, op);
}

/* Of names that never got in there are so many and no more: the oldest goes, but none of the last
 * minutes, and never one that got in. _i: the database. */
START_TEST(bounded)
{
	enum { LONG = STORE_DRAW_BARREN_SECONDS };
	const unsigned many = STORE_DRAW_BARREN;

	open_both();
	struct store_backend *b = databases[_i];
	struct store_op good = draw_for(b, 1000000, OTP_HOTP, 10);
	let_in(b, &good);
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 20).mark, 0);
	ck_assert_int_eq(draw_for(b, 2, OTP_HOTP, 1000).mark, 0);
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 1001).mark, 1);
	draw_for_many(b, 3, many - 2, 1001);
	/* there is room for none, until the oldest was long not used: the second */
	struct store_op op = draw_for(b, many + 1, OTP_HOTP, 1000 + LONG);
	ck_assert_int_eq(op.status, STORE_FAILED);
	ck_assert_str_eq(op.err.text, STORE_DRAWS_FULL);
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 1000 + LONG).mark, 2);
	ck_assert_int_eq(draw_for(b, many + 1, OTP_HOTP, 1001 + LONG).status, STORE_DONE);
	ck_assert_int_eq(draw_for(b, many + 2, OTP_HOTP, 1001 + LONG).status, STORE_FAILED);
	ck_assert_int_eq(draw_for(b, 3, OTP_HOTP, 1002 + LONG).mark, 1);
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 1002 + LONG).mark, 3);
	/* a step is forgotten when it is over, and not before */
	int64_t step = draw_for(b, many + 3, OTP_TOTP, 1002 + LONG).mark;
	draw_for_many(b, many + 4, 10, 1002 + LONG);
	ck_assert_int_eq(draw_for(b, many + 3, OTP_TOTP, 1002 + LONG).mark, step + 1);
	draw_for_many(b, 2 * many, many, 10 * LONG);
	draw_for_many(b, 3 * many, many, 20 * LONG);
	ck_assert_int_eq(draw_for(b, 1000000, OTP_HOTP, 30 * LONG).mark, 1);
	/* of several that may go, the oldest */
	ck_assert_int_eq(draw_for(b, 3 * many + 7, OTP_HOTP, 19 * LONG).mark, 1);
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 30 * LONG).mark, 0);
	ck_assert_int_eq(draw_for(b, 3 * many, OTP_HOTP, 30 * LONG).mark, 1);
	ck_assert_int_eq(draw_for(b, 3 * many + 8, OTP_HOTP, 30 * LONG).mark, 1);
	ck_assert_int_eq(draw_for(b, 3 * many + 7, OTP_HOTP, 30 * LONG).mark, 0);
	close_both();
}
END_TEST

/* The clock was set back: what stands in the future makes room too. */
START_TEST(bounded_in_the_future)
{
	open_both();
	struct store_backend *b = databases[_i];
	draw_for_many(b, 1, STORE_DRAW_BARREN, 1000000);
	ck_assert_int_eq(draw_for(b, 999999, OTP_HOTP, 999500).status, STORE_FAILED);
	ck_assert_int_eq(draw_for(b, 999999, OTP_HOTP, 5000).status, STORE_DONE);
	close_both();
}
END_TEST

/* An answer to a row that is gone changes nothing. */
START_TEST(answer_to_nobody)
{
	struct store_op op = {.verb = STORE_DRAWN, .kind = OTP_HOTP, .mark = 5, .now = 1};

	open_both();
	for (int i = 0; i < 2; i++) {
		op.accepted = true;
		store_behaviour_run(databases[i], &op);
		ck_assert_int_eq(op.status, STORE_DONE);
		ck_assert_int_eq(draw_for(databases[i], 0, OTP_HOTP, 1).mark, 0);
	}
	close_both();
}
END_TEST

/* By hand: those from which nothing was drawn since. */
START_TEST(forgotten_by_hand)
{
	int64_t all = 0, unused = 0, n = 0;
	struct err e = {""};

	open_both();
	struct store_backend *b = databases[1];
	for (int64_t at = 1; at <= 5; at++) {
		struct store_op op = draw_for(b, (unsigned)at, OTP_HOTP, 100 * at);
		let_in(b, &op);
	}
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 600).mark, 1);
	ck_assert_int_eq(store_sqlite_draws(b, 300, &all, &unused, &e), 0);
	ck_assert_int_eq(all, 5);
	ck_assert_int_eq(unused, 1);
	ck_assert_int_eq(store_sqlite_forget_draws(b, 401, &n, &e), 0);
	ck_assert_int_eq(n, 3);
	ck_assert_int_eq(draw_for(b, 1, OTP_HOTP, 700).mark, 2);
	ck_assert_int_eq(draw_for(b, 5, OTP_HOTP, 700).mark, 1);
	ck_assert_int_eq(draw_for(b, 4, OTP_HOTP, 700).mark, 0);
	close_both();
}
END_TEST

/* -- an edge and its verifier -- */

enum weather { WORKS, NO_ANSWER, LOCKED, NO_BROKER, BROKER_REFUSES, ANSWER_LOST, WEATHERS };

struct verifier {
	struct hotp *hotp;
	struct otp_credential cred;
	int64_t now, failed_at;
	int failures; /* since a code was taken: each doubles the time in which none is looked at */
	bool used[1 << 16]; /* counters that were accepted and used up */
};

/* One CONNECT with the code of that counter. 1: in, 0: refused, -1: no answer. */
static int knock(struct verifier *v, enum weather weather, int64_t counter)
{
	static const uint8_t source[16] = {1};
	struct otp_state *state = &v->cred.state;
	char code[OTP_DIGITS_MAX + 1];
	uint32_t number;

	if (weather == NO_ANSWER)
		return -1;
	if (weather == LOCKED || (store_delayed(v->failures, v->failed_at, v->now) &&
	                          !store_resyncs(state, source, v->now)))
		return 0;
	ck_assert_int_eq(hotp_code(v->hotp, v->cred.params.algorithm,
	                           slice_of(v->cred.secret, v->cred.secret_len), (uint64_t)counter,
	                           8, &number),
	                 0);
	hotp_text(number, 8, code);
	struct otp_judgement j =
	    otp_judge(v->hotp, &v->cred, slice_of((const uint8_t *)code, 8), v->now, source);
	if (j.forget_pending && j.verdict != OTP_ACCEPT)
		state->pending = -1;
	if (j.verdict == OTP_RESYNC) {
		state->pending = j.new_pending;
		state->pending_at = v->now;
		memcpy(state->pending_source, source, sizeof source);
	}
	if (j.verdict == OTP_BAD || j.verdict == OTP_RESYNC) {
		v->failures++;
		v->failed_at = v->now;
	}
	if (j.verdict != OTP_ACCEPT)
		return 0;
	if (weather == NO_BROKER)
		return -1;
	ck_assert_int_lt(counter, 1 << 16);
	ck_assert_msg(!v->used[counter], "counter %lld is used twice", (long long)counter);
	v->used[counter] = true;
	state->mark = j.new_mark;
	state->pending = -1;
	v->failures = 0;
	return weather == BROKER_REFUSES ? 0 : weather == ANSWER_LOST ? -1 : 1;
}

static int attempt(struct store_draws *d, struct verifier *v, enum weather weather)
{
	struct store_op op = {.verb = STORE_DRAW, .kind = OTP_HOTP};

	ck_assert_int_eq(store_draws_run(d, &op), STORE_DONE);
	int answer = knock(v, weather, op.mark);
	op.verb = STORE_DRAWN;
	op.accepted = answer == 1;
	if (answer >= 0)
		(void)store_draws_run(d, &op);
	v->now += 1 + (random() % 50 == 0 ? 700 : 0);
	return answer;
}

static void verifier_init(struct verifier *v)
{
	*v = (struct verifier){.hotp = hotp_new(NULL),
	                       .cred = {.params = otp_profile_find("machine-hotp")->params,
	                                .state = {.pending = -1},
	                                .secret_len = 32},
	                       .now = 1000};
	memset(v->cred.secret, 's', v->cred.secret_len);
	ck_assert_ptr_nonnull(v->hotp);
}

/* One kind of outage for an hour, a knock a second. */
START_TEST(an_hour)
{
	struct store_draws d = store_draws_none;
	struct verifier v;
	int answer = 0;

	srandom(1);
	verifier_init(&v);
	ck_assert_int_eq(attempt(&d, &v, WORKS), 1);
	for (int i = 0; i < 3600; i++)
		ck_assert_int_ne(attempt(&d, &v, (enum weather)_i), 1);
	int knocks = 0;
	for (; knocks < 600 && answer != 1; knocks++)
		answer = attempt(&d, &v, WORKS);
	ck_assert_msg(answer == 1, "still out after %d knocks", knocks);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(attempt(&d, &v, WORKS), 1);
	hotp_free(v.hotp);
}
END_TEST

/* Outages that follow each other, short and long, with a good hour between some of them. */
START_TEST(all_weathers)
{
	struct store_draws d = store_draws_none;
	struct verifier v;

	srandom((unsigned)_i + 1);
	verifier_init(&v);
	for (int outage = 0; outage < 6; outage++) {
		enum weather weather = (enum weather)(1 + random() % (WEATHERS - 1));
		long n = random() % 3 == 0 ? random() % 120 : random() % 15;
		for (long i = 0; i < n; i++)
			(void)attempt(&d, &v, weather);
		if (random() % 2 == 0)
			continue;
		int answer = 0, knocks = 0;
		for (; knocks < 600 && answer != 1; knocks++)
			answer = attempt(&d, &v, WORKS);
		ck_assert_msg(answer == 1,
		              "seed %d: out after outage %d (kind %d, %ld knocks): last %lld good "
		              "%lld answered %lld mark %lld",
		              _i, outage, (int)weather, n, (long long)d.last, (long long)d.good,
		              (long long)d.answered, (long long)v.cred.state.mark);
	}
	hotp_free(v.hotp);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("draw");
	TCase *t = tcase_create("draw");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, by_rows, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_test(t, apart);
	tcase_add_test(t, undone);
	tcase_add_test(t, kept);
	tcase_add_loop_test(t, bounded, 0, 2);
	tcase_add_loop_test(t, bounded_in_the_future, 0, 2);
	tcase_add_test(t, answer_to_nobody);
	tcase_add_test(t, forgotten_by_hand);
	tcase_add_loop_test(t, an_hour, NO_ANSWER, WEATHERS);
	tcase_add_loop_test(t, all_weathers, 0, 100);
	return suite_run(s);
}
