/* SPDX-License-Identifier: ISC */
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[4096];

void scratch_make(void)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(folder, sizeof folder, "%s/mqsp-test.XXXXXX", base == NULL ? "/tmp" : base);
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		abort();
	}
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void scratch_remove(void)
{
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_folder(void)
{
	return folder;
}

const char *scratch_path(const char *name)
{
	static char paths[8][4096 + 256];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

const char *scratch_file(const char *name, const char *content, unsigned mode)
{
	const char *path = scratch_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content) ||
	    fchmod(fd, (mode_t)mode) != 0) {
		perror(path);
		abort();
	}
	(void)close(fd);
	return path;
}

unsigned scratch_count(void)
{
	DIR *d = opendir(folder);
	unsigned n = 0;

	if (d == NULL)
		abort();
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void)closedir(d);
	return n;
}
