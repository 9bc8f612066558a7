/* SPDX-License-Identifier: ISC */
#include "bench/wire.h"

#include "base/text.h"
#include "mqtt/connect.h"
#include "mqtt/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void wire_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)fputs("load: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

uint64_t wire_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t wire_number(const char *text)
{
	uint64_t value;
	struct err e;

	if (text_number(slice_str(text), 1, 1000000000, &value, &e) != 0)
		wire_fail("%s", e.text);
	return (size_t)value;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int make_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		wire_fail("no socket: %m");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int wire_connect(uint16_t port)
{
	struct sockaddr_in at = loopback(port);
	int fd = make_socket();

	if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0)
		wire_fail("no connection to port %u: %m", (unsigned)port);
	return fd;
}

int wire_listen(uint16_t *port)
{
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof at;
	int fd = make_socket();

	if (bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		wire_fail("cannot listen: %m");
	*port = ntohs(at.sin_port);
	return fd;
}

void wire_send(int fd, struct slice bytes)
{
	while (bytes.n != 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			wire_fail("a connection broke: %m");
		bytes = slice_from(bytes, n < 0 ? 0 : (size_t)n);
	}
}

void wire_hello(int fd, size_t number)
{
	char id[24];
	uint8_t packet[64];
	struct writer w = {.p = packet, .cap = sizeof packet};

	(void)snprintf(id, sizeof id, "bench-%zu", number);
	const struct mqtt_connect c = {
	    .version = MQTT_311, .clean = true, .client_id = slice_str(id)};
	mqtt_connect_put(&w, &c, NULL, NULL);
	wire_send(fd, slice_of(w.p, w.len));
}

/* Exactly so many bytes. */
static void receive(int fd, uint8_t *to, size_t n)
{
	ssize_t r = recv(fd, to, n, MSG_WAITALL);

	if (r < 0 || (size_t)r != n)
		wire_fail("the other side closed");
}

void wire_welcome(int fd)
{
	uint8_t connack[4];

	receive(fd, connack, sizeof connack);
	if (connack[0] != MQTT_CONNACK << 4 || connack[3] != 0)
		wire_fail("a CONNECT was refused");
}

void wire_publish(struct writer *w, size_t payload, uint16_t id)
{
	static const struct mqtt_publish message = {
	    .topic = {(const uint8_t *)"bench/topic/0123", WIRE_TOPIC}};
	struct mqtt_publish p = message;

	p.qos = id != 0;
	p.packet_id = id;
	mqtt_publish_put(w, &p, MQTT_311, NULL, payload);
	uint8_t *at = writer_space(w, payload);
	if (at == NULL)
		wire_fail("a message is too long");
	memset(at, 'x', payload);
}

void wire_expect(int fd, enum mqtt_type type)
{
	uint8_t head[2], rest[2];

	receive(fd, head, sizeof head);
	if (head[0] >> 4 != (int)type || head[1] > sizeof rest)
		wire_fail("a packet that was not waited for");
	if (head[1] != 0)
		receive(fd, rest, head[1]);
}
