/* SPDX-License-Identifier: ISC */
/* Who is connected, as each worker knows its own, and the watch over one of them. */
#include "worker/conn.h"
#include "worker/pool_inside.h"
#include "worker/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 2 * TRACE_WORD + 400 };

struct search {
	const struct pool_who *who;
	struct search_result {
		struct buf out;
		size_t found, listed;
	} by_worker[256];
};

static bool wanted(const struct conn *c, const struct pool_who *who)
{
	const struct session *s = c->session;
	bool known = s != NULL && s->identity != NULL;
	const char *listener = c->worker->snapshot->listeners[c->listener]->name;

	return (who->listener.n == 0 || slice_eq(slice_str(listener), who->listener)) &&
	       (!who->has_address || memcmp(c->address, who->address, sizeof who->address) == 0) &&
	       (who->client_id.n == 0 || (known && slice_eq(s->client_id, who->client_id))) &&
	       (who->user.n == 0 || (known && s->has_user && slice_eq(s->user, who->user)));
}

static void list(const struct conn *c, struct buf *out)
{
	const struct session *s = c->session;
	bool known = s != NULL && s->identity != NULL;
	char peer[NET_ADDR_TEXT], id[TRACE_WORD], user[TRACE_WORD], line[TEXT_MAX];

	int n = snprintf(line, sizeof line, "%s %s %s %s %" PRId64 " %zu %s %s\n",
	                 c->worker->snapshot->listeners[c->listener]->name,
	                 net_bytes_text(c->address, c->port, peer),
	                 session_state_name(s == NULL ? SESSION_GREET : s->state),
	                 known ? mqtt_version_name(s->version) : "-",
	                 (c->worker->now.mono_ms - c->accepted_ms) / 1000, c->buffered,
	                 trace_word(known ? s->client_id : slice_of(NULL, 0), id),
	                 trace_word(known && s->has_user ? s->user : slice_of(NULL, 0), user));
	if (n > 0)
		(void)buf_append(
		    out, slice_of(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1));
}

static void search_worker(struct worker *w, void *arg)
{
	struct search *s = arg;
	struct search_result *r = &s->by_worker[w->number];

	for (const struct conn *c = w->conns; c != NULL; c = c->next) {
		if (!wanted(c, s->who))
			continue;
		r->found++;
		if (r->listed < s->who->limit) {
			list(c, &r->out);
			r->listed++;
		}
	}
}

/* Copies the first n lines. */
static void take_lines(struct buf *to, struct slice from, size_t n)
{
	size_t end = 0;

	for (; n > 0 && end < from.n; end++)
		n -= from.p[end] == '\n';
	(void)buf_append(to, slice_of(from.p, end));
}

void pool_clients(struct pool *p, const struct pool_who *who, struct buf *out, size_t *found)
{
	struct search *s = calloc(1, sizeof *s);
	size_t left = who->limit;

	*found = 0;
	if (s == NULL)
		return;
	s->who = who;
	for (size_t i = 0; i < p->n_workers; i++)
		s->by_worker[i].out.cap = buf_room(out);
	pool_on_every_worker(p, search_worker, s);
	for (size_t i = 0; i < p->n_workers; i++) {
		struct search_result *r = &s->by_worker[i];
		take_lines(out, buf_view(&r->out), left);
		left -= r->listed < left ? r->listed : left;
		*found += r->found;
		buf_free(&r->out);
	}
	free(s);
}

static void watch_worker(struct worker *w, void *arg)
{
	w->trace = arg;
	for (struct conn *c = w->conns; c != NULL; c = c->next) {
		trace_forget(c);
		if (c->session == NULL)
			continue;
		const uint32_t left[2] = {c->session->flow[SIDE_CLIENT].left,
		                          c->session->flow[SIDE_BROKER].left};
		trace_look(c, left);
	}
}

void pool_trace(struct pool *p, struct trace *t)
{
	pool_on_every_worker(p, watch_worker, t);
}
