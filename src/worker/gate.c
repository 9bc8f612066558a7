/* SPDX-License-Identifier: ISC */
#include "worker/gate.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* How many wait from one source at one listener. */
struct waiting {
	uint8_t source[16];
	size_t listener;
	size_t n;
};

struct counts {
	size_t pending, connected;
};

struct gate {
	pthread_mutex_t lock;
	void *waiting; /* a search tree of struct waiting */
	size_t n;
	struct counts counts[];
};

static int compare(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->listener != y->listener)
		return x->listener < y->listener ? -1 : 1;
	return memcmp(x->source, y->source, sizeof x->source);
}

struct gate *gate_new(size_t n_listeners, struct err *e)
{
	struct gate *g = calloc(1, sizeof *g + n_listeners * sizeof g->counts[0]);

	if (g == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	g->n = n_listeners;
	(void)pthread_mutex_init(&g->lock, NULL);
	return g;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	tdestroy(g->waiting, free);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

static struct waiting *find(struct gate *g, size_t listener, const uint8_t source[16])
{
	struct waiting key = {.listener = listener};

	memcpy(key.source, source, sizeof key.source);
	struct waiting **node = tfind(&key, &g->waiting, compare);
	return node == NULL ? NULL : *node;
}

/* Counts one more from this source; false where there are `max` already, or no memory. */
static bool wait_one(struct gate *g, size_t listener, const uint8_t source[16], size_t max)
{
	struct waiting *w = find(g, listener, source);

	if (w != NULL) {
		if (w->n >= max)
			return false;
		w->n++;
		return true;
	}
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return false;
	w->listener = listener;
	w->n = 1;
	memcpy(w->source, source, sizeof w->source);
	if (tsearch(w, &g->waiting, compare) == NULL) {
		free(w);
		return false;
	}
	return true;
}

enum gate_answer gate_arrive(struct gate *g, size_t listener, const uint8_t source[16],
                             const struct gate_limits *limits)
{
	enum gate_answer answer = GATE_OPEN;

	(void)pthread_mutex_lock(&g->lock);
	if (g->counts[listener].pending >= limits->max_pending)
		answer = GATE_FULL;
	else if (!wait_one(g, listener, source, limits->max_pending_per_address))
		answer = GATE_ADDRESS;
	else
		g->counts[listener].pending++;
	(void)pthread_mutex_unlock(&g->lock);
	return answer;
}

void gate_depart(struct gate *g, size_t listener, const uint8_t source[16])
{
	(void)pthread_mutex_lock(&g->lock);
	struct waiting *w = find(g, listener, source);
	if (w != NULL && --w->n == 0) {
		(void)tdelete(w, &g->waiting, compare);
		free(w);
	}
	g->counts[listener].pending--;
	(void)pthread_mutex_unlock(&g->lock);
}

bool gate_connect(struct gate *g, size_t listener, const struct gate_limits *limits)
{
	(void)pthread_mutex_lock(&g->lock);
	bool open = g->counts[listener].connected < limits->max_connections;
	if (open)
		g->counts[listener].connected++;
	(void)pthread_mutex_unlock(&g->lock);
	return open;
}

void gate_disconnect(struct gate *g, size_t listener)
{
	(void)pthread_mutex_lock(&g->lock);
	g->counts[listener].connected--;
	(void)pthread_mutex_unlock(&g->lock);
}

size_t gate_pending(struct gate *g, size_t listener)
{
	(void)pthread_mutex_lock(&g->lock);
	size_t n = g->counts[listener].pending;
	(void)pthread_mutex_unlock(&g->lock);
	return n;
}

size_t gate_connected(struct gate *g, size_t listener)
{
	(void)pthread_mutex_lock(&g->lock);
	size_t n = g->counts[listener].connected;
	(void)pthread_mutex_unlock(&g->lock);
	return n;
}
