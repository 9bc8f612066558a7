/* SPDX-License-Identifier: ISC */
/* The rules of the store without a database: an array of users, sorted by name, found by walking.
 * What a batch changes in a user is copied before the first change, so a batch can be undone like a
 * transaction. */
#include "store/memory_ban.h"
#include "store/memory_draw.h"
#include "store/record.h"

#include <stdlib.h>

struct good_source {
	uint8_t source[16];
	int64_t last_success;
};

/* What a batch can change. */
struct changing {
	struct otp_state state;
	double guesses;
	int64_t guesses_at;
	struct good_source good[STORE_SOURCES];
	size_t n_good;
	int64_t last_login;
};

struct memory_user {
	int64_t id;
	struct otp_params params;
	unsigned budget;
	int64_t created, expires;
	bool locked, stale;
	size_t name_len, blob_len;
	uint8_t name[STORE_USER_MAX];
	uint8_t blob[STORE_BLOB_MAX];
	uint64_t touched; /* the batch that saved `before` */
	uint64_t added;   /* the batch after or in which it came */
	struct changing now, before;
};

struct memory {
	struct store_backend base; /* first: its address is the backend's */
	struct memory_user **users;
	size_t n, size;
	struct memory_draws draws;
	int64_t last_id;
	uint64_t batch;
	bool in_batch;
	struct memory_user *revoked; /* what is left of those whom revoked() has to name */
	size_t n_revoked;
	int64_t watched_at;
	struct memory_bans bans, bans_before; /* before: as the batch found them, where it … */
	bool bans_touched;                    /* … changes them */
};

static struct memory *memory_of(struct store_backend *b)
{
	return (struct memory *)b;
}

static struct slice name_of(const struct memory_user *u)
{
	return slice_of(u->name, u->name_len);
}

/* As SQLite orders blobs. */
static int compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* Where the name is, or where it would go. */
static size_t position(const struct memory *m, struct slice name, bool *there)
{
	size_t at = 0;

	while (at < m->n && compare(name_of(m->users[at]), name) < 0)
		at++;
	*there = at < m->n && slice_eq(name_of(m->users[at]), name);
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

static void drop(struct memory *m, size_t at)
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
			drop(m, i);
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

static void give_back(struct changing *c, unsigned budget)
{
	c->guesses = c->guesses + 1 > (double)budget ? (double)budget : c->guesses + 1;
}

static enum store_status take(const struct memory *m, struct store_op *op)
{
	bool there = false;
	size_t at = position(m, op->user, &there);

	op->guess_taken = false;
	op->blob_len = 0;
	if (!there)
		return STORE_UNKNOWN;
	struct memory_user *u = m->users[at];
	enum store_status admitted = store_user_admitted(u->locked, u->stale, u->expires, op->now);
	if (admitted != STORE_DONE)
		return admitted;
	op->id = u->id;
	op->params = u->params;
	op->state = u->now.state;
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
	case STORE_TOUCH:
		op->status = STORE_DONE;
		return;
	}
	(void)store_op_fail(op, "there is no such request");
}

static int make_room(struct memory *m)
{
	if (m->n < m->size)
		return 0;
	size_t size = m->size == 0 ? 16 : m->size * 2;
	struct memory_user **users = realloc(m->users, size * sizeof(struct memory_user *));
	if (users == NULL)
		return -1;
	m->users = users;
	m->size = size;
	return 0;
}

static int memory_user_add(struct store_backend *b, const struct store_user *u, struct err *e)
{
	struct memory *m = memory_of(b);
	bool there = false;

	if (store_user_check(u, e) != 0)
		return -1;
	size_t at = position(m, u->name, &there);
	if (there)
		return store_user_exists(u->name, e);
	struct memory_user *copy = calloc(1, sizeof *copy);
	if (copy == NULL || make_room(m) != 0) {
		free(copy);
		return err_set(e, "out of memory");
	}
	copy->id = ++m->last_id;
	copy->params = u->params;
	copy->budget = u->budget;
	copy->created = u->created;
	copy->expires = u->expires;
	copy->locked = u->locked;
	copy->stale = u->stale;
	copy->added = m->batch;
	copy->now.state = u->state;
	copy->now.guesses = (double)u->budget;
	copy->now.guesses_at = u->created;
	copy->name_len = u->name.n;
	memcpy(copy->name, u->name.p, u->name.n);
	copy->blob_len = u->blob.n;
	memcpy(copy->blob, u->blob.p, u->blob.n);
	memmove(m->users + at + 1, m->users + at, (m->n - at) * sizeof(struct memory_user *));
	m->users[at] = copy;
	m->n++;
	return 0;
}

/* To be named by revoked(). 0 or -1. */
static int revoke(struct memory *m, const struct memory_user *u, struct err *e)
{
	struct memory_user *more =
	    realloc(m->revoked, (m->n_revoked + 1) * sizeof(struct memory_user));

	if (more == NULL)
		return err_set(e, "out of memory");
	m->revoked = more;
	more[m->n_revoked++] = *u;
	return 0;
}

static int memory_user_remove(struct store_backend *b, struct slice name, struct err *e)
{
	struct memory *m = memory_of(b);
	bool there = false;
	size_t at = position(m, name, &there);

	if (!there)
		return 1;
	if (revoke(m, m->users[at], e) != 0)
		return -1;
	drop(m, at);
	return 0;
}

static int memory_user_edit(struct store_backend *b, struct slice name,
                            const struct store_edit *edit, struct err *e)
{
	const struct memory *m = memory_of(b);
	bool there = false;
	size_t at = position(m, name, &there);

	if (!there)
		return 1;
	struct memory_user *u = m->users[at];
	struct changing *c = &u->now;
	bool refused = false;
	switch (edit->kind) {
	case STORE_LOCK:
		refused = !u->locked;
		u->locked = true;
		break;
	case STORE_UNLOCK:
		u->locked = false;
		break;
	case STORE_EXPIRE:
		refused = edit->expires != 0 && edit->expires <= edit->now;
		u->expires = edit->expires;
		break;
	case STORE_RESET:
		c->state.mark = store_reset_mark(&u->params, c->state.mark, edit->now);
		c->state.pending = -1;
		c->guesses = (double)u->budget;
		c->guesses_at = edit->now;
		break;
	case STORE_RESYNC:
		if (c->state.mark >= edit->mark)
			return store_edit_conflict(e);
		c->state.mark = edit->mark;
		c->state.pending = -1;
		u->stale = false;
		break;
	}
	return refused ? revoke(memory_of(b), u, e) : 0;
}

static struct store_user view_of(const struct memory_user *u)
{
	return (struct store_user){
	    .name = name_of(u),
	    .params = u->params,
	    .state = u->now.state,
	    .budget = u->budget,
	    .blob = slice_of(u->blob, u->blob_len),
	    .created = u->created,
	    .locked = u->locked,
	    .stale = u->stale,
	    .expires = u->expires,
	    .last_login = u->now.last_login,
	    .guesses = u->now.guesses,
	    .guesses_at = u->now.guesses_at,
	};
}

static int memory_user_each(struct store_backend *b,
                            int (*found)(void *ctx, const struct store_user *u), void *ctx,
                            struct err *e)
{
	const struct memory *m = memory_of(b);
	int result = 0;

	(void)e;
	for (size_t i = 0; i < m->n && result == 0; i++) {
		struct store_user view = view_of(m->users[i]);
		result = found(ctx, &view);
	}
	return result;
}

static int memory_user_find(struct store_backend *b, struct slice name,
                            int (*found)(void *ctx, const struct store_user *u), void *ctx,
                            struct err *e)
{
	const struct memory *m = memory_of(b);
	bool there = false;
	size_t at = position(m, name, &there);

	(void)e;
	if (!there)
		return 1;
	struct store_user view = view_of(m->users[at]);
	return found(ctx, &view);
}

static int newest_first(const void *a, const void *b)
{
	const struct good_source *x = a, *y = b;

	if (x->last_success != y->last_success)
		return x->last_success < y->last_success ? 1 : -1;
	return memcmp(x->source, y->source, sizeof x->source);
}

static int memory_user_sources(struct store_backend *b, struct slice name,
                               int (*found)(void *ctx, const uint8_t source[16],
                                            int64_t last_success),
                               void *ctx, struct err *e)
{
	const struct memory *m = memory_of(b);
	bool there = false;
	size_t at = position(m, name, &there);
	int result = 0;

	(void)e;
	if (!there)
		return 0;
	struct changing c = m->users[at]->now;
	qsort(c.good, c.n_good, sizeof c.good[0], newest_first);
	for (size_t i = 0; i < c.n_good && result == 0; i++)
		result = found(ctx, c.good[i].source, c.good[i].last_success);
	return result;
}

static int memory_revoked(struct store_backend *b, int64_t now,
                          void (*found)(void *ctx, struct slice name), void *ctx, struct err *e)
{
	struct memory *m = memory_of(b);

	(void)e;
	for (size_t i = 0; i < m->n && m->watched_at >= 0; i++) {
		const struct memory_user *u = m->users[i];
		if (u->expires > m->watched_at && u->expires <= now)
			found(ctx, name_of(u));
	}
	m->watched_at = now;
	for (size_t i = 0; i < m->n_revoked; i++)
		found(ctx, name_of(&m->revoked[i]));
	m->n_revoked = 0;
	return 0;
}

static int memory_census(struct store_backend *b, int64_t now, struct store_census *out,
                         struct err *e)
{
	const struct memory *m = memory_of(b);

	(void)e;
	*out = (struct store_census){0};
	for (size_t i = 0; i < m->n; i++) {
		struct store_user view = view_of(m->users[i]);
		store_census_add(out, &view, now);
	}
	return 0;
}

static int memory_each_ban(struct store_backend *b, store_ban_fn *found, void *ctx, struct err *e)
{
	(void)e;
	return memory_ban_each(&memory_of(b)->bans, found, ctx);
}

static void memory_close(struct store_backend *b)
{
	struct memory *m = memory_of(b);

	for (size_t i = 0; i < m->n; i++)
		free(m->users[i]);
	free(m->users);
	free(m->revoked);
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
