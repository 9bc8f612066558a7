/* SPDX-License-Identifier: ISC */
/* A search tree by kind and value; nobody can unbalance it. An address may be in networks of
 * different lengths: each length that is in use is asked for, and mostly that is one or two. What
 * is over is as if it were not there, and goes when there is something to add. */
#include "worker/bans.h"

#include <search.h>
#include <stdlib.h>

enum { LENGTHS = 129, SWEEP_SECONDS = 60 };

struct held {
	struct store_ban ban; /* points into bytes */
	struct held *next, *prev;
	uint8_t bytes[];
};

struct bans {
	void *tree;
	struct held *newest;
	size_t n, automatic;     /* all, and those of filters */
	size_t lengths[LENGTHS]; /* how many networks of each length there are */
	int64_t swept;
};

void bans_address_put(const struct acl_cidr *c, uint8_t out[BANS_ADDRESS_SIZE])
{
	memcpy(out, c->base.b, sizeof c->base.b);
	out[16] = c->bits;
}

bool bans_address_get(struct slice value, struct acl_cidr *out)
{
	if (value.n != BANS_ADDRESS_SIZE || value.p[16] >= LENGTHS)
		return false;
	memcpy(out->base.b, value.p, sizeof out->base.b);
	out->bits = value.p[16];
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct store_ban *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->value.n != y->value.n)
		return x->value.n < y->value.n ? -1 : 1;
	return memcmp(x->value.p, y->value.p, x->value.n);
}

struct bans *bans_new(void)
{
	return calloc(1, sizeof(struct bans));
}

/* An entry begins with its ban, which the tree is about. */
static struct held *find(const struct bans *b, enum store_ban_kind kind, struct slice value)
{
	struct store_ban key = {.kind = kind, .value = value};
	struct held **node = value.n == 0 ? NULL : tfind(&key, &b->tree, compare);

	return node == NULL ? NULL : *node;
}

static size_t *length_of(struct bans *b, const struct store_ban *ban)
{
	return ban->kind == STORE_BAN_ADDRESS ? &b->lengths[ban->value.p[16]] : NULL;
}

/* Of one that the tree holds no more. */
static void release(struct bans *b, struct held *e)
{
	size_t *length = length_of(b, &e->ban);

	if (e->prev != NULL)
		e->prev->next = e->next;
	else
		b->newest = e->next;
	if (e->next != NULL)
		e->next->prev = e->prev;
	if (length != NULL)
		--*length;
	b->n--;
	b->automatic -= e->ban.automatic;
	free(e);
}

static void drop(struct bans *b, struct held *e)
{
	(void)tdelete(e, &b->tree, compare);
	release(b, e);
}

void bans_free(struct bans *b)
{
	while (b != NULL && b->newest != NULL)
		drop(b, b->newest);
	free(b);
}

static bool is_over(const struct store_ban *ban, int64_t now)
{
	return ban->until != 0 && ban->until <= now;
}

static void sweep(struct bans *b, int64_t now)
{
	if (now >= b->swept && now < b->swept + SWEEP_SECONDS)
		return;
	b->swept = now;
	for (struct held *e = b->newest, *next; e != NULL; e = next) {
		next = e->next;
		if (is_over(&e->ban, now))
			drop(b, e);
	}
}

static struct held *held_new(const struct store_ban *ban)
{
	struct held *e = malloc(sizeof *e + ban->value.n + ban->reason.n);

	if (e == NULL)
		return NULL;
	*e = (struct held){.ban = *ban};
	memcpy(e->bytes, ban->value.p, ban->value.n);
	if (ban->reason.n != 0)
		memcpy(e->bytes + ban->value.n, ban->reason.p, ban->reason.n);
	e->ban.value.p = e->bytes;
	e->ban.reason.p = e->bytes + ban->value.n;
	return e;
}

int bans_add(struct bans *b, const struct store_ban *ban, int64_t now, struct err *e)
{
	struct acl_cidr network;

	if (ban->value.n == 0 ||
	    (ban->kind == STORE_BAN_ADDRESS && !bans_address_get(ban->value, &network)))
		return err_set(e, "that cannot be banned");
	sweep(b, now);
	struct held *old = find(b, ban->kind, ban->value);
	if (old == NULL &&
	    (b->n >= BANS_MAX || (ban->automatic && b->automatic >= BANS_MAX - BANS_BY_HAND)))
		return err_set(e, "there are %zu bans already", b->n);
	struct held *entry = held_new(ban);
	if (entry == NULL)
		return err_set(e, "out of memory");
	struct held **node = tsearch(entry, &b->tree, compare);
	if (node == NULL) { /* and the old one stays */
		free(entry);
		return err_set(e, "out of memory");
	}
	*node = entry;
	if (old != NULL)
		release(b, old);
	entry->next = b->newest;
	if (b->newest != NULL)
		b->newest->prev = entry;
	b->newest = entry;
	b->n++;
	b->automatic += entry->ban.automatic;
	size_t *length = length_of(b, &entry->ban);
	if (length != NULL)
		++*length;
	return 0;
}

bool bans_remove(struct bans *b, enum store_ban_kind kind, struct slice value)
{
	struct held *e = find(b, kind, value);

	if (e != NULL)
		drop(b, e);
	return e != NULL;
}

const struct store_ban *bans_of_name(const struct bans *b, enum store_ban_kind kind,
                                     struct slice name, int64_t now)
{
	const struct held *e = find(b, kind, name);

	return e != NULL && !is_over(&e->ban, now) ? &e->ban : NULL;
}

const struct store_ban *bans_of_address(const struct bans *b, const uint8_t address[16],
                                        int64_t now)
{
	const struct store_ban *ban = NULL;
	uint8_t value[BANS_ADDRESS_SIZE];

	if (b->n == 0)
		return NULL;
	/* From the longest on, so that what is masked stays masked. */
	memcpy(value, address, 16);
	for (unsigned bits = LENGTHS; bits-- > 0 && ban == NULL;) {
		if (bits < 128)
			value[bits / 8] &= (uint8_t)(0xff00u >> bits % 8);
		value[16] = (uint8_t)bits;
		if (b->lengths[bits] != 0)
			ban =
			    bans_of_name(b, STORE_BAN_ADDRESS, slice_of(value, sizeof value), now);
	}
	return ban;
}

size_t bans_count(const struct bans *b)
{
	return b->n;
}

void bans_each(const struct bans *b, int64_t now, store_ban_fn *found, void *ctx)
{
	for (const struct held *e = b->newest; e != NULL; e = e->next) {
		if (!is_over(&e->ban, now) && found(ctx, &e->ban) != 0)
			return;
	}
}
