/* SPDX-License-Identifier: ISC */
/* The thread around the connections: accepting, mail, a change of snapshot, the end. */
#include "worker/worker.h"

#include "net/listener.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "worker/arrivals.h"
#include "worker/conn.h"
#include "worker/report.h"

#include <signal.h>
#include <stdlib.h>

enum {
	ACCEPTS_AT_ONCE = 64, /* connections taken a wake-up, so that others get their turn */
	RESUME_MS = 100,      /* how long accepting pauses where there are no descriptors */
	DRAIN_TICK_MS = 20
};

static void pause_accepting(struct worker *w)
{
	struct timeval tv = {.tv_usec = RESUME_MS * 1000};

	for (size_t i = 0; i < w->shared->n_fds; i++)
		(void)event_del(w->accept_events[i]);
	(void)event_add(w->resume_event, &tv);
	log_say(
	    LOG_LEVEL_ERROR, "accept",
	    "no descriptors are left; accepting pauses for %d ms (raise LimitNOFILE or ulimit -n)",
	    RESUME_MS);
}

static void resume_accepting(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->draining)
		return;
	for (size_t i = 0; i < w->shared->n_fds; i++)
		(void)event_add(w->accept_events[i], NULL);
}

static void accept_ready(evutil_socket_t listening, short what, void *arg)
{
	struct worker *w = arg;
	struct net_addr peer;
	size_t listener = 0;
	int fd;

	(void)what;
	w->now = clock_now();
	for (size_t i = 0; i < w->shared->n_fds; i++) {
		if (w->shared->fds[i] == listening)
			listener = w->shared->fd_listener[i];
	}
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		enum net_accept r = net_accept(listening, &fd, &peer);
		if (r == NET_NO_DESCRIPTORS)
			pause_accepting(w);
		if (r != NET_ACCEPTED)
			return;
		arrivals_take(w, listener, fd, &peer);
	}
}

static void mail_ready(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->now = clock_now();
	mailbox_drain(&w->mailbox);
}

/* Runs behind all events that were found ready together with the one that asked first. */
static void submit_asked(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->asked.first != NULL)
		store_submit_all(w->shared->store, &w->asked);
}

void worker_ask(struct worker *w, struct store_op *op)
{
	if (w->asked.first == NULL)
		event_active(w->ask_event, EV_TIMEOUT, 0);
	mails_add(&w->asked, &op->mail);
}

void worker_adopt(struct worker *w, struct snapshot *snapshot, struct kit *kit)
{
	struct snapshot *old = w->snapshot;

	kit_free(w->kit);
	w->snapshot = snapshot;
	w->kit = kit;
	w->meter.payloads = snapshot->meters[w->number];
	snapshot_unref(old);
	w->waiting_bytes_max = snapshot->conf->pre_auth_memory / w->shared->n_workers;
	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		conn_adopt(c);
		conn_judge_again(c);
	}
}

static void window_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	report_suppressed(arg);
}

static bool told(const struct conn *c)
{
	return c->session != NULL && (c->session->stopping || c->session->state == SESSION_DEAD);
}

/* Whether the client is in the middle of a packet: it gets all the time there is to send the rest.
 */
static bool half_sent(const struct conn *c)
{
	return c->client.in.len != 0 ||
	       (c->session != NULL && c->session->flow[SIDE_CLIENT].left != 0);
}

/* How many of all have to be told by now. */
static size_t due(const struct worker *w)
{
	int64_t passed = w->now.mono_ms - w->tell_from, time = w->tell_until - w->tell_from;

	return passed >= time ? w->to_tell : (size_t)((int64_t)w->to_tell * passed / time);
}

/* Tells so many connections a tick to end that all are told in the first half of the grace; the
 * second is there to finish. */
static void drain(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	size_t untold = 0;

	(void)fd;
	(void)what;
	w->now = clock_now();
	for (const struct conn *c = w->conns; c != NULL; c = c->next)
		untold += !told(c);
	bool late = w->now.mono_ms >= w->tell_until;
	size_t spared = w->to_tell - due(w), share = untold > spared ? untold - spared : 0;
	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (w->now.mono_ms >= w->stop_until) {
			conn_closes(c, CLOSED_SHUTDOWN);
			conn_abort(c);
		} else if (share != 0 && !told(c) && (late || !half_sent(c))) {
			share--;
			conn_stop(c, MQTT_SERVER_SHUTTING_DOWN, "the proxy stops", NULL);
		}
	}
	if (w->conns != NULL)
		return;
	(void)event_del(w->drain_event);
	if (w->stopping)
		(void)event_base_loopbreak(w->base);
}

void worker_drain(struct worker *w, int64_t over_ms, bool stop)
{
	struct timeval tick = {.tv_usec = DRAIN_TICK_MS * 1000};

	w->draining = true;
	w->stopping = stop;
	w->to_tell = w->n_conns;
	w->tell_from = w->now.mono_ms;
	w->tell_until = w->now.mono_ms + over_ms / 2;
	w->stop_until = w->now.mono_ms + over_ms;
	for (size_t i = 0; i < w->shared->n_fds; i++)
		(void)event_del(w->accept_events[i]);
	(void)event_add(w->drain_event, &tick);
	drain(-1, 0, w);
}

void worker_set_alarm(struct worker *w)
{
	const struct deadline *next = deadlines_next(&w->deadlines);

	if (next == NULL || (w->alarm_at != 0 && w->alarm_at <= next->at))
		return;
	int64_t wait = next->at > w->now.mono_ms ? next->at - w->now.mono_ms : 0;
	struct timeval tv = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
	w->alarm_at = next->at;
	(void)event_add(w->alarm, &tv);
}

/* Each that there is gets one turn at most; one that is due at once again waits until the others
 * had theirs. */
static void alarm_rings(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	for (size_t turns = w->deadlines.n; turns != 0; turns--) {
		struct deadline *next = deadlines_next(&w->deadlines);
		w->now = clock_now();
		if (next == NULL || next->at > w->now.mono_ms)
			break;
		conn_due((struct conn *)next);
	}
	w->alarm_at = 0;
	worker_set_alarm(w);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	sigset_t all;

	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	(void)pthread_setname_np(pthread_self(), "worker");
	w->now = clock_now();
	if (event_base_dispatch(w->base) < 0)
		log_say(LOG_LEVEL_ERROR, "worker", "the event loop of worker %zu failed",
		        w->number);
	report_suppressed(w);
	return NULL;
}

void worker_free(struct worker *w)
{
	if (w->mail_event != NULL)
		event_free(w->mail_event);
	/* The last mail may have something to report, which needs what follows. */
	mailbox_fini(&w->mailbox);
	report_suppressed(w);
	if (w->resume_event != NULL)
		event_free(w->resume_event);
	if (w->drain_event != NULL)
		event_free(w->drain_event);
	if (w->suppressed_event != NULL)
		event_free(w->suppressed_event);
	if (w->alarm != NULL)
		event_free(w->alarm);
	if (w->ask_event != NULL)
		event_free(w->ask_event);
	for (size_t i = 0; w->accept_events != NULL && i < w->shared->n_fds; i++) {
		if (w->accept_events[i] != NULL)
			event_free(w->accept_events[i]);
	}
	free(w->accept_events);
	deadlines_fini(&w->deadlines);
	if (w->base != NULL)
		event_base_free(w->base);
	kit_unmap(w->read_buffer, 2 * (size_t)WORKER_READ_MAX);
	kit_free(w->kit);
	snapshot_unref(w->snapshot);
	free(w->verdicts);
	free(w);
}

static int make_events(struct worker *w, struct err *e)
{
	struct event_config *config = event_config_new();

	if (config == NULL)
		return err_set(e, "out of memory");
	/* Everything of a base happens on its thread; others only send mail. */
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	(void)event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
	w->base = event_base_new_with_config(config);
	event_config_free(config);
	if (w->base == NULL)
		return err_set(e, "no event base");
	w->mail_event = event_new(w->base, w->mailbox.fd, EV_READ | EV_PERSIST, mail_ready, w);
	w->resume_event = evtimer_new(w->base, resume_accepting, w);
	w->drain_event = event_new(w->base, -1, EV_PERSIST, drain, w);
	w->suppressed_event = evtimer_new(w->base, window_over, w);
	w->alarm = evtimer_new(w->base, alarm_rings, w);
	w->ask_event = evtimer_new(w->base, submit_asked, w);
	w->accept_events = calloc(w->shared->n_fds + 1, sizeof(struct event *));
	if (w->mail_event == NULL || w->resume_event == NULL || w->drain_event == NULL ||
	    w->suppressed_event == NULL || w->alarm == NULL || w->ask_event == NULL ||
	    w->accept_events == NULL || event_add(w->mail_event, NULL) != 0)
		return err_set(e, "out of memory");
	for (size_t i = 0; i < w->shared->n_fds; i++) {
		w->accept_events[i] =
		    event_new(w->base, w->shared->fds[i], EV_READ | EV_PERSIST, accept_ready, w);
		if (w->accept_events[i] == NULL || event_add(w->accept_events[i], NULL) != 0)
			return err_set(e, "out of memory");
	}
	return 0;
}

struct worker *worker_new(size_t number, const struct worker_shared *shared,
                          struct snapshot *snapshot, struct kit *kit, struct err *e)
{
	struct worker *w = calloc(1, sizeof *w);

	if (w == NULL || mailbox_init(&w->mailbox, e) != 0) {
		if (w == NULL)
			err_set(e, "out of memory");
		free(w);
		kit_free(kit);
		snapshot_unref(snapshot);
		return NULL;
	}
	mails_init(&w->asked);
	w->number = number;
	w->shared = shared;
	w->snapshot = snapshot;
	w->kit = kit;
	w->waiting_bytes_max = snapshot->conf->pre_auth_memory / shared->n_workers;
	w->meter.payloads = snapshot->meters[number];
	w->verdicts = calloc(snapshot->n_listeners * VERDICT_COUNT, sizeof *w->verdicts);
	w->read_buffer = kit_map(2 * (size_t)WORKER_READ_MAX);
	if (w->read_buffer == NULL || w->verdicts == NULL) {
		err_set(e, "no memory for a worker's buffers");
		worker_free(w);
		return NULL;
	}
	if (make_events(w, e) != 0 || pthread_create(&w->thread, NULL, run, w) != 0) {
		if (w->accept_events != NULL)
			err_set(e, "a worker's thread cannot be started");
		worker_free(w);
		return NULL;
	}
	return w;
}

void worker_wait(struct worker *w)
{
	(void)pthread_join(w->thread, NULL);
	while (w->conns != NULL)
		conn_abort(w->conns);
	submit_asked(-1, 0, w); /* the loop may have ended before it */
}
