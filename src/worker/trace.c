/* SPDX-License-Identifier: ISC */
/* Each line is a letter to whoever watches. A worker never waits for him: what he does not take in
 * time is counted and left out. */
#include "worker/trace.h"

#include "base/text.h"
#include "proxy/passage.h"
#include "worker/conn.h"
#include "worker/worker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 2 * TRACE_WORD + 550 };

struct trace {
	struct mailbox *to;
	trace_fn *line;
	void *ctx;
	atomic_size_t waiting;
	_Atomic uint64_t lost;
	size_t n;
	uint8_t client_id[];
};

/* A watched connection: where its packets are, by the side that sends them. */
struct tap {
	struct passage passage[2];
};

struct letter {
	struct mail mail; /* first */
	struct trace *trace;
	size_t n;
	char text[];
};

struct trace *trace_new(struct slice client_id, struct mailbox *to, trace_fn *line, void *ctx)
{
	struct trace *t = calloc(1, sizeof *t + client_id.n);

	if (t == NULL)
		return NULL;
	t->to = to;
	t->line = line;
	t->ctx = ctx;
	t->n = client_id.n;
	if (client_id.n != 0)
		memcpy(t->client_id, client_id.p, client_id.n);
	return t;
}

void trace_free(struct trace *t)
{
	free(t);
}

static void deliver(struct mail *mail)
{
	struct letter *l = (struct letter *)mail;

	atomic_fetch_sub(&l->trace->waiting, 1);
	l->trace->line(l->trace->ctx, slice_of(l->text, l->n), atomic_exchange(&l->trace->lost, 0));
	free(l);
}

static void emit(struct trace *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void emit(struct trace *t, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	text[len++] = '\n'; /* in the place of the NUL */
	struct letter *l =
	    atomic_load(&t->waiting) < TRACE_WAITING_MAX ? malloc(sizeof *l + len) : NULL;
	if (l == NULL) {
		atomic_fetch_add(&t->lost, 1);
		return;
	}
	*l = (struct letter){.mail = {.deliver = deliver}, .trace = t, .n = len};
	memcpy(l->text, text, len);
	atomic_fetch_add(&t->waiting, 1);
	mailbox_post(t->to, &l->mail);
}

const char *trace_word(struct slice s, char out[TRACE_WORD])
{
	if (s.n == 0)
		return "-";
	text_hex(s.p, s.n < TRACE_SHOWN ? s.n : TRACE_SHOWN, out);
	return out;
}

static double seconds(const struct conn *c)
{
	return (double)c->worker->now.real_us / 1e6;
}

static const char *direction(enum side from)
{
	return from == SIDE_CLIENT ? "up" : "down";
}

void trace_look(struct conn *c, const uint32_t left[2])
{
	const struct trace *t = c->worker->trace;

	if (t == NULL || c->tap != NULL || c->session == NULL || c->session->identity == NULL ||
	    !slice_eq(c->session->client_id, slice_of(t->client_id, t->n)))
		return;
	c->tap = calloc(1, sizeof *c->tap);
	if (c->tap != NULL)
		*c->tap = (struct tap){.passage = {{left[SIDE_CLIENT]}, {left[SIDE_BROKER]}}};
}

void trace_bytes(struct conn *c, enum side from, struct slice view, size_t consumed)
{
	char topic[TRACE_WORD];
	struct passing p;

	while (c->tap != NULL && passage_next(&c->tap->passage[from], &view, &consumed, &p))
		emit(c->worker->trace, "%.6f packet %s %s %zu %u %d %s", seconds(c),
		     direction(from), p.type, p.size, p.qos, p.retain, trace_word(p.topic, topic));
}

static const char *kind_of(const struct session_note *n)
{
	switch (n->kind) {
	case NOTE_VERDICT:
		return "verdict";
	case NOTE_CLOSED:
		return "closed";
	case NOTE_PAYLOAD:
		return "payload";
	case NOTE_DENIED:
		return n->dry ? "would_deny" : "denied";
	case NOTE_DELAYED:
		return "delayed";
	}
	return "note";
}

void trace_note(struct conn *c, const struct session_note *n)
{
	char topic[TRACE_WORD], rule[TRACE_WORD], place[TRACE_SHOWN] = "";
	const char *words = n->why == NULL ? "" : n->why;

	if (c->tap == NULL)
		return;
	if (n->rule.file != NULL)
		(void)snprintf(place, sizeof place, "%s:%u", n->rule.file, n->rule.line);
	if (n->kind == NOTE_VERDICT)
		words = verdict_info(n->verdict)->name;
	else if (n->kind == NOTE_PAYLOAD)
		words = seal_error_name(n->error);
	else if (n->kind == NOTE_DENIED)
		words = acl_verb_name(n->verb);
	bool has_topic =
	    n->kind == NOTE_PAYLOAD || (n->kind == NOTE_DENIED && n->verb != ACL_CONNECT);
	emit(c->worker->trace, "%.6f note %s %s %s %s %s", seconds(c),
	     direction(n->kind == NOTE_VERDICT ? SIDE_CLIENT : n->from), kind_of(n),
	     has_topic ? trace_word(n->topic, topic) : "-", trace_word(slice_str(place), rule),
	     words);
}

void trace_forget(struct conn *c)
{
	free(c->tap);
	c->tap = NULL;
}
