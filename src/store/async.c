/* SPDX-License-Identifier: ISC */
/* One thread owns the database. It takes what has queued up, runs it as one transaction, and only
 * when that is durable does any answer leave: so nothing that was answered can be lost, and a
 * failure is everybody's in the batch. The answers of a batch leave together, so whoever asked is
 * woken once. The queue is linked through the mail that each request carries anyway; after an
 * answer is posted its request is not touched again. */
#include "store/backend.h"
#include "store/record.h"
#include "store/throttle.h"
#include "store/turns.h"
#include "sys/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { BATCH_MAX = 256 };

/* When the state was looked at, and what came of it. */
struct look {
	int64_t next_ms, next_census_ms; /* monotonic */
	int64_t before;                  /* the time at the last look, s */
	bool revoked, failing;
};

struct store {
	struct store_backend *backend;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct counter committed, failed;
	struct histogram commit;
	struct mails queue; /* under the lock, like what follows */
	bool stopping, busy,
	    begun; /* busy: a batch is being run; begun: one was, since somebody asked */
	const struct store_watch *watch; /* NULL: nobody wants to know */
	bool keeps;                      /* under this key: */
	uint8_t key[SECRET_HASH_KEY_SIZE];
	struct look look; /* the thread's own, like what follows */
	struct throttle throttle;
	struct turns turns;
	bool loaded;       /* who has to wait was read */
	struct err unread; /* why it was not; to be said */
};

/* A request begins with its mail. */
static struct store_op *op_of(struct mail *m)
{
	return (struct store_op *)m;
}

/* Under the lock: waits for work, or until it is time to look at the state. */
static void wait_for_work(struct store *s)
{
	struct timespec until = {.tv_sec = s->look.next_ms / 1000,
	                         .tv_nsec = s->look.next_ms % 1000 * 1000000};

	while (s->queue.first == NULL && !s->stopping) {
		if (s->watch == NULL)
			(void)pthread_cond_wait(&s->work, &s->lock);
		else if (pthread_cond_timedwait(&s->work, &s->lock, &until) == ETIMEDOUT)
			return;
	}
}

/* A request that has waited already. */
static void submit_first(struct store *s, struct store_op *op)
{
	struct mails queue;

	mails_init(&queue);
	mails_add(&queue, &op->mail);
	(void)pthread_mutex_lock(&s->lock);
	mails_move(&queue, &s->queue);
	mails_move(&s->queue, &queue);
	(void)pthread_mutex_unlock(&s->lock);
}

/* What the thread is told along with its work. */
struct orders {
	bool ended; /* all is answered, and the end has come */
	bool keeps;
	const struct store_watch *watch;
};

/* Returns how many requests were taken. */
static size_t take_batch(struct store *s, struct store_op *batch[BATCH_MAX], struct orders *orders)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&s->lock);
	s->busy = false;
	wait_for_work(s);
	*orders = (struct orders){
	    .ended = s->queue.first == NULL && s->stopping, .keeps = s->keeps, .watch = s->watch};
	while (s->queue.first != NULL && n < BATCH_MAX)
		batch[n++] = op_of(mails_take(&s->queue));
	s->busy = s->begun = n != 0;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

static int run_batch(struct store *s, struct store_op *batch[], size_t n, struct err *e)
{
	struct store_backend *b = s->backend;

	if (b->ops->begin(b, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		b->ops->run(b, batch[i]);
		throttle_count(&s->throttle, batch[i]);
	}
	if (throttle_save(&s->throttle, b, e) != 0) {
		b->ops->rollback(b);
		return -1;
	}
	if (b->ops->commit(b, e) != 0)
		return -1;
	throttle_saved(&s->throttle);
	return 0;
}

static int run_counted(struct store *s, struct store_op *batch[], size_t n, struct err *e)
{
	int64_t began = clock_mono_us();
	int result = run_batch(s, batch, n, e);

	histogram_add(&s->commit, clock_mono_us() - began);
	counter_add(result == 0 ? &s->committed : &s->failed, 1);
	return result;
}

static void answer(struct store *s, struct store_op *op, struct mails *answers)
{
	struct store_op *next = NULL;

	if (op->verb == STORE_YIELD || op->status != STORE_DONE)
		next = turns_end(&s->turns, op);
	mails_add(answers, &op->mail);
	if (next != NULL)
		submit_first(s, next);
}

/* Those for one box after the other. */
static void post_answers(struct mails *answers)
{
	while (answers->first != NULL) {
		struct mailbox *box = op_of(answers->first)->reply_to;
		struct mails here, others;
		mails_init(&here);
		mails_init(&others);
		for (struct mail *m; (m = mails_take(answers)) != NULL;)
			mails_add(op_of(m)->reply_to == box ? &here : &others, m);
		mailbox_post_all(box, &here);
		mails_move(answers, &others);
	}
}

/* What needs no database is answered or kept; what is left, in its order, is to be run. */
static size_t sort_out(struct store *s, struct store_op *batch[], size_t n, struct mails *answers)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		struct store_op *op = batch[i];
		if (op->verb == STORE_TAKE && op->in_turn && !op->turn.held)
			throttle_tag(&s->throttle, op, op->turn.tag);
		if (op->verb == STORE_TAKE && op->in_turn && !turns_begin(&s->turns, op))
			continue;
		op->status = op->verb == STORE_YIELD ? STORE_DONE : op->status;
		if (op->verb == STORE_YIELD || !throttle_admits(&s->throttle, op))
			answer(s, op, answers);
		else
			batch[left++] = op;
	}
	return left;
}

/* Those who wait for its turn fail with it: they would only wait for the same, one by one. */
static void fail(struct store *s, struct store_op *op, const struct err *why, struct mails *answers)
{
	for (struct store_op *next; op != NULL; op = next) {
		(void)store_op_fail(op, "%s", why->text);
		next = turns_end(&s->turns, op);
		mails_add(answers, &op->mail);
	}
}

static void answer_batch(struct store *s, struct store_op *batch[], size_t n)
{
	struct err why = {""};
	struct mails answers;

	mails_init(&answers);
	n = sort_out(s, batch, n, &answers);
	int result = n == 0 ? 0 : run_counted(s, batch, n, &why);
	for (size_t i = 0; i < n; i++) {
		if (result != 0)
			fail(s, batch[i], &why, &answers);
		else
			answer(s, batch[i], &answers);
	}
	post_answers(&answers);
}

struct telling {
	struct look *look;
	const struct store_watch *watch;
};

static void tell_revoked(void *ctx, struct slice user)
{
	struct telling *t = ctx;

	t->look->revoked = true;
	t->watch->revoked(t->watch->ctx, user);
}

/* A census is due now and then, and whenever something happened that it would show. */
static int look_around(struct store *s, const struct store_watch *w, int64_t mono_ms, int64_t now,
                       struct err *e)
{
	struct telling t = {&s->look, w};
	struct store_census census;
	const struct store_backend_ops *ops = s->backend->ops;

	if (ops->revoked(s->backend, now, tell_revoked, &t, e) != 0)
		return -1;
	if (mono_ms < s->look.next_census_ms && !s->look.revoked && now >= s->look.before)
		return 0;
	if (ops->census(s->backend, now, &census, e) != 0)
		return -1;
	w->census(w->ctx, &census);
	s->look.revoked = false;
	s->look.next_census_ms = mono_ms + STORE_CENSUS_MS;
	return 0;
}

static void look_when_due(struct store *s, const struct store_watch *w)
{
	struct now now = clock_now();
	struct err why = {""};

	if (w == NULL || now.mono_ms < s->look.next_ms)
		return;
	if (s->unread.text[0] != '\0')
		w->failed(w->ctx, s->unread.text);
	s->unread.text[0] = '\0';
	bool failed = look_around(s, w, now.mono_ms, now.real_us / 1000000, &why) != 0;
	if (failed && !s->look.failing)
		w->failed(w->ctx, why.text);
	s->look.failing = failed;
	s->look.before = now.real_us / 1000000;
	s->look.next_ms = now.mono_ms + STORE_LOOK_MS;
}

static void load_waits(struct store *s)
{
	s->loaded = true;
	(void)throttle_load(&s->throttle, s->key, s->backend, clock_now().real_us / 1000000,
	                    &s->unread);
}

static void *serve(void *ctx)
{
	struct store_op *batch[BATCH_MAX];
	struct orders orders = {.ended = false};
	struct store *s = ctx;

	while (!orders.ended) {
		size_t n = take_batch(s, batch, &orders);
		if (orders.keeps && !s->loaded)
			load_waits(s);
		if (n != 0)
			answer_batch(s, batch, n);
		look_when_due(s, orders.watch);
	}
	for (struct store_op *op; (op = turns_abandon(&s->turns)) != NULL;) {
		(void)store_op_fail(op, "the state is closed");
		mailbox_post(op->reply_to, &op->mail);
	}
	return NULL;
}

/* Signals are for the threads of the program. */
static int start_thread(struct store *s)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int why = pthread_create(&s->thread, NULL, serve, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (why != 0)
		return why;
	(void)pthread_setname_np(s->thread, "store");
	return 0;
}

static struct store_backend *open_backend(const char *type, const char *path, struct err *e)
{
	if (strcmp(type, "sqlite") == 0)
		return store_sqlite_open(path, e);
	if (strcmp(type, "memory") == 0)
		return store_memory_open(e);
	(void)err_set(e, "there is no state of type \"%s\" (sqlite, memory)", type);
	return NULL;
}

struct store *store_start(struct store_backend *b, struct err *e)
{
	struct store *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, "out of memory");
		b->ops->close(b);
		return NULL;
	}
	s->backend = b;
	mails_init(&s->queue);
	throttle_init(&s->throttle);
	(void)pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->work);
	int why = start_thread(s);
	if (why == 0)
		return s;
	errno = why;
	(void)err_errno(e, "cannot start the thread of the store");
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_mutex_destroy(&s->lock);
	b->ops->close(b);
	free(s);
	return NULL;
}

struct store *store_open(const char *type, const char *path, store_ban_fn *found, void *ctx,
                         struct err *e)
{
	struct store_backend *b = open_backend(type, path, e);

	if (b == NULL)
		return NULL;
	if (found != NULL && b->ops->ban_each(b, found, ctx, e) != 0) {
		b->ops->close(b);
		return NULL;
	}
	return store_start(b, e);
}

void store_stats(const struct store *s, struct store_stats *out)
{
	*out = (struct store_stats){.committed = counter_get(&s->committed),
	                            .failed = counter_get(&s->failed)};
	histogram_read(&s->commit, &out->commit);
}

/* Signalled outside the lock, which the thread that wakes wants first. */
void store_submit_all(struct store *s, struct mails *ops)
{
	(void)pthread_mutex_lock(&s->lock);
	mails_move(&s->queue, ops);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_cond_signal(&s->work);
}

void store_submit(struct store *s, struct store_op *op)
{
	struct mails one;

	mails_init(&one);
	mails_add(&one, &op->mail);
	store_submit_all(s, &one);
}

bool store_turned(struct store *s)
{
	if (s == NULL)
		return true;
	(void)pthread_mutex_lock(&s->lock);
	bool turned = s->begun || (!s->busy && s->queue.first == NULL);
	s->begun = false;
	(void)pthread_mutex_unlock(&s->lock);
	return turned;
}

void store_watch(struct store *s, const struct store_watch *w)
{
	(void)pthread_mutex_lock(&s->lock);
	s->watch = w;
	(void)pthread_cond_signal(&s->work);
	(void)pthread_mutex_unlock(&s->lock);
}

void store_keep_waits(struct store *s, const uint8_t key[SECRET_HASH_KEY_SIZE])
{
	(void)pthread_mutex_lock(&s->lock);
	if (!s->keeps)
		memcpy(s->key, key, sizeof s->key);
	s->keeps = true;
	(void)pthread_mutex_unlock(&s->lock);
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_signal(&s->work);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_join(s->thread, NULL);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_mutex_destroy(&s->lock);
	s->backend->ops->close(s->backend);
	secret_wipe(s->key, sizeof s->key);
	secret_wipe(s->throttle.key, sizeof s->throttle.key);
	free(s);
}
