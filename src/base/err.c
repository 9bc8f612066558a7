/* SPDX-License-Identifier: ISC */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, const char *format, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, format);
	(void)vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *e, const char *format, ...)
{
	int number = errno;
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(e->text, sizeof e->text, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text) {
		char why[128];
		(void)snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s",
		    strerror_r(number, why, sizeof why));
	}
	return -1;
}
