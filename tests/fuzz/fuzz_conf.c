/* SPDX-License-Identifier: ISC */
/* Any bytes as a configuration: a result or errors, never both and never neither; a report that a
 * terminal is safe from; and a dump that loads again and dumps as the same. */
#include "base/secret.h"
#include "conf/conf.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

struct source {
	struct slice text;
	unsigned keys;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return secret_init();
}

/* Key files hold the letters of their own names, so that two may be one key; the rest is lists and
 * the input itself. */
static int fake_read(void *ctx, const char *path, bool secret, struct buf *out, struct err *e)
{
	struct source *s = ctx;
	char text[80];

	if (strcmp(path, "main.conf") == 0)
		return buf_append(out, s->text) == 0 ? 0 : err_set(e, "too large");
	if (secret) {
		(void)snprintf(text, sizeof text, "%064x",
		               (unsigned)(strlen(path) * 257 + (uint8_t)path[0]));
		return buf_append(out, slice_str(text));
	}
	if (strstr(path, ".conf") != NULL)
		return buf_append(out, slice_str("log {\n\tlevel debug\n}\n"));
	if (strstr(path, "bad") != NULL)
		return err_set(e, "%s: No such file or directory", "bad");
	return buf_append(out, slice_str("# list\n10.0.0.0/8\n::1\n"));
}

static int fake_glob(void *ctx, const char *pattern,
                     int (*found)(void *found_ctx, const char *path), void *found_ctx,
                     struct err *e)
{
	(void)ctx;
	(void)pattern;
	(void)e;
	return found(found_ctx, "a.conf") != 0 || found(found_ctx, "main.conf") != 0 ? -1 : 0;
}

static struct conf *load(struct slice text, struct conf_report *report)
{
	struct source s = {.text = text};
	struct conf_reader reader = {.ctx = &s, .read = fake_read, .glob = fake_glob};

	return conf_load("main.conf", &reader, report);
}

static void check_report(const struct conf_report *r)
{
	FUZZ_CHECK((r->errors + r->warnings != 0) == (r->len != 0));
	for (size_t i = 0; i < r->len; i++) {
		uint8_t c = (uint8_t)r->text[i];
		FUZZ_CHECK((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t');
	}
}

/* A dump without its origins, which name the lines of the text that was loaded. */
static void strip(const struct buf *from, struct buf *to)
{
	struct slice all = buf_view(from);

	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '\t' && i + 1 < all.n && all.p[i + 1] == '#') {
			while (all.p[i] != '\n')
				i++;
		}
		FUZZ_CHECK(buf_append(to, slice_of(all.p + i, 1)) == 0);
	}
}

static void check_dump(const struct conf *c)
{
	struct buf dump = {.cap = 1 << 24}, again = {.cap = 1 << 24}, one = {.cap = 1 << 24},
	           two = {.cap = 1 << 24};
	struct conf_report report = {0};

	FUZZ_CHECK(conf_dump(c, &dump) == 0);
	struct conf *second = load(buf_view(&dump), &report);
	FUZZ_CHECK(second != NULL && conf_dump(second, &again) == 0);
	strip(&dump, &one);
	strip(&again, &two);
	FUZZ_CHECK(slice_eq(buf_view(&one), buf_view(&two)));
	conf_free(second);
	conf_report_fini(&report);
	buf_free(&dump);
	buf_free(&again);
	buf_free(&one);
	buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_report report = {0};
	struct conf *c = load(slice_of(data, size), &report);

	FUZZ_CHECK((c == NULL) == (report.errors > 0));
	check_report(&report);
	if (c != NULL)
		check_dump(c);
	conf_free(c);
	conf_report_fini(&report);
	return 0;
}
