/* SPDX-License-Identifier: ISC */
/* How the threads begin, change and end. What workers share is made before the first of them and
 * goes behind the last; a new configuration is either taken by all of them or by none; and the
 * store ends between the workers' loops and the workers, so that no answer of it finds nobody. */
#include "worker/pool_inside.h"

#include "base/secret.h"
#include "seal/atrest.h"
#include "store/backend.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "worker/conn.h"
#include "worker/lines.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* A sign of life that a worker is asked for. */
struct beat {
	struct mail mail; /* first */
	atomic_bool asked;
};

/* Something to be done on every worker's thread, and the wait for it. */
struct errand {
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t left;
	void (*run)(struct worker *w, void *arg);
	void *arg;
};

struct errand_mail {
	struct mail mail; /* first */
	struct errand *errand;
	struct worker *worker;
};

static void errand_deliver(struct mail *mail)
{
	struct errand_mail *m = (struct errand_mail *)mail;
	struct errand *errand = m->errand;

	errand->run(m->worker, errand->arg);
	(void)pthread_mutex_lock(&errand->lock);
	errand->left--;
	(void)pthread_cond_signal(&errand->done);
	(void)pthread_mutex_unlock(&errand->lock);
}

void pool_on_every_worker(struct pool *p, void (*run)(struct worker *w, void *arg), void *arg)
{
	struct errand errand = {.left = p->n_workers, .run = run, .arg = arg};
	struct errand_mail mails[256];

	(void)pthread_mutex_init(&errand.lock, NULL);
	(void)pthread_cond_init(&errand.done, NULL);
	for (size_t i = 0; i < p->n_workers; i++) {
		mails[i] = (struct errand_mail){.mail = {.deliver = errand_deliver},
		                                .errand = &errand,
		                                .worker = p->workers[i]};
		mailbox_post(&p->workers[i]->mailbox, &mails[i].mail);
	}
	(void)pthread_mutex_lock(&errand.lock);
	while (errand.left != 0)
		(void)pthread_cond_wait(&errand.done, &errand.lock);
	(void)pthread_mutex_unlock(&errand.lock);
	(void)pthread_cond_destroy(&errand.done);
	(void)pthread_mutex_destroy(&errand.lock);
}

static int put_in_force(void *ctx, const struct store_ban *ban)
{
	struct pool *p = ctx;

	return gate_ban(p->shared.gate, ban, clock_now(), NULL);
}

int pool_open_store(struct pool *p, const struct conf *c, struct err *e)
{
	if (p->shared.store != NULL)
		return 0;
	err_set(e, "the bans in the state cannot be put in force");
	struct store *store = store_open(c->state_type, c->state_path, put_in_force, p, e);
	(void)pthread_mutex_lock(&p->lock);
	p->shared.store = store;
	(void)pthread_mutex_unlock(&p->lock);
	return store == NULL ? -1 : 0;
}

/* A key of its own for the table of those who have to wait. */
static void keep_waits(const struct pool *p)
{
	uint8_t key[ATREST_NAME_SIZE];

	_Static_assert(sizeof key >= SECRET_HASH_KEY_SIZE, "the key is a part of the name");
	atrest_name(p->key, "waits", slice_str(""), slice_str(""), key);
	store_keep_waits(p->shared.store, key);
	secret_wipe(key, sizeof key);
}

/* As soon as there are both a state and workers. */
static void watch_users(struct pool *p)
{
	if (p->shared.store != NULL)
		users_watch(&p->users, p->shared.store, p->workers, p->n_workers);
}

static bool opens(const uint8_t key[ATREST_KEY_SIZE], const struct store_user *u)
{
	uint8_t secret[STORE_BLOB_MAX];
	bool good = u->blob.n > ATREST_OVERHEAD && u->blob.n <= sizeof secret &&
	            atrest_open(key, u->name, "secret", u->blob, secret) == 0;

	secret_wipe(secret, sizeof secret);
	return good;
}

/* The state is looked at before its thread has it: a key that does not belong to it would refuse
 * everybody, one after the other. */
static int read_key(const struct conf *c, uint8_t *key, struct err *e)
{
	if (strcmp(c->state_type, "sqlite") != 0)
		return store_key_load(c->state_key_file, key, e);
	struct store_backend *b = store_sqlite_open(c->state_path, e);
	if (b == NULL)
		return -1;
	int result = store_key_of(b, c->state_key_file, opens, key, e);
	b->ops->close(b);
	return result;
}

static int load_key(struct pool *p, const struct conf *c, struct err *e)
{
	uint8_t *key;

	if (p->key != NULL)
		return 0;
	key = secret_alloc(ATREST_KEY_SIZE);
	if (key == NULL)
		return err_set(
		    e, "no locked memory for the state key (raise LimitMEMLOCK or ulimit -l)");
	if (read_key(c, key, e) != 0) {
		secret_free(key);
		return -1;
	}
	p->shared.state_key = p->key = key;
	if (clock_sync() == CLOCK_UNSYNCHRONISED)
		log_say(LOG_LEVEL_WARNING, "clock",
		        "the clock is not synchronised: codes that go by the time may be refused "
		        "(timedatectl tells whether NTP keeps it)");
	return 0;
}

/* Also where that cannot be seen, say for a folder that may not be searched. */
static bool state_may_be_there(const struct conf *c)
{
	return strcmp(c->state_type, "sqlite") == 0 &&
	       (access(c->state_path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR));
}

/* The state is opened with the first configuration that needs it, or where it is there already,
 * since it may hold bans; it then stays open. */
static int open_state(struct pool *p, const struct snapshot *s, struct err *e)
{
	bool there = state_may_be_there(s->conf);

	if (s->keeps_state && load_key(p, s->conf, e) != 0)
		return -1;
	if (!s->keeps_state && !s->bans && !there)
		return 0;
	if (pool_open_store(p, s->conf, e) != 0)
		return -1;
	if (p->key != NULL)
		keep_waits(p);
	return 0;
}

static int start_workers(struct pool *p, struct err *e)
{
	size_t n = p->snapshot->n_workers;

	p->shared.n_workers = n;
	p->workers = calloc(n, sizeof(struct worker *));
	p->beats = calloc(n, sizeof *p->beats);
	p->shared.workers = p->workers;
	if (p->workers == NULL || p->beats == NULL)
		return err_set(e, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct kit *kit = kit_new(p->snapshot, p->shared.spoiled, e);
		if (kit == NULL)
			return -1;
		p->workers[i] = worker_new(i, &p->shared, snapshot_ref(p->snapshot), kit, e);
		if (p->workers[i] == NULL)
			return -1;
		p->n_workers++;
		atomic_store(&p->shared.n_started, p->n_workers);
	}
	return 0;
}

static int open_doors(struct pool *p, const struct activation *passed, struct err *e)
{
	if (doors_open(&p->doors, p->snapshot, passed, e) != 0)
		return -1;
	p->shared.fds = p->doors.fds;
	p->shared.fd_listener = p->doors.listener;
	p->shared.n_fds = p->doors.n;
	return 0;
}

struct pool *pool_new(struct conf *takes, size_t descriptors, const struct activation *passed,
                      struct err *e)
{
	struct pool *p = calloc(1, sizeof *p);

	if (p == NULL) {
		conf_free(takes);
		err_set(e, "out of memory");
		return NULL;
	}
	(void)pthread_mutex_init(&p->lock, NULL);
	users_init(&p->users);
	p->descriptors = descriptors;
	p->snapshot = snapshot_new(takes, NULL, descriptors, e);
	if (p->snapshot == NULL) {
		free(p);
		return NULL;
	}
	p->n_listeners = p->snapshot->n_listeners;
	p->shared.gate = gate_new(p->n_listeners, e);
	p->shared.refusals = refusals_new();
	p->shared.spoiled = spoiled_new();
	p->shared.lines = lines_new(e);
	p->shared.leases = leases_new(e);
	p->shared.resolver = resolver_new(e);
	if (p->shared.gate == NULL || p->shared.refusals == NULL || p->shared.spoiled == NULL ||
	    p->shared.lines == NULL || p->shared.leases == NULL || p->shared.resolver == NULL ||
	    open_state(p, p->snapshot, e) != 0 || open_doors(p, passed, e) != 0)
		goto fail;
	resolver_wait(p->shared.resolver, p->snapshot);
	if (start_workers(p, e) != 0)
		goto fail;
	watch_users(p);
	return p;
fail:
	pool_free(p);
	return NULL;
}

struct ending {
	int64_t over_ms;
	bool stop;
};

static void end_worker(struct worker *w, void *arg)
{
	const struct ending *e = arg;

	worker_drain(w, e->over_ms, e->stop);
}

static void end_all(struct pool *p, int64_t over_ms, bool stop)
{
	struct ending e = {.over_ms = over_ms, .stop = stop};

	if (over_ms < 0)
		e.over_ms = (int64_t)p->snapshot->conf->shutdown_grace_ms;
	atomic_store(&p->draining, true);
	pool_on_every_worker(p, end_worker, &e);
	/* Nobody accepts any more: who connects now is told so at once. */
	doors_shut(&p->doors);
}

void pool_drain(struct pool *p, int64_t over_ms)
{
	end_all(p, over_ms, false);
}

bool pool_draining(const struct pool *p)
{
	return atomic_load(&p->draining);
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	end_all(p, -1, true);
	/* Answers of the store are mail to workers, so it ends before them; what it still answers
	 * is delivered when they are freed. */
	for (size_t i = 0; i < p->n_workers; i++)
		worker_wait(p->workers[i]);
	store_close(p->shared.store);
	p->shared.store = NULL; /* mail that is still delivered asks it nothing more */
	for (size_t i = 0; i < p->n_workers; i++)
		worker_free(p->workers[i]);
	free(p->workers);
	doors_close(&p->doors);
	free(p->beats);
	resolver_free(p->shared.resolver);
	lines_free(p->shared.lines);
	leases_free(p->shared.leases);
	gate_free(p->shared.gate);
	refusals_free(p->shared.refusals);
	spoiled_free(p->shared.spoiled);
	users_fini(&p->users);
	secret_free(p->key);
	snapshot_unref(p->snapshot);
	free(p);
}

struct adoption {
	struct snapshot *snapshot;
	struct kit *kits[256]; /* by worker */
};

static void adopt(struct worker *w, void *arg)
{
	struct adoption *a = arg;

	worker_adopt(w, snapshot_ref(a->snapshot), a->kits[w->number]);
}

int pool_reload(struct pool *p, struct conf *takes, struct err *e)
{
	struct adoption a = {.snapshot = snapshot_new(takes, p->snapshot, p->descriptors, e)};
	size_t n = 0;

	if (a.snapshot == NULL)
		return -1;
	if (open_state(p, a.snapshot, e) != 0)
		goto fail;
	for (; n < p->n_workers; n++) {
		a.kits[n] = kit_new(a.snapshot, p->shared.spoiled, e);
		if (a.kits[n] == NULL)
			goto fail;
	}
	resolver_wait(p->shared.resolver, a.snapshot);
	pool_on_every_worker(p, adopt, &a);
	struct snapshot *before = p->snapshot;
	snapshot_carry(a.snapshot, before);
	(void)pthread_mutex_lock(&p->lock);
	p->snapshot = a.snapshot;
	(void)pthread_mutex_unlock(&p->lock);
	snapshot_unref(before);
	watch_users(p);
	return 0;
fail:
	while (n > 0)
		kit_free(a.kits[--n]);
	snapshot_unref(a.snapshot);
	return -1;
}

static void beat_deliver(struct mail *mail)
{
	atomic_store(&((struct beat *)mail)->asked, false);
}

bool pool_turned(struct pool *p)
{
	bool turned = store_turned(p->shared.store);

	for (size_t i = 0; i < p->n_workers; i++) {
		struct beat *b = &p->beats[i];
		if (atomic_load(&b->asked)) {
			turned = false;
			continue;
		}
		b->mail.deliver = beat_deliver;
		atomic_store(&b->asked, true);
		mailbox_post(&p->workers[i]->mailbox, &b->mail);
	}
	return turned;
}
