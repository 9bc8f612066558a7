/* SPDX-License-Identifier: ISC */
/* What people and programs get to see: errors on standard error, results on standard output. */
#include "ctl/ctl.h"

#include "base/secret.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void complain(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));

static void complain(const char *format, va_list ap)
{
	(void)fputs("mqsecproxyctl: ", stderr);
	(void)vfprintf(stderr, format, ap);
	(void)fputc('\n', stderr);
}

int ctl_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
	return CTL_FAILED;
}

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
	if (ctl->command != NULL)
		(void)fprintf(stderr, "usage: mqsecproxyctl %s%s%s\n", ctl->command->words,
		              *ctl->command->usage == '\0' ? "" : " ", ctl->command->usage);
	else
		(void)fputs("mqsecproxyctl --help lists the commands\n", stderr);
	return CTL_USAGE;
}

int ctl_write(struct slice s)
{
	while (s.n != 0) {
		ssize_t put = write(STDOUT_FILENO, s.p, s.n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return ctl_fail("standard output: %s", strerror(errno));
		s = slice_from(s, (size_t)put);
	}
	return CTL_OK;
}

void ctl_json_string(struct slice s)
{
	size_t size = 6 * s.n + 8;
	char *out = malloc(size);

	(void)printf("\"%s\"", out == NULL ? "" : text_json(s, out, size));
	free(out);
}
