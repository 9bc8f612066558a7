/* SPDX-License-Identifier: ISC */
/* What is known of a broker: where it is and whether it answers. Names are looked up by a thread of
 * their own, since a name server may take any time; what was found stays in use until something
 * else is. */
#include "worker/broker.h"

#include "net/listener.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "worker/snapshot.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void broker_init(struct broker *b, const struct conf_broker *conf)
{
	struct net_addr a;

	*b = (struct broker){.conf = conf};
	(void)pthread_mutex_init(&b->lock, NULL);
	for (size_t i = 0; i < conf->n_addresses; i++) {
		if (net_addr_numeric(conf->addresses[i].host, conf->addresses[i].port, &a) != 0)
			b->has_names = true;
	}
}

void broker_fini(struct broker *b)
{
	(void)pthread_mutex_destroy(&b->lock);
}

void broker_inherit(struct broker *b, struct broker *former, size_t n)
{
	for (size_t i = 0; i < n && b->has_names; i++) {
		if (strcmp(former[i].conf->name, b->conf->name) != 0)
			continue;
		while (b->n < BROKER_ADDRESSES && broker_address(&former[i], b->n, &b->addr[b->n]))
			b->n++;
		return;
	}
	for (size_t i = 0; i < b->conf->n_addresses && b->n < BROKER_ADDRESSES; i++) {
		const struct conf_address *a = &b->conf->addresses[i];
		if (net_addr_numeric(a->host, a->port, &b->addr[b->n]) == 0)
			b->n++;
	}
}

void broker_resolve(struct broker *b)
{
	struct net_addr found[BROKER_ADDRESSES];
	size_t n = 0;
	struct err e;

	for (size_t i = 0; i < b->conf->n_addresses && n < BROKER_ADDRESSES; i++) {
		const struct conf_address *a = &b->conf->addresses[i];
		int got = net_addr_resolve(a->host, a->port, found + n, BROKER_ADDRESSES - n, &e);
		if (got < 0)
			log_say(LOG_LEVEL_WARNING, "resolve", "broker %s: %s; tried again later",
			        b->conf->name, e.text);
		else
			n += (size_t)got;
	}
	(void)pthread_mutex_lock(&b->lock);
	if (n != 0) {
		memcpy(b->addr, found, n * sizeof found[0]);
		b->n = n;
	}
	(void)pthread_mutex_unlock(&b->lock);
}

bool broker_address(struct broker *b, size_t i, struct net_addr *out)
{
	(void)pthread_mutex_lock(&b->lock);
	bool there = i < b->n;
	if (there)
		*out = b->addr[i];
	(void)pthread_mutex_unlock(&b->lock);
	return there;
}

size_t broker_count(struct broker *b)
{
	(void)pthread_mutex_lock(&b->lock);
	size_t n = b->n;
	(void)pthread_mutex_unlock(&b->lock);
	return n;
}

void broker_tells(struct broker *b, bool up, int64_t now_ms)
{
	atomic_store_explicit(&b->up, up, memory_order_relaxed);
	atomic_store_explicit(&b->told_ms, now_ms, memory_order_release);
}

/* Waits until one of the attempts succeeded or all failed. */
static bool any_connects(struct pollfd *attempts, size_t n, int64_t until)
{
	size_t left = n;
	struct err e;

	while (left != 0) {
		int64_t rest = until - clock_now().mono_ms;
		if (rest <= 0 || poll(attempts, n, (int)rest) <= 0)
			return false;
		for (size_t i = 0; i < n; i++) {
			if (attempts[i].revents == 0)
				continue;
			if (net_dialled(attempts[i].fd, &e) == 0)
				return true;
			(void)close(attempts[i].fd);
			attempts[i] = (struct pollfd){.fd = -1};
			left--;
		}
	}
	return false;
}

static bool probe(struct broker *b)
{
	struct pollfd attempts[BROKER_ADDRESSES];
	struct net_addr to;
	struct err e;
	size_t n = 0;

	for (size_t i = 0; n < BROKER_ADDRESSES && broker_address(b, i, &to); i++) {
		int fd = net_dial(&to, 60, &e);
		if (fd >= 0)
			attempts[n++] = (struct pollfd){.fd = fd, .events = POLLOUT};
	}
	bool up = any_connects(attempts, n, clock_now().mono_ms + BROKER_PROBE_MS);
	for (size_t i = 0; i < n; i++) {
		if (attempts[i].fd >= 0)
			(void)close(attempts[i].fd);
	}
	return up;
}

bool broker_reachable(struct broker *b)
{
	int64_t told = atomic_load_explicit(&b->told_ms, memory_order_acquire);

	if (told == 0 || clock_now().mono_ms - told > BROKER_FRESH_MS)
		broker_tells(b, probe(b), clock_now().mono_ms);
	return atomic_load_explicit(&b->up, memory_order_relaxed);
}

struct resolver {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct snapshot *asked; /* a reference */
	bool stop, busy;
};

/* Sleeps a second, or until the end, so that a storm of failed connections asks the name servers
 * once a second. */
static void pace(struct resolver *r)
{
	struct timespec until = clock_after_ms(1000);

	while (!r->stop && pthread_cond_timedwait(&r->wake, &r->lock, &until) == 0)
		;
}

static void *resolver_run(void *arg)
{
	struct resolver *r = arg;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		if (r->asked == NULL) {
			(void)pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		struct snapshot *snapshot = r->asked;
		r->asked = NULL;
		r->busy = true;
		(void)pthread_mutex_unlock(&r->lock);
		for (size_t i = 0; i < snapshot->conf->n_brokers; i++) {
			if (snapshot->brokers[i].has_names)
				broker_resolve(&snapshot->brokers[i]);
		}
		snapshot_unref(snapshot);
		(void)pthread_mutex_lock(&r->lock);
		r->busy = false;
		(void)pthread_cond_broadcast(&r->wake);
		pace(r);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

struct resolver *resolver_new(struct err *e)
{
	struct resolver *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	(void)pthread_mutex_init(&r->lock, NULL);
	clock_cond_init(&r->wake);
	if (pthread_create(&r->thread, NULL, resolver_run, r) != 0) {
		err_set(e, "the thread that resolves names cannot be started");
		free(r);
		return NULL;
	}
	return r;
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	struct snapshot *asked = r->asked;
	r->asked = NULL;
	bool busy = r->busy;
	(void)pthread_cond_broadcast(&r->wake);
	(void)pthread_mutex_unlock(&r->lock);
	snapshot_unref(asked);
	/* A name server that does not answer must not hold up the end of the process: the thread
	 * then keeps what it uses. */
	if (busy) {
		(void)pthread_detach(r->thread);
		return;
	}
	(void)pthread_join(r->thread, NULL);
	(void)pthread_cond_destroy(&r->wake);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

void resolver_ask(struct resolver *r, struct snapshot *snapshot)
{
	(void)pthread_mutex_lock(&r->lock);
	struct snapshot *before = r->asked;
	if (!r->stop && before != snapshot) {
		r->asked = snapshot_ref(snapshot);
		(void)pthread_cond_broadcast(&r->wake);
	} else {
		before = NULL;
	}
	(void)pthread_mutex_unlock(&r->lock);
	snapshot_unref(before);
}

void resolver_wait(struct resolver *r, struct snapshot *snapshot)
{
	struct timespec until = clock_after_ms(BROKER_RESOLVE_MS);
	bool names = false;

	for (size_t i = 0; i < snapshot->conf->n_brokers; i++)
		names = names || snapshot->brokers[i].has_names;
	if (!names)
		return;
	resolver_ask(r, snapshot);
	(void)pthread_mutex_lock(&r->lock);
	while ((r->asked != NULL || r->busy) &&
	       pthread_cond_timedwait(&r->wake, &r->lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&r->lock);
}
