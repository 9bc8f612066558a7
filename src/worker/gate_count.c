/* SPDX-License-Identifier: ISC */
/* Everything is known by a keyed hash of what it is (a kind, the filter, an address or a name), so
 * entries have one size whatever a peer calls itself, and nobody can choose who shares a place with
 * him. How many there are now is counted exactly, in a tree that is as large as the crowd; how
 * often somebody came, in tables that never grow and err on the safe side when they are full. */
#include "worker/gate_own.h"

#include <search.h>
#include <stdlib.h>

/* How many there are of one key. */
struct count {
	uint64_t key;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

uint64_t gate_key(const struct gate *g, enum gate_kind kind, struct slice scope, struct slice value)
{
	uint8_t all[2 * SECRET_HASH_SIZE + 1], out[SECRET_HASH_SIZE];
	uint64_t key;

	if (value.n == 0)
		return 0;
	all[0] = (uint8_t)kind;
	secret_hash(g->hash_key, scope, all + 1);
	secret_hash(g->hash_key, value, all + 1 + SECRET_HASH_SIZE);
	secret_hash(g->hash_key, slice_of(all, sizeof all), out);
	memcpy(&key, out, sizeof key);
	return key == 0 ? 1 : key;
}

uint64_t gate_filter_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                         struct slice value)
{
	return gate_key(g, kind, slice_str(f->name), value);
}

uint64_t gate_rate_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                       const struct conf_rate *limit, struct slice value)
{
	uint64_t scope[3] = {gate_filter_key(g, kind, f, slice_str("rate")), limit->n,
	                     limit->per_ms};

	return gate_key(g, kind, slice_of((const uint8_t *)scope, sizeof scope), value);
}

static struct count *find(struct gate *g, uint64_t key)
{
	struct count wanted = {.key = key}, **node = tfind(&wanted, &g->counts, compare);

	return node == NULL ? NULL : *node;
}

size_t gate_there_are(struct gate *g, uint64_t key)
{
	const struct count *c = key == 0 ? NULL : find(g, key);

	return c == NULL ? 0 : c->n;
}

int gate_count_up(struct gate *g, uint64_t key)
{
	struct count *c = find(g, key);

	if (c == NULL) {
		c = calloc(1, sizeof *c);
		if (c == NULL)
			return -1;
		c->key = key;
		if (tsearch(c, &g->counts, compare) == NULL) {
			free(c);
			return -1;
		}
	}
	c->n++;
	return 0;
}

void gate_count_down(struct gate *g, uint64_t key)
{
	struct count *c = find(g, key);

	if (c == NULL || --c->n != 0)
		return;
	(void)tdelete(c, &g->counts, compare);
	free(c);
}

bool gate_rate_allows(struct gate *g, enum gate_kind kind, const struct rate *r, uint64_t key,
                      struct now now)
{
	int64_t now_ns = now.mono_ms * NS_PER_MS;
	bool known;

	if (r->burst == 0 || key == 0)
		return true;
	int64_t *spent = tally_at(g->spent[kind], key, now_ns, &known);
	if (rate_wait(r, *spent, now_ns) != 0)
		return false;
	*spent = rate_spend(r, *spent, now_ns);
	return true;
}

void gate_counts_free(struct gate *g)
{
	tdestroy(g->counts, free);
}
