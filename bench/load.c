/* SPDX-License-Identifier: ISC */
/* The load of `make bench`: bench.py runs its parts, with a proxy between two of them. */
#include "bench/wire.h"

#include <stdio.h>

static int usage(void)
{
	(void)fputs(
	    "usage: load sink | publish PORT BYTES MS | echo PORT COUNT | connects PORT COUNT "
	    "| hold PORT COUNT\n",
	    stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";

	if (strcmp(part, "sink") == 0 && argc == 2)
		return sink_main();
	if (argc < 4)
		return usage();
	size_t port = wire_number(argv[2]), n = wire_number(argv[3]);
	if (port > UINT16_MAX)
		return usage();
	if (strcmp(part, "publish") == 0 && argc == 5)
		return publish_main((uint16_t)port, n, wire_number(argv[4]));
	if (strcmp(part, "echo") == 0 && argc == 4)
		return echo_main((uint16_t)port, n);
	if (strcmp(part, "connects") == 0 && argc == 4)
		return connects_main((uint16_t)port, n);
	if (strcmp(part, "hold") == 0 && argc == 4)
		return hold_main((uint16_t)port, n);
	return usage();
}
