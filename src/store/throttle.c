/* SPDX-License-Identifier: ISC */
/* An entry in memory is a row of the database, by its number, and the row is only ever written: to
 * look one up costs no query. What could not be written stays marked and goes with the next batch,
 * so a failing disk makes no count smaller. */
#include "store/throttle.h"

#include "base/rate.h"
#include "store/record.h"

#define NS_PER_S INT64_C(1000000000)

enum { HALF = THROTTLE_BUCKETS * THROTTLE_WAYS };

void throttle_init(struct throttle *t)
{
	secret_random(t->key, sizeof t->key);
}

static int take_row(void *ctx, const struct store_wait *w)
{
	struct throttle *t = ctx;

	if (w->at >= THROTTLE_SIZE || w->last < 1 || w->value < 0 || w->value == INT64_MAX)
		return 1;
	struct throttle_entry *e = &t->entries[w->at];
	memcpy(e->tag, w->tag, sizeof e->tag);
	e->last = w->last;
	e->value = w->value;
	return 0;
}

int throttle_load(struct throttle *t, const uint8_t key[SECRET_HASH_KEY_SIZE],
                  struct store_backend *b, int64_t now, struct err *e)
{
	memcpy(t->key, key, sizeof t->key);
	t->kept = b->ops->wait_put != NULL;
	int result = t->kept ? b->ops->wait_each(b, take_row, t, e) : 0;
	if (result == 0)
		return 0;
	t->doubt = now;
	return result < 0 ? -1 : err_set(e, "the state is damaged where it says who has to wait");
}

int throttle_save(const struct throttle *t, struct store_backend *b, struct err *e)
{
	for (size_t i = 0; i < t->n_changes; i++) {
		const struct throttle_entry *from = &t->entries[t->changes[i]];
		struct store_wait w = {
		    .at = t->changes[i], .last = from->last, .value = from->value};
		memcpy(w.tag, from->tag, sizeof w.tag);
		if (b->ops->wait_put(b, &w, e) != 0)
			return -1;
	}
	return 0;
}

void throttle_saved(struct throttle *t)
{
	while (t->n_changes != 0)
		t->entries[t->changes[--t->n_changes]].changed = false;
}

void throttle_tag(const struct throttle *t, const struct store_op *op,
                  uint8_t tag[SECRET_HASH_SIZE])
{
	uint8_t bytes[sizeof op->source + STORE_USER_MAX];
	size_t n = op->user.n > STORE_USER_MAX ? STORE_USER_MAX : op->user.n;

	memcpy(bytes, op->source, sizeof op->source);
	if (n != 0)
		memcpy(bytes + sizeof op->source, op->user.p, n);
	secret_hash(t->key, slice_of(bytes, sizeof op->source + n), tag);
}

/* The entry of that tag, or the one that may become it: free, or the oldest of its bucket. */
static struct throttle_entry *entry(struct throttle_entry table[HALF],
                                    const uint8_t tag[SECRET_HASH_SIZE])
{
	size_t bucket = (tag[0] | (size_t)tag[1] << 8) % THROTTLE_BUCKETS;
	struct throttle_entry *ways = table + bucket * THROTTLE_WAYS, *oldest = &ways[0];

	for (size_t i = 0; i < THROTTLE_WAYS; i++) {
		if (ways[i].last != 0 && memcmp(ways[i].tag, tag, SECRET_HASH_SIZE) == 0)
			return &ways[i];
		if (ways[i].last < oldest->last)
			oldest = &ways[i];
	}
	return oldest;
}

static bool is(const struct throttle_entry *e, const uint8_t tag[SECRET_HASH_SIZE])
{
	return e->last != 0 && memcmp(e->tag, tag, SECRET_HASH_SIZE) == 0;
}

/* Makes the entry that tag's. */
static void keep(struct throttle *t, struct throttle_entry *e, const uint8_t tag[SECRET_HASH_SIZE],
                 int64_t now, int64_t value)
{
	memcpy(e->tag, tag, SECRET_HASH_SIZE);
	e->last = now > 0 ? now : 1;
	e->value = value;
	if (!t->kept || e->changed)
		return;
	e->changed = true;
	t->changes[t->n_changes++] = (uint16_t)(e - t->entries);
}

/* What is written of a time that has not come yet was written before the clock was set back. */
static bool counts(int64_t at, int64_t now)
{
	return at != 0 && at <= now + 60;
}

static struct rate replay_rate(void)
{
	return rate_of(STORE_REPLAYS, 60000);
}

static struct throttle_entry *replays_of(struct throttle *t, const struct store_op *op,
                                         uint8_t tag[SECRET_HASH_SIZE])
{
	secret_hash(t->key, slice_of(op->source, sizeof op->source), tag);
	return entry(t->entries, tag);
}

static int64_t spent(const struct throttle *t, const struct throttle_entry *e,
                     const uint8_t tag[SECRET_HASH_SIZE], int64_t now)
{
	struct rate r = replay_rate();
	int64_t at_least =
	    counts(t->doubt, now) ? t->doubt * NS_PER_S + (r.burst - 1) * r.step_ns : 0;
	int64_t kept = is(e, tag) && counts(e->last, now) ? e->value : 0;

	return rate_within(&r, kept > at_least ? kept : at_least, now * NS_PER_S);
}

static bool in_range(const struct store_op *op)
{
	return op->now >= 0 && op->now < INT64_MAX / (4 * NS_PER_S);
}

bool throttle_admits(struct throttle *t, struct store_op *op)
{
	uint8_t tag[SECRET_HASH_SIZE];
	struct rate r = replay_rate();

	if (op->verb != STORE_TAKE || !in_range(op))
		return true;
	const struct throttle_entry *e = replays_of(t, op, tag);
	if (rate_wait(&r, spent(t, e, tag, op->now), op->now * NS_PER_S) == 0)
		return true;
	op->status = STORE_REPLAYING;
	op->err.text[0] = '\0';
	op->guess_taken = false;
	op->blob_len = 0;
	return false;
}

static void count_replay(struct throttle *t, const struct store_op *op)
{
	uint8_t tag[SECRET_HASH_SIZE];
	struct rate r = replay_rate();

	if (!in_range(op))
		return;
	struct throttle_entry *e = replays_of(t, op, tag);
	keep(t, e, tag, op->now, rate_spend(&r, spent(t, e, tag, op->now), op->now * NS_PER_S));
}

static void count_name(struct throttle *t, struct store_op *op)
{
	uint8_t tag[SECRET_HASH_SIZE];

	throttle_tag(t, op, tag);
	struct throttle_entry *e = entry(t->entries + HALF, tag);
	bool known = is(e, tag) && e->last >= op->now - STORE_SOURCE_SECONDS;
	int64_t failures = known ? e->value : 0;
	if (store_delayed(failures, e->last, op->now)) {
		op->status = STORE_DELAYED;
		return;
	}
	if (!known && counts(t->doubt, op->now) && t->doubt >= op->now - STORE_SOURCE_SECONDS)
		failures = THROTTLE_DOUBT;
	keep(t, e, tag, op->now, failures + 1);
}

void throttle_count(struct throttle *t, struct store_op *op)
{
	if (op->verb == STORE_TAKE && op->status == STORE_UNKNOWN)
		count_name(t, op);
	else if ((op->verb == STORE_CONSUME && op->status == STORE_CONFLICT) ||
	         (op->verb == STORE_SETTLE && op->replayed))
		count_replay(t, op);
}
