/* SPDX-License-Identifier: ISC */
/* A worker: one thread, one event base, its share of the connections. Nothing on its data path is
 * shared. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "store/store.h"
#include "sys/mailbox.h"
#include "sys/metrics.h"
#include "worker/closed.h"
#include "worker/deadlines.h"
#include "worker/gate.h"
#include "worker/kit.h"
#include "worker/leases.h"
#include "worker/refusals.h"

#include <event2/event.h>
#include <stdatomic.h>

struct conn;

/* What all workers share; set before they start, owned by the pool. */
struct worker_shared {
	struct gate *gate;
	struct refusals *refusals;
	struct spoiled *spoiled;
	struct store *_Atomic store; /* NULL where nothing has to be kept */
	struct lines *lines;         /* for codes that are drawn */
	struct leases *leases;
	struct worker **workers; /* of which so many have started */
	atomic_size_t n_started;
	const uint8_t *state_key;
	struct resolver *resolver;
	const int *fds;            /* listening descriptors … */
	const size_t *fd_listener; /* … and the number of the listener of each */
	size_t n_fds;
	size_t n_workers;
};

enum {
	WORKER_READ_MAX = 256 * 1024,  /* one read */
	WORKER_READ_SHARE = 64 * 1024, /* the same while others wait for their turn */
	WORKER_REFUSING_MAX = 1024     /* refusals that may wait for their time at once */
};

/* The kinds of lines that somebody can cause without end, and that are limited therefore. Behind
 * them stand the refused CONNECTs, a kind for each verdict. */
enum report_kind {
	REPORT_PAYLOAD,
	REPORT_DENIED,
	REPORT_DELAYED,
	REPORT_DIAL,
	REPORT_STATE,
	REPORT_EVICTED,
	REPORT_REFUSED,
	REPORT_KINDS = REPORT_REFUSED + VERDICT_COUNT
};

/* Lines of one kind that were written in the window under way, and those that were not. */
struct report_window {
	int64_t until; /* monotonic ms */
	unsigned said;
	uint64_t left_out;
};

struct worker {
	size_t number;
	pthread_t thread;
	const struct worker_shared *shared;
	struct event_base *base;
	struct mailbox mailbox;
	struct event *mail_event, *resume_event, *drain_event, *suppressed_event;
	struct event *ask_event; /* what was asked since the events under way began is submitted */
	struct mails asked;
	struct event **accept_events; /* shared->n_fds of them */
	struct snapshot *snapshot;
	struct kit *kit;
	struct now now;       /* read when an event is delivered */
	uint8_t *read_buffer; /* 2 · WORKER_READ_MAX: what was left over, then what is read */
	struct conn *conns;   /* first those that wait, the oldest first … */
	struct conn *waiting_newest; /* … up to this one; NULL: nobody waits */
	size_t n_conns, n_refusing, waiting_bytes;
	struct deadlines deadlines; /* of the connections, with room for all */
	struct event *alarm;        /* for the next of them … */
	int64_t alarm_at;           /* … or for an earlier time; monotonic ms, 0: not set */
	atomic_size_t load; /* connections, and those that were handed to it and are under way */
	size_t waiting_bytes_max; /* this worker's share of pre-auth-memory */
	struct metrics metrics;
	struct meter meter;
	struct histogram login_time; /* from a whole CONNECT to its acceptance */
	struct histogram dial_time;
	struct histogram relay_time; /* from a read to what it leads to being sent, sampled */
	unsigned reads;              /* for that */
	struct counter closed[CLOSED_COUNT];
	struct counter *verdicts; /* by listener, by enum verdict */
	struct trace *trace;      /* who is watched; NULL: nobody */
	struct report_window windows[REPORT_KINDS];
	bool draining, stopping; /* nobody is accepted any more; and the loop is to end */
	size_t to_tell;          /* how many connections there were when that began */
	int64_t tell_from, tell_until,
	    stop_until; /* by when all sessions are told to end, and everything ends */
};

/* Makes a worker and starts its thread; takes the kit and one reference of the snapshot, also on
 * failure. */
struct worker *worker_new(size_t number, const struct worker_shared *shared,
                          struct snapshot *snapshot, struct kit *kit, struct err *e);

/* Waits for the thread, which was told to stop. Its connections go; mail may still come until
 * worker_free(). */
void worker_wait(struct worker *w);
void worker_free(struct worker *w);

/* A deadline was set: the alarm is to go off for it. */
void worker_set_alarm(struct worker *w);

/* On the worker's thread: a request to the store, which there must be. It goes there with all
 * others of the events that were found ready at once, so that they share a commit. */
void worker_ask(struct worker *w, struct store_op *op);

/* On the worker's thread, as mail: the snapshot and kit to use from now on, taken. */
void worker_adopt(struct worker *w, struct snapshot *snapshot, struct kit *kit);

/* On the worker's thread: accepts nobody any more, tells v5 clients, and closes everything within
 * over_ms; then, for a stop, ends the loop. A later call sets another time. */
void worker_drain(struct worker *w, int64_t over_ms, bool stop);

#endif
