/* SPDX-License-Identifier: ISC */
/* Memory of vectors that lasts as long as the test's process: remembered, so that no leak checker
 * counts it. */
#ifndef UNIT_KEPT_H
#define UNIT_KEPT_H

#include "tests/support/suite.h"

#include <stdlib.h>

struct kept {
	struct kept *next;
	const void *p;
};

static struct kept *kept_all;

static inline const void *kept_remember(const void *p)
{
	struct kept *k = malloc(sizeof *k);

	if (k == NULL || p == NULL)
		abort();
	*k = (struct kept){.next = kept_all, .p = p};
	kept_all = k;
	return p;
}

/* n bytes, and one to spare; never NULL. */
static inline uint8_t *kept_bytes(size_t n)
{
	uint8_t *p = calloc(1, n + 1);

	(void)kept_remember(p);
	return p;
}

/* unhex() whose result is remembered. */
static inline struct slice kept_hex(const char *text)
{
	struct slice s = unhex(text);

	(void)kept_remember(s.p);
	return s;
}

#endif
