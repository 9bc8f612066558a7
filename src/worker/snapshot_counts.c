/* SPDX-License-Identifier: ISC */
/* The counts of a snapshot: they stand by rule, so they come and go with the rules; what stays over
 * a reload keeps its number. */
#include "worker/snapshot.h"

#include <string.h>

size_t snapshot_deniers(const struct conf_filter *f)
{
	return acl_ruleset_size(f->rules) + CONF_LIMITS;
}

struct snapshot_denier snapshot_denier(const struct conf_filter *f, size_t i)
{
	size_t n = acl_ruleset_size(f->rules);

	if (i >= n)
		return (struct snapshot_denier){
		    .what = f->limit_at[i - n].file == NULL ? NULL
		            : i - n == CONF_BAN             ? "ban"
		                                            : "limit",
		    .file = f->limit_at[i - n].file,
		    .line = f->limit_at[i - n].line};
	struct acl_rule rule = acl_ruleset_rule(f->rules, i);
	return (struct snapshot_denier){.what = acl_verb_name(rule.verb),
	                                .allow = rule.allow,
	                                .file = rule.file,
	                                .line = rule.line};
}

/* Whether what denies is what stood there before. */
static bool same(const struct snapshot_denier *a, const struct snapshot_denier *b)
{
	return a->what != NULL && b->what != NULL && strcmp(a->what, b->what) == 0 &&
	       a->line == b->line && strcmp(a->file, b->file) == 0;
}

/* Rules are in the order of their files, and so are limits but for few, so the place of the last
 * match is where the next is looked for first. */
static void carry_denials(struct snapshot *s, size_t filter, const struct snapshot *before,
                          size_t former)
{
	const struct conf_filter *now = &s->conf->filters[filter];
	const struct conf_filter *old = &before->conf->filters[former];
	size_t n = snapshot_deniers(old), from = 0;

	for (size_t i = 0; i < snapshot_deniers(now); i++) {
		struct snapshot_denier denier = snapshot_denier(now, i);
		for (size_t k = 0; k < n; k++) {
			size_t at = (from + k) % n;
			struct snapshot_denier was = snapshot_denier(old, at);
			if (!same(&denier, &was))
				continue;
			(void)atomic_fetch_add(&s->denials[filter][i],
			                       atomic_load(&before->denials[former][at]));
			from = at + 1;
			break;
		}
	}
}

static void carry_payloads(struct snapshot *s, size_t rule, const struct snapshot *before,
                           size_t former)
{
	struct payload_meter *to = &s->meters[s->n_workers][rule];
	struct snapshot_payloads was;

	snapshot_payloads(before, former, &was);
	for (size_t side = 0; side < 2; side++) {
		for (size_t op = 0; op < METER_OPERATIONS; op++) {
			for (size_t i = 0; i < METER_RESULTS; i++)
				counter_add(&to->n[side][op][i], was.n[side][op][i]);
		}
	}
}

void snapshot_carry(struct snapshot *s, const struct snapshot *before)
{
	for (size_t i = 0; i < s->conf->n_filters; i++) {
		for (size_t k = 0; k < before->conf->n_filters; k++) {
			if (strcmp(s->conf->filters[i].name, before->conf->filters[k].name) == 0)
				carry_denials(s, i, before, k);
		}
	}
	for (size_t i = 0; i < s->conf->n_payloads; i++) {
		for (size_t k = 0; k < before->conf->n_payloads; k++) {
			if (strcmp(s->conf->payloads[i].filter, before->conf->payloads[k].filter) ==
			    0) {
				carry_payloads(s, i, before, k);
				break;
			}
		}
	}
}

void snapshot_payloads(const struct snapshot *s, size_t rule, struct snapshot_payloads *out)
{
	*out = (struct snapshot_payloads){0};
	for (size_t w = 0; w <= s->n_workers; w++) {
		const struct payload_meter *m = &s->meters[w][rule];
		for (size_t side = 0; side < 2; side++) {
			for (size_t op = 0; op < METER_OPERATIONS; op++) {
				for (size_t i = 0; i < METER_RESULTS; i++)
					out->n[side][op][i] += counter_get(&m->n[side][op][i]);
			}
		}
	}
}

void snapshot_key_use(const struct snapshot *s, uint64_t *by_key)
{
	struct snapshot_payloads n;

	for (size_t i = 0; i < s->conf->n_payloads; i++) {
		snapshot_payloads(s, i, &n);
		for (size_t side = 0; side < 2; side++) {
			const struct payload_leg *to = &s->rules[i].leg[1 - side];
			if (to->encrypted)
				by_key[to->keys[0]] += n.n[side][METER_SEAL][SEAL_OK];
		}
	}
}
