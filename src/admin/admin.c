/* SPDX-License-Identifier: ISC */
/* The main thread: signals and the control socket. It may wait for workers, which never wait for
 * it, and what HTTP shows besides is written for its thread in atomics. */
#include "admin/admin.h"

#include "admin/bans.h"
#include "admin/control.h"
#include "admin/http.h"
#include "admin/watch.h"
#include "base/text.h"
#include "sys/clock.h"
#include "sys/log.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { DRAIN_MAX_MS = 3600000 };

struct admin {
	struct event_base *base;
	struct event *hup, *term, *interrupt, *tick;
	struct control *control;
	struct http *http;
	struct watch *watch;
	struct facts facts;
	struct pool *pool;
	const struct admin_hooks *hooks;
	int64_t started_ms;
	const char *last_reload;
};

static void do_reload(struct admin *a, struct buf *answer)
{
	struct buf text = {.cap = CONTROL_ANSWER_MAX / 2};
	bool done = a->hooks->reload(a->hooks->ctx, &text);

	a->last_reload = done ? "done" : "refused";
	atomic_store(&a->facts.reload_refused, !done);
	if (done)
		atomic_store(&a->facts.loaded_us, clock_now().real_us);
	control_say(answer, "%s\n", done ? "ok" : "bad-configuration");
	(void)buf_append(answer, buf_view(&text));
	buf_free(&text);
}

/* By reason, those that there were. */
static void say_failed(struct buf *answer, const struct pool_status *s, bool up)
{
	for (size_t i = 0; pool_reason(i) != NULL; i++) {
		uint64_t n = s->counts[metric_failed(up, i)];
		if (n != 0)
			control_say(answer, "payloads-failed.%s.%s %" PRIu64 "\n",
			            up ? "up" : "down", pool_reason(i), n);
	}
}

static void say_clock(struct buf *answer)
{
	static const char *const words[] = {[CLOCK_SYNCHRONISED] = "yes",
	                                    [CLOCK_UNSYNCHRONISED] = "no",
	                                    [CLOCK_UNKNOWN] = "unknown"};

	control_say(answer, "clock-synchronised %s\n", words[clock_sync()]);
}

static void say_users(struct buf *answer, const struct store_census *c)
{
	control_say(answer,
	            "users %" PRIu64 "\nusers-locked %" PRIu64 "\nusers-expired %" PRIu64
	            "\nusers-stale %" PRIu64 "\nusers-ahead-of-the-clock %" PRIu64 "\n",
	            c->users, c->locked, c->expired, c->stale, c->ahead);
}

/* The name is long, and its end is a path; the count stands behind the last blank. */
static void say_denial(void *ctx, const char *filter, const struct snapshot_denier *d,
                       unsigned long n)
{
	control_say(ctx, "filter.%s.%s.%s.%s:%u %lu\n", filter, d->what,
	            d->allow ? "allow" : "deny", d->file, d->line, n);
}

static void do_status(struct admin *a, struct buf *answer)
{
	struct pool_status s;
	struct pool_listener_status l;
	size_t connections = 0, pending = 0, n = pool_listeners(a->pool);

	pool_status(a->pool, &s);
	for (size_t i = 0; i < n; i++) {
		pool_listener_status(a->pool, i, &l);
		connections += l.connections;
		pending += l.pending;
	}
	control_say(answer,
	            "ok\nversion %s\nuptime-seconds %" PRId64
	            "\nworkers %zu\nconnections %zu\npending %zu\n"
	            "config-loaded-at %" PRId64 "\nlast-reload %s\ndraining %s\nlog-level %s\n"
	            "log-lines-lost %" PRIu64 "\n",
	            PACKAGE_VERSION, (clock_now().mono_ms - a->started_ms) / 1000, s.workers,
	            connections, pending, atomic_load(&a->facts.loaded_us) / 1000000,
	            a->last_reload, pool_draining(a->pool) ? "yes" : "no",
	            log_level_name(log_level()), log_lost());
	say_clock(answer);
	if (s.has_users)
		say_users(answer, &s.users);
	for (int m = 0; m < METRIC_COUNT; m++)
		control_say(answer, "%s %" PRIu64 "\n", metrics_name((enum metric)m), s.counts[m]);
	say_failed(answer, &s, true);
	say_failed(answer, &s, false);
	for (size_t i = 0; i < n; i++) {
		pool_listener_status(a->pool, i, &l);
		control_say(
		    answer,
		    "listener.%s.address %s\nlistener.%s.connections %zu\nlistener.%s.pending "
		    "%zu\n",
		    l.name, l.address, l.name, l.connections, l.name, l.pending);
	}
	pool_denials(a->pool, say_denial, answer);
}

/* Client ids and user names are any bytes, so they come in hexadecimal; an address comes as it is.
 */
static int kick_value(struct slice by, struct slice word, enum pool_kick *kind, uint8_t *out,
                      size_t *n, struct err *e)
{
	*n = word.n;
	if (slice_eq(by, slice_str("address"))) {
		*kind = POOL_KICK_ADDRESS;
		memcpy(out, word.p, word.n);
		return 0;
	}
	if (slice_eq(by, slice_str("client-id")))
		*kind = POOL_KICK_CLIENT_ID;
	else if (slice_eq(by, slice_str("user")))
		*kind = POOL_KICK_USER;
	else
		return err_set(e, "kick goes by client-id, user or address");
	*n = word.n / 2;
	return text_unhex(word, out, *n, e);
}

static void do_kick(struct admin *a, struct slice line, struct buf *answer)
{
	uint8_t value[CONTROL_REQUEST_MAX];
	size_t n = 0, kicked = 0;
	enum pool_kick by = POOL_KICK_CLIENT_ID;
	struct err e;
	struct slice what = control_word(&line), word = control_word(&line);

	if (word.n > sizeof value || kick_value(what, word, &by, value, &n, &e) != 0 ||
	    pool_kick(a->pool, by, slice_of(value, n), &kicked, &e) != 0) {
		control_say(answer, "failed\n%s\n",
		            word.n > sizeof value ? "that name is too long" : e.text);
		return;
	}
	log_say(LOG_LEVEL_INFO, "control", "kicked %zu", kicked);
	control_say(answer, "ok\nkicked %zu\n", kicked);
}

/* "drain" or "drain MILLISECONDS". */
static void do_drain(struct admin *a, struct slice line, struct buf *answer)
{
	struct slice word = control_word(&line);
	uint64_t ms = 0;
	struct err e;

	if (word.n != 0 && text_number(word, 0, DRAIN_MAX_MS, &ms, &e) != 0) {
		control_say(answer, "failed\n%s\n", e.text);
		return;
	}
	pool_drain(a->pool, word.n == 0 ? -1 : (int64_t)ms);
	log_say(LOG_LEVEL_INFO, "draining", "nobody is accepted any more");
	control_say(answer, "ok\ndraining; \"status\" shows how many connections are left\n");
}

static void do_log_level(struct slice line, struct buf *answer)
{
	struct slice word = control_word(&line);

	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		if (!slice_eq(word, slice_str(log_level_name(level))))
			continue;
		log_set_level(level);
		log_say(level, "control", "log level %s", log_level_name(level));
		control_say(answer, "ok\nlog level %s\n", log_level_name(level));
		return;
	}
	control_say(answer, "failed\nno such level\n");
}

static void serve(void *ctx, struct slice request, struct buf *answer, struct request *asker)
{
	struct admin *a = ctx;
	struct slice verb = control_word(&request);

	if (slice_eq(verb, slice_str("reload")))
		do_reload(a, answer);
	else if (slice_eq(verb, slice_str("status")))
		do_status(a, answer);
	else if (slice_eq(verb, slice_str("kick")))
		do_kick(a, request, answer);
	else if (slice_eq(verb, slice_str("drain")))
		do_drain(a, request, answer);
	else if (slice_eq(verb, slice_str("log-level")))
		do_log_level(request, answer);
	else if (slice_eq(verb, slice_str("ban")))
		bans_ban(a->pool, request, answer);
	else if (slice_eq(verb, slice_str("unban")))
		bans_unban(a->pool, request, answer);
	else if (slice_eq(verb, slice_str("connections")))
		watch_connections(a->pool, request, answer);
	else if (slice_eq(verb, slice_str("trace")))
		watch_trace(&a->watch, a->base, a->pool, request, answer, asker);
	else if (slice_eq(verb, slice_str("bans")))
		bans_list(a->pool, answer);
	else
		control_say(answer, "failed\nno such request\n");
}

static void hup_fired(evutil_socket_t number, short what, void *arg)
{
	struct buf answer = {.cap = CONTROL_ANSWER_MAX};

	(void)number;
	(void)what;
	/* The program logs the outcome; there is nobody to answer. */
	do_reload(arg, &answer);
	buf_free(&answer);
}

static void stop_fired(evutil_socket_t number, short what, void *arg)
{
	struct admin *a = arg;

	(void)what;
	log_say(LOG_LEVEL_INFO, "stopping", "signal %d", (int)number);
	a->hooks->stopping(a->hooks->ctx);
	(void)event_base_loopbreak(a->base);
}

static void tick_fired(evutil_socket_t fd, short what, void *arg)
{
	struct admin *a = arg;

	(void)fd;
	(void)what;
	a->hooks->tick(a->hooks->ctx);
}

struct admin *admin_new(const char *socket_path, const char *http, struct err *e)
{
	struct admin *a = calloc(1, sizeof *a);

	if (a == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	a->last_reload = "none";
	a->started_ms = clock_now().mono_ms;
	a->facts.started_us = clock_now().real_us;
	atomic_store(&a->facts.loaded_us, a->facts.started_us);
	a->base = event_base_new();
	if (a->base != NULL) {
		a->hup = evsignal_new(a->base, SIGHUP, hup_fired, a);
		a->term = evsignal_new(a->base, SIGTERM, stop_fired, a);
		a->interrupt = evsignal_new(a->base, SIGINT, stop_fired, a);
		a->tick = event_new(a->base, -1, EV_PERSIST, tick_fired, a);
	}
	if (a->hup == NULL || a->term == NULL || a->interrupt == NULL || a->tick == NULL ||
	    event_add(a->hup, NULL) != 0 || event_add(a->term, NULL) != 0 ||
	    event_add(a->interrupt, NULL) != 0) {
		err_set(e, "no event base for signals");
		goto fail;
	}
	if (socket_path != NULL) {
		a->control = control_new(a->base, socket_path, serve, a, e);
		if (a->control == NULL)
			goto fail;
	}
	if (http != NULL) {
		a->http = http_new(http, e);
		if (a->http == NULL)
			goto fail;
	}
	return a;
fail:
	admin_free(a);
	return NULL;
}

void admin_run(struct admin *a, struct pool *pool, const struct admin_hooks *hooks)
{
	a->pool = pool;
	a->hooks = hooks;
	if (hooks->tick_ms != 0) {
		struct timeval every = {.tv_sec = (time_t)(hooks->tick_ms / 1000),
		                        .tv_usec = (suseconds_t)(hooks->tick_ms % 1000 * 1000)};
		(void)event_add(a->tick, &every);
	}
	a->facts.pool = pool;
	struct err e;
	if (a->http != NULL && http_start(a->http, &a->facts, &e) != 0)
		log_say(LOG_LEVEL_ERROR, "http", "%s", e.text);
	(void)event_base_dispatch(a->base);
	/* Before the pool goes, which they ask. */
	watch_end(a->watch);
	http_free(a->http);
	a->http = NULL;
	(void)event_del(a->term);
	(void)event_del(a->interrupt);
}

void admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	http_free(a->http);
	control_free(a->control);
	if (a->hup != NULL)
		event_free(a->hup);
	if (a->term != NULL)
		event_free(a->term);
	if (a->interrupt != NULL)
		event_free(a->interrupt);
	if (a->tick != NULL)
		event_free(a->tick);
	if (a->base != NULL)
		event_base_free(a->base);
	free(a);
}
