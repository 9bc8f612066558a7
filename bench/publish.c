/* SPDX-License-Identifier: ISC */
/* Messages of one publisher: in a row, as fast as they are taken, or one by one. A row ends when a
 * PINGREQ behind it is answered, so every message has come through by then. */
#include "bench/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int enter(uint16_t port)
{
	int fd = wire_connect(port);

	wire_hello(fd, 0);
	wire_welcome(fd);
	return fd;
}

int publish_main(uint16_t port, size_t payload, size_t ms)
{
	static const uint8_t pingreq[] = {MQTT_PINGREQ << 4, 0};
	size_t one = payload + WIRE_TOPIC + 8, row = WIRE_BATCH / one + 1, sent = 0;
	struct writer w = {.p = malloc(row * one), .cap = row * one};
	int fd = enter(port);

	if (w.p == NULL)
		wire_fail("out of memory");
	for (size_t i = 0; i < row; i++)
		wire_publish(&w, payload, 0);
	uint64_t begun = wire_now();
	do {
		wire_send(fd, slice_of(w.p, w.len));
		sent += row;
	} while (wire_now() - begun < ms * 1000000);
	wire_send(fd, slice_of(pingreq, sizeof pingreq));
	wire_expect(fd, MQTT_PINGRESP);
	(void)printf("messages %zu\nnanoseconds %llu\n", sent,
	             (unsigned long long)(wire_now() - begun));
	free(w.p);
	(void)close(fd);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int echo_main(uint16_t port, size_t count)
{
	enum { PAYLOAD = 256 };
	uint8_t packet[PAYLOAD + WIRE_TOPIC + 16];
	struct writer w = {.p = packet, .cap = sizeof packet};
	uint64_t *took = calloc(count, sizeof *took);
	int fd = enter(port);

	if (took == NULL)
		wire_fail("out of memory");
	wire_publish(&w, PAYLOAD, 1);
	for (size_t i = 0; i < count; i++) {
		uint64_t begun = wire_now();
		wire_send(fd, slice_of(w.p, w.len));
		wire_expect(fd, MQTT_PUBACK);
		took[i] = wire_now() - begun;
	}
	qsort(took, count, sizeof *took, compare);
	(void)printf("messages %zu\np50 %llu\np99 %llu\n", count,
	             (unsigned long long)took[count / 2],
	             (unsigned long long)took[count * 99 / 100]);
	free(took);
	(void)close(fd);
	return 0;
}
