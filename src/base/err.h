/* SPDX-License-Identifier: ISC */
/* Why something could not be done: one sentence for people, without a full stop, that says what and how to
 * cure it. Constructors and I/O take a `struct err *` last and return NULL or -1 when they filled it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

struct err {
	char text[480];
};

/* Fills e (which may be NULL: the reason is then dropped) and returns -1, so that a caller can
 * `return err_set(e, …)`. Longer text is cut. */
int err_set(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with ": " and the text of errno behind it. */
int err_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
