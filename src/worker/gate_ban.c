/* SPDX-License-Identifier: ISC */
/* Bans, and the refusals that lead to them. One source that is refused again and again is counted
 * in one number: the end of the time that is counted in, and how many there were. Where there are
 * more such sources than places, the oldest is forgotten: it begins anew, and is refused as before.
 */
#include "worker/gate_own.h"

#include <stdio.h>

/* A number of refusals, of which a limit (a million) fits into so many bits. */
enum { REFUSAL_BITS = 20, REFUSALS_MAX = (1 << REFUSAL_BITS) - 1 };

int gate_ban(struct gate *g, const struct store_ban *ban, struct now now, struct err *e)
{
	(void)pthread_mutex_lock(&g->lock);
	int result = bans_add(g->bans, ban, gate_seconds(now), e);
	(void)pthread_mutex_unlock(&g->lock);
	return result;
}

bool gate_unban(struct gate *g, enum store_ban_kind kind, struct slice value)
{
	(void)pthread_mutex_lock(&g->lock);
	bool there = bans_remove(g->bans, kind, value);
	(void)pthread_mutex_unlock(&g->lock);
	return there;
}

void gate_bans(struct gate *g, struct now now, store_ban_fn *found, void *ctx)
{
	(void)pthread_mutex_lock(&g->lock);
	bans_each(g->bans, gate_seconds(now), found, ctx);
	(void)pthread_mutex_unlock(&g->lock);
}

/* The ban of a source: an address, or the /64 of an IPv6 one; but of the /64 in which all of IPv4
 * lies, mapped, only the one address, which is ::1 if it is not IPv4. */
static void write_ban(struct gate_ban *out, const struct conf_filter *f, const struct gate_who *who,
                      struct now now)
{
	bool alone = memcmp(who->address, (const uint8_t[8]){0}, 8) == 0;
	struct acl_cidr network = {.bits = alone ? 128 : 64};

	memcpy(network.base.b, alone ? who->address : who->source, sizeof network.base.b);
	bans_address_put(&network, out->value);
	int n = snprintf(out->reason, sizeof out->reason, "%zu refusals, filter %s", f->ban_after.n,
	                 f->name);
	out->ban = (struct store_ban){
	    .kind = STORE_BAN_ADDRESS,
	    .value = slice_of(out->value, sizeof out->value),
	    .since = gate_seconds(now),
	    .until = gate_seconds(now) + (int64_t)((f->ban_ms + 999) / 1000),
	    .automatic = true,
	    .reason = slice_of((const uint8_t *)out->reason, n < 0 ? 0 : (size_t)n)};
}

bool gate_made(const struct conf_filter *f, const struct store_ban *ban)
{
	static const char of[] = ", filter ";
	struct slice name = slice_str(f == NULL ? "" : f->name), reason = ban->reason;
	size_t all = sizeof of - 1 + name.n;

	if (f == NULL || !ban->automatic || reason.n <= all)
		return false;
	reason = slice_from(reason, reason.n - all);
	return memcmp(reason.p, of, sizeof of - 1) == 0 &&
	       slice_eq(slice_from(reason, sizeof of - 1), name);
}

/* Counts a refusal; true for the one that is one too many. */
static bool one_too_many(struct gate *g, const struct conf_filter *f, const struct gate_who *who,
                         struct now now)
{
	uint64_t key = gate_rate_key(g, REFUSALS, f, &f->ban_after, gate_source(who));
	bool known;
	int64_t *number =
	    tally_at(g->spent[REFUSALS], key, now.mono_ms << REFUSAL_BITS | REFUSALS_MAX, &known);
	int64_t n = known ? (*number & REFUSALS_MAX) + 1 : 1;

	if (!known)
		*number = (now.mono_ms + (int64_t)f->ban_after.per_ms) << REFUSAL_BITS;
	*number = (*number & ~(int64_t)REFUSALS_MAX) | n;
	if (n < (int64_t)f->ban_after.n)
		return false;
	*number = 0;
	return true;
}

enum gate_sentence gate_refused(struct gate *g, const struct gate_limits *limits,
                                const struct gate_who *who, struct now now, struct gate_ban *out,
                                struct err *e)
{
	const struct conf_filter *f = limits->filter;
	enum gate_sentence sentence = GATE_COUNTS;

	if (f == NULL || f->ban_after.n == 0)
		return GATE_COUNTS;
	(void)pthread_mutex_lock(&g->lock);
	if (bans_of_address(g->bans, who->address, gate_seconds(now)) == NULL &&
	    one_too_many(g, f, who, now)) {
		write_ban(out, f, who, now);
		sentence = GATE_WOULD_BAN;
		if (!f->dry_run)
			sentence = bans_add(g->bans, &out->ban, gate_seconds(now), e) == 0
			               ? GATE_BANS
			               : GATE_BAN_FAILED;
	}
	(void)pthread_mutex_unlock(&g->lock);
	return sentence;
}
