/* SPDX-License-Identifier: ISC */
/* Plays the corpus of hostile streams: sim with the pure session, wire with the real daemon.
 *
 *   player sim|wire [-k PART-OF-AN-ID] FILE.txt… */
#include "base/secret.h"
#include "tests/hostile/sim.h"
#include "tests/hostile/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS_MIN = 600 };

int main(int argc, char **argv)
{
	static struct hostile_corpus corpus; /* not given back */
	const char *part = "";
	unsigned lines = 0, failures;
	int i = 2;

	if (argc > 4 && strcmp(argv[2], "-k") == 0) {
		part = argv[3];
		i = 4;
	}
	bool sim = argc > i && strcmp(argv[1], "sim") == 0;
	if (argc <= i || (!sim && strcmp(argv[1], "wire") != 0) || secret_init() != 0) {
		fprintf(stderr, "usage: %s sim|wire [-k PART] FILE.txt...\n", argv[0]);
		return 99;
	}
	for (; i < argc; i++)
		hostile_read(&corpus, argv[i]);
	failures = sim ? hostile_sim(&corpus, part, &lines) : hostile_wire(&corpus, part, &lines);
	size_t streams = hostile_count(&corpus);
	bool enough = streams >= STREAMS_MIN;
	printf("%sok %u - %zu streams that differ by bytes, version or side\n",
	       enough ? "" : "not ", ++lines, streams);
	printf("1..%u\n", lines);
	return failures == 0 && enough ? 0 : 1;
}
