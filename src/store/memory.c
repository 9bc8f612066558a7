/* SPDX-License-Identifier: ISC */
/* The rules of the store without a database: an array of users, sorted by name, found by walking.
 * What a batch changes in a user is copied before the first change, so a batch can be undone like a
 * transaction. */
#include "store/memory.h"

#include <stdlib.h>

/* As SQLite orders blobs. */
static int compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

size_t memory_position(const struct memory *m, struct slice name, bool *there)
{
	size_t at = 0;

	while (at < m->n && compare(memory_name(m->users[at]), name) < 0)
		at++;
	*there = at < m->n && slice_eq(memory_name(m->users[at]), name);
	return at;
}

static struct memory_user *by_id(const struct memory *m, int64_t id)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->users[i]->id == id)
			return m->users[i];
	}
	return NULL;
}

static struct changing *change(const struct memory *m, struct memory_user *u)
{
	if (u->touched != m->batch) {
		u->before = u->now;
		u->touched = m->batch;
	}
	return &u->now;
}

static int memory_begin(struct store_backend *b, struct err *e)
{
	(void)e;
	memory_of(b)->batch++;
	memory_of(b)->in_batch = true;
	return 0;
}

static int memory_commit(struct store_backend *b, struct err *e)
{
	struct memory *m = memory_of(b);

	(void)e;
	m->batch++;
	m->in_batch = false;
	memory_bans_free(&m->bans_before);
	m->bans_touched = false;
	return 0;
}

void memory_drop(struct memory *m, size_t at)
{
	free(m->users[at]);
	m->n--;
	memmove(m->users + at, m->users + at + 1, (m->n - at) * sizeof(struct memory_user *));
}

static void memory_rollback(struct store_backend *b)
{
	struct memory *m = memory_of(b);

	for (size_t i = m->n; i-- > 0;) {
		if (m->users[i]->added == m->batch && m->in_batch)
			memory_drop(m, i);
		else if (m->users[i]->touched == m->batch)
			m->users[i]->now = m->users[i]->before;
	}
	memory_draws_rollback(&m->draws, m->batch);
	if (m->bans_touched) {
		memory_bans_free(&m->bans);
		m->bans = m->bans_before;
		m->bans_before = (struct memory_bans){NULL, 0};
		m->bans_touched = false;
	}
	m->batch++;
	m->in_batch = false;
}

static bool known_good(const struct changing *c, const uint8_t source[16], int64_t now)
{
	for (size_t i = 0; i < c->n_good; i++) {
		if (memcmp(c->good[i].source, source, 16) == 0)
			return c->good[i].last_success >= now - STORE_SOURCE_SECONDS;
	}
	return false;
}

/* The slot of a source, a free one, or the one whose success is longest ago. */
static struct good_source *slot_for(struct changing *c, const uint8_t source[16])
{
	struct good_source *oldest = &c->good[0];

	for (size_t i = 0; i < c->n_good; i++) {
		struct good_source *g = &c->good[i];
		if (memcmp(g->source, source, 16) == 0)
			return g;
		if (g->last_success < oldest->last_success)
			oldest = g;
	}
	return c->n_good < STORE_SOURCES ? &c->good[c->n_good++] : oldest;
}

static void remember(struct changing *c, const uint8_t source[16], int64_t now)
{
	struct good_source *g = slot_for(c, source);

	memcpy(g->source, source, 16);
	g->last_success = now;
}

static struct failed_source *failures_of(struct changing *c, const uint8_t source[16])
{
	for (size_t i = 0; i < c->n_failed; i++) {
		if (memcmp(c->failed[i].source, source, 16) == 0)
			return &c->failed[i];
	}
	return NULL;
}

static void forgive(struct changing *c, const uint8_t source[16])
{
	struct failed_source *f = failures_of(c, source);

	if (f != NULL)
		*f = c->failed[--c->n_failed];
}

/* A place for one more: those a month old go, then the oldest. */
static struct failed_source *failed_slot(struct changing *c, int64_t now)
{
	struct failed_source *oldest = &c->failed[0];

	for (size_t i = c->n_failed; i-- > 0;) {
		if (c->failed[i].last < now - STORE_SOURCE_SECONDS)
			c->failed[i] = c->failed[--c->n_failed];
	}
	for (size_t i = 0; i < c->n_failed; i++) {
		if (c->failed[i].last < oldest->last)
			oldest = &c->failed[i];
	}
	return c->n_failed < STORE_FAILURES ? &c->failed[c->n_failed++] : oldest;
}

static void count_failure(struct changing *c, const uint8_t source[16], int64_t now)
{
	struct failed_source *f = failures_of(c, source);
	int64_t before = f == NULL || f->last < now - STORE_SOURCE_SECONDS ? 0 : f->failures;

	if (f == NULL)
		f = failed_slot(c, now);
	memcpy(f->source, source, 16);
	f->failures = before + 1;
	f->last = now;
}

static void give_back(struct changing *c, unsigned budget)
{
	c->guesses = c->guesses + 1 > (double)budget ? (double)budget : c->guesses + 1;
}

static enum store_status take(const struct memory *m, struct store_op *op)
{
	bool there = false;
	size_t at = memory_position(m, op->user, &there);

	op->guess_taken = false;
	op->blob_len = op->login_len = 0;
	if (!there)
		return op->strangers && memory_removed(m, op->user) == m->n_removed ? STORE_STRANGER
		                                                                    : STORE_UNKNOWN;
	struct memory_user *u = m->users[at];
	enum store_status admitted = store_user_admitted(u->locked, u->stale, u->expires, op->now);
	if (admitted != STORE_DONE)
		return admitted;
	op->id = u->id;
	op->edition = u->edition;
	op->params = u->params;
	op->state = u->now.state;
	const struct failed_source *f = failures_of(&u->now, op->source);
	if (f != NULL && store_delayed(f->failures, f->last, op->now) &&
	    !store_resyncs(&op->state, op->source, op->now))
		return STORE_DELAYED;
	if (!known_good(&u->now, op->source, op->now)) {
		double left =
		    store_guesses_now(u->now.guesses, u->now.guesses_at, u->budget, op->now);
		if (left < 1)
			return STORE_EXHAUSTED;
		struct changing *c = change(m, u);
		c->guesses = left - 1;
		c->guesses_at = op->now > c->guesses_at ? op->now : c->guesses_at;
		op->guess_taken = true;
	}
	memcpy(op->blob, u->blob, u->blob_len);
	op->blob_len = u->blob_len;
	memcpy(op->login, u->login, u->login_len);
	op->login_len = u->login_len;
	return STORE_DONE;
}

static enum store_status consume(const struct memory *m, struct store_op *op)
{
	struct memory_user *u = by_id(m, op->id);

	if (u == NULL)
		return STORE_UNKNOWN;
	enum store_status admitted = store_user_admitted(u->locked, u->stale, u->expires, op->now);
	if (admitted != STORE_DONE)
		return admitted;
	if (u->now.state.mark >= op->mark)
		return STORE_CONFLICT;
	struct changing *c = change(m, u);
	c->last_login = op->now;
	c->state.mark = op->mark;
	c->state.pending = -1;
	if (op->give_back)
		give_back(c, u->budget);
	forgive(c, op->source);
	remember(c, op->source, op->now);
	return STORE_DONE;
}

static enum store_status settle(const struct memory *m, struct store_op *op)
{
	struct memory_user *u = by_id(m, op->id);

	if (u == NULL)
		return STORE_UNKNOWN;
	struct changing *c = change(m, u);
	if (op->give_back)
		give_back(c, u->budget);
	if (op->failed)
		count_failure(c, op->source, op->now);
	if (op->forget_pending)
		c->state.pending = -1;
	if (op->pending >= 0 && op->pending >= c->state.mark) {
		c->state.pending = op->pending;
		c->state.pending_at = op->now;
		memcpy(c->state.pending_source, op->source, 16);
	}
	return STORE_DONE;
}

static enum store_status ban(struct memory *m, struct store_op *op)
{
	if (!m->bans_touched && memory_bans_copy(&m->bans_before, &m->bans) != 0)
		return store_op_fail(op, "out of memory");
	m->bans_touched = true;
	return memory_ban(&m->bans, op);
}

static void memory_run(struct store_backend *b, struct store_op *op)
{
	struct memory *m = memory_of(b);

	op->err.text[0] = '\0';
	if (op->now < 0) {
		(void)store_op_fail(op, "the time is before 1970");
		return;
	}
	switch (op->verb) {
	case STORE_TAKE:
		op->status = take(m, op);
		return;
	case STORE_CONSUME:
		op->status = consume(m, op);
		return;
	case STORE_SETTLE:
		op->status = settle(m, op);
		return;
	case STORE_DRAW:
	case STORE_DRAWN:
		op->status = memory_draws_run(&m->draws, m->batch, op);
		return;
	case STORE_BAN:
	case STORE_UNBAN:
		op->status = ban(m, op);
		return;
	case STORE_YIELD: /* never comes here */
	case STORE_TOUCH:
		op->status = STORE_DONE;
		return;
	}
	(void)store_op_fail(op, "there is no such request");
}

static void memory_close(struct store_backend *b)
{
	struct memory *m = memory_of(b);

	for (size_t i = 0; i < m->n; i++)
		free(m->users[i]);
	free(m->users);
	free(m->revoked);
	free(m->removed);
	memory_draws_free(&m->draws);
	memory_bans_free(&m->bans);
	memory_bans_free(&m->bans_before);
	free(m);
}

struct store_backend *store_memory_open(struct err *e)
{
	static const struct store_backend_ops ops = {
	    .begin = memory_begin,
	    .run = memory_run,
	    .commit = memory_commit,
	    .rollback = memory_rollback,
	    .user_add = memory_user_add,
	    .user_remove = memory_user_remove,
	    .user_forget = memory_user_forget,
	    .user_edit = memory_user_edit,
	    .user_each = memory_user_each,
	    .ban_each = memory_each_ban,
	    .user_find = memory_user_find,
	    .user_sources = memory_user_sources,
	    .revoked = memory_revoked,
	    .census = memory_census,
	    .close = memory_close,
	};
	struct memory *m = calloc(1, sizeof *m);

	if (m == NULL) {
		(void)err_set(e, "out of memory");
		return NULL;
	}
	m->base.ops = &ops;
	m->watched_at = -1;
	return &m->base;
}
