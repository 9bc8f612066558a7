/* SPDX-License-Identifier: ISC */
/* A list may have a million lines and is asked on every connect, so an entry is kept in whatever
 * form is found fastest, and its text only where it is a real glob. The text of the file is walked
 * once, in place, and nothing of it is needed afterwards. */
#include "acl/list.h"

#include "acl/networks.h"
#include "acl/pattern.h"
#include "acl/set.h"
#include "base/buf.h"
#include "base/text.h"

#include <stdlib.h>

enum { QUOTE_SIZE = 200, NAME_MAX_LEN = 65535 };

/* What is in use depends on the kind. */
struct acl_list {
	struct acl_networks networks;
	struct acl_set names;
	struct buf globs; /* each behind its length, two bytes */
};

void acl_list_free(struct acl_list *l)
{
	if (l == NULL)
		return;
	acl_networks_fini(&l->networks);
	acl_set_fini(&l->names);
	buf_free(&l->globs);
	free(l);
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static int add_address(struct acl_list *l, struct slice line, struct err *e)
{
	struct acl_cidr c;

	while (line.n != 0 && blank(line.p[0]))
		line = slice_from(line, 1);
	while (line.n != 0 && blank(line.p[line.n - 1]))
		line.n--;
	if (line.n != 0 && line.p[0] == '#')
		return err_set(e, "a comment begins with # and a blank at the start of the line");
	if (acl_cidr_parse(line, &c, e) != 0)
		return -1;
	return acl_networks_add(&l->networks, &c) == 0 ? 0 : err_set(e, "no memory for the list");
}

/* Whether an entry is a glob, or just a name. -1 where nobody could see what it is. */
static int is_glob(struct slice line, struct err *e)
{
	bool glob = false, hidden = false;

	for (size_t i = 0; i < line.n; i++) {
		if ((blank(line.p[i]) && (i == 0 || i + 1 == line.n)) || line.p[i] == '\r')
			hidden = true;
		if (line.p[i] == '\\')
			i++;
		else if (line.p[i] == '*' || line.p[i] == '?')
			glob = true;
	}
	if (hidden)
		return err_set(e, "the entry begins or ends with a blank, or holds a carriage "
		                  "return: take it away, or put a backslash before it");
	if (acl_glob_has_name(line, 'u') || acl_glob_has_name(line, 'c'))
		return err_set(e,
		               "%%u and %%c stand for names in rules only: a backslash before %% "
		               "makes it ordinary");
	return glob;
}

static int add_glob(struct acl_list *l, struct slice line, struct err *e)
{
	uint8_t n[2] = {(uint8_t)(line.n >> 8), (uint8_t)(line.n & 0xff)};

	if (buf_append(&l->globs, slice_of(n, 2)) != 0 || buf_append(&l->globs, line) != 0)
		return err_set(e, "no memory for the list");
	return 0;
}

/* A name with backslashes, without them. */
static int add_escaped(struct acl_list *l, struct slice line, struct err *e)
{
	uint8_t *plain = malloc(line.n);
	size_t n = 0;

	if (plain == NULL)
		return err_set(e, "no memory for the list");
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '\\')
			i++;
		plain[n++] = line.p[i];
	}
	acl_set_add(&l->names, slice_of(plain, n));
	free(plain);
	return 0;
}

static int add_name(struct acl_list *l, struct slice line, struct err *e)
{
	if (line.n > NAME_MAX_LEN)
		return err_set(e, "the entry is longer than any name can be");
	int glob = acl_glob_check(line, e) == 0 ? is_glob(line, e) : -1;
	if (glob != 0)
		return glob < 0 ? -1 : add_glob(l, line, e);
	if (memchr(line.p, '\\', line.n) != NULL)
		return add_escaped(l, line, e);
	acl_set_add(&l->names, line);
	return 0;
}

static bool left_out(struct slice line)
{
	size_t i = 0;

	if (line.n >= 2 && line.p[0] == '#' && line.p[1] == ' ')
		return true;
	while (i < line.n && blank(line.p[i]))
		i++;
	return i == line.n;
}

/* The next line without its end; `rest` moves behind it. */
static struct slice next_line(struct slice *rest)
{
	const uint8_t *end = memchr(rest->p, '\n', rest->n);
	struct slice line = slice_of(rest->p, end == NULL ? rest->n : (size_t)(end - rest->p));

	*rest = slice_from(*rest, end == NULL ? rest->n : line.n + 1);
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Some editors begin a file with a byte order mark, which nobody sees and no name begins with. */
static struct slice behind_mark(struct slice text)
{
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
	bool marked = text.n >= sizeof mark && memcmp(text.p, mark, sizeof mark) == 0;

	return marked ? slice_from(text, sizeof mark) : text;
}

static int add_lines(struct acl_list *l, enum acl_kind kind, struct slice text, struct slice name,
                     struct err *e)
{
	text = behind_mark(text);
	for (unsigned number = 1; text.n != 0; number++) {
		struct slice line = next_line(&text);
		struct err why;
		char quote[QUOTE_SIZE];

		if (left_out(line))
			continue;
		if ((kind == ACL_ADDRESS ? add_address : add_name)(l, line, &why) != 0)
			return err_set(e, "%s:%u: %s", text_escape(name, quote, sizeof quote),
			               number, why.text);
	}
	return 0;
}

static size_t count_lines(struct slice text)
{
	size_t n = 0;

	while (text.n != 0) {
		(void)next_line(&text);
		n++;
	}
	return n;
}

struct acl_list *acl_list_new(enum acl_kind kind, struct slice text, struct slice name,
                              struct err *e)
{
	struct acl_list *l = calloc(1, sizeof *l);

	if (l == NULL || (kind != ACL_ADDRESS && acl_set_init(&l->names, count_lines(text)) != 0)) {
		err_set(e, "no memory for the list");
		goto fail;
	}
	l->globs.cap = SIZE_MAX;
	if (add_lines(l, kind, text, name, e) != 0)
		goto fail;
	if (acl_networks_finish(&l->networks) != 0) {
		err_set(e, "no memory for the list");
		goto fail;
	}
	return l;
fail:
	acl_list_free(l);
	return NULL;
}

bool acl_list_empty(const struct acl_list *l)
{
	return acl_networks_empty(&l->networks) && l->names.n == 0 && l->globs.len == 0;
}

bool acl_list_has_address(const struct acl_list *l, const struct acl_address *a)
{
	return acl_networks_has(&l->networks, a);
}

bool acl_list_has_name(const struct acl_list *l, struct slice name)
{
	struct slice rest = buf_view(&l->globs);

	if (acl_set_has(&l->names, name))
		return true;
	while (rest.n != 0) {
		size_t n = (size_t)rest.p[0] << 8 | rest.p[1];
		if (acl_glob_match(slice_of(rest.p + 2, n), name))
			return true;
		rest = slice_from(rest, 2 + n);
	}
	return false;
}
