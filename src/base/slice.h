/* SPDX-License-Identifier: ISC */
/* Borrowed bytes: a pointer and a length, never owned, never written through. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *p; /* may be NULL when n is 0 */
	size_t n;
};

static inline struct slice slice_of(const void *p, size_t n)
{
	return (struct slice){.p = p, .n = n};
}

/* The bytes of a C string, without its NUL. */
static inline struct slice slice_str(const char *s)
{
	return slice_of(s, strlen(s));
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* What is left behind the first `skip` bytes; empty when there are fewer. */
static inline struct slice slice_from(struct slice s, size_t skip)
{
	return skip >= s.n ? slice_of(NULL, 0) : slice_of(s.p + skip, s.n - skip);
}

static inline bool slice_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What is left without the white space of ASCII at both ends. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.n != 0 && slice_blank(s.p[0]))
		s = slice_from(s, 1);
	while (s.n != 0 && slice_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

#endif
