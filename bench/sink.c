/* SPDX-License-Identifier: ISC */
/* The broker of the measurement: it lets everybody in, acknowledges, answers pings, and throws all
 * messages away as cheaply as it can, so that it is not what is measured. It prints its port and
 * runs until it is killed. */
#include "bench/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELD = 64, EVENTS = 64 }; /* a head of what is sent here fits */

struct guest {
	int fd;
	size_t skip; /* bytes of a packet that are still to come */
	size_t n_held;
	uint8_t held[HELD]; /* the beginning of a head */
};

static uint8_t buffer[HELD + WIRE_BATCH], answers[WIRE_BATCH];

static void put(struct writer *w, struct slice packet, const struct guest *g)
{
	if (packet.n > writer_room(w)) {
		wire_send(g->fd, slice_of(w->p, w->len));
		w->len = 0;
	}
	writer_bytes(w, packet);
}

/* Answers a packet whose head is there. False: it is not all there yet. */
static bool answer(const struct guest *g, const struct mqtt_frame *f, struct slice view,
                   struct writer *w)
{
	static const uint8_t connack[] = {MQTT_CONNACK << 4, 2, 0, 0};
	static const uint8_t pingresp[] = {MQTT_PINGRESP << 4, 0};
	struct reader r = reader_of(slice_from(view, f->head));

	if (f->type == MQTT_CONNECT)
		put(w, slice_of(connack, sizeof connack), g);
	if (f->type == MQTT_PINGREQ)
		put(w, slice_of(pingresp, sizeof pingresp), g);
	if (f->type != MQTT_PUBLISH || (f->flags & 6) == 0)
		return true;
	(void)reader_binary(&r);
	uint16_t id = reader_u16(&r);
	const uint8_t puback[] = {MQTT_PUBACK << 4, 2, (uint8_t)(id >> 8), (uint8_t)id};
	if (!r.bad)
		put(w, slice_of(puback, sizeof puback), g);
	return !r.bad;
}

static void take(struct guest *g, struct slice view)
{
	struct writer w = {.p = answers, .cap = sizeof answers};
	struct mqtt_frame f;

	while (view.n != 0) {
		size_t n = g->skip < view.n ? g->skip : view.n;
		view = slice_from(view, n);
		g->skip -= n;
		if (view.n == 0)
			break;
		enum mqtt_result r = mqtt_frame_next(view, &f);
		if (r != MQTT_OK && r != MQTT_MORE)
			wire_fail("the sink got what is no MQTT");
		if (r == MQTT_MORE || !answer(g, &f, view, &w))
			break;
		g->skip = f.head + (size_t)f.remaining;
	}
	if (view.n > HELD)
		wire_fail("the sink got a head that is too long");
	g->n_held = view.n;
	if (view.n != 0)
		memcpy(g->held, view.p, view.n);
	wire_send(g->fd, slice_of(w.p, w.len));
}

/* False: it left. */
static bool serve(struct guest *g)
{
	ssize_t n = recv(g->fd, buffer + HELD, WIRE_BATCH, MSG_DONTWAIT);

	if (n <= 0)
		return false;
	uint8_t *at = buffer + HELD - g->n_held;
	memcpy(at, g->held, g->n_held);
	take(g, slice_of(at, g->n_held + (size_t)n));
	return true;
}

static void watch(int epoll, int fd, struct guest *g)
{
	struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = g}};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		wire_fail("epoll: %m");
}

int sink_main(void)
{
	struct epoll_event events[EVENTS];
	uint16_t port;
	int door = wire_listen(&port), epoll = epoll_create1(EPOLL_CLOEXEC);

	watch(epoll, door, NULL);
	(void)printf("port %u\n", (unsigned)port);
	(void)fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct guest *g = events[i].data.ptr;
			if (g == NULL) {
				g = calloc(1, sizeof *g);
				if (g == NULL)
					wire_fail("out of memory");
				g->fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
				if (g->fd < 0)
					wire_fail("accept: %m");
				watch(epoll, g->fd, g);
			} else if (!serve(g)) {
				(void)close(g->fd);
				free(g);
			}
		}
	}
}
