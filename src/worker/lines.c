/* SPDX-License-Identifier: ISC */
/* A table of lines under one mutex, held for a few steps. The key is a keyed hash already, so its
 * first bytes choose the bucket. The first of a line is the one whose turn it is: it hangs in the
 * bucket and knows the last. */
#include "worker/lines.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 1024 };

struct lines {
	pthread_mutex_t lock;
	struct line_place *first[BUCKETS];
};

struct lines *lines_new(struct err *e)
{
	struct lines *l = calloc(1, sizeof *l);

	if (l == NULL)
		err_set(e, "out of memory");
	else
		(void)pthread_mutex_init(&l->lock, NULL);
	return l;
}

void lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Where the pointer to the first of a key's line is, or would be. */
static struct line_place **find(struct lines *l, const uint8_t key[STORE_DRAWER])
{
	struct line_place **at = &l->first[(key[0] | (unsigned)key[1] << 8) % BUCKETS];

	while (*at != NULL && memcmp((*at)->key, key, STORE_DRAWER) != 0)
		at = &(*at)->next;
	return at;
}

bool lines_join(struct lines *l, struct line_place *p)
{
	(void)pthread_mutex_lock(&l->lock);
	struct line_place **at = find(l, p->key), *first = *at;
	p->behind = p->next = NULL;
	p->ahead = first == NULL ? NULL : first->last;
	if (first == NULL) {
		*at = p->last = p;
	} else {
		first->last->behind = p;
		first->last = p;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return first == NULL;
}

void lines_leave(struct lines *l, struct line_place *p)
{
	(void)pthread_mutex_lock(&l->lock);
	struct line_place **at = find(l, p->key), *second = p->behind;
	*at = p->next;
	if (second != NULL) {
		second->ahead = NULL;
		second->last = p->last;
		second->next = p->next;
		*at = second;
		mailbox_post(second->to, second->mail);
	}
	(void)pthread_mutex_unlock(&l->lock);
}

bool lines_give_up(struct lines *l, struct line_place *p)
{
	(void)pthread_mutex_lock(&l->lock);
	bool waits = p->ahead != NULL;
	if (waits && p->behind != NULL)
		p->behind->ahead = p->ahead;
	else if (waits)
		(*find(l, p->key))->last = p->ahead;
	if (waits)
		p->ahead->behind = p->behind;
	(void)pthread_mutex_unlock(&l->lock);
	return waits;
}
