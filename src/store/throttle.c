/* SPDX-License-Identifier: ISC */
#include "store/throttle.h"

#include "base/rate.h"
#include "store/record.h"

#define NS_PER_S INT64_C(1000000000)

typedef struct throttle_entry bucket[THROTTLE_WAYS];

void throttle_init(struct throttle *t)
{
	secret_random(t->key, sizeof t->key);
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
static struct throttle_entry *entry(bucket *table, const uint8_t tag[SECRET_HASH_SIZE])
{
	struct throttle_entry *ways = table[(tag[0] | (size_t)tag[1] << 8) % THROTTLE_BUCKETS];
	struct throttle_entry *oldest = &ways[0];

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
static void keep(struct throttle_entry *e, const uint8_t tag[SECRET_HASH_SIZE], int64_t now,
                 int64_t value)
{
	memcpy(e->tag, tag, SECRET_HASH_SIZE);
	e->last = now > 0 ? now : 1;
	e->value = value;
}

static struct rate replay_rate(void)
{
	return rate_of(STORE_REPLAYS, 60000);
}

static struct throttle_entry *replays_of(struct throttle *t, const struct store_op *op,
                                         uint8_t tag[SECRET_HASH_SIZE])
{
	secret_hash(t->key, slice_of(op->source, sizeof op->source), tag);
	return entry(t->replays, tag);
}

static int64_t spent(const struct throttle_entry *e, const uint8_t tag[SECRET_HASH_SIZE],
                     int64_t now_ns)
{
	struct rate r = replay_rate();

	return is(e, tag) ? rate_within(&r, e->value, now_ns) : 0;
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
	int64_t now_ns = op->now * NS_PER_S;
	if (rate_wait(&r, spent(e, tag, now_ns), now_ns) == 0)
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
	int64_t now_ns = op->now * NS_PER_S;
	keep(e, tag, op->now, rate_spend(&r, spent(e, tag, now_ns), now_ns));
}

static void count_name(struct throttle *t, struct store_op *op)
{
	uint8_t tag[SECRET_HASH_SIZE];

	throttle_tag(t, op, tag);
	struct throttle_entry *e = entry(t->names, tag);
	int64_t failures = is(e, tag) ? e->value : 0;
	if (store_delayed(failures, e->last, op->now)) {
		op->status = STORE_DELAYED;
		return;
	}
	if (e->last < op->now - STORE_SOURCE_SECONDS)
		failures = 0;
	keep(e, tag, op->now, failures + 1);
}

void throttle_count(struct throttle *t, struct store_op *op)
{
	if (op->verb == STORE_TAKE && op->status == STORE_UNKNOWN)
		count_name(t, op);
	else if ((op->verb == STORE_CONSUME && op->status == STORE_CONFLICT) ||
	         (op->verb == STORE_SETTLE && op->replayed))
		count_replay(t, op);
}
