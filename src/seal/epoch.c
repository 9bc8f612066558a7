/* SPDX-License-Identifier: ISC */
/* Two messages under one session key must never share a number, and this is all that stands
 * between: the number only rises, whatever the clock does, and it is used up before a byte is
 * sealed with it. */
#include "seal/epoch.h"

#include "seal/segment.h"

void epoch_begin(struct epoch *e, struct now now)
{
	*e = (struct epoch){.begun = true, .born = now};
}

/* How far the wall clock moved against the monotonic one; differences first, so nothing overflows.
 */
static bool clocks_parted(struct now born, struct now now)
{
	int64_t mono_us = 0, real_us = 0, drift = 0;

	if (__builtin_sub_overflow(now.mono_ms, born.mono_ms, &mono_us) ||
	    __builtin_mul_overflow(mono_us, (int64_t)1000, &mono_us) ||
	    __builtin_sub_overflow(now.real_us, born.real_us, &real_us) ||
	    __builtin_sub_overflow(real_us, mono_us, &drift))
		return true;
	return drift > EPOCH_SKEW_US || drift < -EPOCH_SKEW_US;
}

bool epoch_stale(const struct epoch *e, struct now now)
{
	return !e->begun || now.mono_ms < e->born.mono_ms ||
	       now.mono_ms - e->born.mono_ms >= EPOCH_AGE_MS ||
	       e->segments >= EPOCH_SEGMENTS_MAX - EPOCH_SEGMENTS_SPARE ||
	       e->bytes >= EPOCH_BYTES_MAX - EPOCH_BYTES_SPARE || clocks_parted(e->born, now);
}

uint64_t epoch_number(const struct epoch *e, struct now now)
{
	uint64_t least = e->next == 0 ? 1 : e->next;
	uint64_t clock = now.real_us < 0 ? 0 : (uint64_t)now.real_us;

	return clock > least ? clock : least;
}

bool epoch_spend(struct epoch *e, uint64_t num, uint64_t segments, uint64_t bytes)
{
	if (!e->begun || num < e->next || num >= SEAL_NUM_END)
		return false;
	if (segments > EPOCH_SEGMENTS_MAX - e->segments || bytes > EPOCH_BYTES_MAX - e->bytes)
		return false;
	e->next = num + 1;
	e->segments += segments;
	e->bytes += bytes;
	return true;
}
