/* SPDX-License-Identifier: ISC */
/* Runs a fuzz target over stored inputs without a fuzzer, so that `make check` replays every corpus
 * with any compiler. Takes directories; without arguments the corpus that the program's name says:
 * replay_frame reads $top_srcdir/tests/fuzz/corpus/frame. Each file is given whole and cut off at
 * every byte, laid against a page that may not be read. Prints TAP, one line a directory; an empty
 * or missing one is a failure. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/guard.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Above this size, not every prefix is tried, but as many as this. */
enum { PREFIXES_MAX = 4096 };

#pragma weak LLVMFuzzerInitialize

static void run(const uint8_t *p, size_t n)
{
	struct slice s = guard_copy(slice_of(p, n));

	(void)LLVMFuzzerTestOneInput(s.p, s.n);
	guard_free(s);
}

static uint8_t *load(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = NULL;
	size_t n = 0, got;

	if (f == NULL)
		return NULL;
	do {
		uint8_t *bigger = realloc(p, n + 65536);
		if (bigger == NULL)
			abort();
		p = bigger;
		got = fread(p + n, 1, 65536, f);
		n += got;
	} while (got != 0);
	bool failed = ferror(f) != 0;
	(void)fclose(f);
	if (failed) {
		free(p);
		return NULL;
	}
	*size = n;
	return p;
}

static bool replay_file(const char *path)
{
	size_t n = 0;
	uint8_t *p = load(path, &n);

	if (p == NULL) {
		printf("# %s: cannot be read\n", path);
		return false;
	}
	/* Told beforehand: an abort in the target is then no riddle. */
	printf("# %s\n", path);
	(void)fflush(stdout);
	size_t step = 1 + n / PREFIXES_MAX;
	for (size_t i = 0; i < n; i += step)
		run(p, i);
	run(p, n);
	free(p);
	return true;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The number of files replayed; 0 where there are none or one of them failed. */
static int replay_directory(const char *directory)
{
	struct dirent **entries = NULL;
	char path[4096];
	bool ok = true;
	int n = scandir(directory, &entries, visible, alphasort);

	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
		ok = replay_file(path) && ok;
		free(entries[i]);
	}
	free(entries);
	return ok && n > 0 ? n : 0;
}

static int report(int number, const char *directory)
{
	int files = replay_directory(directory);

	printf("%sok %d - %s: %d files and their prefixes\n", files == 0 ? "not " : "", number,
	       directory, files);
	return files == 0;
}

static int replay_own(const char *program)
{
	const char *top = getenv("top_srcdir"), *name = strstr(program, "replay_");
	char directory[4096];

	for (const char *next; name != NULL && (next = strstr(name + 1, "replay_")) != NULL;)
		name = next;
	if (name == NULL) {
		fprintf(stderr, "usage: %s DIRECTORY...\n", program);
		return 99;
	}
	(void)snprintf(directory, sizeof directory, "%s/tests/fuzz/corpus/%s",
	               top == NULL ? "." : top, name + strlen("replay_"));
	printf("1..1\n");
	return report(1, directory);
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (LLVMFuzzerInitialize != NULL && LLVMFuzzerInitialize(&argc, &argv) != 0)
		return 99;
	if (argc < 2)
		return replay_own(argv[0]);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		failed += report(i, argv[i]);
	return failed == 0 ? 0 : 1;
}
