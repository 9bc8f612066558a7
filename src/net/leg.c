/* SPDX-License-Identifier: ISC */
/* What the peer does not take at once is kept, up to the cap and no further, and wiped when it is
 * sent or given up. A direction is shut only behind what was written. */
#include "net/leg.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HIGH_MAX = 128 * 1024 }; /* more to keep only costs memory */

void leg_init(struct leg *l, size_t max_buffer)
{
	*l = (struct leg){.fd = -1, .in = {.cap = max_buffer}, .out = {.cap = max_buffer}};
}

void leg_open(struct leg *l, struct event_base *base, int fd, event_callback_fn ready, void *arg)
{
	l->fd = fd;
	l->awaits = 0;
	event_assign(&l->event, base, fd, EV_PERSIST, ready, arg);
}

void leg_await(struct leg *l, short what)
{
	if (l->fd < 0 || l->awaits == what)
		return;
	struct event_base *base = event_get_base(&l->event);
	event_callback_fn ready = event_get_callback(&l->event);
	void *arg = event_get_callback_arg(&l->event);
	if (l->awaits != 0)
		(void)event_del(&l->event);
	event_assign(&l->event, base, l->fd, (short)(what | EV_PERSIST), ready, arg);
	if (what != 0)
		(void)event_add(&l->event, NULL);
	l->awaits = what;
}

enum leg_result leg_read(struct leg *l, uint8_t *to, size_t size, size_t *n)
{
	ssize_t r;

	do
		r = recv(l->fd, to, size, 0);
	while (r < 0 && errno == EINTR);
	*n = 0;
	if (r > 0) {
		*n = (size_t)r;
		return LEG_OK;
	}
	if (r == 0) {
		l->eof = true;
		return LEG_EOF;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK ? LEG_AGAIN : LEG_BROKEN;
}

static void mark(struct leg *l)
{
	size_t high = l->out.cap / 4 < HIGH_MAX ? l->out.cap / 4 : HIGH_MAX;

	if (l->out.len >= high)
		l->full = true;
	else if (l->out.len <= high / 2)
		l->full = false;
}

/* How much of it the peer takes now; -1 where the connection is gone. */
static ssize_t send_some(struct leg *l, struct slice bytes)
{
	ssize_t r;

	do
		r = send(l->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return r;
}

enum leg_result leg_write(struct leg *l, struct slice bytes, int64_t now_ms)
{
	if (l->fd < 0 || l->shut_done || l->unheard || bytes.n == 0)
		return LEG_OK;
	if (l->out.len == 0) {
		ssize_t n = send_some(l, bytes);
		if (n < 0)
			return LEG_BROKEN;
		bytes = slice_from(bytes, (size_t)n);
		if (bytes.n != 0)
			l->taken_ms = now_ms;
	}
	if (buf_append(&l->out, bytes) != 0)
		return LEG_BROKEN;
	mark(l);
	return LEG_OK;
}

enum leg_result leg_flush(struct leg *l, int64_t now_ms)
{
	if (l->fd < 0)
		return LEG_OK;
	if (l->out.len != 0) {
		ssize_t n = send_some(l, buf_view(&l->out));
		if (n < 0)
			return LEG_BROKEN;
		if (n > 0) {
			buf_consume(&l->out, (size_t)n);
			mark(l);
			l->taken_ms = now_ms;
		}
	}
	if (l->out.len != 0)
		return LEG_OK;
	l->taken_ms = 0;
	if ((l->shut_wanted || l->close_wanted) && !l->shut_done) {
		l->shut_done = true;
		(void)shutdown(l->fd, SHUT_WR);
	}
	return LEG_OK;
}

void leg_give_up_writing(struct leg *l)
{
	buf_free(&l->out);
	l->unheard = true;
	l->full = false;
	l->taken_ms = 0;
}

void leg_close(struct leg *l)
{
	if (l->fd >= 0) {
		leg_await(l, 0);
		(void)close(l->fd);
		l->fd = -1;
	}
	buf_free(&l->in);
	buf_free(&l->out);
}
