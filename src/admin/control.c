/* SPDX-License-Identifier: ISC */
/* One request a line, one answer, then the end; only a trace goes on. The socket is made with a
 * mode that nobody else can open, and who connects is asked for his uid besides. A peer that says
 * or takes nothing is given up. */
#include "admin/control.h"

#include "sys/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_BEHIND_MAX = 1024 * 1024 };
enum { CONTROL_TIMEOUT_S = 5, CONTROL_BACKLOG = 16, CONTROL_PAUSE_MS = 100 };

/* A connection that is being served. */
struct request {
	struct control *control;
	struct request *next, **link; /* link: what points to this one */
	struct bufferevent *peer;
	void (*ended)(void *ctx); /* NULL: one answer, then the end */
	void *ctx;
};

struct control {
	struct event_base *base;
	struct event *accept, *resume;
	struct request *requests;
	char *path;
	int fd;
	control_fn *fn;
	void *ctx;
};

static bool peer_allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void request_end(struct request *r)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	if (r->ended != NULL)
		r->ended(r->ctx);
	bufferevent_free(r->peer);
	free(r);
}

static void finished(struct bufferevent *peer, void *arg)
{
	(void)peer;
	request_end(arg);
}

static void failed(struct bufferevent *peer, short what, void *arg)
{
	(void)peer;
	(void)what;
	request_end(arg);
}

static void discard(struct bufferevent *peer, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(peer);

	(void)arg;
	(void)evbuffer_drain(in, evbuffer_get_length(in));
}

void control_keep(struct request *asker, void (*ended)(void *ctx), void *ctx)
{
	asker->ended = ended;
	asker->ctx = ctx;
}

bool control_send(struct request *asker, struct slice bytes)
{
	return evbuffer_get_length(bufferevent_get_output(asker->peer)) < CONTROL_BEHIND_MAX &&
	       bufferevent_write(asker->peer, bytes.p, bytes.n) == 0;
}

void control_end(struct request *asker)
{
	request_end(asker);
}

static void request_ready(struct bufferevent *peer, void *arg)
{
	struct request *r = arg;
	struct evbuffer *in = bufferevent_get_input(peer);
	struct buf answer = {.cap = CONTROL_ANSWER_MAX};
	size_t n = 0;
	char *line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF);

	if (line == NULL) {
		if (evbuffer_get_length(in) > CONTROL_REQUEST_MAX)
			request_end(r);
		return;
	}
	(void)bufferevent_disable(peer, EV_READ);
	r->control->fn(r->control->ctx, slice_of(line, n), &answer, r);
	free(line);
	if (r->ended != NULL) {
		/* Read only to learn of its end. */
		bufferevent_setcb(peer, discard, NULL, failed, r);
		bufferevent_set_timeouts(peer, NULL, NULL);
		(void)bufferevent_enable(peer, EV_READ);
	} else {
		bufferevent_setcb(peer, NULL, finished, failed, r);
	}
	if (answer.len == 0 || bufferevent_write(peer, buf_view(&answer).p, answer.len) != 0)
		request_end(r);
	buf_free(&answer);
}

static void request_begin(struct control *c, int fd)
{
	struct timeval limit = {.tv_sec = CONTROL_TIMEOUT_S};
	struct request *r = calloc(1, sizeof *r);

	if (r != NULL)
		r->peer = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (r == NULL || r->peer == NULL) {
		free(r);
		(void)close(fd);
		return;
	}
	r->control = c;
	r->next = c->requests;
	r->link = &c->requests;
	if (r->next != NULL)
		r->next->link = &r->next;
	c->requests = r;
	bufferevent_setcb(r->peer, request_ready, NULL, failed, r);
	bufferevent_set_timeouts(r->peer, &limit, &limit);
	(void)bufferevent_enable(r->peer, EV_READ | EV_WRITE);
}

static void accept_ready(evutil_socket_t listening, short what, void *arg)
{
	struct control *c = arg;
	struct timeval pause = {.tv_usec = CONTROL_PAUSE_MS * 1000};
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd >= 0 && peer_allowed(fd)) {
		request_begin(c, fd);
	} else if (fd >= 0) {
		(void)close(fd);
	} else if (errno != EAGAIN) {
		/* Without descriptors the socket stays readable: a pause, or this would spin. */
		(void)event_del(c->accept);
		(void)event_add(c->resume, &pause);
	}
}

static void resume_accepting(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	(void)event_add(c->accept, NULL);
}

/* Whether somebody serves the socket. */
static bool is_served(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return true;
	bool served = connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
	(void)close(fd);
	return served;
}

static int listen_at(const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof at.sun_path)
		return err_set(e, "the path of the admin socket is longer than %zu bytes: %s",
		               sizeof at.sun_path - 1, path);
	memcpy(at.sun_path, path, strlen(path));
	if (is_served(&at))
		return err_set(
		    e, "the admin socket %s is served by another process (another mqsecproxy?)",
		    path);
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "no socket for %s", path);
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)&at, sizeof at);
	(void)umask(before);
	if (r != 0 || listen(fd, CONTROL_BACKLOG) != 0) {
		err_errno(e,
		          "cannot make the admin socket %s (its folder must exist; \"socket none\" "
		          "goes without)",
		          path);
		(void)close(fd);
		return -1;
	}
	return fd;
}

struct control *control_new(struct event_base *base, const char *path, control_fn *fn, void *ctx,
                            struct err *e)
{
	struct control *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	*c = (struct control){.base = base, .fn = fn, .ctx = ctx, .fd = listen_at(path, e)};
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	c->path = strdup(path);
	c->accept = event_new(base, c->fd, EV_READ | EV_PERSIST, accept_ready, c);
	c->resume = evtimer_new(base, resume_accepting, c);
	if (c->path == NULL || c->accept == NULL || c->resume == NULL ||
	    event_add(c->accept, NULL) != 0) {
		err_set(e, "out of memory");
		control_free(c);
		return NULL;
	}
	return c;
}

void control_free(struct control *c)
{
	if (c == NULL)
		return;
	while (c->requests != NULL)
		request_end(c->requests);
	if (c->accept != NULL)
		event_free(c->accept);
	if (c->resume != NULL)
		event_free(c->resume);
	if (c->path != NULL)
		(void)unlink(c->path);
	(void)close(c->fd);
	free(c->path);
	free(c);
}

void control_say(struct buf *answer, const char *format, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (n > 0)
		(void)buf_append(
		    answer, slice_of(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1));
}

struct slice control_word(struct slice *line)
{
	size_t n = 0;

	while (line->n != 0 && line->p[0] == ' ')
		*line = slice_from(*line, 1);
	while (n < line->n && line->p[n] != ' ')
		n++;
	struct slice word = slice_of(line->p, n);
	*line = slice_from(*line, n);
	return word;
}
