/* SPDX-License-Identifier: ISC */
/* The rules of sqlite_ban.c without a database: one ban for each value, sorted, those that are over
 * forgotten with the next that is kept. */
#include "store/memory_ban.h"

#include "store/record.h"

#include <stdlib.h>

static int compare(const struct store_ban *a, const struct store_ban *b)
{
	size_t n = a->value.n < b->value.n ? a->value.n : b->value.n;
	int order = a->kind != b->kind ? (a->kind > b->kind) - (a->kind < b->kind)
	                               : memcmp(a->value.p, b->value.p, n);

	return order != 0 ? order : (a->value.n > b->value.n) - (a->value.n < b->value.n);
}

/* Takes the bytes that a ban points to into one piece of its own. */
static int own(struct store_ban *ban)
{
	uint8_t *bytes = malloc(ban->value.n + ban->reason.n + 1);

	if (bytes == NULL)
		return -1;
	memcpy(bytes, ban->value.p, ban->value.n);
	if (ban->reason.n != 0)
		memcpy(bytes + ban->value.n, ban->reason.p, ban->reason.n);
	ban->value.p = bytes;
	ban->reason.p = bytes + ban->value.n;
	return 0;
}

static void drop(struct memory_bans *bans, size_t at)
{
	free((uint8_t *)(uintptr_t)bans->all[at].value.p);
	bans->n--;
	memmove(bans->all + at, bans->all + at + 1, (bans->n - at) * sizeof bans->all[0]);
}

static size_t position(const struct memory_bans *bans, const struct store_ban *ban, bool *there)
{
	size_t at = 0;

	while (at < bans->n && compare(&bans->all[at], ban) < 0)
		at++;
	*there = at < bans->n && compare(&bans->all[at], ban) == 0;
	return at;
}

static enum store_status keep(struct memory_bans *bans, struct store_op *op)
{
	struct store_ban ban = op->ban;
	bool there;

	for (size_t i = bans->n; i-- > 0;) {
		if (bans->all[i].until != 0 && bans->all[i].until <= op->now)
			drop(bans, i);
	}
	struct store_ban *all = realloc(bans->all, (bans->n + 1) * sizeof bans->all[0]);
	if (all != NULL)
		bans->all = all;
	if (all == NULL || own(&ban) != 0)
		return store_op_fail(op, "out of memory");
	size_t at = position(bans, &ban, &there);
	if (there)
		drop(bans, at);
	memmove(all + at + 1, all + at, (bans->n - at) * sizeof all[0]);
	all[at] = ban;
	bans->n++;
	return STORE_DONE;
}

enum store_status memory_ban(struct memory_bans *bans, struct store_op *op)
{
	bool there;

	if (!store_ban_valid(&op->ban))
		return store_op_fail(op, "that cannot be kept as a ban");
	if (op->verb == STORE_BAN)
		return keep(bans, op);
	size_t at = position(bans, &op->ban, &there);
	if (!there)
		return STORE_UNKNOWN;
	drop(bans, at);
	return STORE_DONE;
}

int memory_ban_each(const struct memory_bans *bans, store_ban_fn *found, void *ctx)
{
	int result = 0;

	for (size_t i = 0; i < bans->n && result == 0; i++)
		result = found(ctx, &bans->all[i]);
	return result;
}

int memory_bans_copy(struct memory_bans *to, const struct memory_bans *from)
{
	*to = (struct memory_bans){.all = calloc(from->n + 1, sizeof from->all[0])};
	if (to->all == NULL)
		return -1;
	for (; to->n < from->n; to->n++) {
		to->all[to->n] = from->all[to->n];
		if (own(&to->all[to->n]) != 0) {
			memory_bans_free(to);
			return -1;
		}
	}
	return 0;
}

void memory_bans_free(struct memory_bans *bans)
{
	while (bans->n != 0)
		drop(bans, bans->n - 1);
	free(bans->all);
	*bans = (struct memory_bans){NULL, 0};
}
