/* SPDX-License-Identifier: ISC */
/* What the commands read. Secrets come from files only, never from the command line or the
 * environment, where other users of the machine could see them; what was read is wiped by its
 * buffer. Whose the files are is not asked: they are named by whoever runs the command, and may be
 * pipes. */
#include "ctl/ctl.h"

#include "base/secret.h"
#include "base/text.h"
#include "otp/base32.h"
#include "otp/secret.h"
#include "sys/file.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, SECRET_FILE_MAX = 8192 };

int ctl_read_input(struct buf *out)
{
	for (;;) {
		uint8_t beyond;
		bool full = buf_room(out) == 0;
		size_t want = buf_room(out) < CHUNK ? buf_room(out) : CHUNK;
		uint8_t *to = full ? &beyond : buf_reserve(out, want);
		if (to == NULL)
			return ctl_fail("standard input: out of memory");
		ssize_t got = read(STDIN_FILENO, to, full ? 1 : want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ctl_fail("standard input: %s", strerror(errno));
		if (got == 0)
			return CTL_OK;
		if (full)
			return ctl_fail("standard input: more than %zu bytes", out->cap);
		buf_added(out, (size_t)got);
	}
}

int ctl_read_key(const char *path, uint8_t key[SEAL_KEY_SIZE], struct err *e)
{
	struct buf content = {.cap = SECRET_FILE_MAX};
	struct err why = {""};

	if (file_read(NULL, path, false, &content, e) != 0)
		return -1;
	int result = seal_key_parse(buf_view(&content), key, &why);
	buf_free(&content);
	return result == 0 ? 0 : err_set(e, "%s: %s", path, why.text);
}

/* A line that is not shown while it is typed. */
static int ask_password(struct buf *out)
{
	struct termios before, silent;
	uint8_t c = 0;
	ssize_t got;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return ctl_fail("terminal: %s", strerror(errno));
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
		return ctl_fail("terminal: %s", strerror(errno));
	(void)fputs("password: ", stderr);
	while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (buf_append(out, slice_of(&c, 1)) != 0)
			break;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputs("\n", stderr);
	return got == 1 && c != '\n' ? ctl_fail("the password is too long") : CTL_OK;
}

int ctl_read_password(const char *path, struct buf *memory, struct slice *out)
{
	struct err e = {""};
	int result = CTL_OK;

	if (strcmp(path, "-") != 0)
		result =
		    file_read(NULL, path, false, memory, &e) != 0 ? ctl_fail("%s", e.text) : CTL_OK;
	else if (isatty(STDIN_FILENO) == 1)
		result = ask_password(memory);
	else
		result = ctl_read_input(memory);
	struct slice s = buf_view(memory);
	if (s.n != 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n != 0 && s.p[s.n - 1] == '\r')
		s.n--;
	*out = s;
	return result;
}

static int decode(struct slice text, bool hex, uint8_t *out, size_t size)
{
	if (!hex)
		return base32_decode(text, out, size);
	if (text.n % 2 != 0 || text.n / 2 > size || text_unhex(text, out, text.n / 2, NULL) != 0)
		return -1;
	return (int)(text.n / 2);
}

int ctl_read_secret(const char *path, bool hex, uint8_t *out, size_t size, struct err *e)
{
	struct buf content = {.cap = SECRET_FILE_MAX};

	if (file_read(NULL, path, false, &content, e) != 0)
		return -1;
	int n = decode(otp_secret_text(buf_view(&content)), hex, out, size);
	buf_free(&content);
	if (n > 0)
		return n;
	secret_wipe(out, size);
	if (n == 0)
		return err_set(e, "%s: there is no secret in it", path);
	return err_set(e, "%s does not hold a secret of at most %zu bytes in %s%s", path, size,
	               hex ? "hexadecimal" : "base32", hex ? "" : " (--hex for hexadecimal)");
}
