/* SPDX-License-Identifier: ISC */
/* Who is connected, and what one client sends and gets. Names come from strangers: they travel in
 * hexadecimal, and are escaped before a terminal sees them. */
#include "ctl/ctl.h"

#include "base/text.h"
#include "sys/clock.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 1000, SHOWN_MAX = 512, REQUEST_MAX = 4096 };

/* Splits off the next word. */
static struct slice take_word(struct slice *line)
{
	const uint8_t *blank = line->n == 0 ? NULL : memchr(line->p, ' ', line->n);
	struct slice word = slice_of(line->p, blank == NULL ? line->n : (size_t)(blank - line->p));

	*line = slice_from(*line, blank == NULL ? word.n : word.n + 1);
	return word;
}

/* A word in hexadecimal as the bytes that it stands for; `-` is none. */
static struct slice take_hex(struct slice *line, uint8_t room[SHOWN_MAX])
{
	struct slice word = take_word(line);

	if (word.n / 2 > SHOWN_MAX || text_unhex(word, room, word.n / 2, NULL) != 0)
		return slice_of(NULL, 0);
	return slice_of(room, word.n / 2);
}

static void print_field(const char *separator, const char *name, struct slice value)
{
	(void)printf("%s\"%s\": ", separator, name);
	ctl_json_string(value);
}

static void print_shown(struct slice value)
{
	char text[4 * SHOWN_MAX + 8];

	(void)fputs(value.n == 0 ? "-" : text_escape(value, text, sizeof text), stdout);
}

static void print_plain(struct slice value)
{
	(void)printf("%.*s", (int)value.n, (const char *)value.p);
}

/* One line of `connections`. */
static void print_connection(const struct ctl *ctl, struct slice line, bool first)
{
	static const char *const names[] = {"listener", "peer",    "state",
	                                    "mqtt",     "seconds", "buffered"};
	static const int widths[] = {12, 24, 13, 5, 8, 8};
	uint8_t room[2][SHOWN_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice word = take_word(&line);
		if (!ctl->json) {
			(void)printf("%-*.*s ", widths[i], (int)word.n, (const char *)word.p);
		} else if (i < 4) {
			print_field(i != 0 ? ", " : first ? "[{" : ",\n {", names[i], word);
		} else {
			(void)printf(", \"%s\": ", names[i]);
			print_plain(word);
		}
	}
	struct slice id = take_hex(&line, room[0]), user = take_hex(&line, room[1]);
	if (ctl->json) {
		print_field(", ", "client-id", id);
		print_field(", ", "user", user);
		(void)putchar('}');
		return;
	}
	print_shown(id);
	(void)putchar(' ');
	print_shown(user);
	(void)putchar('\n');
}

static void print_connections(const struct ctl *ctl, struct slice text)
{
	struct slice head = ctl_take_line(&text);
	uint64_t found = 0, listed = 0;

	(void)take_word(&head);
	(void)text_number(head, 0, UINT64_MAX, &found, NULL);
	if (!ctl->json)
		(void)printf("%-12s %-24s %-13s %-5s %-8s %-8s %s\n", "LISTENER", "PEER", "STATE",
		             "MQTT", "SECONDS", "BUFFERED", "CLIENT-ID USER");
	for (; text.n != 0; listed++)
		print_connection(ctl, ctl_take_line(&text), listed == 0);
	if (ctl->json)
		(void)puts(listed == 0 ? "[]" : "]");
	else if (found > listed)
		(void)printf("%" PRIu64 " of %" PRIu64 " are shown\n", listed, found);
}

/* Appends " NAME VALUE", a name in hexadecimal. 0, or the exit status, reported. */
static int put_criterion(const struct ctl *ctl, struct buf *request, const char *name,
                         const char *value)
{
	bool hexadecimal = strcmp(name, "client-id") == 0 || strcmp(name, "user") == 0;
	char hex[2 * NAME_MAX_BYTES + 1];
	uint8_t address[16];
	uint64_t n;
	struct err e;

	if (*value == '\0' || strlen(value) > NAME_MAX_BYTES ||
	    strpbrk(value, hexadecimal ? "" : " \n") != NULL)
		return ctl_usage(ctl, "--%s has 1 to %d bytes", name, NAME_MAX_BYTES);
	if (strcmp(name, "address") == 0 && inet_pton(AF_INET, value, address) != 1 &&
	    inet_pton(AF_INET6, value, address) != 1)
		return ctl_usage(ctl, "--address is a numeric IPv4 or IPv6 address");
	if (strcmp(name, "limit") == 0 && text_number(slice_str(value), 1, 100000, &n, &e) != 0)
		return ctl_usage(ctl, "--limit: %s", e.text);
	if (hexadecimal) {
		text_hex(slice_str(value).p, strlen(value), hex);
		value = hex;
	}
	(void)buf_append(request, slice_str(" "));
	(void)buf_append(request, slice_str(name));
	(void)buf_append(request, slice_str(" "));
	return buf_append(request, slice_str(value)) == 0
	           ? 0
	           : ctl_usage(ctl, "that is too much at once");
}

static int connections(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_answer answer = {.bytes = {.cap = CTL_ANSWER_MAX}};
	struct buf request = {.cap = REQUEST_MAX};
	int status = buf_append(&request, slice_str("connections")) == 0 ? 0 : CTL_FAILED;

	for (size_t i = 0; status == 0 && i < args->n_given; i++)
		status =
		    put_criterion(ctl, &request, args->given[i].option->name, args->given[i].value);
	if (status == 0 && ctl_arg(args, "limit") == NULL)
		status = put_criterion(ctl, &request, "limit", "1000");
	if (status == 0 && buf_append(&request, slice_str("\n")) != 0)
		status = ctl_usage(ctl, "that is too much at once");
	if (status == 0) {
		status = ctl_ask(ctl, buf_view(&request), &answer);
		if (answer.understood && status == CTL_OK)
			print_connections(ctl, answer.text);
		else if (answer.understood)
			ctl_print_plain(ctl, status, answer.text);
	}
	buf_free(&request);
	buf_free(&answer.bytes);
	return status;
}

struct tracing {
	const struct ctl *ctl;
	uint64_t left; /* lines, 0: without end */
};

/* TIME packet DIRECTION TYPE SIZE QOS RETAIN TOPIC */
static void print_packet(const struct ctl *ctl, struct slice time, struct slice line)
{
	struct slice direction = take_word(&line), type = take_word(&line), size = take_word(&line);
	struct slice qos = take_word(&line), retain = take_word(&line);
	bool publish = slice_eq(type, slice_str("PUBLISH"));
	bool retained = slice_eq(retain, slice_str("1"));
	uint8_t room[SHOWN_MAX];
	struct slice topic = take_hex(&line, room);

	if (!ctl->json) {
		print_plain(time);
		(void)printf(" %-4.*s %-11.*s %8.*s", (int)direction.n, (const char *)direction.p,
		             (int)type.n, (const char *)type.p, (int)size.n, (const char *)size.p);
		if (publish) {
			(void)printf(" qos %.*s%s ", (int)qos.n, (const char *)qos.p,
			             retained ? " retain" : "");
			print_shown(topic);
		}
		(void)putchar('\n');
		return;
	}
	(void)fputs("{\"time\": ", stdout);
	print_plain(time);
	print_field(", ", "direction", direction);
	print_field(", ", "packet", type);
	(void)fputs(", \"size\": ", stdout);
	print_plain(size);
	if (publish) {
		(void)fputs(", \"qos\": ", stdout);
		print_plain(qos);
		(void)printf(", \"retain\": %s", retained ? "true" : "false");
		print_field(", ", "topic", topic);
	}
	(void)puts("}");
}

/* TIME note DIRECTION KIND TOPIC RULE WORDS… */
static void print_note(const struct ctl *ctl, struct slice time, struct slice line)
{
	struct slice direction = take_word(&line), kind = take_word(&line);
	uint8_t room[2][SHOWN_MAX];
	struct slice topic = take_hex(&line, room[0]), rule = take_hex(&line, room[1]);

	if (ctl->json) {
		(void)fputs("{\"time\": ", stdout);
		print_plain(time);
		print_field(", ", "direction", direction);
		print_field(", ", "note", kind);
		print_field(", ", "text", line);
		if (topic.n != 0)
			print_field(", ", "topic", topic);
		if (rule.n != 0)
			print_field(", ", "rule", rule);
		(void)puts("}");
		return;
	}
	print_plain(time);
	(void)printf(" %-4.*s %.*s: ", (int)direction.n, (const char *)direction.p, (int)kind.n,
	             (const char *)kind.p);
	print_plain(line);
	for (size_t i = 0; i < 2; i++) {
		struct slice more = i == 0 ? topic : rule;
		if (more.n == 0)
			continue;
		(void)fputs(i == 0 ? " topic " : " rule ", stdout);
		print_shown(more);
	}
	(void)putchar('\n');
}

static bool trace_line(void *ctx, struct slice line)
{
	struct tracing *t = ctx;
	struct slice time = take_word(&line), what = take_word(&line);

	if (slice_eq(what, slice_str("packet"))) {
		print_packet(t->ctl, time, line);
	} else if (slice_eq(what, slice_str("note"))) {
		print_note(t->ctl, time, line);
	} else { /* lost N */
		(void)fprintf(stderr, "mqsecproxyctl: %.*s lines were lost, this is too slow\n",
		              (int)what.n, (const char *)what.p);
		return true;
	}
	(void)fflush(stdout);
	return ferror(stdout) == 0 && (t->left == 0 || --t->left != 0);
}

static int trace(const struct ctl *ctl, const struct ctl_args *args)
{
	const char *id = ctl_arg(args, "client-id"), *count = ctl_arg(args, "count");
	const char *time = ctl_arg(args, "for");
	struct tracing t = {.ctl = ctl};
	char hex[2 * NAME_MAX_BYTES + 1], request[sizeof hex + 16];
	uint64_t ms = 0;
	struct err e;

	if (id == NULL || *id == '\0' || strlen(id) > NAME_MAX_BYTES)
		return ctl_usage(ctl, "--client-id with 1 to %d bytes is needed", NAME_MAX_BYTES);
	if ((count != NULL && text_number(slice_str(count), 1, UINT64_MAX, &t.left, &e) != 0) ||
	    (time != NULL && text_duration(slice_str(time), 1, UINT64_C(86400000), &ms, &e) != 0))
		return ctl_usage(ctl, "%s", e.text);
	text_hex(slice_str(id).p, strlen(id), hex);
	(void)snprintf(request, sizeof request, "trace %s\n", hex);
	return ctl_stream(ctl, slice_str(request), ms == 0 ? 0 : clock_now().mono_ms + (int64_t)ms,
	                  trace_line, &t);
}

const struct ctl_command ctl_connections = {
    .words = "connections",
    .usage = "[--listener NAME] [--client-id ID] [--user NAME] [--address ADDRESS] [--limit N]",
    .summary = "who is connected, 1000 of them at most by default",
    .run = connections,
    .options = {{"listener", true, false},
                {"client-id", true, false},
                {"user", true, false},
                {"address", true, false},
                {"limit", true, false}},
};

const struct ctl_command ctl_trace = {
    .words = "trace",
    .usage = "--client-id ID [--count N] [--for DURATION]",
    .summary = "what a client sends and gets: types, sizes, topics and verdicts, never payloads",
    .run = trace,
    .options = {{"client-id", true, false}, {"count", true, false}, {"for", true, false}},
};
