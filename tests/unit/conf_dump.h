/* SPDX-License-Identifier: ISC */
/* What two tests do with dumps of configurations. */
#ifndef UNIT_CONF_DUMP_H
#define UNIT_CONF_DUMP_H

#include "tests/support/suite.h"
#include "tests/unit/conf_files.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

/* The least that a configuration needs. */
#define BROKER "broker b {\naddress a:1\n}\n"
#define LISTENER "listener l {\nlisten 127.0.0.1:2\nbroker b\n}\n"

/* The dump, without where things come from. Freed by the caller. */
static char *dump_of(const struct conf *c)
{
	struct buf out = {.cap = 1 << 20};
	size_t n = 0;

	ck_assert_int_eq(conf_dump(c, &out), 0);
	struct slice all = buf_view(&out);
	char *text = malloc(all.n + 1);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '\t' && i + 1 < all.n && all.p[i + 1] == '#') {
			while (all.p[i] != '\n')
				i++;
		}
		text[n++] = (char)all.p[i];
	}
	text[n] = '\0';
	buf_free(&out);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = strstr(text, line); p != NULL; p = strstr(p + 1, line)) {
		bool starts = p == text || p[-1] == '\n' || p[-1] == '\t';
		if (starts && p[n] == '\n')
			return true;
	}
	return false;
}

/* Loads a dump: it must be taken without an error and dump as the same. */
static void expect_stable(const char *dump)
{
	struct conf_report report = {0};
	struct conf *c = load_text(dump, &report);

	ck_assert_msg(c != NULL, "%s%s", dump, report.text);
	char *again = dump_of(c);
	ck_assert_str_eq(again, dump);
	free(again);
	conf_free(c);
	conf_report_fini(&report);
}

#endif
