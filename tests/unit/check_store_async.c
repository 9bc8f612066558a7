/* SPDX-License-Identifier: ISC */
#include "store/sqlite.h"
#include "tests/unit/scratch.h"
#include "tests/unit/store_behaviour.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One who asks: a box, and how many answers came. */
struct asker {
	struct mailbox box;
	unsigned answers;
};

struct question {
	struct store_op op; /* first */
	struct asker *asker;
	unsigned place; /* which answer it was */
};

static void answered(struct mail *m)
{
	struct question *q = (struct question *)m;

	q->place = ++q->asker->answers;
}

static void asker_init(struct asker *a)
{
	a->answers = 0;
	ck_assert_int_eq(mailbox_init(&a->box, NULL), 0);
}

static void submit(struct store *s, struct asker *a, struct question *q)
{
	q->asker = a;
	q->op.mail.deliver = answered;
	q->op.reply_to = &a->box;
	store_submit(s, &q->op);
}

static void wait_for(struct asker *a, unsigned answers)
{
	while (a->answers < answers) {
		struct pollfd p = {.fd = a->box.fd, .events = POLLIN};
		if (poll(&p, 1, 30000) != 1)
			abort(); /* an answer is lost */
		mailbox_drain(&a->box);
	}
}

static enum store_status ask(struct store *s, struct asker *a, struct question *q)
{
	submit(s, a, q);
	wait_for(a, a->answers + 1);
	return q->op.status;
}

/* A database that counts, waits at begin where it is told to, and fails as it is told. */
struct stub {
	struct store_backend base; /* first */
	sem_t entered, go;
	bool hold;
	bool fail_begin, fail_commit;
	unsigned batches, in_batch, largest, committed;
	bool fail_put;
	unsigned puts;
	bool closed;
};

static int stub_begin(struct store_backend *b, struct err *e)
{
	struct stub *s = (struct stub *)b;

	if (s->hold) {
		(void)sem_post(&s->entered);
		(void)sem_wait(&s->go);
	}
	s->batches++;
	s->in_batch = 0;
	return s->fail_begin ? err_set(e, "no begin") : 0;
}

static void stub_run(struct store_backend *b, struct store_op *op)
{
	struct stub *s = (struct stub *)b;

	s->in_batch++;
	op->status = STORE_DONE;
}

static int stub_commit(struct store_backend *b, struct err *e)
{
	struct stub *s = (struct stub *)b;

	if (s->fail_commit)
		return err_set(e, "no commit");
	s->committed += s->in_batch;
	s->largest = s->in_batch > s->largest ? s->in_batch : s->largest;
	return 0;
}

static void stub_rollback(struct store_backend *b)
{
	(void)b;
}

static void stub_close(struct store_backend *b)
{
	((struct stub *)b)->closed = true;
}

static const struct store_backend_ops stub_ops = {.begin = stub_begin,
                                                  .run = stub_run,
                                                  .commit = stub_commit,
                                                  .rollback = stub_rollback,
                                                  .close = stub_close};

static void stub_init(struct stub *s)
{
	*s = (struct stub){.base = {.ops = &stub_ops}};
	ck_assert_int_eq(sem_init(&s->entered, 0, 0), 0);
	ck_assert_int_eq(sem_init(&s->go, 0, 0), 0);
}

enum { MANY = 600 };

/* While the first batch is held, the others queue up: 1 + 256 + 256 + the rest, in order. */
START_TEST(waiting_requests_share_a_commit)
{
	static struct question q[MANY + 1];
	struct asker a;
	struct stub stub;

	stub_init(&stub);
	stub.hold = true;
	asker_init(&a);
	struct store *s = store_start(&stub.base, NULL);
	ck_assert_ptr_nonnull(s);
	submit(s, &a, &q[0]);
	(void)sem_wait(&stub.entered);
	for (int i = 1; i <= MANY; i++)
		submit(s, &a, &q[i]);
	stub.hold = false;
	(void)sem_post(&stub.go);
	wait_for(&a, MANY + 1);
	store_close(s);
	ck_assert_uint_eq(stub.batches, 4);
	ck_assert_uint_eq(stub.largest, 256);
	ck_assert_uint_eq(stub.committed, MANY + 1);
	ck_assert(stub.closed);
	for (unsigned i = 0; i <= MANY; i++)
		ck_assert_uint_eq(q[i].place, i + 1);
	mailbox_fini(&a.box);
}
END_TEST

/* One commit for those that come together, whose answers go to each asker in one piece. */
START_TEST(together_submitted)
{
	static struct question q[40];
	struct asker a[2];
	struct stub stub;
	struct mails all;
	uint64_t wakes;

	stub_init(&stub);
	mails_init(&all);
	asker_init(&a[0]);
	asker_init(&a[1]);
	for (int i = 0; i < 40; i++) {
		q[i].asker = &a[i % 2];
		q[i].op.mail.deliver = answered;
		q[i].op.reply_to = &a[i % 2].box;
		mails_add(&all, &q[i].op.mail);
	}
	struct store *s = store_start(&stub.base, NULL);
	ck_assert_ptr_nonnull(s);
	store_submit_all(s, &all);
	ck_assert_ptr_null(all.first);
	store_close(s);
	ck_assert_uint_eq(stub.batches, 1);
	ck_assert_uint_eq(stub.committed, 40);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(read(a[i].box.fd, &wakes, sizeof wakes), sizeof wakes);
		ck_assert_uint_eq(wakes, 1);
		ck_assert_int_eq(write(a[i].box.fd, &wakes, sizeof wakes), sizeof wakes);
		mailbox_drain(&a[i].box);
		ck_assert_uint_eq(a[i].answers, 20);
		mailbox_fini(&a[i].box);
	}
	for (unsigned i = 0; i < 40; i++)
		ck_assert_uint_eq(q[i].place, i / 2 + 1);
}
END_TEST

/* _i 0: begin fails, 1: commit fails. All of the batch learn why, and the next batch is served
 * again. */
START_TEST(failing_batch)
{
	static struct question q[40];
	struct asker a;
	struct stub stub;

	stub_init(&stub);
	asker_init(&a);
	stub.hold = true;
	struct store *s = store_start(&stub.base, NULL);
	submit(s, &a, &q[0]);
	(void)sem_wait(&stub.entered);
	for (int i = 1; i < 40; i++)
		submit(s, &a, &q[i]);
	stub.fail_begin = _i == 0;
	stub.fail_commit = _i == 1;
	stub.hold = false;
	(void)sem_post(&stub.go);
	wait_for(&a, 40);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(q[i].op.status, STORE_FAILED);
		ck_assert_str_eq(q[i].op.err.text, _i == 0 ? "no begin" : "no commit");
	}
	stub.fail_begin = stub.fail_commit = false;
	ck_assert_int_eq(ask(s, &a, &q[0]), STORE_DONE);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

START_TEST(close_answers_everything)
{
	static struct question q[MANY];
	struct asker a;
	struct stub stub;

	stub_init(&stub);
	asker_init(&a);
	struct store *s = store_start(&stub.base, NULL);
	for (int i = 0; i < MANY; i++)
		submit(s, &a, &q[i]);
	store_close(s);
	mailbox_drain(&a.box);
	ck_assert_uint_eq(a.answers, MANY);
	ck_assert_uint_eq(stub.committed, MANY);
	mailbox_fini(&a.box);
	store_close(NULL);
}
END_TEST

START_TEST(open_types)
{
	struct err e = {""};

	ck_assert_ptr_null(store_open("oracle", "x", NULL, NULL, &e));
	ck_assert_str_eq(e.text, "there is no state of type \"oracle\" (sqlite, memory)");
	ck_assert_ptr_null(store_open("sqlite", scratch_path("none/state.db"), NULL, NULL, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "none/state.db"));
	struct store *s = store_open("memory", NULL, NULL, NULL, &e);
	struct asker a;
	asker_init(&a);
	struct question q = {.op = {.verb = STORE_TAKE, .user = slice_str("nobody")}};
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(ask(s, &a, &q), STORE_UNKNOWN);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

static struct store_backend *with_users(struct store_backend *b)
{
	ck_assert_ptr_nonnull(b);
	store_behaviour_user(b, "ann", 0);
	return b;
}

static struct store *start(int type)
{
	struct err e = {""};
	struct store_backend *b = with_users(
	    type == 0 ? store_memory_open(&e) : store_sqlite_open(scratch_path("state.db"), &e));
	struct store *s = store_start(b, &e);

	if (s == NULL)
		ck_abort_msg("%s", e.text);
	return s;
}

enum { MARKS = 300 };

/* One of two who consume the same marks at once. */
struct racer {
	struct store *store;
	pthread_barrier_t *gate;
	int64_t id;
	enum store_status got[MARKS + 1];
};

static void *race(void *ctx)
{
	struct racer *r = ctx;
	struct asker a;

	a.answers = 0;
	if (mailbox_init(&a.box, NULL) != 0)
		abort();
	for (int mark = 1; mark <= MARKS; mark++) {
		struct question q = {.op = {.verb = STORE_CONSUME,
		                            .id = r->id,
		                            .now = 1000,
		                            .mark = mark,
		                            .pending = -1}};
		(void)pthread_barrier_wait(r->gate);
		r->got[mark] = ask(r->store, &a, &q);
	}
	mailbox_fini(&a.box);
	return NULL;
}

/* Each mark is consumed by exactly one. _i: the database. The third row has two stores on one file,
 * as two processes have. */
START_TEST(one_of_two_wins)
{
	struct store *s = start(_i == 0 ? 0 : 1), *other = s;
	struct asker a;
	struct question q = {.op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000}};
	pthread_barrier_t gate;
	pthread_t threads[2];
	static struct racer racers[2];

	if (_i == 2)
		other = store_open("sqlite", scratch_path("state.db"), NULL, NULL, NULL);
	ck_assert_ptr_nonnull(other);
	asker_init(&a);
	ck_assert_int_eq(ask(s, &a, &q), STORE_DONE);
	ck_assert_int_eq(pthread_barrier_init(&gate, NULL, 2), 0);
	for (int i = 0; i < 2; i++) {
		racers[i] =
		    (struct racer){.store = i == 0 ? s : other, .gate = &gate, .id = q.op.id};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (int mark = 1; mark <= MARKS; mark++) {
		bool first = racers[0].got[mark] == STORE_DONE;
		ck_assert_int_eq(racers[first ? 0 : 1].got[mark], STORE_DONE);
		ck_assert_int_eq(racers[first ? 1 : 0].got[mark], STORE_CONFLICT);
	}
	q.op.source[0] = 1; /* theirs has replayed too much */
	ck_assert_int_eq(ask(s, &a, &q), STORE_DONE);
	ck_assert_int_eq(q.op.state.mark, MARKS);
	if (other != s)
		store_close(other);
	store_close(s);
	(void)pthread_barrier_destroy(&gate);
	mailbox_fini(&a.box);
}
END_TEST

/* Guesses are taken by as many as there are, however many ask at once. */
START_TEST(budget_under_a_rush)
{
	static struct question q[64];
	struct store *s = start(_i);
	struct asker a;
	int done = 0;

	asker_init(&a);
	for (int i = 0; i < 64; i++) {
		q[i] = (struct question){.op = {.verb = STORE_TAKE,
		                                .user = slice_str("ann"),
		                                .now = 1000,
		                                .source = {(uint8_t)i}}};
		submit(s, &a, &q[i]);
	}
	wait_for(&a, 64);
	for (int i = 0; i < 64; i++) {
		done += q[i].op.status == STORE_DONE;
		ck_assert(q[i].op.status == STORE_DONE || q[i].op.status == STORE_EXHAUSTED);
	}
	ck_assert_int_eq(done, 5);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

static struct question turn_of(const char *user, uint8_t source, int64_t now)
{
	return (struct question){.op = {.verb = STORE_TAKE,
	                                .user = slice_str(user),
	                                .source = {source},
	                                .now = now,
	                                .in_turn = true}};
}

static void yield_turn(struct store *s, struct asker *a, struct question *q)
{
	q->op.verb = STORE_YIELD;
	submit(s, a, q);
}

/* One of a user and source is answered; the next when it yields, and a failure before that counts
 * for it. Other users and sources do not wait. */
START_TEST(in_turn)
{
	struct store *s = start(_i);
	struct asker a;
	struct question first = turn_of("ann", 1, 1000), second = turn_of("ann", 1, 1000),
	                third = turn_of("ann", 1, 1000), other = turn_of("ann", 2, 1000),
	                nobody = turn_of("an", 1, 1000);

	asker_init(&a);
	submit(s, &a, &first);
	submit(s, &a, &second);
	submit(s, &a, &third);
	submit(s, &a, &other);
	submit(s, &a, &nobody);
	wait_for(&a, 3);
	ck_assert_int_eq(other.op.status, STORE_DONE);
	ck_assert_int_eq(nobody.op.status, STORE_UNKNOWN);
	ck_assert_int_eq(first.op.status, STORE_DONE);
	ck_assert_uint_eq(second.place + third.place, 0);
	yield_turn(s, &a, &first);
	wait_for(&a, 5);
	ck_assert_int_eq(second.op.status, STORE_DONE);
	ck_assert_uint_eq(third.place, 0);
	struct question failed = {.op = {.verb = STORE_SETTLE,
	                                 .id = second.op.id,
	                                 .source = {1},
	                                 .now = 1001,
	                                 .failed = true,
	                                 .pending = -1}};
	submit(s, &a, &failed);
	yield_turn(s, &a, &second);
	wait_for(&a, 8);
	ck_assert_int_eq(third.op.status, STORE_DELAYED);
	struct question fourth = turn_of("ann", 1, 1002);
	ck_assert_int_eq(ask(s, &a, &fourth), STORE_DONE);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* _i as in failing_batch: who waits for a turn does not wait for another failure, and the turn is
 * free after it. */
START_TEST(failing_turn)
{
	struct question blocker = {.place = 0}, q[4];
	struct asker a;
	struct stub stub;

	stub_init(&stub);
	asker_init(&a);
	stub.hold = true;
	struct store *s = store_start(&stub.base, NULL);
	submit(s, &a, &blocker);
	(void)sem_wait(&stub.entered);
	for (int i = 0; i < 4; i++) {
		q[i] = turn_of(i == 2 ? "bob" : "ann", 1, 1000);
		submit(s, &a, &q[i]);
	}
	(void)sem_post(&stub.go);
	(void)sem_wait(&stub.entered);
	stub.fail_begin = _i == 0;
	stub.fail_commit = _i == 1;
	stub.hold = false;
	(void)sem_post(&stub.go);
	wait_for(&a, 5);
	ck_assert_uint_eq(stub.batches, 2);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(q[i].op.status, STORE_FAILED);
		ck_assert_str_eq(q[i].op.err.text, _i == 0 ? "no begin" : "no commit");
	}
	stub.fail_begin = stub.fail_commit = false;
	for (int i = 0; i < 3; i++) {
		q[i] = turn_of("ann", 1, 1000);
		ck_assert_int_eq(ask(s, &a, &q[i]), STORE_DONE);
		yield_turn(s, &a, &q[i]);
		wait_for(&a, 5 + 2 * ((unsigned)i + 1));
	}
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* Whoever waits when the store is closed gets an answer. */
START_TEST(closed_while_others_wait)
{
	struct store *s = start(_i);
	struct asker a;
	struct question q[4];

	asker_init(&a);
	for (int i = 0; i < 4; i++) {
		q[i] = turn_of("ann", 1, 1000);
		submit(s, &a, &q[i]);
	}
	store_close(s);
	wait_for(&a, 4);
	ck_assert_int_eq(q[0].op.status, STORE_DONE);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(q[i].op.status, STORE_FAILED);
	mailbox_fini(&a.box);
}
END_TEST

/* A name that nobody has is answered as one whose code is wrong each time. */
START_TEST(names_that_nobody_has)
{
	static const struct {
		const char *user;
		uint8_t source;
		int64_t now;
		enum store_status want;
	} rows[] = {
	    {"bob", 1, 1000, STORE_UNKNOWN}, {"bob", 1, 1000, STORE_DELAYED},
	    {"bob", 2, 1000, STORE_UNKNOWN}, {"eve", 1, 1000, STORE_UNKNOWN},
	    {"bob", 1, 1001, STORE_UNKNOWN}, {"bob", 1, 1002, STORE_DELAYED},
	    {"bob", 1, 1003, STORE_UNKNOWN}, {"bob", 1, 1006, STORE_DELAYED},
	    {"bob", 1, 1007, STORE_UNKNOWN}, {"eve", 1, 1000, STORE_DELAYED},
	};
	struct store *s = start(_i);
	struct asker a;

	asker_init(&a);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct question q = turn_of(rows[i].user, rows[i].source, rows[i].now);
		ck_assert_msg(ask(s, &a, &q) == rows[i].want, "row %zu: %d", i, (int)q.op.status);
	}
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* A name that may pass unknown waits for nothing, however often it comes, and has left nothing
 * behind when it may not pass any more. */
START_TEST(strangers_do_not_wait)
{
	struct store *s = start(_i);
	struct asker a;

	asker_init(&a);
	for (int i = 0; i < 5; i++) {
		struct question q = turn_of("bob", 1, 1000);
		q.op.strangers = true;
		ck_assert_int_eq(ask(s, &a, &q), STORE_STRANGER);
	}
	struct question first = turn_of("bob", 1, 1000), second = turn_of("bob", 1, 1000);
	ck_assert_int_eq(ask(s, &a, &first), STORE_UNKNOWN);
	ck_assert_int_eq(ask(s, &a, &second), STORE_DELAYED);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* Ten a minute, whichever way they are found; then the source is refused, at any user, until one
 * more is due. No guess is taken meanwhile. */
START_TEST(replays)
{
	struct store *s = start(_i);
	struct asker a;
	struct question again = {.op = {.verb = STORE_SETTLE,
	                                .id = 1,
	                                .source = {1},
	                                .now = 1000,
	                                .replayed = true,
	                                .pending = -1}};
	struct question late = {
	    .op = {.verb = STORE_CONSUME, .id = 1, .source = {1}, .now = 1000, .mark = 0}};
	struct question q = {.op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000}};

	asker_init(&a);
	for (int i = 0; i < 9; i++)
		ck_assert_int_eq(ask(s, &a, &again), STORE_DONE);
	q.op.source[0] = 1;
	ck_assert_int_eq(ask(s, &a, &q), STORE_DONE);
	ck_assert_int_eq(ask(s, &a, &late), STORE_CONFLICT);
	for (int i = 0; i < 9; i++) {
		ck_assert_int_eq(ask(s, &a, &q), STORE_REPLAYING);
		ck_assert(!q.op.guess_taken && q.op.blob_len == 0);
	}
	struct question bob = turn_of("bob", 1, 1005), stranger = turn_of("ann", 2, 1000);
	ck_assert_int_eq(ask(s, &a, &bob), STORE_REPLAYING);
	ck_assert_int_eq(ask(s, &a, &stranger), STORE_DONE);
	q.op.now = 1006;
	ck_assert_int_eq(ask(s, &a, &q), STORE_DONE);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

static const uint8_t waits_key[SECRET_HASH_KEY_SIZE] = {7, 8, 9};

/* As another process sees the same state. */
static struct store *another(const uint8_t key[SECRET_HASH_KEY_SIZE])
{
	struct err e = {""};
	struct store *s = store_open("sqlite", scratch_path("state.db"), NULL, NULL, &e);

	if (s == NULL)
		ck_abort_msg("%s", e.text);
	store_keep_waits(s, key);
	return s;
}

static struct question replayed_by(uint8_t source, int64_t now)
{
	return (struct question){.op = {.verb = STORE_SETTLE,
	                                .id = 1,
	                                .source = {source},
	                                .now = now,
	                                .replayed = true,
	                                .pending = -1}};
}

static void replay(struct store *s, struct asker *a, uint8_t source, int64_t now, int times)
{
	struct question q = replayed_by(source, now);

	for (int i = 0; i < times; i++)
		ck_assert_int_eq(ask(s, a, &q), STORE_DONE);
}

static enum store_status ask_for(struct store *s, struct asker *a, const char *user, uint8_t source,
                                 int64_t now)
{
	struct question q = turn_of(user, source, now);
	enum store_status got = ask(s, a, &q);

	if (got == STORE_DONE) {
		yield_turn(s, a, &q);
		wait_for(a, a->answers + 1);
	}
	return got;
}

/* _i 0: in memory all is as ever, 1: the store is closed and opened again, 2: somebody opens the
 * file who knows only what was answered, as after a crash. */
START_TEST(waits_outlive_a_restart)
{
	struct store *s = start(_i), *before = NULL;
	struct asker a;

	asker_init(&a);
	store_keep_waits(s, waits_key);
	store_keep_waits(s, waits_key);
	replay(s, &a, 1, 1000, 10);
	ck_assert_int_eq(ask_for(s, &a, "bob", 2, 1000), STORE_UNKNOWN);
	ck_assert_int_eq(ask_for(s, &a, "bob", 2, 1001), STORE_UNKNOWN);
	if (_i == 1)
		store_close(s);
	if (_i == 2)
		before = s;
	if (_i != 0)
		s = another(waits_key);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1003), STORE_REPLAYING);
	ck_assert_int_eq(ask_for(s, &a, "bob", 2, 1002), STORE_DELAYED);
	ck_assert_int_eq(ask_for(s, &a, "ann", 3, 1003), STORE_DONE);
	ck_assert_int_eq(ask_for(s, &a, "bob", 3, 1002), STORE_UNKNOWN);
	ck_assert_int_eq(ask_for(s, &a, "eve", 2, 1002), STORE_UNKNOWN);
	ck_assert_int_eq(ask_for(s, &a, "bob", 2, 1003), STORE_UNKNOWN);
	ck_assert_int_eq(ask_for(s, &a, "bob", 2, 1006), STORE_DELAYED);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1006), STORE_DONE);
	replay(s, &a, 1, 1006, 1);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1011), STORE_REPLAYING);
	store_close(s);
	store_close(before);
	mailbox_fini(&a.box);
}
END_TEST

/* Under another key nobody is known again. */
START_TEST(waits_under_another_key)
{
	static const uint8_t other[SECRET_HASH_KEY_SIZE] = {1};
	struct store *s = start(1);
	struct asker a;

	asker_init(&a);
	store_keep_waits(s, waits_key);
	replay(s, &a, 1, 1000, 10);
	store_close(s);
	s = another(other);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1000), STORE_DONE);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

static int64_t number_in_file(const char *query)
{
	struct store_backend *b = store_sqlite_open(scratch_path("state.db"), NULL);
	int64_t n = -1;

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(store_sqlite_number((const struct store_sqlite *)b, query, &n), 0);
	b->ops->close(b);
	return n;
}

/* However many names are tried, the table is as large as it is, and holds none of them. Who gets
 * in leaves nothing in it. */
START_TEST(waits_are_bounded)
{
	enum { NAMES = 9000 };
	static struct question q[NAMES];
	static char names[NAMES][16];
	struct store *s = start(1);
	struct asker a;

	asker_init(&a);
	store_keep_waits(s, waits_key);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1000), STORE_DONE);
	ck_assert_int_eq(number_in_file("SELECT count(*) FROM wait"), 0);
	for (unsigned i = 0; i < NAMES; i++) {
		(void)snprintf(names[i], sizeof names[i], "name-%u", i);
		q[i] = turn_of(names[i], 1, 1000);
		submit(s, &a, &q[i]);
	}
	wait_for(&a, a.answers + NAMES);
	ck_assert_int_eq(ask_for(s, &a, names[NAMES - 1], 1, 1000), STORE_DELAYED);
	store_close(s);
	int64_t rows = number_in_file("SELECT count(*) FROM wait");
	ck_assert_int_gt(rows, 4000);
	ck_assert_int_le(rows, 4096);
	ck_assert_int_eq(number_in_file("SELECT count(*) FROM wait WHERE instr(tag, x'6e616d65')"),
	                 0);
	s = another(waits_key);
	ck_assert_int_eq(ask_for(s, &a, names[NAMES - 1], 1, 1000), STORE_DELAYED);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* The clock was set back: nobody waits until it is where it was. */
START_TEST(waits_of_the_future)
{
	struct store *s = start(1);
	struct asker a;

	asker_init(&a);
	store_keep_waits(s, waits_key);
	replay(s, &a, 1, 1000000, 11);
	ck_assert_int_eq(ask_for(s, &a, "bob", 1, 1000100), STORE_UNKNOWN);
	store_close(s);
	s = another(waits_key);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 999950), STORE_REPLAYING);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1000), STORE_DONE);
	ck_assert_int_eq(ask_for(s, &a, "bob", 1, 1000), STORE_UNKNOWN);
	replay(s, &a, 1, 1000, 10);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1005), STORE_REPLAYING);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, 1006), STORE_DONE);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

static int stub_put(struct store_backend *b, const struct store_wait *w, struct err *e)
{
	struct stub *s = (struct stub *)b;

	ck_assert_uint_lt(w->at, 8192);
	s->puts++;
	return s->fail_put ? err_set(e, "no put") : 0;
}

static int stub_each(struct store_backend *b, int (*found)(void *ctx, const struct store_wait *w),
                     void *ctx, struct err *e)
{
	(void)b;
	(void)found;
	(void)ctx;
	(void)e;
	return 0;
}

/* What a batch could not keep goes with the next that can: _i as for failing_batch, 2: the row is
 * what cannot be written. */
START_TEST(waits_are_not_lost)
{
	struct store_backend_ops ops = stub_ops;
	struct stub stub;
	struct asker a;
	struct question take = {.op = {.verb = STORE_TAKE}}, again = replayed_by(1, 1000);

	ops.wait_put = stub_put;
	ops.wait_each = stub_each;
	stub_init(&stub);
	stub.base.ops = &ops;
	asker_init(&a);
	struct store *s = store_start(&stub.base, NULL);
	store_keep_waits(s, waits_key);
	ck_assert_int_eq(ask(s, &a, &again), STORE_DONE);
	ck_assert_int_eq(ask(s, &a, &take), STORE_DONE);
	ck_assert_uint_eq(stub.puts, 1);
	stub.fail_commit = _i == 1;
	stub.fail_put = _i == 2;
	ck_assert_int_eq(ask(s, &a, &again), _i == 0 ? STORE_DONE : STORE_FAILED);
	ck_assert_uint_eq(stub.puts, 2);
	if (_i == 2)
		ck_assert_str_eq(again.op.err.text, "no put");
	stub.fail_commit = stub.fail_put = false;
	ck_assert_int_eq(ask(s, &a, &take), STORE_DONE);
	ck_assert_uint_eq(stub.puts, _i == 0 ? 2 : 3);
	ck_assert_int_eq(ask(s, &a, &take), STORE_DONE);
	ck_assert_uint_eq(stub.puts, _i == 0 ? 2 : 3);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* The disk is full, then it is not: refused with the reason meanwhile, nothing used up, served
 * again afterwards. */
START_TEST(full_disk_and_after)
{
	struct store *s = start(1);
	struct asker a;
	struct question q = {.op = {.verb = STORE_TAKE, .user = slice_str("ann"), .now = 1000}}, c;
	struct rlimit limit;
	struct stat st;

	(void)signal(SIGXFSZ, SIG_IGN);
	asker_init(&a);
	ck_assert_int_eq(ask(s, &a, &q), STORE_DONE);
	c = (struct question){.op = {.verb = STORE_CONSUME, .id = q.op.id, .now = 1000, .mark = 1}};
	ck_assert_int_eq(stat(scratch_path("state.db-wal"), &st), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)st.st_size;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ask(s, &a, &c), STORE_FAILED);
		ck_assert_ptr_nonnull(strstr(c.op.err.text, "state.db: cannot"));
	}
	limit.rlim_cur = before;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(ask(s, &a, &c), STORE_DONE);
	ck_assert_int_eq(ask(s, &a, &c), STORE_CONFLICT);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

/* What a watcher was told; the store's thread writes. */
struct told {
	sem_t told;
	pthread_mutex_t lock;
	char names[64], why[64];
	unsigned failures;
	struct store_census census;
};

static void told_revoked(void *ctx, struct slice user)
{
	struct told *t = ctx;

	(void)pthread_mutex_lock(&t->lock);
	store_behaviour_name(t->names, user);
	(void)pthread_mutex_unlock(&t->lock);
	(void)sem_post(&t->told);
}

static void told_census(void *ctx, const struct store_census *c)
{
	struct told *t = ctx;

	(void)pthread_mutex_lock(&t->lock);
	t->census = *c;
	(void)pthread_mutex_unlock(&t->lock);
	(void)sem_post(&t->told);
}

static void told_failed(void *ctx, const char *why)
{
	struct told *t = ctx;

	(void)pthread_mutex_lock(&t->lock);
	(void)snprintf(t->why, sizeof t->why, "%s", why);
	t->failures++;
	(void)pthread_mutex_unlock(&t->lock);
	(void)sem_post(&t->told);
}

static void watch_with(struct told *t, struct store_watch *w)
{
	*t = (struct told){.failures = 0};
	*w = (struct store_watch){t, told_revoked, told_census, told_failed};
	ck_assert_int_eq(sem_init(&t->told, 0, 0), 0);
	ck_assert_int_eq(pthread_mutex_init(&t->lock, NULL), 0);
}

/* Another process changes users while nobody logs in. */
START_TEST(told_of_changes)
{
	struct store *s = start(1);
	struct store_backend *tool = store_sqlite_open(scratch_path("state.db"), NULL);
	struct store_edit lock = {.kind = STORE_LOCK};
	struct told t;
	struct store_watch w;

	watch_with(&t, &w);
	store_watch(s, &w);
	(void)sem_wait(&t.told);
	ck_assert_uint_eq(t.census.users, 1);
	ck_assert_uint_eq(t.census.locked, 0);
	ck_assert_int_eq(tool->ops->user_edit(tool, slice_str("ann"), &lock, NULL), 0);
	(void)sem_wait(&t.told);
	ck_assert_str_eq(t.names, "ann ");
	(void)sem_wait(&t.told); /* at once, not at its time */
	ck_assert_uint_eq(t.census.locked, 1);
	ck_assert_int_eq(tool->ops->user_remove(tool, slice_str("ann"), NULL), 0);
	(void)sem_wait(&t.told);
	ck_assert_str_eq(t.names, "ann ann ");
	tool->ops->close(tool);
	store_close(s);
	ck_assert_uint_eq(t.failures, 0);
}
END_TEST

/* What was kept cannot be read: strict with everybody, but whoever has a code gets in. */
START_TEST(waits_that_cannot_be_read)
{
	struct store *s = start(1);
	struct asker a;
	struct told t;
	struct store_watch w;
	int64_t now = (int64_t)time(NULL), n;

	asker_init(&a);
	watch_with(&t, &w);
	store_keep_waits(s, waits_key);
	replay(s, &a, 1, now, 10);
	store_close(s);
	struct store_backend *tool = store_sqlite_open(scratch_path("state.db"), NULL);
	(void)store_sqlite_number((const struct store_sqlite *)tool,
	                          "UPDATE wait SET value = 9223372036854775807 RETURNING at", &n);
	s = another(waits_key);
	store_watch(s, &w);
	(void)sem_wait(&t.told);
	ck_assert_str_eq(t.why, "the state is damaged where it says who has to wait");
	now = (int64_t)time(NULL);
	ck_assert_int_eq(ask_for(s, &a, "ann", 5, now), STORE_DONE);
	ck_assert_int_eq(ask_for(s, &a, "ann", 1, now), STORE_DONE);
	ck_assert_int_eq(ask_for(s, &a, "bob", 5, now), STORE_UNKNOWN);
	ck_assert_int_eq(ask_for(s, &a, "bob", 5, now + 63), STORE_DELAYED);
	ck_assert_int_eq(ask_for(s, &a, "bob", 5, now + 64), STORE_UNKNOWN);
	replay(s, &a, 5, now, 1);
	ck_assert_int_eq(ask_for(s, &a, "ann", 5, now), STORE_REPLAYING);
	ck_assert_int_eq(ask_for(s, &a, "ann", 6, now), STORE_DONE);
	replay(s, &a, 6, now + 61, 9);
	ck_assert_int_eq(ask_for(s, &a, "ann", 6, now + 61), STORE_DONE);
	store_close(s);
	ck_assert_uint_eq(t.failures, 1);
	tool->ops->close(tool);
	mailbox_fini(&a.box);
}
END_TEST

static atomic_uint looks;
static atomic_bool look_fails;

static int stub_revoked(struct store_backend *b, int64_t now,
                        void (*found)(void *ctx, struct slice name), void *ctx, struct err *e)
{
	(void)b;
	(void)now;
	(void)found;
	(void)ctx;
	looks++;
	return look_fails ? err_set(e, "no look") : 0;
}

static int stub_census(struct store_backend *b, int64_t now, struct store_census *out,
                       struct err *e)
{
	(void)b;
	(void)now;
	(void)e;
	*out = (struct store_census){.users = 3};
	return 0;
}

/* A failure is said once, and again after it went well; requests are answered throughout. */
START_TEST(looking_fails)
{
	struct store_backend_ops ops = stub_ops;
	struct stub stub;
	struct asker a;
	struct question q = {.op = {.verb = STORE_TAKE}};
	struct told t;
	struct store_watch w;

	ops.revoked = stub_revoked;
	ops.census = stub_census;
	stub_init(&stub);
	stub.base.ops = &ops;
	asker_init(&a);
	watch_with(&t, &w);
	struct store *s = store_start(&stub.base, NULL);
	look_fails = true;
	store_watch(s, &w);
	(void)sem_wait(&t.told);
	ck_assert_str_eq(t.why, "no look");
	while (looks < 3)
		ck_assert_int_eq(ask(s, &a, &q), STORE_DONE);
	ck_assert_uint_eq(t.failures, 1);
	look_fails = false;
	(void)sem_wait(&t.told);
	ck_assert_uint_eq(t.census.users, 3);
	look_fails = true;
	(void)sem_wait(&t.told);
	ck_assert_uint_eq(t.failures, 2);
	store_close(s);
	mailbox_fini(&a.box);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_async");
	TCase *t = tcase_create("store_async");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_test(t, waiting_requests_share_a_commit);
	tcase_add_test(t, together_submitted);
	tcase_add_loop_test(t, failing_batch, 0, 2);
	tcase_add_test(t, close_answers_everything);
	tcase_add_test(t, open_types);
	tcase_add_loop_test(t, one_of_two_wins, 0, 3);
	tcase_add_loop_test(t, budget_under_a_rush, 0, 2);
	tcase_add_loop_test(t, in_turn, 0, 2);
	tcase_add_loop_test(t, failing_turn, 0, 2);
	tcase_add_loop_test(t, closed_while_others_wait, 0, 2);
	tcase_add_loop_test(t, names_that_nobody_has, 0, 2);
	tcase_add_loop_test(t, strangers_do_not_wait, 0, 2);
	tcase_add_loop_test(t, replays, 0, 2);
	tcase_add_loop_test(t, waits_outlive_a_restart, 0, 3);
	tcase_add_test(t, waits_under_another_key);
	tcase_add_test(t, waits_are_bounded);
	tcase_add_test(t, waits_of_the_future);
	tcase_add_loop_test(t, waits_are_not_lost, 0, 3);
	tcase_add_test(t, waits_that_cannot_be_read);
	tcase_add_test(t, full_disk_and_after);
	tcase_add_test(t, told_of_changes);
	tcase_add_test(t, looking_fails);
	suite_add_tcase(s, t);
	return suite_run(s);
}
