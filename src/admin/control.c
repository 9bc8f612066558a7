/* SPDX-License-Identifier: ISC */
#include "admin/control.h"

#include "sys/log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_TIMEOUT_S = 5, CONTROL_BACKLOG = 16 };

struct control {
	struct event_base *base;
	struct event *accept;
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

static void finish(struct bufferevent *b, void *arg)
{
	(void)arg;
	bufferevent_free(b);
}

static void failed(struct bufferevent *b, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(b);
}

static void request_ready(struct bufferevent *b, void *arg)
{
	struct control *c = arg;
	struct evbuffer *in = bufferevent_get_input(b);
	struct buf answer = {.cap = CONTROL_ANSWER_MAX};
	size_t n = 0;
	char *line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF);

	if (line == NULL) {
		if (evbuffer_get_length(in) > CONTROL_REQUEST_MAX)
			bufferevent_free(b);
		return;
	}
	(void)bufferevent_disable(b, EV_READ);
	c->fn(c->ctx, slice_of(line, n), &answer);
	free(line);
	bufferevent_setcb(b, NULL, finish, failed, c);
	if (answer.len == 0 || bufferevent_write(b, buf_view(&answer).p, answer.len) != 0)
		bufferevent_free(b);
	buf_free(&answer);
}

static void accept_ready(evutil_socket_t listening, short what, void *arg)
{
	struct control *c = arg;
	struct timeval limit = {.tv_sec = CONTROL_TIMEOUT_S};
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd < 0)
		return;
	struct bufferevent *b =
	    peer_allowed(fd) ? bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
	if (b == NULL) {
		(void)close(fd);
		return;
	}
	bufferevent_setcb(b, request_ready, NULL, failed, c);
	bufferevent_set_timeouts(b, &limit, &limit);
	(void)bufferevent_enable(b, EV_READ | EV_WRITE);
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
	if (c->path == NULL || c->accept == NULL || event_add(c->accept, NULL) != 0) {
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
	if (c->accept != NULL)
		event_free(c->accept);
	if (c->path != NULL)
		(void)unlink(c->path);
	(void)close(c->fd);
	free(c->path);
	free(c);
}
