/* SPDX-License-Identifier: ISC */
/* Connections: many that come and go, a few at a time, or many that stay. */
#include "bench/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { AT_ONCE = 32 };

/* Lets so many in at once. */
static void enter(uint16_t port, int *fds, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = wire_connect(port);
		wire_hello(fds[i], first + i);
	}
	for (size_t i = 0; i < n; i++)
		wire_welcome(fds[i]);
}

int connects_main(uint16_t port, size_t count)
{
	static const uint8_t disconnect[] = {MQTT_DISCONNECT << 4, 0};
	int fds[AT_ONCE];
	uint64_t begun = wire_now();
	size_t done = 0;

	for (; done < count; done += AT_ONCE) {
		enter(port, fds, done, AT_ONCE);
		for (size_t i = 0; i < AT_ONCE; i++) {
			wire_send(fds[i], slice_of(disconnect, sizeof disconnect));
			(void)close(fds[i]);
		}
	}
	(void)printf("connects %zu\nnanoseconds %llu\n", done,
	             (unsigned long long)(wire_now() - begun));
	return 0;
}

int hold_main(uint16_t port, size_t count)
{
	struct rlimit limit;
	int *fds = calloc(count, sizeof *fds);

	if (fds == NULL)
		wire_fail("out of memory");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (size_t i = 0; i < count; i += AT_ONCE)
		enter(port, fds + i, i, count - i < AT_ONCE ? count - i : AT_ONCE);
	(void)printf("held %zu\n", count);
	(void)fflush(stdout);
	(void)getchar(); /* until whoever asked has looked */
	free(fds);
	return 0;
}
