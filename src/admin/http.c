/* SPDX-License-Identifier: ISC */
/* A small server of its own: so that there is an end to how many connections it holds, and to how
 * long each may take, and nobody on this host can use up the descriptors of the data path through
 * it. Whoever is served has one request and is then closed. */
#include "admin/http.h"

#include "admin/routes.h"
#include "base/text.h"
#include "sys/log.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HISTORY_TICK_S = 5 };

struct peer {
	struct http *http;
	struct peer *next, **link; /* link: what points to this one */
	struct bufferevent *stream;
	struct event *deadline;
};

struct http {
	struct event_base *base;
	struct event *accept, *wake, *tick;
	struct peer *peers;
	size_t n_peers;
	int fd, wake_fd;
	pthread_t thread;
	bool started;
	struct facts *facts;
	struct page *page;
};

static void peer_end(struct peer *p)
{
	struct http *h = p->http;

	*p->link = p->next;
	if (p->next != NULL)
		p->next->link = p->link;
	if (h->n_peers-- == HTTP_PEERS_MAX)
		(void)event_add(h->accept, NULL);
	if (p->stream != NULL)
		bufferevent_free(p->stream);
	if (p->deadline != NULL)
		event_free(p->deadline);
	free(p);
}

static void deadline_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	peer_end(arg);
}

static void stream_over(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	(void)what;
	peer_end(arg);
}

/* What still comes is thrown away: a close over unread bytes would take the answer back. */
static void discard(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);

	(void)arg;
	(void)evbuffer_drain(in, evbuffer_get_length(in));
}

static void answered(struct bufferevent *stream, void *arg)
{
	(void)shutdown(bufferevent_getfd(stream), SHUT_WR);
	bufferevent_setcb(stream, discard, NULL, stream_over, arg);
	discard(stream, arg);
}

/* Sends what was made, and closes behind it. made: 0, or -1 where it could not be. */
static void reply(struct peer *p, int made, const struct buf *out)
{
	bufferevent_setcb(p->stream, discard, answered, stream_over, p);
	if (made != 0 || bufferevent_write(p->stream, buf_view(out).p, out->len) != 0)
		peer_end(p);
}

static void serve(struct peer *p, const struct question *q)
{
	struct buf out = {.cap = ANSWER_MAX};

	reply(p, routes_answer(q, p->http->page, p->http->facts, &out), &out);
	buf_free(&out);
}

static void refuse_long(struct peer *p)
{
	struct buf out = {.cap = ANSWER_MAX};

	reply(p, answer_text(&out, 431, "too long\n", false), &out);
	buf_free(&out);
}

/* Reads the lines of the request; the first Host counts. */
static void take_request(struct peer *p, struct evbuffer *in)
{
	static const char name[] = "host:";
	size_t n = 0, host_n = 0;
	char *first = evbuffer_readln(in, &n, EVBUFFER_EOL_CRLF), *host = NULL;
	struct question q = {.line = slice_of(first, first == NULL ? 0 : n)};

	for (char *line; (line = evbuffer_readln(in, &n, EVBUFFER_EOL_CRLF)) != NULL;) {
		if (n == 0) {
			free(line);
			break;
		}
		if (host == NULL && n >= sizeof name - 1 &&
		    evutil_ascii_strncasecmp(line, name, sizeof name - 1) == 0) {
			host = line;
			host_n = n;
			continue;
		}
		free(line);
	}
	if (host != NULL) {
		size_t skip = sizeof name - 1;
		while (skip < host_n && host[skip] == ' ')
			skip++;
		q.host = slice_of(host + skip, host_n - skip);
	}
	serve(p, &q);
	free(first);
	free(host);
}

static void request_ready(struct bufferevent *stream, void *arg)
{
	struct peer *p = arg;
	struct evbuffer *in = bufferevent_get_input(stream);

	if (evbuffer_search(in, "\r\n\r\n", 4, NULL).pos >= 0)
		take_request(p, in);
	else if (evbuffer_get_length(in) > HTTP_REQUEST_MAX)
		refuse_long(p);
}

static void peer_begin(struct http *h, int fd)
{
	struct timeval limit = {.tv_sec = HTTP_SECONDS};
	struct peer *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)close(fd);
		return;
	}
	p->http = h;
	p->next = h->peers;
	p->link = &h->peers;
	if (p->next != NULL)
		p->next->link = &p->next;
	h->peers = p;
	if (++h->n_peers == HTTP_PEERS_MAX)
		(void)event_del(h->accept);
	p->stream = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	p->deadline = evtimer_new(h->base, deadline_over, p);
	if (p->stream == NULL || p->deadline == NULL || event_add(p->deadline, &limit) != 0) {
		if (p->stream == NULL)
			(void)close(fd);
		peer_end(p);
		return;
	}
	bufferevent_setwatermark(p->stream, EV_READ, 0, 2 * HTTP_REQUEST_MAX);
	bufferevent_setcb(p->stream, request_ready, NULL, stream_over, p);
	(void)bufferevent_enable(p->stream, EV_READ | EV_WRITE);
}

static void accept_ready(evutil_socket_t listening, short what, void *arg)
{
	struct http *h = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd >= 0)
		peer_begin(h, fd);
	else if (errno == EMFILE || errno == ENFILE) /* or this would spin */
		(void)event_del(h->accept);
}

static void woken(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(h->base);
}

static void tick_fired(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	page_tick(h->page, h->facts);
	if (h->n_peers < HTTP_PEERS_MAX)
		(void)event_add(h->accept, NULL);
}

static void *run(void *arg)
{
	struct http *h = arg;

	page_tick(h->page, h->facts);
	(void)event_base_dispatch(h->base);
	return NULL;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", numeric, as the configuration checked it. */
static int parse(const char *at, struct sockaddr_storage *ss, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
	const char *colon = strrchr(at, ':');
	char host[64];
	uint64_t port;

	*ss = (struct sockaddr_storage){0};
	if (colon == NULL || text_number(slice_str(colon + 1), 0, UINT16_MAX, &port, NULL) != 0)
		return -1;
	bool brackets = at[0] == '[' && colon > at + 1 && colon[-1] == ']';
	(void)snprintf(host, sizeof host, "%.*s", (int)(colon - at) - (brackets ? 2 : 0),
	               at + (brackets ? 1 : 0));
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	*len = sizeof *v4;
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
		return 0;
	*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	*len = sizeof *v6;
	return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -1;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return 0;
	return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
	                                     : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

static int listen_at(const char *at, struct err *e)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int on = 1, fd;

	if (parse(at, &ss, &len) != 0)
		return err_set(e, "%s is not an address to serve HTTP at", at);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "no socket for HTTP at %s", at);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&ss, len) != 0 || listen(fd, HTTP_PEERS_MAX) != 0) {
		err_errno(e, "cannot serve HTTP at %s%s", at,
		          errno == EADDRINUSE ? " (ss -ltnp tells who has the port)" : "");
		(void)close(fd);
		return -1;
	}
	struct log_line l;
	char text[96];
	(void)snprintf(text, sizeof text, "%.*s:%u", (int)(strrchr(at, ':') - at), at,
	               bound_port(fd));
	log_begin(&l, LOG_LEVEL_INFO, "http");
	log_str(&l, "address", text);
	log_end(&l);
	return fd;
}

struct http *http_new(const char *at, struct err *e)
{
	struct http *h = calloc(1, sizeof *h);

	if (h == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	h->wake_fd = -1;
	h->fd = listen_at(at, e);
	if (h->fd < 0) {
		http_free(h);
		return NULL;
	}
	h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	h->base = event_base_new();
	h->page = page_new();
	if (h->base != NULL && h->wake_fd >= 0) {
		h->accept = event_new(h->base, h->fd, EV_READ | EV_PERSIST, accept_ready, h);
		h->wake = event_new(h->base, h->wake_fd, EV_READ, woken, h);
		h->tick = event_new(h->base, -1, EV_PERSIST, tick_fired, h);
	}
	if (h->accept == NULL || h->wake == NULL || h->tick == NULL || h->page == NULL) {
		err_set(e, "out of memory");
		http_free(h);
		return NULL;
	}
	return h;
}

int http_start(struct http *h, struct facts *facts, struct err *e)
{
	struct timeval every = {.tv_sec = HISTORY_TICK_S};
	sigset_t all, before;

	h->facts = facts;
	if (event_add(h->accept, NULL) != 0 || event_add(h->wake, NULL) != 0 ||
	    event_add(h->tick, &every) != 0)
		return err_set(e, "out of memory");
	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int why = pthread_create(&h->thread, NULL, run, h);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (why != 0)
		return err_set(e, "the thread of HTTP cannot be started");
	(void)pthread_setname_np(h->thread, "http");
	h->started = true;
	return 0;
}

static void free_event(struct event *e)
{
	if (e != NULL)
		event_free(e);
}

void http_free(struct http *h)
{
	uint64_t one = 1;

	if (h == NULL)
		return;
	if (h->started) {
		(void)!write(h->wake_fd, &one, sizeof one);
		(void)pthread_join(h->thread, NULL);
	}
	while (h->peers != NULL)
		peer_end(h->peers);
	free_event(h->accept);
	free_event(h->wake);
	free_event(h->tick);
	if (h->base != NULL)
		event_base_free(h->base);
	page_free(h->page);
	if (h->wake_fd >= 0)
		(void)close(h->wake_fd);
	if (h->fd >= 0)
		(void)close(h->fd);
	free(h);
}
