/* SPDX-License-Identifier: ISC */
/* A ring under a mutex: a refusal costs one copy, and who looks gets a copy of all. */
#include "worker/refusals.h"

#include <pthread.h>
#include <stdlib.h>

struct refusals {
	pthread_mutex_t lock;
	uint64_t n; /* ever */
	struct refused last[REFUSALS_KEPT];
};

struct refusals *refusals_new(void)
{
	struct refusals *r = calloc(1, sizeof *r);

	if (r != NULL)
		(void)pthread_mutex_init(&r->lock, NULL);
	return r;
}

void refusals_free(struct refusals *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

void refusals_add(struct refusals *r, const struct refused *one)
{
	(void)pthread_mutex_lock(&r->lock);
	r->last[r->n++ % REFUSALS_KEPT] = *one;
	(void)pthread_mutex_unlock(&r->lock);
}

size_t refusals_read(struct refusals *r, struct refused out[REFUSALS_KEPT])
{
	size_t n = 0;

	(void)pthread_mutex_lock(&r->lock);
	for (; n < REFUSALS_KEPT && n < r->n; n++)
		out[n] = r->last[(r->n - 1 - n) % REFUSALS_KEPT];
	(void)pthread_mutex_unlock(&r->lock);
	return n;
}
