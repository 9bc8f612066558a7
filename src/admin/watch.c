/* SPDX-License-Identifier: ISC */
#include "admin/watch.h"

#include "base/text.h"
#include "sys/log.h"
#include "worker/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTED_MAX = 100000 };

struct watch {
	struct watch **self;
	struct pool *pool;
	struct mailbox box;
	struct event *mail;
	struct trace *trace;
	struct request *asker;
	uint64_t lost; /* since the asker takes too little */
};

/* Names are any bytes, so they come in hexadecimal, into `room`. */
static int take_name(struct slice word, uint8_t *room, struct slice *out, struct err *e)
{
	if (word.n == 0 || text_unhex(word, room, word.n / 2, e) != 0)
		return err_set(e, "a name is needed, in hexadecimal");
	*out = slice_of(room, word.n / 2);
	return 0;
}

static int take_criterion(struct slice key, struct slice value, uint8_t *room, struct pool_who *who,
                          struct err *e)
{
	uint64_t n;

	if (slice_eq(key, slice_str("client-id")))
		return take_name(value, room, &who->client_id, e);
	if (slice_eq(key, slice_str("user")))
		return take_name(value, room, &who->user, e);
	if (slice_eq(key, slice_str("address"))) {
		who->has_address = true;
		return pool_address(value, who->address, e);
	}
	if (slice_eq(key, slice_str("listener"))) {
		who->listener = value;
		return 0;
	}
	if (!slice_eq(key, slice_str("limit")))
		return err_set(e, "no such criterion");
	if (text_number(value, 1, LISTED_MAX, &n, e) != 0)
		return -1;
	who->limit = (size_t)n;
	return 0;
}

void watch_connections(struct pool *pool, struct slice line, struct buf *answer)
{
	struct pool_who who = {.limit = LISTED_MAX};
	uint8_t room[CONTROL_REQUEST_MAX];
	struct buf found = {.cap = CONTROL_ANSWER_MAX / 2};
	size_t n, used = 0;
	struct err e;

	for (struct slice key; (key = control_word(&line)).n != 0;) {
		struct slice value = control_word(&line);
		if (take_criterion(key, value, room + used, &who, &e) != 0) {
			control_say(answer, "failed\n%s\n", e.text);
			return;
		}
		used += value.n / 2;
	}
	pool_clients(pool, &who, &found, &n);
	control_say(answer, "ok\nfound %zu\n", n);
	(void)buf_append(answer, buf_view(&found));
	buf_free(&found);
}

static void line_came(void *ctx, struct slice line, uint64_t lost)
{
	struct watch *w = ctx;
	char text[64];

	w->lost += lost;
	if (w->asker == NULL)
		return;
	if (w->lost != 0) {
		int n = snprintf(text, sizeof text, "lost %" PRIu64 "\n", w->lost);
		if (!control_send(w->asker, slice_of(text, (size_t)n))) {
			w->lost++;
			return;
		}
		w->lost = 0;
	}
	if (!control_send(w->asker, line))
		w->lost++;
}

static void mail_came(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	mailbox_drain(&w->box);
}

/* The asker went. When the workers have let go nothing more is posted. */
static void asker_went(void *ctx)
{
	struct watch *w = ctx;

	w->asker = NULL;
	pool_trace(w->pool, NULL);
	event_free(w->mail);
	mailbox_fini(&w->box);
	trace_free(w->trace);
	*w->self = NULL;
	free(w);
	log_say(LOG_LEVEL_INFO, "control", "a trace ends");
}

void watch_end(struct watch *w)
{
	if (w != NULL)
		control_end(w->asker);
}

static int watch_start(struct watch *w, struct event_base *base, struct slice client_id,
                       struct err *e)
{
	if (mailbox_init(&w->box, e) != 0)
		return -1;
	w->mail = event_new(base, w->box.fd, EV_READ | EV_PERSIST, mail_came, w);
	w->trace = trace_new(client_id, &w->box, line_came, w);
	if (w->mail != NULL && w->trace != NULL && event_add(w->mail, NULL) == 0)
		return 0;
	if (w->mail != NULL)
		event_free(w->mail);
	trace_free(w->trace);
	mailbox_fini(&w->box);
	return err_set(e, "out of memory");
}

void watch_trace(struct watch **watch, struct event_base *base, struct pool *pool,
                 struct slice line, struct buf *answer, struct request *asker)
{
	uint8_t room[CONTROL_REQUEST_MAX];
	struct slice client_id;
	struct err e;

	if (*watch != NULL) {
		control_say(answer, "failed\nanother trace is under way\n");
		return;
	}
	struct watch *w = calloc(1, sizeof *w);
	if (w == NULL || take_name(control_word(&line), room, &client_id, &e) != 0 ||
	    watch_start(w, base, client_id, &e) != 0) {
		control_say(answer, "failed\n%s\n", w == NULL ? "out of memory" : e.text);
		free(w);
		return;
	}
	w->self = watch;
	w->pool = pool;
	w->asker = asker;
	*watch = w;
	control_keep(asker, asker_went, w);
	pool_trace(pool, w->trace);
	log_say(LOG_LEVEL_INFO, "control", "a trace begins");
	control_say(answer, "ok\n");
}
