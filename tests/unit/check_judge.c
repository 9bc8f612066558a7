/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "otp/judge.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

enum { SEQUENCES = 16, ATTEMPTS = 71 };

static const uint8_t here[16] = {1}, elsewhere[16] = {2};
static struct hotp *h;

static void setup(void)
{
	h = hotp_new(NULL);
	ck_assert_ptr_nonnull(h);
}

static void teardown(void)
{
	hotp_free(h);
}

/* What the store does with a verdict. */
static void apply(struct otp_credential *c, const struct otp_judgement *j, int64_t time,
                  const uint8_t source[16])
{
	if (j->forget_pending)
		c->state.pending = -1;
	if (j->verdict == OTP_ACCEPT) {
		ck_assert_int_gt(j->new_mark, c->state.mark);
		c->state.mark = j->new_mark;
	}
	ck_assert_int_eq(j->verdict == OTP_RESYNC, j->new_pending >= 0);
	if (j->new_pending >= 0) {
		c->state.pending = j->new_pending;
		c->state.pending_at = time;
		memcpy(c->state.pending_source, source, 16);
	}
}

static const char *const verdicts[] = {"ACCEPT", "REPLAY", "RESYNC", "BAD", "ERROR"};

static enum otp_verdict attempt(struct otp_credential *c, const char *code, int64_t time,
                                const uint8_t source[16])
{
	struct otp_judgement j = otp_judge(h, c, slice_str(code), time, source);

	apply(c, &j, time, source);
	return j.verdict;
}

static int64_t number(const struct vector *v, const char *name)
{
	uint64_t value = 0;
	const char *text = vector_need(v, name);

	if (strcmp(text, "-1") == 0)
		return -1;
	ck_assert_int_eq(text_number(slice_str(text), 0, INT64_MAX, &value, NULL), 0);
	return (int64_t)value;
}

static struct otp_credential from_vector(const struct vector *v)
{
	bool totp = strcmp(vector_need(v, "type"), "totp") == 0;
	struct slice secret = unhex(vector_need(v, "secret_hex"));
	const char *alg = vector_need(v, "alg");
	struct otp_credential c = {
	    .params = {.kind = totp ? OTP_TOTP : OTP_HOTP,
	               .algorithm = strcmp(alg, "sha1") == 0     ? OTP_SHA1
	                            : strcmp(alg, "sha256") == 0 ? OTP_SHA256
	                                                         : OTP_SHA512,
	               .digits = (unsigned)number(v, "digits")},
	    .state = {.mark = number(v, totp ? "initial_last" : "initial_next"), .pending = -1},
	    .secret_len = secret.n,
	};

	memcpy(c.secret, secret.p, secret.n);
	if (totp) {
		c.params.step = (unsigned)number(v, "step");
		c.params.back = (unsigned)number(v, "back");
		c.params.fwd = (unsigned)number(v, "fwd");
	} else {
		c.params.window = (unsigned)number(v, "window");
		c.params.resync = (unsigned)number(v, "resync");
	}
	return c;
}

/* One "attempt =" line: TOTP "time code verdict mark", HOTP "code verdict mark". */
static void run_attempt(const struct vector *v, struct otp_credential *c, const char *line)
{
	long long time = 1000, mark = 0;
	char code[16], verdict[16];

	if (c->params.kind == OTP_TOTP)
		ck_assert_int_eq(sscanf(line, "%lld %15s %15s %lld", &time, code, verdict, &mark),
		                 4);
	else
		ck_assert_int_eq(sscanf(line, "%15s %15s %lld", code, verdict, &mark), 3);
	enum otp_verdict got = attempt(c, code, time, here);
	ck_assert_msg(strcmp(verdicts[got], verdict) == 0, "%s \"%s\": got %s",
	              vector_need(v, "id"), line, verdicts[got]);
	ck_assert_int_eq(c->state.mark, mark);
}

START_TEST(vectors)
{
	struct vectors vs = vectors_read("otp.txt");
	size_t run = 0, attempts = 0;

	for (size_t i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		if (strcmp(v->kind, "verify") != 0)
			continue;
		struct otp_credential c = from_vector(v);
		for (size_t k = 0; k < v->n; k++) {
			if (strcmp(v->fields[k].name, "attempt") != 0)
				continue;
			run_attempt(v, &c, v->fields[k].value);
			attempts++;
		}
		run++;
	}
	ck_assert_uint_eq(run, SEQUENCES);
	ck_assert_uint_eq(attempts, ATTEMPTS);
	vectors_free(&vs);
}
END_TEST

static struct otp_credential fresh(const char *profile)
{
	struct otp_credential c = {.params = otp_profile_find(profile)->params,
	                           .state = {.mark = 0, .pending = -1},
	                           .secret_len = 32};

	memset(c.secret, 0x5a, c.secret_len);
	if (c.params.kind == OTP_TOTP)
		c.state.mark = -1;
	return c;
}

static const char *code_of(const struct otp_credential *c, int64_t counter,
                           char text[OTP_DIGITS_MAX + 1])
{
	uint32_t code = 0;

	ck_assert_int_eq(hotp_code(h, c->params.algorithm, slice_of(c->secret, c->secret_len),
	                           (uint64_t)counter, c->params.digits, &code),
	                 0);
	hotp_text(code, c->params.digits, text);
	return text;
}

/* Every step around now, against every mark around now. */
START_TEST(totp_every_step_and_mark)
{
	struct otp_credential c = fresh("machine-totp");
	const int64_t now = 1000;
	char code[OTP_DIGITS_MAX + 1];

	for (int64_t mark = now - 6; mark <= now + 4; mark++) {
		for (int64_t step = now - 6; step <= now + 4; step++) {
			c.state.mark = mark;
			struct otp_judgement j = otp_judge(
			    h, &c, slice_str(code_of(&c, step, code)), now * 10 + _i, here);
			bool inside = step >= now - 3 && step <= now + 1;
			enum otp_verdict want = !inside       ? OTP_BAD
			                        : step > mark ? OTP_ACCEPT
			                                      : OTP_REPLAY;
			ck_assert_int_eq(j.verdict, want);
			if (want == OTP_ACCEPT)
				ck_assert_int_eq(j.new_mark, step);
			ck_assert_int_eq(j.new_pending, -1);
		}
	}
}
END_TEST

/* Every counter around next. */
START_TEST(hotp_every_counter)
{
	struct otp_credential c = fresh("machine-hotp");
	char code[OTP_DIGITS_MAX + 1];

	c.state.mark = 50;
	for (int64_t counter = 40; counter < 50 + 110; counter++) {
		struct otp_judgement j =
		    otp_judge(h, &c, slice_str(code_of(&c, counter, code)), 1, here);
		enum otp_verdict want = counter < 49    ? OTP_BAD
		                        : counter == 49 ? OTP_REPLAY
		                        : counter < 60  ? OTP_ACCEPT
		                        : counter < 150 ? OTP_RESYNC
		                                        : OTP_BAD;
		ck_assert_int_eq(j.verdict, want);
		ck_assert_int_eq(j.new_mark, want == OTP_ACCEPT ? counter + 1 : -1);
		ck_assert_int_eq(j.new_pending, want == OTP_RESYNC ? counter + 1 : -1);
		ck_assert(!j.forget_pending);
	}
}
END_TEST

/* One HOTP code per digit of the script, "." a wrong code; upper case: from elsewhere. What is
 * tried is the counter that the letter names: r = 30 (ahead), s = 31 (its follower), t = 32, n = 0
 * (next). */
struct pending_row {
	const char *script;
	int64_t delay; /* seconds before the last attempt */
	enum otp_verdict last;
	int64_t mark;
};

static const struct pending_row pendings[] = {
    {"rs", 0, OTP_ACCEPT, 32},   {"rs", 599, OTP_ACCEPT, 32},
    {"rs", 600, OTP_RESYNC, 0},  /* ten minutes: void */
    {"rs", -1, OTP_RESYNC, 0},   /* set in the future: the clock went back */
    {"r.s", 0, OTP_RESYNC, 0},   /* a miss from the same source forgets it */
    {"r?s", 0, OTP_RESYNC, 0},   /* also one that is no code at all */
    {"r!s", 0, OTP_ACCEPT, 32},  /* a miss from elsewhere does not */
    {"rS", 0, OTP_ACCEPT, 32},   /* the follower counts wherever it comes from */
    {"rt", 0, OTP_RESYNC, 0},    /* a gap starts again */
    {"rns", 0, OTP_RESYNC, 1},   /* an accepted code from here forgets it */
    {"rnst", 0, OTP_ACCEPT, 33}, /* and it is all to be done again */
    {"rNs", 0, OTP_ACCEPT, 32},  /* a login from elsewhere does not, while it stays below */
    {"rss", 0, OTP_REPLAY, 32},  /* once only */
    {"rst", 0, OTP_ACCEPT, 33},
};

static enum otp_verdict play(struct otp_credential *c, char step, int64_t time)
{
	char code[OTP_DIGITS_MAX + 1];
	bool away = step == 'S' || step == 'N' || step == '!';

	switch (step) {
	case '?':
		return attempt(c, "1234567", time, here);
	case '.':
	case '!':
		(void)code_of(c, 5000, code);
		break;
	case 'r':
		(void)code_of(c, 30, code);
		break;
	case 't':
		(void)code_of(c, 32, code);
		break;
	case 's':
	case 'S':
		(void)code_of(c, 31, code);
		break;
	default:
		(void)code_of(c, 0, code);
	}
	return attempt(c, code, time, away ? elsewhere : here);
}

START_TEST(pending)
{
	const struct pending_row *row = &pendings[_i];
	struct otp_credential c = fresh("machine-hotp");
	enum otp_verdict last = OTP_ERROR;

	for (const char *p = row->script; *p != '\0'; p++)
		last = play(&c, *p, 10000 + (p[1] == '\0' ? row->delay : 0));
	ck_assert_int_eq(last, row->last);
	ck_assert_int_eq(c.state.mark, row->mark);
}
END_TEST

/* A pending counter that the mark has passed is never accepted: the mark only rises. */
START_TEST(pending_below_the_mark)
{
	struct otp_credential c = fresh("machine-hotp");
	char code[OTP_DIGITS_MAX + 1];

	c.state = (struct otp_state){.mark = 40, .pending = 31, .pending_at = 10000};
	struct otp_judgement j = otp_judge(h, &c, slice_str(code_of(&c, 31, code)), 10000, here);
	ck_assert_int_eq(j.verdict, OTP_BAD);
	ck_assert(j.forget_pending);
}
END_TEST

static const char *const malformed[] = {
    "",         "1234567",  "123456789", "0123456x",    "+1234567",
    "-1234567", " 1234567", "1234567 ",  "12345\26267",
};

/* No code, whatever else fits: not even where its digits would. */
START_TEST(no_code)
{
	struct otp_credential c = fresh(_i % 2 == 0 ? "machine-hotp" : "machine-totp");
	struct slice code = slice_str(malformed[_i / 2]);

	ck_assert_int_eq(otp_judge(h, &c, code, 100, here).verdict, OTP_BAD);
}
END_TEST

START_TEST(longer_code_with_same_value)
{
	struct otp_credential c = fresh("machine-hotp");
	char code[OTP_DIGITS_MAX + 1], longer[OTP_DIGITS_MAX + 2];

	(void)snprintf(longer, sizeof longer, "0%s", code_of(&c, 0, code));
	ck_assert_int_eq(otp_judge(h, &c, slice_str(longer), 1, here).verdict, OTP_BAD);
	ck_assert_int_eq(otp_judge(h, &c, slice_str(code), 1, here).verdict, OTP_ACCEPT);
}
END_TEST

/* "6:" has the value of "70": what is no digit matches nothing, even where the sum is right. */
START_TEST(same_value_with_no_digit)
{
	struct otp_credential c = fresh("machine-hotp");
	char code[OTP_DIGITS_MAX + 1];
	size_t tried = 0;

	for (int64_t counter = 0; counter < 10; counter++) {
		(void)code_of(&c, counter, code);
		if (code[6] == '0')
			continue;
		code[6]--;
		code[7] = (char)(code[7] + 10);
		ck_assert_int_eq(otp_judge(h, &c, slice_str(code), 1, here).verdict, OTP_BAD);
		tried++;
	}
	ck_assert_uint_gt(tried, 0);
}
END_TEST

/* Records that cannot be are refused as errors, and nothing overflows at the ends of the range. */
START_TEST(impossible_records)
{
	struct otp_credential c = fresh("machine-totp");
	char code[OTP_DIGITS_MAX + 1];

	(void)code_of(&c, 0, code);
	c.params.step = 0;
	ck_assert_int_eq(otp_judge(h, &c, slice_str(code), 0, here).verdict, OTP_ERROR);
	c.params.step = 10;
	ck_assert_int_eq(otp_judge(h, &c, slice_str(code), -1, here).verdict, OTP_ERROR);
	c.params.digits = 9;
	ck_assert_int_eq(otp_judge(h, &c, slice_str(code), 0, here).verdict, OTP_ERROR);
	c = fresh("machine-hotp");
	c.state.mark = -1;
	ck_assert_int_eq(otp_judge(h, &c, slice_str(code), 0, here).verdict, OTP_ERROR);
	c.state.mark = 0;
	c.secret_len = 0;
	ck_assert_int_eq(otp_judge(h, &c, slice_str(code), 0, here).verdict, OTP_ERROR);
	c = fresh("machine-hotp");
	c.state.mark = c.state.pending = INT64_MAX;
	ck_assert_int_eq(otp_judge(h, &c, slice_str("00000000"), 0, here).verdict, OTP_BAD);
	c.state.mark = INT64_MAX - 3;
	struct otp_judgement j =
	    otp_judge(h, &c, slice_str(code_of(&c, INT64_MAX - 3, code)), 0, here);
	ck_assert_int_eq(j.verdict, OTP_ACCEPT);
	ck_assert_int_eq(j.new_mark, INT64_MAX - 2);
}
END_TEST

START_TEST(first_steps_of_the_epoch)
{
	struct otp_credential c = fresh("machine-totp");
	char code[OTP_DIGITS_MAX + 1];

	ck_assert_int_eq(attempt(&c, code_of(&c, 0, code), 5, here), OTP_ACCEPT);
	ck_assert_int_eq(c.state.mark, 0);
	ck_assert_int_eq(attempt(&c, code, 5, here), OTP_REPLAY);
	/* No step is before the first, where the window would reach. */
	ck_assert_int_eq(attempt(&c, code_of(&c, -1, code), 5, here), OTP_BAD);
}
END_TEST

/* Whoever computes codes next does not do it with the secret of the one who was judged. */
START_TEST(secret_is_forgotten)
{
	struct otp_credential c = fresh(_i == 0 ? "machine-totp" : "machine-hotp");
	uint32_t code;

	ck_assert_int_eq(otp_judge(h, &c, slice_str("00000000"), 100, here).verdict, OTP_BAD);
	ck_assert_int_eq(hotp_another(h, c.params.algorithm, 0, 8, &code), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("judge");
	TCase *t = tcase_create("judge");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, vectors);
	tcase_add_loop_test(t, totp_every_step_and_mark, 0, 10);
	tcase_add_test(t, hotp_every_counter);
	tcase_add_loop_test(t, pending, 0, ROWS(pendings));
	tcase_add_test(t, pending_below_the_mark);
	tcase_add_loop_test(t, no_code, 0, 2 * ROWS(malformed));
	tcase_add_test(t, longer_code_with_same_value);
	tcase_add_test(t, same_value_with_no_digit);
	tcase_add_test(t, impossible_records);
	tcase_add_test(t, first_steps_of_the_epoch);
	tcase_add_loop_test(t, secret_is_forgotten, 0, 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
