/* SPDX-License-Identifier: ISC */
/* A scenario is a list of requests, each a batch of its own, with the answer that it must get.
 * Every scenario begins with the user "ann" (mark 0, a budget of 5 guesses, made at the time 1000).
 */
#include "tests/unit/store_behaviour.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY 86400
#define REFILL (STORE_REFILL_SECONDS / 5) /* one of five guesses */
enum { START = 1000, STEPS_MAX = 24, NOBODY = 777777 };

static struct store_backend *(*open_backend)(void);

struct step {
	bool used;
	enum store_verb verb;
	const char *user; /* TAKE */
	bool nobody;      /* an id that nobody has */
	uint8_t source;
	int64_t now, mark; /* mark: CONSUME */
	bool give_back, forget, failed;
	int64_t pending;
	enum store_status status;
	bool taken;                    /* TAKE: the answer */
	const struct store_edit *edit; /* in place of a request */
	int64_t got_mark, got_pending;
};

/* A TAKE that is answered with the mark and pending counter, and one that is not. */
#define TAKE(source_, now_, taken_, mark_, pending_)                                         \
	{                                                                                    \
		.used = true, .verb = STORE_TAKE, .user = "ann", .source = (source_),        \
		.now = (now_), .status = STORE_DONE, .taken = (taken_), .got_mark = (mark_), \
		.got_pending = (pending_)                                                    \
	}
#define NO_TAKE(user_, source_, now_, status_)                                          \
	{                                                                               \
		.used = true, .verb = STORE_TAKE, .user = (user_), .source = (source_), \
		.now = (now_), .status = (status_)                                      \
	}
#define CONSUME(source_, now_, mark_, back_, status_)                                    \
	{                                                                                \
		.used = true, .verb = STORE_CONSUME, .source = (source_), .now = (now_), \
		.mark = (mark_), .give_back = (back_), .status = (status_)               \
	}
#define SETTLE(source_, now_, back_, forget_, pending_)                                 \
	{                                                                               \
		.used = true, .verb = STORE_SETTLE, .source = (source_), .now = (now_), \
		.give_back = (back_), .forget = (forget_), .pending = (pending_),       \
		.status = STORE_DONE                                                    \
	}
#define FAIL(source_, now_)                                                             \
	{                                                                               \
		.used = true, .verb = STORE_SETTLE, .source = (source_), .now = (now_), \
		.failed = true, .pending = -1, .status = STORE_DONE                     \
	}
#define EDIT(...)                                                \
	{                                                        \
		.used = true, .edit = &(const struct store_edit) \
		{                                                \
			__VA_ARGS__                              \
		}                                                \
	}
#define G(now_) TAKE(9, now_, true, 0, -1) /* a guess from a stranger */

struct scenario {
	const char *name;
	struct step steps[STEPS_MAX];
};

static const struct scenario scenarios[] = {
    {"unknown users",
     {NO_TAKE("bob", 1, START, STORE_UNKNOWN), NO_TAKE("", 1, START, STORE_UNKNOWN),
      NO_TAKE("an", 1, START, STORE_UNKNOWN), NO_TAKE("anna", 1, START, STORE_UNKNOWN),
      NO_TAKE("Ann", 1, START, STORE_UNKNOWN), TAKE(1, START, true, 0, -1)}},
    {"the budget runs out and fills",
     {G(START), G(START), G(START), G(START), G(START), NO_TAKE("ann", 9, START, STORE_EXHAUSTED),
      NO_TAKE("ann", 1, START + REFILL - 1, STORE_EXHAUSTED), G(START + REFILL),
      NO_TAKE("ann", 9, START + REFILL, STORE_EXHAUSTED), G(START + 4 * REFILL),
      G(START + 4 * REFILL), G(START + 4 * REFILL),
      NO_TAKE("ann", 9, START + 4 * REFILL, STORE_EXHAUSTED)}},
    {"the budget is capped",
     {G(START), G(START + 1000 * DAY), G(START + 1000 * DAY), G(START + 1000 * DAY),
      G(START + 1000 * DAY), G(START + 1000 * DAY),
      NO_TAKE("ann", 9, START + 1000 * DAY, STORE_EXHAUSTED)}},
    {"a clock that goes back adds nothing",
     {G(START), G(START), G(START), G(START), G(START), NO_TAKE("ann", 9, 10, STORE_EXHAUSTED),
      NO_TAKE("ann", 9, START, STORE_EXHAUSTED),
      NO_TAKE("ann", 9, START + REFILL - 1, STORE_EXHAUSTED), G(START + REFILL)}},
    {"a clock that goes back takes nothing, nor fills twice",
     {G(START), G(START + 2 * REFILL), G(START), G(START + 2 * REFILL), G(START),
      G(START + 2 * REFILL), NO_TAKE("ann", 9, START + 2 * REFILL, STORE_EXHAUSTED)}},
    {"a guess given back",
     {G(START), SETTLE(9, START, true, false, -1), G(START), SETTLE(9, START, true, false, -1),
      G(START), G(START), G(START), G(START), G(START), NO_TAKE("ann", 9, START, STORE_EXHAUSTED),
      SETTLE(9, START, false, false, -1), NO_TAKE("ann", 9, START, STORE_EXHAUSTED),
      SETTLE(9, START, true, false, -1), G(START)}},
    {"never more than the budget is given back",
     {SETTLE(9, START, true, false, -1), SETTLE(9, START, true, false, -1), G(START), G(START),
      G(START), G(START), G(START), NO_TAKE("ann", 9, START, STORE_EXHAUSTED)}},
    {"a success gives its guess back",
     {G(START), G(START), G(START), G(START), G(START), CONSUME(1, START, 1, true, STORE_DONE),
      TAKE(9, START, true, 1, -1), NO_TAKE("ann", 9, START, STORE_EXHAUSTED)}},
    {"a known source is served when strangers are not",
     {TAKE(1, START, true, 0, -1), CONSUME(1, START, 1, true, STORE_DONE),
      TAKE(1, START, false, 1, -1), TAKE(9, START, true, 1, -1), TAKE(9, START, true, 1, -1),
      TAKE(9, START, true, 1, -1), TAKE(9, START, true, 1, -1), TAKE(9, START, true, 1, -1),
      NO_TAKE("ann", 9, START, STORE_EXHAUSTED), TAKE(1, START, false, 1, -1),
      TAKE(1, START, false, 1, -1)}},
    {"a source is known for 30 days",
     {TAKE(1, START, true, 0, -1), CONSUME(1, START, 1, true, STORE_DONE),
      TAKE(1, START + 30 * DAY, false, 1, -1), TAKE(1, START + 30 * DAY + 1, true, 1, -1),
      CONSUME(1, START + 30 * DAY, 2, true, STORE_DONE), TAKE(1, START + 60 * DAY, false, 2, -1),
      TAKE(1, START + 60 * DAY + 1, true, 2, -1)}},
    {"eight sources are kept, the newest",
     {TAKE(1, START, true, 0, -1),
      CONSUME(1, START + 1, 1, true, STORE_DONE),
      CONSUME(2, START + 2, 2, false, STORE_DONE),
      CONSUME(3, START + 3, 3, false, STORE_DONE),
      CONSUME(4, START + 4, 4, false, STORE_DONE),
      CONSUME(5, START + 5, 5, false, STORE_DONE),
      CONSUME(6, START + 6, 6, false, STORE_DONE),
      CONSUME(7, START + 7, 7, false, STORE_DONE),
      CONSUME(8, START + 8, 8, false, STORE_DONE),
      TAKE(1, START + 9, false, 8, -1),
      CONSUME(1, START + 9, 9, false, STORE_DONE),
      CONSUME(9, START + 10, 10, false, STORE_DONE),
      TAKE(1, START + 10, false, 10, -1),
      TAKE(2, START + 10, true, 10, -1),
      TAKE(3, START + 10, false, 10, -1),
      TAKE(9, START + 10, false, 10, -1),
      CONSUME(10, START, 11, false, STORE_DONE),
      TAKE(10, START, false, 11, -1),
      TAKE(3, START + 10, true, 11, -1),
      TAKE(4, START + 10, false, 11, -1)}},
    {"a mark only rises",
     {TAKE(1, START, true, 0, -1), CONSUME(1, START, 0, true, STORE_CONFLICT),
      CONSUME(1, START, 5, false, STORE_DONE), CONSUME(1, START, 5, false, STORE_CONFLICT),
      CONSUME(1, START, 4, false, STORE_CONFLICT), CONSUME(1, START, -1, false, STORE_CONFLICT),
      TAKE(1, START, false, 5, -1), CONSUME(1, START, 6, false, STORE_DONE),
      CONSUME(1, START, INT64_MAX, false, STORE_DONE),
      CONSUME(1, START, INT64_MAX, false, STORE_CONFLICT), TAKE(1, START, false, INT64_MAX, -1)}},
    {"a conflict changes nothing",
     {TAKE(1, START, true, 0, -1), SETTLE(1, START, false, false, 50),
      CONSUME(2, START, 0, true, STORE_CONFLICT), TAKE(2, START, true, 0, 50),
      TAKE(2, START, true, 0, 50), TAKE(2, START, true, 0, 50), TAKE(2, START, true, 0, 50),
      NO_TAKE("ann", 2, START, STORE_EXHAUSTED)}},
    {"pending is set, kept and forgotten",
     {TAKE(1, START, true, 0, -1), SETTLE(1, START, true, false, 50), TAKE(1, START, true, 0, 50),
      SETTLE(1, START, true, false, -1), TAKE(1, START, true, 0, 50),
      SETTLE(1, START, true, true, -1), TAKE(1, START, true, 0, -1),
      SETTLE(1, START, true, true, 60), TAKE(1, START, true, 0, 60)}},
    {"a success forgets pending",
     {TAKE(1, START, true, 0, -1), SETTLE(1, START, true, false, 50),
      CONSUME(1, START, 51, false, STORE_DONE), TAKE(1, START, false, 51, -1)}},
    {"pending behind the mark is left out",
     {TAKE(1, START, true, 0, -1), CONSUME(1, START, 51, true, STORE_DONE),
      SETTLE(1, START, false, false, 50), TAKE(1, START, false, 51, -1),
      SETTLE(1, START, false, false, 51), TAKE(1, START, false, 51, 51),
      SETTLE(1, START, false, true, 50), TAKE(1, START, false, 51, -1)}},
    {"locked and unlocked",
     {TAKE(1, START, true, 0, -1), EDIT(.kind = STORE_LOCK), NO_TAKE("ann", 1, START, STORE_LOCKED),
      CONSUME(1, START, 5, true, STORE_LOCKED), EDIT(.kind = STORE_LOCK),
      EDIT(.kind = STORE_UNLOCK), TAKE(1, START, true, 0, -1),
      CONSUME(1, START, 5, true, STORE_DONE)}},
    {"expired from that second on",
     {TAKE(1, START, true, 0, -1), EDIT(.kind = STORE_EXPIRE, .expires = START + 10),
      CONSUME(1, START + 10, 5, true, STORE_EXPIRED), CONSUME(1, START + 9, 5, true, STORE_DONE),
      TAKE(1, START + 9, false, 5, -1), NO_TAKE("ann", 1, START + 10, STORE_EXPIRED),
      NO_TAKE("ann", 1, START + 11, STORE_EXPIRED), EDIT(.kind = STORE_EXPIRE),
      TAKE(1, START + 11, false, 5, -1)}},
    {"a refused user has no guess taken",
     {EDIT(.kind = STORE_LOCK), NO_TAKE("ann", 9, START, STORE_LOCKED), EDIT(.kind = STORE_UNLOCK),
      G(START), G(START), G(START), G(START), G(START), NO_TAKE("ann", 9, START, STORE_EXHAUSTED)}},
    {"a reset fills the guesses and forgets pending",
     {G(START), G(START), G(START), G(START), G(START), SETTLE(9, START, false, false, 50),
      EDIT(.kind = STORE_RESET, .now = START), TAKE(9, START, true, 0, -1), G(START), G(START),
      G(START), G(START), NO_TAKE("ann", 9, START, STORE_EXHAUSTED)}},
    {"guesses of a clock that was ahead fill again after a reset",
     {G(START + DAY), G(START + DAY), G(START + DAY), G(START + DAY), G(START + DAY),
      EDIT(.kind = STORE_RESET, .now = START), G(START), G(START), G(START), G(START), G(START),
      G(START + REFILL)}},
    {"a resync raises the counter and never lowers it",
     {TAKE(1, START, true, 0, -1), SETTLE(1, START, false, false, 50),
      EDIT(.kind = STORE_RESYNC, .mark = 40), TAKE(1, START, true, 40, -1),
      CONSUME(1, START, 40, true, STORE_CONFLICT), CONSUME(1, START, 41, true, STORE_DONE)}},
    {"a source that failed waits, twice as long each time",
     {TAKE(1, START, true, 0, -1), FAIL(1, START), NO_TAKE("ann", 1, START, STORE_DELAYED),
      TAKE(1, START + 1, true, 0, -1), FAIL(1, START + 1),
      NO_TAKE("ann", 1, START + 2, STORE_DELAYED), TAKE(1, START + 3, true, 0, -1),
      FAIL(1, START + 3), NO_TAKE("ann", 1, START + 6, STORE_DELAYED),
      TAKE(1, START + 7, true, 0, -1)}},
    {"a source that has to show what follows its resync does not wait for that",
     {TAKE(1, START, true, 0, -1),
      FAIL(1, START),
      FAIL(1, START),
      FAIL(1, START),
      FAIL(2, START),
      FAIL(2, START),
      SETTLE(1, START, false, false, 50),
      TAKE(1, START, true, 0, 50),
      NO_TAKE("ann", 2, START, STORE_DELAYED),
      SETTLE(1, START, false, true, -1),
      NO_TAKE("ann", 1, START, STORE_DELAYED),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      FAIL(1, START + 9),
      SETTLE(1, START + 9, false, false, 60),
      TAKE(1, START + 608, true, 0, 60),
      NO_TAKE("ann", 1, START + 609, STORE_DELAYED)}},
    {"others do not wait, and a delayed attempt takes no guess",
     {G(START), FAIL(9, START), FAIL(9, START), FAIL(9, START),
      NO_TAKE("ann", 9, START, STORE_DELAYED), NO_TAKE("ann", 9, START + 3, STORE_DELAYED),
      TAKE(1, START, true, 0, -1), TAKE(2, START, true, 0, -1), TAKE(3, START, true, 0, -1),
      G(START + 4), NO_TAKE("ann", 1, START + 4, STORE_EXHAUSTED)}},
    {"a known source waits too, until it succeeds",
     {TAKE(1, START, true, 0, -1), CONSUME(1, START, 1, true, STORE_DONE), FAIL(1, START),
      FAIL(1, START), NO_TAKE("ann", 1, START + 1, STORE_DELAYED), FAIL(2, START),
      TAKE(1, START + 2, false, 1, -1), CONSUME(1, START + 2, 2, false, STORE_DONE),
      TAKE(1, START + 2, false, 2, -1), FAIL(1, START + 2), TAKE(1, START + 3, false, 2, -1),
      NO_TAKE("ann", 2, START, STORE_DELAYED)}},
    {"a conflict clears no delay",
     {TAKE(1, START, true, 0, -1), FAIL(1, START), CONSUME(1, START, 0, true, STORE_CONFLICT),
      NO_TAKE("ann", 1, START, STORE_DELAYED)}},
    {"an hour at most",
     {FAIL(1, START), FAIL(1, START), FAIL(1, START), FAIL(1, START), FAIL(1, START),
      FAIL(1, START), FAIL(1, START), FAIL(1, START), FAIL(1, START), FAIL(1, START),
      FAIL(1, START), FAIL(1, START), NO_TAKE("ann", 1, START + 2047, STORE_DELAYED),
      TAKE(1, START + 2048, true, 0, -1), FAIL(1, START), FAIL(1, START),
      NO_TAKE("ann", 1, START + 3599, STORE_DELAYED), TAKE(1, START + 3600, true, 0, -1)}},
    {"a clock that goes back ends a delay",
     {FAIL(1, START + DAY), FAIL(1, START + DAY), NO_TAKE("ann", 1, START + DAY, STORE_DELAYED),
      TAKE(1, START, true, 0, -1), FAIL(1, START), NO_TAKE("ann", 1, START + 3, STORE_DELAYED),
      TAKE(1, START + 4, true, 0, -1)}},
    {"failures of a month ago count no more",
     {FAIL(1, START), FAIL(1, START), FAIL(1, START), FAIL(1, START + 30 * DAY + 1),
      NO_TAKE("ann", 1, START + 30 * DAY + 1, STORE_DELAYED),
      TAKE(1, START + 30 * DAY + 2, true, 0, -1)}},
    {"a reset ends all delays",
     {FAIL(1, START), FAIL(1, START), FAIL(2, START), EDIT(.kind = STORE_RESET, .now = START),
      TAKE(1, START, true, 0, -1), TAKE(2, START, true, 0, -1)}},
    {"nobody has that id",
     {{.used = true,
       .verb = STORE_CONSUME,
       .nobody = true,
       .now = START,
       .mark = 9,
       .status = STORE_UNKNOWN},
      {.used = true,
       .verb = STORE_SETTLE,
       .nobody = true,
       .now = START,
       .pending = 1,
       .status = STORE_UNKNOWN},
      TAKE(1, START, true, 0, -1)}},
    {"a time before 1970 is refused, and nothing changes",
     {TAKE(1, START, true, 0, -1), NO_TAKE("ann", 1, -1, STORE_FAILED),
      CONSUME(1, -1, 7, true, STORE_FAILED), TAKE(1, START, true, 0, -1),
      CONSUME(1, START, 7, true, STORE_DONE), TAKE(1, START, false, 7, -1)}},
};

static void fill_source(uint8_t source[16], uint8_t value)
{
	memset(source, 0, 16);
	source[10] = source[11] = 0xff;
	source[15] = value;
}

void store_behaviour_user(struct store_backend *b, const char *name, int64_t mark)
{
	struct err e = {""};
	struct store_user u = {
	    .name = slice_str(name),
	    .params = {.kind = mark < 0 ? OTP_TOTP : OTP_HOTP,
	               .algorithm = OTP_SHA256,
	               .digits = 8},
	    .state = {.mark = mark, .pending = -1},
	    .budget = 5,
	    .blob = slice_str("sealed"),
	    .created = START,
	};

	if (b->ops->user_add(b, &u, &e) != 0)
		ck_abort_msg("%s", e.text);
}

void store_behaviour_run(struct store_backend *b, struct store_op *op)
{
	struct err e = {""};

	if (b->ops->begin(b, &e) != 0)
		ck_abort_msg("begin: %s", e.text);
	b->ops->run(b, op);
	if (b->ops->commit(b, &e) != 0)
		ck_abort_msg("commit: %s", e.text);
}

static void check_take(const char *where, const struct step *step, const struct store_op *op)
{
	if (step->status != STORE_DONE) {
		ck_assert_msg(!op->guess_taken && op->blob_len == 0, "%s: something was given",
		              where);
		return;
	}
	ck_assert_msg(op->guess_taken == step->taken, "%s: guess taken %d", where, op->guess_taken);
	ck_assert_msg(op->state.mark == step->got_mark, "%s: mark %lld", where,
	              (long long)op->state.mark);
	ck_assert_msg(op->state.pending == step->got_pending, "%s: pending %lld", where,
	              (long long)op->state.pending);
	expect_bytes(slice_of(op->blob, op->blob_len), slice_str("sealed"), where);
}

static void run_step(struct store_backend *b, const char *where, const struct step *step,
                     int64_t *id)
{
	struct store_op op = {
	    .verb = step->verb,
	    .user = slice_str(step->user == NULL ? "" : step->user),
	    .now = step->now,
	    .id = step->nobody ? NOBODY : *id,
	    .mark = step->mark,
	    .give_back = step->give_back,
	    .forget_pending = step->forget,
	    .failed = step->failed,
	    .pending = step->pending,
	    .status = (enum store_status)99,
	};

	if (step->edit != NULL) {
		ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), step->edit, NULL), 0);
		return;
	}
	fill_source(op.source, step->source);
	store_behaviour_run(b, &op);
	ck_assert_msg(op.status == step->status, "%s: status %d, not %d (%s)", where,
	              (int)op.status, (int)step->status, op.err.text);
	ck_assert_msg((op.err.text[0] != '\0') == (op.status == STORE_FAILED), "%s: error \"%s\"",
	              where, op.err.text);
	if (step->verb == STORE_TAKE)
		check_take(where, step, &op);
	if (step->verb == STORE_TAKE && op.status == STORE_DONE)
		*id = op.id;
}

START_TEST(scenario)
{
	const struct scenario *sc = &scenarios[_i];
	struct store_backend *b = open_backend();
	int64_t id =
	    1; /* a first SETTLE may come before any TAKE: the first user of an empty database */

	store_behaviour_user(b, "ann", 0);
	for (size_t i = 0; i < STEPS_MAX && sc->steps[i].used; i++) {
		char where[128];
		(void)snprintf(where, sizeof where, "%s, step %zu", sc->name, i);
		run_step(b, where, &sc->steps[i], &id);
	}
	b->ops->close(b);
}
END_TEST

static struct store_op take_op(const char *user)
{
	struct store_op op = {.verb = STORE_TAKE, .user = slice_str(user), .now = START};

	return op;
}

/* Far more sources than are kept fail: the oldest is forgotten, the others wait. */
START_TEST(failures_are_bounded)
{
	struct store_backend *b = open_backend();

	store_behaviour_user(b, "ann", 0);
	for (int i = 0; i <= STORE_FAILURES; i++) {
		struct store_op op = {
		    .verb = STORE_SETTLE, .id = 1, .now = START + i, .failed = true, .pending = -1};
		for (int n = 0; n < 9; n++) {
			fill_source(op.source, (uint8_t)(i + 1));
			store_behaviour_run(b, &op);
			ck_assert_int_eq(op.status, STORE_DONE);
		}
	}
	for (int i = 0; i <= STORE_FAILURES; i++) {
		struct store_op op = take_op("ann");
		op.now = START + STORE_FAILURES;
		fill_source(op.source, (uint8_t)(i + 1));
		store_behaviour_run(b, &op);
		ck_assert_int_eq(op.status, i == 0 ? STORE_DONE : STORE_DELAYED);
	}
	b->ops->close(b);
}
END_TEST

START_TEST(every_field_comes_back)
{
	struct store_backend *b = open_backend();
	uint8_t name[STORE_USER_MAX], blob[STORE_BLOB_MAX], login[STORE_LOGIN_MAX];
	struct store_user u = {
	    .name = slice_of(name, sizeof name),
	    .login = slice_of(login, sizeof login),
	    .params = {.kind = OTP_TOTP,
	               .algorithm = OTP_SHA512,
	               .digits = 7,
	               .step = 30,
	               .back = 3,
	               .fwd = 1,
	               .window = 10,
	               .resync = 100},
	    .state = {.mark = 1LL << 40,
	              .pending = 1LL << 41,
	              .pending_at = 1LL << 33,
	              .pending_source = "0123456789abcde"},
	    .budget = 100,
	    .blob = slice_of(blob, sizeof blob),
	    .created = START,
	};
	struct store_op op = take_op("");

	for (size_t i = 0; i < sizeof name; i++)
		name[i] = (uint8_t)i; /* NUL too */
	for (size_t i = 0; i < sizeof blob; i++)
		blob[i] = (uint8_t)(255 - i);
	for (size_t i = 0; i < sizeof login; i++)
		login[i] = (uint8_t)(7 * i);
	ck_assert_int_eq(b->ops->user_add(b, &u, NULL), 0);
	op.user = u.name;
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	ck_assert(memcmp(&op.params, &u.params, sizeof op.params) == 0);
	ck_assert(memcmp(&op.state, &u.state, sizeof op.state) == 0);
	expect_bytes(slice_of(op.blob, op.blob_len), u.blob, "blob");
	expect_bytes(slice_of(op.login, op.login_len), u.login, "login");
	op.user.n--;
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_UNKNOWN);
	uint8_t longer[STORE_USER_MAX + 1] = {0};
	op.user = slice_of(longer, sizeof longer);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_UNKNOWN);
	b->ops->close(b);
}
END_TEST

static int login_is(void *ctx, const struct store_user *u)
{
	const struct slice *want = ctx;

	expect_bytes(u->login, *want, "login");
	return 0;
}

/* The login for the broker comes and goes without anything else; it does not go with a TAKE that is
 * refused. */
START_TEST(login_for_the_broker)
{
	static const uint8_t longest[STORE_LOGIN_MAX + 1];
	const struct slice logins[] = {slice_str("sealed login"), slice_of(NULL, 0),
	                               slice_of(longest, STORE_LOGIN_MAX), slice_str("x")};
	struct store_backend *b = open_backend();
	struct store_edit edit = {.kind = STORE_LOGIN, .now = START};
	struct store_op op = take_op("ann");

	store_behaviour_user(b, "ann", 3);
	for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
		edit.login = logins[i];
		ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &edit, NULL), 0);
		store_behaviour_run(b, &op);
		ck_assert_int_eq(op.status, STORE_DONE);
		expect_bytes(slice_of(op.login, op.login_len), logins[i], "login");
		expect_bytes(slice_of(op.blob, op.blob_len), slice_str("sealed"), "blob");
		ck_assert_int_eq(op.state.mark, 3);
		ck_assert_int_eq(
		    b->ops->user_find(b, slice_str("ann"), login_is, &edit.login, NULL), 0);
	}
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("bob"), &edit, NULL), 1);
	struct store_edit too_long = {.kind = STORE_LOGIN,
	                              .login = slice_of(longest, sizeof longest)};
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &too_long, NULL), -1);
	edit.kind = STORE_LOCK;
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &edit, NULL), 0);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_LOCKED);
	ck_assert_uint_eq(op.login_len, 0);
	edit.kind = STORE_UNLOCK;
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &edit, NULL), 0);
	store_behaviour_run(b, &op);
	expect_bytes(slice_of(op.login, op.login_len), slice_str("x"), "login");
	b->ops->close(b);
}
END_TEST

/* Each change of an administrator is told from what was before it; a login is none. */
START_TEST(editions)
{
	const struct store_edit edits[] = {{.kind = STORE_LOCK, .now = START},
	                                   {.kind = STORE_UNLOCK, .now = START},
	                                   {.kind = STORE_EXPIRE, .expires = START + 9},
	                                   {.kind = STORE_EXPIRE},
	                                   {.kind = STORE_RESET, .now = START},
	                                   {.kind = STORE_LOGIN, .login = slice_str("x")},
	                                   {.kind = STORE_RESYNC, .mark = 900}};
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann"), consume;
	int64_t before;

	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "bob", 0);
	store_behaviour_run(b, &op);
	before = op.edition;
	consume = (struct store_op){.verb = STORE_CONSUME, .id = op.id, .now = START, .mark = 6};
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(consume.status, STORE_DONE);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.edition, before);
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		ck_assert_int_eq(b->ops->user_edit(b, slice_str("bob"), &edits[i], NULL), 0);
		store_behaviour_run(b, &op);
		ck_assert_int_eq(op.edition, before);
		ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &edits[i], NULL), 0);
		if (edits[i].kind == STORE_LOCK)
			continue;
		store_behaviour_run(b, &op);
		ck_assert_int_eq(op.status, STORE_DONE);
		ck_assert_msg(op.edition > before, "edit %zu", i);
		before = op.edition;
	}
	b->ops->close(b);
}
END_TEST

START_TEST(pending_says_when_and_from_where)
{
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann"), set;

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	set = (struct store_op){.verb = STORE_SETTLE, .id = op.id, .now = START + 7, .pending = 40};
	fill_source(set.source, 33);
	store_behaviour_run(b, &set);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.state.pending, 40);
	ck_assert_int_eq(op.state.pending_at, START + 7);
	ck_assert(memcmp(op.state.pending_source, set.source, 16) == 0);
	b->ops->close(b);
}
END_TEST

/* One batch: a request that fails, one that comes too late, and two that are done. */
START_TEST(failure_inside_a_batch)
{
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann"), failed, done, late;

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	failed = (struct store_op){
	    .verb = STORE_CONSUME, .id = op.id, .now = -1, .mark = 9, .give_back = true};
	done = (struct store_op){
	    .verb = STORE_CONSUME, .id = op.id, .now = START, .mark = 6, .pending = -1};
	late = done;
	fill_source(failed.source, 8);
	ck_assert_int_eq(b->ops->begin(b, NULL), 0);
	b->ops->run(b, &failed);
	b->ops->run(b, &done);
	b->ops->run(b, &late);
	ck_assert_int_eq(b->ops->commit(b, NULL), 0);
	ck_assert_int_eq(failed.status, STORE_FAILED);
	ck_assert_int_eq(done.status, STORE_DONE);
	ck_assert_int_eq(late.status, STORE_CONFLICT);
	fill_source(op.source, 8);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.state.mark, 6);
	ck_assert(op.guess_taken);
	b->ops->close(b);
}
END_TEST

START_TEST(rollback)
{
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann"), consume, again = take_op("ann");

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	consume = (struct store_op){.verb = STORE_CONSUME, .id = op.id, .now = START, .mark = 6};
	ck_assert_int_eq(b->ops->begin(b, NULL), 0);
	b->ops->run(b, &consume);
	b->ops->run(b, &again);
	ck_assert_int_eq(again.state.mark, 6);
	b->ops->rollback(b);
	fill_source(again.source, 7);
	store_behaviour_run(b, &again);
	ck_assert_int_eq(again.state.mark, 0);
	ck_assert_int_eq(consume.status, STORE_DONE);
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(consume.status, STORE_DONE);
	b->ops->close(b);
}
END_TEST

START_TEST(removed_and_made_again)
{
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann"), consume;

	store_behaviour_user(b, "ann", 0);
	store_behaviour_run(b, &op);
	consume = (struct store_op){.verb = STORE_CONSUME, .id = op.id, .now = START, .mark = 6};
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 1);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_UNKNOWN);
	store_behaviour_user(b, "ann", 0);
	consume.mark = 7;
	store_behaviour_run(b, &consume);
	ck_assert_int_eq(consume.status, STORE_UNKNOWN);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.state.mark, 0);
	ck_assert(op.guess_taken);
	b->ops->close(b);
}
END_TEST

struct refused_row {
	size_t name, blob;
	unsigned kind, algorithm, digits, budget;
	int64_t mark, pending;
};

static const struct refused_row refused[] = {
    {0, 9, 1, 1, 6, 5, 0, -1},          {257, 9, 1, 1, 6, 5, 0, -1},
    {3, 0, 1, 1, 6, 5, 0, -1},          {3, STORE_BLOB_MAX + 1, 1, 1, 6, 5, 0, -1},
    {3, 9, 0, 1, 6, 5, 0, -1},          {3, 9, 3, 1, 6, 5, 0, -1},
    {3, 9, 1, 0, 6, 5, 0, -1},          {3, 9, 1, 4, 6, 5, 0, -1},
    {3, 9, 1, 1, 5, 5, 0, -1},          {3, 9, 1, 1, 9, 5, 0, -1},
    {3, 9, 1, 1, 6, 2000000000, 0, -1}, {3, 9, 1, 1, 6, 5, -2, -1},
    {3, 9, 1, 1, 6, 5, 0, -2},
};

static int count_user(void *ctx, const struct store_user *u)
{
	(void)u;
	++*(int *)ctx;
	return 0;
}

/* Who never was is told from who was removed, and only where that is asked for. */
START_TEST(strangers)
{
	static const struct {
		const char *user;
		bool asked;
		enum store_status want;
	} rows[] = {{"bob", true, STORE_STRANGER},  {"bob", false, STORE_UNKNOWN},
	            {"", true, STORE_STRANGER},     {"ann", true, STORE_UNKNOWN},
	            {"ann", false, STORE_UNKNOWN},  {"an", true, STORE_STRANGER},
	            {"anna", true, STORE_STRANGER}, {"eve", true, STORE_DONE},
	            {"eve", false, STORE_DONE}};
	struct store_backend *b = open_backend();
	struct store_op op;

	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "eve", 0);
	for (int i = 0; i < 2; i++) { /* once more: it is not forgotten by coming back */
		ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
		for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
			op = take_op(rows[k].user);
			op.strangers = rows[k].asked;
			store_behaviour_run(b, &op);
			ck_assert_msg(op.status == rows[k].want, "row %zu: %d", k, (int)op.status);
		}
		store_behaviour_user(b, "ann", 0);
		op = take_op("ann");
		op.strangers = true;
		store_behaviour_run(b, &op);
		ck_assert_int_eq(op.status, STORE_DONE);
	}
	ck_assert_int_eq(b->ops->user_forget(b, slice_str("bob"), NULL), 1);
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ann"), NULL), 0);
	ck_assert_int_eq(b->ops->user_forget(b, slice_str("ann"), NULL), 0);
	ck_assert_int_eq(b->ops->user_forget(b, slice_str("ann"), NULL), 1);
	op = take_op("ann");
	op.strangers = true;
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_STRANGER);
	ck_assert_uint_eq(op.blob_len, 0);
	b->ops->close(b);
}
END_TEST

START_TEST(user_refused)
{
	static const uint8_t bytes[512] = {1};
	const struct refused_row *row = &refused[_i];
	struct store_backend *b = open_backend();
	struct err e = {""};
	int n = 0;
	struct store_user u = {
	    .name = slice_of(bytes, row->name),
	    .params = {.kind = (enum otp_kind)row->kind,
	               .algorithm = (enum otp_algorithm)row->algorithm,
	               .digits = row->digits},
	    .state = {.mark = row->mark, .pending = row->pending},
	    .budget = row->budget,
	    .blob = slice_of(bytes, row->blob),
	};

	ck_assert_int_eq(b->ops->user_add(b, &u, &e), -1);
	ck_assert(e.text[0] != '\0');
	ck_assert_int_eq(b->ops->user_each(b, count_user, &n, &e), 0);
	ck_assert_int_eq(n, 0);
	b->ops->close(b);
}
END_TEST

START_TEST(user_twice)
{
	struct store_backend *b = open_backend();
	struct store_user u = {.name = slice_str("a\"\n"),
	                       .params = {.kind = OTP_HOTP, .algorithm = OTP_SHA1, .digits = 6},
	                       .blob = slice_str("x")};
	struct err e = {""};

	ck_assert_int_eq(b->ops->user_add(b, &u, &e), 0);
	u.blob = slice_str("y");
	ck_assert_int_eq(b->ops->user_add(b, &u, &e), -1);
	ck_assert_str_eq(e.text, "user \"a\\\"\\x0a\" exists already");
	b->ops->close(b);
}
END_TEST

struct seen {
	char names[64];
	int left;
};

static int see(void *ctx, const struct store_user *u)
{
	struct seen *s = ctx;

	(void)snprintf(s->names + strlen(s->names), sizeof s->names - strlen(s->names),
	               "%.*s=%lld ", (int)u->name.n, (const char *)u->name.p,
	               (long long)u->state.mark);
	expect_bytes(u->blob, slice_str("sealed"), "blob");
	ck_assert_int_eq(u->created, START);
	ck_assert_uint_eq(u->budget, 5);
	return --s->left == 0 ? 42 : 0;
}

START_TEST(each_in_order)
{
	struct store_backend *b = open_backend();
	struct seen all = {.left = 99}, two = {.left = 2};

	store_behaviour_user(b, "b", 2);
	store_behaviour_user(b, "ab", 4);
	store_behaviour_user(b, "B", 0);
	store_behaviour_user(b, "a", -1);
	ck_assert_int_eq(b->ops->user_each(b, see, &all, NULL), 0);
	ck_assert_str_eq(all.names, "B=0 a=-1 ab=4 b=2 ");
	ck_assert_int_eq(b->ops->user_each(b, see, &two, NULL), 42);
	ck_assert_str_eq(two.names, "B=0 a=-1 ");
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("ab"), NULL), 0);
	all = (struct seen){.left = 99};
	ck_assert_int_eq(b->ops->user_each(b, see, &all, NULL), 0);
	ck_assert_str_eq(all.names, "B=0 a=-1 b=2 ");
	b->ops->close(b);
}
END_TEST

static int keep(void *ctx, const struct store_user *u)
{
	struct store_user *to = ctx;

	*to = *u;
	return 0;
}

static struct store_user user_of(struct store_backend *b, const char *name)
{
	struct store_user u;

	ck_assert_int_eq(b->ops->user_find(b, slice_str(name), keep, &u, NULL), 0);
	return u;
}

static void edit_user(struct store_backend *b, const char *name, struct store_edit edit)
{
	ck_assert_int_eq(b->ops->user_edit(b, slice_str(name), &edit, NULL), 0);
}

START_TEST(one_user_in_full)
{
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann");

	ck_assert_int_eq(b->ops->user_find(b, slice_str("ann"), keep, NULL, NULL), 1);
	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "anna", 0);
	store_behaviour_run(b, &op);
	struct store_user u = user_of(b, "ann");
	ck_assert(u.guesses == 4);
	ck_assert(!u.locked && !u.stale && u.expires == 0 && u.last_login == 0);
	struct store_op consume = {
	    .verb = STORE_CONSUME, .id = op.id, .now = START + 5, .mark = 6, .give_back = true};
	store_behaviour_run(b, &consume);
	edit_user(b, "ann", (struct store_edit){.kind = STORE_LOCK});
	edit_user(b, "ann", (struct store_edit){.kind = STORE_EXPIRE, .expires = START + 9});
	u = user_of(b, "ann");
	ck_assert(u.guesses == 5);
	ck_assert_int_eq(u.guesses_at, START);
	ck_assert(u.locked && !u.stale);
	ck_assert_int_eq(u.expires, START + 9);
	ck_assert_int_eq(u.last_login, START + 5);
	ck_assert_int_eq(user_of(b, "anna").last_login, 0);
	struct store_edit edit = {.kind = STORE_LOCK};
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("bob"), &edit, NULL), 1);
	b->ops->close(b);
}
END_TEST

/* step, back and forward of "people" */
static void add_totp(struct store_backend *b, const char *name, int64_t mark)
{
	struct store_user u = {
	    .name = slice_str(name),
	    .params = {OTP_TOTP, OTP_SHA1, 6, .step = 30, .back = 1, .fwd = 1},
	    .state = {.mark = mark, .pending = -1},
	    .budget = 5,
	    .blob = slice_str("sealed"),
	};

	ck_assert_int_eq(b->ops->user_add(b, &u, NULL), 0);
}

/* At 3000 the step is 100, the window ends with 101. A mark beyond comes down to that, where no
 * code that may have been used lies above it; any other stays. */
START_TEST(reset_of_a_mark)
{
	static const int64_t rows[][2] = {{-1, -1},   {98, 98},   {100, 100},
	                                  {101, 101}, {102, 101}, {1LL << 40, 101}};
	struct store_backend *b = open_backend();

	add_totp(b, "tom", rows[_i][0]);
	edit_user(b, "tom", (struct store_edit){.kind = STORE_RESET, .now = 3000});
	ck_assert_int_eq(user_of(b, "tom").state.mark, rows[_i][1]);
	b->ops->close(b);
}
END_TEST

START_TEST(counter_is_not_reset)
{
	struct store_backend *b = open_backend();

	store_behaviour_user(b, "ann", 1LL << 40);
	edit_user(b, "ann", (struct store_edit){.kind = STORE_RESET, .now = START});
	ck_assert_int_eq(user_of(b, "ann").state.mark, 1LL << 40);
	b->ops->close(b);
}
END_TEST

START_TEST(stale_until_a_resync)
{
	struct store_backend *b = open_backend();
	struct store_user u = {.name = slice_str("ann"),
	                       .params = {.kind = OTP_HOTP, .algorithm = OTP_SHA1, .digits = 6},
	                       .state = {.mark = 20, .pending = -1},
	                       .budget = 5,
	                       .blob = slice_str("sealed"),
	                       .stale = true};
	struct store_op op = take_op("ann");
	struct err e = {""};

	ck_assert_int_eq(b->ops->user_add(b, &u, NULL), 0);
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_STALE);
	edit_user(b, "ann", (struct store_edit){.kind = STORE_UNLOCK});
	edit_user(b, "ann", (struct store_edit){.kind = STORE_RESET, .now = START});
	struct store_edit back = {.kind = STORE_RESYNC, .mark = 20};
	ck_assert_int_eq(b->ops->user_edit(b, slice_str("ann"), &back, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "or beyond"));
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_STALE);
	edit_user(b, "ann", (struct store_edit){.kind = STORE_RESYNC, .mark = 21});
	store_behaviour_run(b, &op);
	ck_assert_int_eq(op.status, STORE_DONE);
	ck_assert_int_eq(op.state.mark, 21);
	b->ops->close(b);
}
END_TEST

void store_behaviour_name(void *ctx, struct slice name)
{
	char *names = ctx;
	size_t n = strlen(names);

	(void)snprintf(names + n, 64 - n, "%.*s ", (int)name.n, (const char *)name.p);
}

static void expect_revoked(struct store_backend *b, int64_t now, const char *want)
{
	char names[64] = "";

	ck_assert_int_eq(b->ops->revoked(b, now, store_behaviour_name, names, NULL), 0);
	ck_assert_str_eq(names, want);
}

START_TEST(who_was_refused)
{
	struct store_backend *b = open_backend();
	int64_t far = 1LL << 40;

	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "bob", 0);
	store_behaviour_user(b, "eve", 0);
	expect_revoked(b, far, "");
	edit_user(b, "ann", (struct store_edit){.kind = STORE_LOCK});
	edit_user(b, "ann", (struct store_edit){.kind = STORE_LOCK});
	edit_user(b, "bob", (struct store_edit){.kind = STORE_RESET, .now = far});
	edit_user(b, "bob", (struct store_edit){.kind = STORE_RESYNC, .mark = 9});
	expect_revoked(b, far, "ann ");
	expect_revoked(b, far, "");
	edit_user(b, "ann", (struct store_edit){.kind = STORE_UNLOCK});
	edit_user(b, "bob", (struct store_edit){.kind = STORE_EXPIRE, .now = far, .expires = 1});
	ck_assert_int_eq(b->ops->user_remove(b, slice_str("eve"), NULL), 0);
	expect_revoked(b, far, "bob eve ");
	/* a time that runs out */
	edit_user(b, "ann",
	          (struct store_edit){.kind = STORE_EXPIRE, .now = far, .expires = far + 10});
	expect_revoked(b, far + 9, "");
	expect_revoked(b, far + 10, "ann ");
	expect_revoked(b, far + 11, "");
	/* a clock that goes back and comes again */
	expect_revoked(b, far, "");
	expect_revoked(b, far + 10, "ann ");
	b->ops->close(b);
}
END_TEST

START_TEST(census)
{
	struct store_backend *b = open_backend();
	struct store_census c;

	ck_assert_int_eq(b->ops->census(b, 3000, &c, NULL), 0);
	ck_assert_uint_eq(c.users, 0);
	store_behaviour_user(b, "ann", 1LL << 40);
	add_totp(b, "in", 101);
	add_totp(b, "out", 102);
	add_totp(b, "both", 200);
	edit_user(b, "both", (struct store_edit){.kind = STORE_LOCK});
	edit_user(b, "both", (struct store_edit){.kind = STORE_EXPIRE, .expires = 2});
	edit_user(b, "in", (struct store_edit){.kind = STORE_EXPIRE, .expires = 3000});
	ck_assert_int_eq(b->ops->census(b, 3000, &c, NULL), 0);
	ck_assert_uint_eq(c.users, 4);
	ck_assert_uint_eq(c.locked, 1);
	ck_assert_uint_eq(c.expired, 1);
	ck_assert_uint_eq(c.stale, 0);
	ck_assert_uint_eq(c.ahead, 2);
	ck_assert_int_eq(b->ops->census(b, 3030, &c, NULL), 0);
	ck_assert_uint_eq(c.ahead, 1);
	b->ops->close(b);
}
END_TEST

static int see_source(void *ctx, const uint8_t source[16], int64_t last_success)
{
	char *text = ctx;
	size_t n = strlen(text);

	(void)snprintf(text + n, 64 - n, "%u@%lld ", source[15], (long long)last_success);
	return 0;
}

START_TEST(known_sources)
{
	struct store_backend *b = open_backend();
	struct store_op op = take_op("ann");
	char text[64] = "";

	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "bob", 0);
	store_behaviour_run(b, &op);
	for (uint8_t i = 1; i <= 3; i++) {
		struct store_op consume = {
		    .verb = STORE_CONSUME, .id = op.id, .now = START + i % 3, .mark = i};
		fill_source(consume.source, i);
		store_behaviour_run(b, &consume);
	}
	ck_assert_int_eq(b->ops->user_sources(b, slice_str("ann"), see_source, text, NULL), 0);
	ck_assert_str_eq(text, "2@1002 1@1001 3@1000 ");
	text[0] = '\0';
	ck_assert_int_eq(b->ops->user_sources(b, slice_str("bob"), see_source, text, NULL), 0);
	ck_assert_str_eq(text, "");
	b->ops->close(b);
}
END_TEST

START_TEST(added_in_a_batch)
{
	struct store_backend *b = open_backend();
	int n = 0;

	ck_assert_int_eq(b->ops->begin(b, NULL), 0);
	store_behaviour_user(b, "ann", 0);
	store_behaviour_user(b, "bob", 0);
	b->ops->rollback(b);
	ck_assert_int_eq(b->ops->user_each(b, count_user, &n, NULL), 0);
	ck_assert_int_eq(n, 0);
	store_behaviour_user(b, "eve", 0);
	ck_assert_int_eq(b->ops->begin(b, NULL), 0);
	store_behaviour_user(b, "ann", 0);
	ck_assert_int_eq(b->ops->commit(b, NULL), 0);
	b->ops->rollback(b);
	ck_assert_int_eq(b->ops->user_each(b, count_user, &n, NULL), 0);
	ck_assert_int_eq(n, 2);
	b->ops->close(b);
}
END_TEST

/* Appends "KIND VALUE SINCE-UNTIL [auto] REASON; " to a text of 256 bytes. */
static int see_ban(void *ctx, const struct store_ban *ban)
{
	char *text = ctx;
	size_t n = strlen(text);

	(void)snprintf(text + n, 256 - n, "%d %.*s %d-%d%s %.*s; ", (int)ban->kind,
	               (int)ban->value.n, (const char *)ban->value.p, (int)ban->since,
	               (int)ban->until, ban->automatic ? " auto" : "", (int)ban->reason.n,
	               ban->reason.n == 0 ? "" : (const char *)ban->reason.p);
	return n > 200 ? -1 : 0;
}

static void expect_bans(struct store_backend *b, const char *want)
{
	char text[256] = "";

	ck_assert_int_eq(b->ops->ban_each(b, see_ban, text, NULL), 0);
	ck_assert_str_eq(text, want);
}

static struct store_op ban_op(enum store_verb verb, enum store_ban_kind kind, const char *value,
                              int64_t now, int64_t until)
{
	return (struct store_op){.verb = verb,
	                         .now = now,
	                         .ban = {.kind = kind,
	                                 .value = slice_str(value),
	                                 .since = now,
	                                 .until = until,
	                                 .automatic = until != 0,
	                                 .reason = slice_str(until != 0 ? "" : "why")}};
}

START_TEST(bans)
{
	struct store_backend *b = open_backend();
	static const struct {
		enum store_verb verb;
		enum store_ban_kind kind;
		const char *value;
		int64_t now, until;
		enum store_status status;
		const char *then;
	} rows[] = {
	    {STORE_BAN, STORE_BAN_USER, "eve", 100, 0, STORE_DONE, "2 eve 100-0 why; "},
	    {STORE_BAN, STORE_BAN_ADDRESS, "eve", 100, 200, STORE_DONE,
	     "1 eve 100-200 auto ; 2 eve 100-0 why; "},
	    {STORE_UNBAN, STORE_BAN_CLIENT_ID, "eve", 100, 0, STORE_UNKNOWN,
	     "1 eve 100-200 auto ; 2 eve 100-0 why; "},
	    {STORE_BAN, STORE_BAN_USER, "ev", 110, 0, STORE_DONE,
	     "1 eve 100-200 auto ; 2 ev 110-0 why; 2 eve 100-0 why; "},
	    /* again: the same row; what is over goes then, and only then */
	    {STORE_BAN, STORE_BAN_USER, "eve", 199, 300, STORE_DONE,
	     "1 eve 100-200 auto ; 2 ev 110-0 why; 2 eve 199-300 auto ; "},
	    {STORE_UNBAN, STORE_BAN_USER, "ev", 199, 0, STORE_DONE,
	     "1 eve 100-200 auto ; 2 eve 199-300 auto ; "},
	    {STORE_BAN, STORE_BAN_CLIENT_ID, "c", 200, 0, STORE_DONE,
	     "2 eve 199-300 auto ; 3 c 200-0 why; "},
	    {STORE_BAN, STORE_BAN_CLIENT_ID, "", 250, 0, STORE_FAILED,
	     "2 eve 199-300 auto ; 3 c 200-0 why; "},
	    {STORE_BAN, (enum store_ban_kind)4, "d", 250, 0, STORE_FAILED,
	     "2 eve 199-300 auto ; 3 c 200-0 why; "},
	    {STORE_UNBAN, STORE_BAN_CLIENT_ID, "c", 250, 0, STORE_DONE, "2 eve 199-300 auto ; "},
	};

	expect_bans(b, "");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct store_op op =
		    ban_op(rows[i].verb, rows[i].kind, rows[i].value, rows[i].now, rows[i].until);
		store_behaviour_run(b, &op);
		ck_assert_int_eq(op.status, rows[i].status);
		expect_bans(b, rows[i].then);
	}
	/* A batch that is undone. */
	struct store_op ban = ban_op(STORE_BAN, STORE_BAN_USER, "new", 250, 0),
	                unban = ban_op(STORE_UNBAN, STORE_BAN_USER, "eve", 250, 0);
	ck_assert_int_eq(b->ops->begin(b, NULL), 0);
	b->ops->run(b, &ban);
	b->ops->run(b, &unban);
	ck_assert_int_eq(unban.status, STORE_DONE);
	b->ops->rollback(b);
	expect_bans(b, "2 eve 199-300 auto ; ");
	b->ops->close(b);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

void store_behaviour_add(TCase *t, struct store_backend *(*open)(void))
{
	open_backend = open;
	tcase_add_loop_test(t, scenario, 0, ROWS(scenarios));
	tcase_add_test(t, failures_are_bounded);
	tcase_add_test(t, every_field_comes_back);
	tcase_add_test(t, pending_says_when_and_from_where);
	tcase_add_test(t, failure_inside_a_batch);
	tcase_add_test(t, rollback);
	tcase_add_test(t, removed_and_made_again);
	tcase_add_test(t, strangers);
	tcase_add_test(t, editions);
	tcase_add_test(t, login_for_the_broker);
	tcase_add_loop_test(t, user_refused, 0, ROWS(refused));
	tcase_add_test(t, user_twice);
	tcase_add_test(t, each_in_order);
	tcase_add_test(t, one_user_in_full);
	tcase_add_loop_test(t, reset_of_a_mark, 0, 6);
	tcase_add_test(t, counter_is_not_reset);
	tcase_add_test(t, stale_until_a_resync);
	tcase_add_test(t, who_was_refused);
	tcase_add_test(t, census);
	tcase_add_test(t, known_sources);
	tcase_add_test(t, added_in_a_batch);
	tcase_add_test(t, bans);
}
