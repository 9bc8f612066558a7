/* SPDX-License-Identifier: ISC */
/* The administrator's half of the state in memory. There is no other process that could change it,
 * so who was refused is known when it happens and kept until it is asked for. */
#include "store/memory.h"

#include <stdlib.h>

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

static void keep_login(struct memory_user *u, struct slice login)
{
	if (login.n != 0)
		memcpy(u->login, login.p, login.n);
	u->login_len = login.n;
}

int memory_user_add(struct store_backend *b, const struct store_user *u, struct err *e)
{
	struct memory *m = memory_of(b);
	bool there = false;

	if (store_user_check(u, e) != 0)
		return -1;
	size_t at = memory_position(m, u->name, &there);
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
	keep_login(copy, u->login);
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

size_t memory_removed(const struct memory *m, struct slice name)
{
	size_t i = 0;

	while (i < m->n_removed && !slice_eq(slice_of(m->removed[i].name, m->removed[i].n), name))
		i++;
	return i;
}

/* No stranger from now on. 0 or -1. */
static int keep_in_mind(struct memory *m, struct slice name, struct err *e)
{
	if (memory_removed(m, name) < m->n_removed)
		return 0;
	struct removed_user *more =
	    realloc(m->removed, (m->n_removed + 1) * sizeof(struct removed_user));
	if (more == NULL)
		return err_set(e, "out of memory");
	m->removed = more;
	more[m->n_removed].n = name.n;
	memcpy(more[m->n_removed++].name, name.p, name.n);
	return 0;
}

int memory_user_forget(struct store_backend *b, struct slice name, struct err *e)
{
	struct memory *m = memory_of(b);
	size_t i = memory_removed(m, name);

	(void)e;
	if (i == m->n_removed)
		return 1;
	m->removed[i] = m->removed[--m->n_removed];
	return 0;
}

int memory_user_remove(struct store_backend *b, struct slice name, struct err *e)
{
	struct memory *m = memory_of(b);
	bool there = false;
	size_t at = memory_position(m, name, &there);

	if (!there)
		return 1;
	if (keep_in_mind(m, name, e) != 0 || revoke(m, m->users[at], e) != 0)
		return -1;
	memory_drop(m, at);
	return 0;
}

int memory_user_edit(struct store_backend *b, struct slice name, const struct store_edit *edit,
                     struct err *e)
{
	const struct memory *m = memory_of(b);
	bool there = false;
	size_t at = memory_position(m, name, &there);

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
		c->n_failed = 0;
		break;
	case STORE_LOGIN:
		if (store_login_check(edit, e) != 0)
			return -1;
		keep_login(u, edit->login);
		break;
	case STORE_RESYNC:
		if (c->state.mark >= edit->mark)
			return store_edit_conflict(e);
		c->state.mark = edit->mark;
		c->state.pending = -1;
		u->stale = false;
		break;
	}
	u->edition++;
	return refused ? revoke(memory_of(b), u, e) : 0;
}

static struct store_user view_of(const struct memory_user *u)
{
	return (struct store_user){
	    .name = memory_name(u),
	    .params = u->params,
	    .state = u->now.state,
	    .budget = u->budget,
	    .blob = slice_of(u->blob, u->blob_len),
	    .login = slice_of(u->login, u->login_len),
	    .created = u->created,
	    .locked = u->locked,
	    .stale = u->stale,
	    .expires = u->expires,
	    .last_login = u->now.last_login,
	    .guesses = u->now.guesses,
	    .guesses_at = u->now.guesses_at,
	};
}

int memory_user_each(struct store_backend *b, int (*found)(void *ctx, const struct store_user *u),
                     void *ctx, struct err *e)
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

int memory_user_find(struct store_backend *b, struct slice name,
                     int (*found)(void *ctx, const struct store_user *u), void *ctx, struct err *e)
{
	const struct memory *m = memory_of(b);
	bool there = false;
	size_t at = memory_position(m, name, &there);

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

int memory_user_sources(struct store_backend *b, struct slice name,
                        int (*found)(void *ctx, const uint8_t source[16], int64_t last_success),
                        void *ctx, struct err *e)
{
	const struct memory *m = memory_of(b);
	bool there = false;
	size_t at = memory_position(m, name, &there);
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

int memory_revoked(struct store_backend *b, int64_t now,
                   void (*found)(void *ctx, struct slice name), void *ctx, struct err *e)
{
	struct memory *m = memory_of(b);

	(void)e;
	for (size_t i = 0; i < m->n && m->watched_at >= 0; i++) {
		const struct memory_user *u = m->users[i];
		if (u->expires > m->watched_at && u->expires <= now)
			found(ctx, memory_name(u));
	}
	m->watched_at = now;
	for (size_t i = 0; i < m->n_revoked; i++)
		found(ctx, memory_name(&m->revoked[i]));
	m->n_revoked = 0;
	return 0;
}

int memory_census(struct store_backend *b, int64_t now, struct store_census *out, struct err *e)
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

int memory_each_ban(struct store_backend *b, store_ban_fn *found, void *ctx, struct err *e)
{
	(void)e;
	return memory_ban_each(&memory_of(b)->bans, found, ctx);
}
