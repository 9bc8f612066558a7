/* SPDX-License-Identifier: ISC */
/* All workers wait at the same doors, and who wakes first has the guest; where they come one by one
 * that is nearly always the same. So a worker that has more than another hands on what it accepts.
 * A few more are no matter, since to hand one on costs a wake-up. */
#include "worker/arrivals.h"

#include "worker/conn.h"

#include <stdlib.h>
#include <unistd.h>

struct arrival {
	struct mail mail; /* first */
	struct worker *worker;
	size_t listener;
	int fd;
	struct net_addr peer;
};

static void arrived(struct mail *mail)
{
	struct arrival *a = (struct arrival *)mail;

	atomic_fetch_sub(&a->worker->load, 1);
	if (a->worker->draining)
		(void)close(a->fd);
	else
		conn_accept(a->worker, a->listener, a->fd, &a->peer);
	free(a);
}

/* Whether `w` has so much more than `other` that a guest is worth handing on: a sixteenth. */
static bool has_more(const struct worker *w, const struct worker *other)
{
	size_t load = atomic_load(&other->load);

	return atomic_load(&w->load) > load + load / 16;
}

static struct worker *least_loaded(struct worker *w)
{
	struct worker *least = w;
	size_t n = atomic_load(&w->shared->n_started);

	for (size_t i = 0; i < n; i++) {
		if (has_more(least, w->shared->workers[i]))
			least = w->shared->workers[i];
	}
	return least;
}

void arrivals_take(struct worker *w, size_t listener, int fd, const struct net_addr *peer)
{
	struct worker *to = least_loaded(w);
	struct arrival *a = to == w ? NULL : malloc(sizeof *a);

	if (a == NULL) {
		conn_accept(w, listener, fd, peer);
		return;
	}
	*a = (struct arrival){.mail = {.deliver = arrived},
	                      .worker = to,
	                      .listener = listener,
	                      .fd = fd,
	                      .peer = *peer};
	atomic_fetch_add(&to->load, 1);
	mailbox_post(&to->mailbox, &a->mail);
}
