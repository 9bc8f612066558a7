/* SPDX-License-Identifier: ISC */
/* Counters only rise, so the samples of each minute are enough: no sum is kept that could drift. */
#include "admin/history.h"

#include "sys/clock.h"

enum { SLOTS = HISTORY_MINUTES + 1, MINUTE_MS = 60000 };

void history_read(struct pool *pool, struct sample *out)
{
	struct pool_status s;

	pool_status(pool, &s);
	*out = (struct sample){.mono_ms = clock_now().mono_ms,
	                       .login = s.login,
	                       .commit = s.store.commit,
	                       .relay = s.relay};
	memcpy(out->verdicts, s.verdicts, sizeof out->verdicts);
	out->received[SIDE_CLIENT] = s.counts[METRIC_BYTES_FROM_CLIENTS];
	out->received[SIDE_BROKER] = s.counts[METRIC_BYTES_FROM_BROKERS];
	out->sent[SIDE_CLIENT] = s.counts[METRIC_BYTES_DOWN];
	out->sent[SIDE_BROKER] = s.counts[METRIC_BYTES_UP];
}

static void push(struct history *h, const struct sample *now)
{
	if (h->n == SLOTS)
		h->first = (h->first + 1) % SLOTS;
	else
		h->n++;
	h->minutes[(h->first + h->n - 1) % SLOTS] = *now;
}

void history_tick(struct history *h, const struct sample *now)
{
	if (h->n == 0) {
		const struct sample nothing = {.mono_ms = now->mono_ms};
		push(h, &nothing);
		h->recent[0] = h->recent[1] = *now;
		return;
	}
	h->recent[0] = h->recent[1];
	h->recent[1] = *now;
	if (now->mono_ms - history_back(h, 0)->mono_ms >= MINUTE_MS)
		push(h, now);
}

const struct sample *history_back(const struct history *h, size_t i)
{
	size_t last = h->n - 1;

	return &h->minutes[(h->first + (i < last ? last - i : 0)) % SLOTS];
}

static void subtract(struct histogram_sum *a, const struct histogram_sum *b)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		a->bucket[i] -= b->bucket[i];
	a->sum_us -= b->sum_us;
}

void history_difference(const struct sample *now, const struct sample *then, struct sample *out)
{
	*out = *now;
	out->mono_ms -= then->mono_ms;
	for (size_t v = 0; v < VERDICT_COUNT; v++)
		out->verdicts[v] -= then->verdicts[v];
	for (size_t side = 0; side < 2; side++) {
		out->received[side] -= then->received[side];
		out->sent[side] -= then->sent[side];
	}
	subtract(&out->login, &then->login);
	subtract(&out->commit, &then->commit);
	subtract(&out->relay, &then->relay);
}
