/* SPDX-License-Identifier: ISC */
/* Talking with the running daemon: one line there, a verdict and text back, over a local socket
 * that only root and the daemon's own user may open. */
#include "ctl/ctl.h"

#include "base/text.h"
#include "sys/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 60, CHUNK = 1 << 16 };

/* The path as the configuration has it, to be freed; NULL for none. A configuration that is wrong
 * keeps nobody from asking the daemon: it runs with an earlier one, and what it says counts. */
static char *configured_path(const struct ctl *ctl)
{
	struct conf_report report = {0};
	struct conf *conf = ctl_load(ctl, false, &report);
	char **from = conf != NULL ? &conf->control_socket : &report.control_socket, *path = *from;

	*from = NULL;
	conf_free(conf);
	conf_report_fini(&report);
	return path;
}

/* The socket's path, to be freed, or NULL with the exit status, reported. A file that was named and
 * is not there is a slip of the hand: what is said next may be meant for another daemon. */
static char *socket_path(const struct ctl *ctl, int *status)
{
	*status = CTL_BAD_CONFIGURATION;
	if (ctl->socket == NULL && ctl->conf_named && access(ctl->conf_path, R_OK) != 0) {
		(void)ctl_fail("%s: %s", ctl->conf_path, strerror(errno));
		return NULL;
	}
	char *path = ctl->socket != NULL ? strdup(ctl->socket) : configured_path(ctl);
	*status = CTL_FAILED;
	if (path == NULL)
		(void)ctl_fail("this configuration has no control socket (admin { socket none })");
	return path;
}

/* A descriptor, or -1 with errno; 0 in errno: the path is no socket's. */
static int dial(const char *path)
{
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	errno = 0;
	if (n == 0 || n >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, n + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int why = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = why;
	return -1;
}

bool ctl_runs(const struct ctl *ctl, const struct conf *conf)
{
	const char *path = ctl->socket != NULL ? ctl->socket : conf->control_socket;
	int fd = path == NULL ? -1 : dial(path);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* A descriptor, or -1 with the exit status, reported. */
static int connect_to_daemon(const struct ctl *ctl, int *status)
{
	char *path = socket_path(ctl, status);

	if (path == NULL)
		return -1;
	int fd = dial(path), why = errno;
	if (fd >= 0) {
		free(path);
		return fd;
	}
	if (why == 0) {
		(void)ctl_fail("the socket's path has 1 to %zu bytes",
		               sizeof((struct sockaddr_un *)0)->sun_path - 1);
	} else if (why == ENOENT || why == ECONNREFUSED) {
		(void)ctl_fail("mqsecproxy is not running (nobody listens at %s)", path);
		*status = CTL_NOT_RUNNING;
	} else if (why == EACCES || why == EPERM) {
		(void)ctl_fail("%s: %s (root and the daemon's own user may ask)", path,
		               strerror(why));
	} else {
		(void)ctl_fail("%s: %s", path, strerror(why));
	}
	free(path);
	return -1;
}

static int send_all(int fd, struct slice s)
{
	while (s.n != 0) {
		ssize_t put = send(fd, s.p, s.n, MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		s = slice_from(s, (size_t)put);
	}
	return 0;
}

static int receive_all(int fd, struct buf *out)
{
	for (;;) {
		uint8_t *to = buf_reserve(out, buf_room(out) < CHUNK ? buf_room(out) : CHUNK);
		if (to == NULL || buf_room(out) == 0) {
			errno = EMSGSIZE;
			return -1;
		}
		ssize_t got = recv(fd, to, buf_room(out) < CHUNK ? buf_room(out) : CHUNK, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		buf_added(out, (size_t)got);
	}
}

struct slice ctl_take_line(struct slice *text)
{
	const uint8_t *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);
	struct slice line = slice_of(text->p, end == NULL ? text->n : (size_t)(end - text->p));

	*text = slice_from(*text, line.n + 1);
	return line;
}

/* The exit status that the daemon's verdict stands for; -1 where it is none. */
static int status_of(struct slice verdict)
{
	if (slice_eq(verdict, slice_str("ok")))
		return CTL_OK;
	if (slice_eq(verdict, slice_str("failed")))
		return CTL_FAILED;
	return slice_eq(verdict, slice_str("bad-configuration")) ? CTL_BAD_CONFIGURATION : -1;
}

int ctl_ask(const struct ctl *ctl, struct slice request, struct ctl_answer *answer)
{
	int status, fd = connect_to_daemon(ctl, &status);

	if (fd < 0)
		return status;
	int result = send_all(fd, request) == 0 ? receive_all(fd, &answer->bytes) : -1;
	int why = errno;
	(void)close(fd);
	if (result != 0)
		return ctl_fail("no answer from the daemon: %s",
		                why == EAGAIN ? "it takes too long" : strerror(why));
	if (answer->bytes.len == 0)
		return ctl_fail("the daemon gave no answer (root and its own user may ask)");
	answer->text = buf_view(&answer->bytes);
	status = status_of(ctl_take_line(&answer->text));
	answer->understood = status >= 0;
	return status >= 0 ? status : ctl_fail("the daemon's answer is not understood");
}

/* Waits for more of a stream. 1: it is in `in`; 0: the time is over; -1: no more comes. */
static int receive_more(int fd, struct buf *in, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left = until_ms == 0 ? -1 : until_ms - clock_now().mono_ms;

	if (until_ms != 0 && left <= 0)
		return 0;
	int ready = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	if (ready <= 0)
		return ready == 0 ? 0 : errno == EINTR ? 1 : -1;
	uint8_t *to = buf_reserve(in, CHUNK);
	ssize_t got = to == NULL ? -1 : recv(fd, to, CHUNK, 0);
	if (got <= 0)
		return -1;
	buf_added(in, (size_t)got);
	return 1;
}

/* Hands out the whole lines that are there. False where it is enough. */
static bool hand_out(struct buf *in, bool (*line)(void *ctx, struct slice text), void *ctx)
{
	bool on = true;

	while (on && in->len != 0 && memchr(buf_view(in).p, '\n', in->len) != NULL) {
		struct slice rest = buf_view(in), text = ctl_take_line(&rest);
		on = line(ctx, text);
		buf_consume(in, text.n + 1);
	}
	return on;
}

/* Reads up to the verdict. Anything but `ok` is reported. */
static int stream_verdict(int fd, struct buf *in)
{
	while (in->len == 0 || memchr(buf_view(in).p, '\n', in->len) == NULL) {
		if (receive_more(fd, in, 0) < 0)
			return ctl_fail(
			    "the daemon gave no answer (root and its own user may ask)");
	}
	struct slice rest = buf_view(in), verdict = ctl_take_line(&rest);
	int status = status_of(verdict);
	if (status == CTL_OK)
		buf_consume(in, verdict.n + 1);
	else if (status < 0)
		status = ctl_fail("the daemon's answer is not understood");
	else
		(void)ctl_fail("%.*s", (int)(rest.n == 0 ? 0 : rest.n - 1), (const char *)rest.p);
	return status;
}

int ctl_stream(const struct ctl *ctl, struct slice request, int64_t until_ms,
               bool (*line)(void *ctx, struct slice text), void *ctx)
{
	struct buf in = {.cap = CTL_ANSWER_MAX};
	int more = 1, status, fd = connect_to_daemon(ctl, &status);

	if (fd < 0)
		return status;
	if (send_all(fd, request) != 0)
		status = ctl_fail("no answer from the daemon: %s", strerror(errno));
	else
		status = stream_verdict(fd, &in);
	while (status == CTL_OK && more > 0 && hand_out(&in, line, ctx))
		more = receive_more(fd, &in, until_ms);
	if (status == CTL_OK && more < 0)
		status = ctl_fail("the daemon has ended");
	(void)close(fd);
	buf_free(&in);
	return status;
}

void ctl_print_plain(const struct ctl *ctl, int status, struct slice text)
{
	const char *verdict = status == CTL_OK       ? "ok"
	                      : status == CTL_FAILED ? "failed"
	                                             : "bad-configuration";

	if (ctl->json) {
		(void)printf("{\"result\": \"%s\", \"text\": ", verdict);
		ctl_json_string(text);
		(void)puts("}");
	} else if (text.n != 0) {
		(void)fwrite(text.p, 1, text.n, status == CTL_OK ? stdout : stderr);
	} else if (status != CTL_OK) {
		(void)ctl_fail("the daemon says: %s", verdict);
	}
}

static bool is_number(struct slice s)
{
	uint64_t n;

	return (s.n == 1 || (s.n > 1 && s.p[0] != '0')) &&
	       text_number(s, 0, UINT64_MAX, &n, NULL) == 0;
}

/* Lines `NAME VALUE` as one object. A name may end in the path of a file, a value has no blank. */
static void print_pairs(struct slice text)
{
	const char *separator = "{";

	while (text.n != 0) {
		struct slice value = ctl_take_line(&text), name = value;
		const uint8_t *blank = value.n == 0 ? NULL : memrchr(value.p, ' ', value.n);
		if (blank == NULL)
			continue;
		name.n = (size_t)(blank - value.p);
		value = slice_from(value, name.n + 1);
		(void)fputs(separator, stdout);
		separator = ",\n ";
		ctl_json_string(name);
		(void)fputs(": ", stdout);
		if (is_number(value))
			(void)printf("%.*s", (int)value.n, (const char *)value.p);
		else
			ctl_json_string(value);
	}
	(void)puts(*separator == '{' ? "{}" : "}");
}

int ctl_converse(const struct ctl *ctl, struct slice request, bool pairs)
{
	struct ctl_answer answer = {.bytes = {.cap = CTL_ANSWER_MAX}};
	int status = ctl_ask(ctl, request, &answer);

	if (answer.understood && pairs && ctl->json && status == CTL_OK)
		print_pairs(answer.text);
	else if (answer.understood)
		ctl_print_plain(ctl, status, answer.text);
	buf_free(&answer.bytes);
	return status;
}
