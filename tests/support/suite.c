/* SPDX-License-Identifier: ISC */
#include "tests/support/suite.h"

#include "base/secret.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

int suite_run(Suite *s)
{
	if (secret_init() != 0)
		return 99;
	SRunner *runner = srunner_create(s);
	/* The environment of `make check` asks for TAP; run by hand, Check prints its own form. */
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

/* What kept_bytes() made: kept reachable until the program ends, so that a leak checker sees no leak in it. */
struct made {
	struct made *next;
	uint8_t bytes[];
};
static struct made *all_made;

uint8_t *kept_bytes(size_t n)
{
	struct made *made = calloc(1, sizeof *made + n + 1);

	if (made == NULL)
		abort();
	made->next = all_made;
	all_made = made;
	return made->bytes;
}

struct slice unhex(const char *text)
{
	size_t n = strlen(text), digits = 0;
	char *compact = malloc(n + 1);
	uint8_t *out = kept_bytes(n / 2);
	struct err e;

	if (compact == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (text[i] != ' ')
			compact[digits++] = text[i];
	}
	if (text_unhex(slice_of(compact, digits), out, digits / 2, &e) != 0) {
		fprintf(stderr, "unhex: %s: %s\n", text, e.text);
		abort();
	}
	free(compact);
	return slice_of(out, digits / 2);
}

void expect_bytes(struct slice got, struct slice want, const char *what)
{
	char g[129], w[129];

	if (slice_eq(got, want))
		return;
	text_hex(got.p, got.n < 64 ? got.n : 64, g);
	text_hex(want.p, want.n < 64 ? want.n : 64, w);
	ck_abort_msg("%s: got %zu bytes %s, want %zu bytes %s", what, got.n, g, want.n, w);
}
