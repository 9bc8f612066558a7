/* SPDX-License-Identifier: ISC */
/* Complaints gathered while a configuration is read, and their text in the order of the files. */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include "conf/conf.h"

/* One file, read whole; index counts up in the order in which files are met. */
struct conf_source {
	const char *path;
	struct slice text;
	size_t index;
};

/* A place. Line 0 is the file as a whole, without column; columns count characters from 1. */
struct conf_at {
	const struct conf_source *source;
	unsigned line, col;
};

struct conf_diag;

/* Zeroed is empty. */
struct conf_diags {
	struct conf_diag *list;
	size_t n, size;
	size_t errors, warnings; /* counted also where the text had to be left out */
};

void conf_error(struct conf_diags *d, struct conf_at at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void conf_warning(struct conf_diags *d, struct conf_at at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sorts and writes everything into the report, then frees it. */
void conf_diags_render(struct conf_diags *d, struct conf_report *report);

#endif
