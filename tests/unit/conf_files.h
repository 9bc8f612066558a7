/* SPDX-License-Identifier: ISC */
/* A configuration's files in memory, and a reader for them: for tests only. */
#ifndef UNIT_CONF_FILES_H
#define UNIT_CONF_FILES_H

#include "conf/conf.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

struct memory_file {
	const char *path;
	const char *text; /* NULL: there, but unreadable */
	bool open;        /* others may read it: no place for a secret */
};

/* What every test finds beside its own text, which is main.conf in the same folder. */
static const struct memory_file memory_files[] = {
    {"/etc/m/a.key", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", false},
    {"/etc/m/twin.key", "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF", false},
    {"/etc/m/b.key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", false},
    {"/etc/m/open.key", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", true},
    {"/etc/m/otp", "  jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp\r\n", false},
    {"/etc/m/otp.open", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n", true},
    {"/etc/m/otp.short", "JBSWY3DPEHPK3PXP\n", false},
    {"/etc/m/otp.bad", "5ec7e718 5ec7e718 5ec7e718 5ec7e718\n", false},
    {"@otp", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DP\n", false},
    {"/etc/m/password", "p w\n\r\n", false},
    {"/etc/m/no-password", "\n", false},
    {"/etc/m/short.key", "5ec7e75ec7e7\n", false},
    {"@cred", "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", false},
    {"/etc/m/nets.txt", "# nets\r\n10.0.0.0/8\r\n\r\n2001:db8::/32\r\n", false},
    {"/etc/m/names.txt", "one\n# two\nt*\n", false},
    {"/etc/m/bad.txt", "10.0.0.0/8\n\n10.0.0.1/8\n", false},
    {"/etc/m/empty.txt", "# nothing\n", false},
    {"/etc/m/sub/level.conf", "log {\n\tlevel debug\n}\n", false},
    {"/etc/m/sub/key.conf", "key c {\n\tfile c.key\n}\n", false},
    {"/etc/m/sub/c.key", "ee112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
     false},
    {"/etc/m/loop/a.conf", "include b.conf\n", false},
    {"/etc/m/loop/b.conf", "include a.conf\n", false},
    {"/etc/m/wrong.conf", "workers 0\n", false},
    {"/etc/m/secret.conf", NULL, false},
};

enum { MEMORY_FILES = sizeof memory_files / sizeof memory_files[0] };

static int memory_read(void *ctx, const char *path, bool secret, struct buf *out, struct err *e)
{
	const char *text = NULL;

	if (strcmp(path, "/etc/m/main.conf") == 0)
		text = ctx;
	for (size_t i = 0; i < MEMORY_FILES; i++) {
		if (strcmp(memory_files[i].path, path) != 0)
			continue;
		if (memory_files[i].text == NULL)
			return err_set(e, "%s: Permission denied", path);
		if (secret && memory_files[i].open)
			return err_set(e, "%s has mode 0644: chmod g-wx,o= %s", path, path);
		text = memory_files[i].text;
	}
	if (text == NULL)
		return err_set(e, "%s: No such file or directory", path);
	return buf_append(out, slice_str(text)) == 0 ? 0 : err_set(e, "%s is too large", path);
}

static int memory_glob(void *ctx, const char *pattern,
                       int (*found)(void *found_ctx, const char *path), void *found_ctx,
                       struct err *e)
{
	(void)ctx;
	(void)e;
	for (size_t i = 0; i < MEMORY_FILES; i++) {
		if (fnmatch(pattern, memory_files[i].path, FNM_PATHNAME) == 0 &&
		    found(found_ctx, memory_files[i].path) != 0)
			return -1;
	}
	return 0;
}

/* Loads a text as /etc/m/main.conf. */
static struct conf *load_text(const char *text, struct conf_report *report)
{
	char *copy = strdup(text);
	struct conf_reader reader = {.ctx = copy, .read = memory_read, .glob = memory_glob};
	struct conf *c = conf_load("/etc/m/main.conf", &reader, report);

	free(copy);
	return c;
}

#endif
