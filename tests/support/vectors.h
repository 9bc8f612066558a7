/* SPDX-License-Identifier: ISC */
/* Reads vector files in their text form: "[kind]", then "name = value" lines, an empty line at the end of a record. */
#ifndef SUPPORT_VECTORS_H
#define SUPPORT_VECTORS_H

#include "base/slice.h"

struct vector_field {
	char *name;
	char *value;
};

struct vector {
	char *kind;
	struct vector_field *fields;
	size_t n;
	unsigned line; /* where the record starts */
};

struct vectors {
	struct vector *v;
	size_t n;
};

/* Reads tests/vectors/NAME below $top_srcdir (or below "." where that is not set). Aborts with a message where it
 * cannot; so a test never passes for want of its vectors. */
struct vectors vectors_read(const char *name);
void vectors_free(struct vectors *vs);

/* The value of a field; NULL where the record has none. vector_need() aborts instead. */
const char *vector_get(const struct vector *v, const char *name);
const char *vector_need(const struct vector *v, const char *name);

/* How many records of that kind there are. */
size_t vectors_count(const struct vectors *vs, const char *kind);

#endif
