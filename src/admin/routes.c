/* SPDX-License-Identifier: ISC */
/* Each path has a function that makes its answer of how things stand now. Nothing is kept between
 * two requests, and what cannot be made whole is a 500 without any of it. */
#include "admin/routes.h"

#include "admin/exposition.h"
#include "base/secret.h"
#include "base/text.h"

enum { HEALTH_MS = 2000, NONCE_SIZE = 16 };

/* What an answer is made of, and where it goes. */
struct route {
	const struct page *page;
	struct facts *facts;
	struct buf *out;
	bool head;
};

static int serve_metrics(const struct route *r)
{
	struct buf body = {.cap = ANSWER_MAX / 2};
	int made = exposition_write(r->facts, &body) != 0
	               ? answer_text(r->out, 500, "no memory for the metrics\n", r->head)
	               : answer_put(r->out, 200, "text/plain; version=0.0.4; charset=utf-8", NULL,
	                            buf_view(&body), r->head);

	buf_free(&body);
	return made;
}

static int serve_page(const struct route *r)
{
	struct buf body = {.cap = ANSWER_MAX / 2};
	uint8_t random[NONCE_SIZE];
	char nonce[2 * NONCE_SIZE + 1];

	secret_random(random, sizeof random);
	text_hex(random, sizeof random, nonce);
	int made = page_write(r->page, r->facts, nonce, &body) != 0
	               ? answer_text(r->out, 500, "no memory for the page\n", r->head)
	               : answer_put(r->out, 200, "text/html; charset=utf-8", nonce, buf_view(&body),
	                            r->head);
	buf_free(&body);
	return made;
}

static int serve_health(const struct route *r)
{
	bool alive = pool_alive(r->facts->pool, HEALTH_MS);

	return answer_text(r->out, alive ? 200 : 503, alive ? "ok\n" : "a worker does not answer\n",
	                   r->head);
}

/* The listeners stand as long as HTTP does: they are opened before, and closed after it. */
static int serve_readiness(const struct route *r)
{
	struct pool *pool = r->facts->pool;
	struct snapshot *s = pool_snapshot(pool);
	bool broker = false, state = pool_state_writable(pool, HEALTH_MS);

	for (size_t i = 0; i < s->conf->n_brokers && !broker; i++)
		broker = broker_reachable(&s->brokers[i]);
	snapshot_unref(s);
	if (broker && state)
		return answer_text(r->out, 200, "ready\n", r->head);
	return answer_text(r->out, 503,
	                   broker  ? "the state cannot be written\n"
	                   : state ? "no broker can be reached\n"
	                           : "no broker can be reached, the state cannot be written\n",
	                   r->head);
}

int routes_answer(const struct question *q, const struct page *page, struct facts *facts,
                  struct buf *out)
{
	static const struct {
		const char *path;
		int (*serve)(const struct route *r);
	} routes[] = {{"/", serve_page},
	              {"/metrics", serve_metrics},
	              {"/healthz", serve_health},
	              {"/readyz", serve_readiness}};
	struct route r = {.page = page, .facts = facts, .out = out};
	struct slice path;
	int status = answer_judge(q, &r.head, &path);

	for (size_t i = 0; status == 200 && i < sizeof routes / sizeof routes[0]; i++) {
		if (slice_eq(path, slice_str(routes[i].path)))
			return routes[i].serve(&r);
	}
	return answer_text(out, status == 200 ? 404 : status, "/metrics /healthz /readyz /\n",
	                   r.head);
}
