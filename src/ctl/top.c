/* SPDX-License-Identifier: ISC */
/* `status` again and again, as rates. It is the daemon's own numbers, so it needs no request of its
 * own; on a terminal it stays until q or an interrupt, else it tells one second. */
#include "ctl/ctl.h"

#include "base/text.h"
#include "sys/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { INTERVAL_MS = 1000, INTERRUPT = 3 /* Ctrl-C */ };

/* X(symbol, name in status, what is shown, whether it is a rate) */
#define ROWS(X)                                                           \
	X(CONNECTIONS, "connections", "connections", false)               \
	X(PENDING, "pending", "pending", false)                           \
	X(ARRIVED, "connections-accepted", "connections arriving", true)  \
	X(ACCEPTED, "connects-accepted", "logins accepted", true)         \
	X(REFUSED, "connects-refused", "logins refused", true)            \
	X(AT_ACCEPT, "connections-refused", "connections refused", true)  \
	X(PACKETS_UP, "packets-up", "packets up", true)                   \
	X(PACKETS_DOWN, "packets-down", "packets down", true)             \
	X(FROM_CLIENTS, "bytes-from-clients", "bytes from clients", true) \
	X(TO_CLIENTS, "bytes-down", "bytes to clients", true)             \
	X(FROM_BROKERS, "bytes-from-brokers", "bytes from brokers", true) \
	X(TO_BROKERS, "bytes-up", "bytes to brokers", true)               \
	X(SEALED, "payloads-sealed", "payloads sealed", true)             \
	X(OPENED, "payloads-opened", "payloads opened", true)             \
	X(FAILED, "payloads-failed", "payloads failed", true)             \
	X(DENIED, "messages-denied", "messages denied", true)             \
	X(BUFFERED, "buffered-bytes", "bytes buffered", false)

enum row {
#define X(symbol, name, shown, rate) ROW_##symbol,
	ROWS(X)
#undef X
	    ROW_COUNT
};

static const struct {
	const char *name, *shown;
	bool rate;
} rows[ROW_COUNT] = {
#define X(symbol, name_, shown_, rate_) [ROW_##symbol] = {name_, shown_, rate_},
    ROWS(X)
#undef X
};

struct reading {
	int64_t ms;
	uint64_t value[ROW_COUNT], uptime;
};

static void take(struct reading *r, struct slice name, struct slice value)
{
	uint64_t n;

	if (text_number(value, 0, UINT64_MAX, &n, NULL) != 0)
		return;
	if (slice_eq(name, slice_str("uptime-seconds")))
		r->uptime = n;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (slice_eq(name, slice_str(rows[i].name)))
			r->value[i] = n;
	}
}

static int read_status(const struct ctl *ctl, struct reading *r)
{
	struct ctl_answer answer = {.bytes = {.cap = CTL_ANSWER_MAX}};
	int status = ctl_ask(ctl, slice_str("status\n"), &answer);

	*r = (struct reading){.ms = clock_now().mono_ms};
	if (answer.understood && status != CTL_OK)
		ctl_print_plain(ctl, status, answer.text);
	while (status == CTL_OK && answer.text.n != 0) {
		struct slice line = ctl_take_line(&answer.text);
		const uint8_t *blank = line.n == 0 ? NULL : memrchr(line.p, ' ', line.n);
		if (blank == NULL)
			continue;
		size_t n = (size_t)(blank - line.p);
		take(r, slice_of(line.p, n), slice_from(line, n + 1));
	}
	buf_free(&answer.bytes);
	return status;
}

/* A second's worth, or, of what is no rate, the number. A daemon that was started anew begins at 0.
 */
static double shown(const struct reading *now, const struct reading *before, size_t i)
{
	int64_t ms = now->ms - before->ms;

	if (!rows[i].rate)
		return (double)now->value[i];
	if (ms <= 0 || now->value[i] < before->value[i])
		return 0;
	return (double)(now->value[i] - before->value[i]) * 1e3 / (double)ms;
}

static void print_json(const struct reading *now, const struct reading *before)
{
	(void)printf("{\"uptime-seconds\": %" PRIu64, now->uptime);
	for (size_t i = 0; i < ROW_COUNT; i++)
		(void)printf(",\n \"%s%s\": %.1f", rows[i].name, rows[i].rate ? "-per-second" : "",
		             shown(now, before, i));
	(void)puts("}");
}

static void print_table(const struct reading *now, const struct reading *before)
{
	(void)printf("mqsecproxy, up %" PRIu64 " s\n\n", now->uptime);
	for (size_t i = 0; i < ROW_COUNT; i++)
		(void)printf("%-22s %14.*f%s\n", rows[i].shown, rows[i].rate ? 1 : 0,
		             shown(now, before, i), rows[i].rate ? " /s" : "");
}

/* Waits a second. True where it is to end: by a key, or nobody is there to press one. */
static bool wait_for_q(bool keys)
{
	struct pollfd p = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
	char key = '\0';

	if (poll(&p, 1, INTERVAL_MS) <= 0)
		return false;
	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == INTERRUPT;
}

/* Until q. An interrupt comes as a key, so that the terminal is put right behind it. */
static int live(const struct ctl *ctl, struct reading *before)
{
	struct termios old, raw;
	struct reading now;
	bool keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	int status = CTL_OK;

	if (keys) {
		raw = old;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	while (!wait_for_q(keys) && (status = read_status(ctl, &now)) == CTL_OK) {
		(void)fputs("\033[H\033[2J", stdout);
		print_table(&now, before);
		(void)puts("\nq ends");
		(void)fflush(stdout);
		*before = now;
	}
	if (keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &old);
	return status;
}

static int top(const struct ctl *ctl, const struct ctl_args *args)
{
	struct reading before, now;
	int status = read_status(ctl, &before);

	(void)args;
	if (status != CTL_OK)
		return status;
	if (isatty(STDOUT_FILENO) && !ctl->json)
		return live(ctl, &before);
	(void)wait_for_q(false);
	status = read_status(ctl, &now);
	if (status == CTL_OK && ctl->json)
		print_json(&now, &before);
	else if (status == CTL_OK)
		print_table(&now, &before);
	return status;
}

const struct ctl_command ctl_top = {
    .words = "top",
    .usage = "",
    .summary = "connections, logins and traffic a second, live on a terminal until q",
    .run = top,
};
