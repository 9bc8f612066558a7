/* SPDX-License-Identifier: ISC */
/* What can be asked about the pool while it works, from any thread. Workers are asked by mail that
 * outlives whoever asked: one who waits no more must not leave a hole behind. */
#include "worker/pool_inside.h"

#include "sys/clock.h"

#include <stddef.h>
#include <stdlib.h>

static struct store *store_of(struct pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	struct store *s = p->shared.store;
	(void)pthread_mutex_unlock(&p->lock);
	return s;
}

void pool_verdicts(const struct pool *p, size_t listener, uint64_t out[VERDICT_COUNT])
{
	for (size_t v = 0; v < VERDICT_COUNT; v++) {
		out[v] = 0;
		for (size_t i = 0; i < p->n_workers; i++)
			out[v] +=
			    counter_get(&p->workers[i]->verdicts[listener * VERDICT_COUNT + v]);
	}
}

static void add_worker(const struct worker *w, struct pool_status *out)
{
	for (size_t m = 0; m < METRIC_ALL; m++)
		out->counts[m] += metrics_get(&w->metrics, m);
	for (size_t type = 0; type < METER_TYPES; type++) {
		out->packets[SIDE_CLIENT][type] +=
		    counter_get(&w->meter.packets[SIDE_CLIENT][type]);
		out->packets[SIDE_BROKER][type] +=
		    counter_get(&w->meter.packets[SIDE_BROKER][type]);
	}
	for (size_t i = 0; i < CLOSED_COUNT; i++)
		out->closed[i] += counter_get(&w->closed[i]);
	histogram_read(&w->login_time, &out->login);
	histogram_read(&w->dial_time, &out->dial);
	histogram_read(&w->relay_time, &out->relay);
}

void pool_status(struct pool *p, struct pool_status *out)
{
	uint64_t verdicts[VERDICT_COUNT];
	struct store *store = store_of(p);

	*out = (struct pool_status){.workers = p->n_workers};
	out->has_users = users_census(&p->users, &out->users);
	for (size_t i = 0; i < p->n_workers; i++)
		add_worker(p->workers[i], out);
	for (size_t i = 0; i < pool_listeners(p); i++) {
		pool_verdicts(p, i, verdicts);
		for (size_t v = 0; v < VERDICT_COUNT; v++)
			out->verdicts[v] += verdicts[v];
	}
	if (store != NULL)
		store_stats(store, &out->store);
}

struct snapshot *pool_snapshot(struct pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	struct snapshot *s = snapshot_ref(p->snapshot);
	(void)pthread_mutex_unlock(&p->lock);
	return s;
}

struct refusals *pool_refusals(const struct pool *p)
{
	return p->shared.refusals;
}

_Static_assert((size_t)SEAL_ERRORS <= METRIC_REASONS, "each reason has its counters");

const char *pool_reason(size_t reason)
{
	return reason < SEAL_ERRORS ? seal_error_name((enum seal_error)reason) : NULL;
}

size_t pool_listeners(const struct pool *p)
{
	return p->n_listeners;
}

void pool_connections(const struct pool *p, size_t i, size_t *pending, size_t *connected)
{
	*pending = gate_pending(p->shared.gate, i);
	*connected = gate_connected(p->shared.gate, i);
}

void pool_listener_status(struct pool *p, size_t i, struct pool_listener_status *out)
{
	*out = (struct pool_listener_status){.name = p->snapshot->listeners[i]->name,
	                                     .connections = gate_connected(p->shared.gate, i),
	                                     .pending = gate_pending(p->shared.gate, i)};
	for (size_t k = p->doors.n; k-- > 0;) {
		if (p->doors.listener[k] == i)
			out->address = p->doors.address[k];
	}
}

/* A question that several threads answer, and one waits for, though not for ever. Whoever is last
 * frees it. */
struct ping {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	size_t waits; /* answers that are still to come */
	size_t refs;
	bool failed;
	struct store_op op; /* of a question to the store */
	struct ping_mail {
		struct mail mail; /* first */
		struct ping *ping;
	} mails[];
};

static struct ping *ping_new(size_t n)
{
	struct ping *p = calloc(1, sizeof *p + n * sizeof p->mails[0]);

	if (p == NULL)
		return NULL;
	(void)pthread_mutex_init(&p->lock, NULL);
	clock_cond_init(&p->answered);
	p->waits = n;
	p->refs = n + 1;
	return p;
}

/* With the lock held, which it gives up. */
static void ping_unref(struct ping *p)
{
	bool last = --p->refs == 0;

	(void)pthread_mutex_unlock(&p->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&p->answered);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

static void ping_answered(struct mail *mail)
{
	struct ping *p = ((struct ping_mail *)mail)->ping;

	(void)pthread_mutex_lock(&p->lock);
	p->waits--;
	(void)pthread_cond_signal(&p->answered);
	ping_unref(p);
}

static bool ping_wait(struct ping *p, int64_t ms)
{
	struct timespec until = clock_after_ms(ms);

	(void)pthread_mutex_lock(&p->lock);
	while (p->waits != 0 && pthread_cond_timedwait(&p->answered, &p->lock, &until) == 0)
		;
	bool good = p->waits == 0 && !p->failed;
	ping_unref(p);
	return good;
}

bool pool_alive(struct pool *p, int64_t ms)
{
	struct ping *ping = ping_new(p->n_workers);

	if (ping == NULL)
		return false;
	for (size_t i = 0; i < p->n_workers; i++) {
		ping->mails[i] =
		    (struct ping_mail){.mail = {.deliver = ping_answered}, .ping = ping};
		mailbox_post(&p->workers[i]->mailbox, &ping->mails[i].mail);
	}
	return ping_wait(ping, ms);
}

static void touch_answered(struct mail *mail)
{
	struct store_op *op = (struct store_op *)mail;
	struct ping *p = (struct ping *)((char *)op - offsetof(struct ping, op));

	(void)pthread_mutex_lock(&p->lock);
	p->failed = op->status != STORE_DONE;
	p->waits--;
	(void)pthread_cond_signal(&p->answered);
	ping_unref(p);
}

bool pool_state_writable(struct pool *p, int64_t ms)
{
	struct store *store = store_of(p);
	struct ping *ping = store == NULL ? NULL : ping_new(0);

	if (store == NULL)
		return true;
	if (ping == NULL)
		return false;
	ping->waits = 1;
	ping->refs = 2;
	ping->op = (struct store_op){.mail = {.deliver = touch_answered},
	                             .reply_to = &p->workers[0]->mailbox,
	                             .verb = STORE_TOUCH,
	                             .now = clock_now().real_us / 1000000};
	store_submit(store, &ping->op);
	return ping_wait(ping, ms);
}

void pool_denials(struct pool *p, pool_denial_fn *found, void *ctx)
{
	struct snapshot *s = pool_snapshot(p);

	for (size_t i = 0; i < s->conf->n_filters; i++) {
		const struct conf_filter *f = &s->conf->filters[i];
		for (size_t k = 0; k < snapshot_deniers(f); k++) {
			struct snapshot_denier denier = snapshot_denier(f, k);
			unsigned long n = atomic_load(&s->denials[i][k]);
			if (n != 0)
				found(ctx, f->name, &denier, n);
		}
	}
	snapshot_unref(s);
}

size_t pool_broker_connections(struct pool *pool, const struct snapshot *s, size_t broker)
{
	size_t pending, connected, n = 0;

	for (size_t i = 0; i < s->n_listeners; i++) {
		if (s->listeners[i]->broker != broker)
			continue;
		pool_connections(pool, i, &pending, &connected);
		n += connected;
	}
	return n;
}
