/* SPDX-License-Identifier: ISC */
/* Bans by hand, and the list of all. The daemon has them; here words become its requests and its
 * lines become a table. */
#include "ctl/state.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 1024, REASON_MAX = 200, YEARS = 10, QUOTE_SIZE = 120 };

#define FOR_MAX_MS (UINT64_C(86400000) * 365 * YEARS)

/* A value as it travels: an address as it is, a name in hexadecimal. 0, or -1 with the exit status,
 * reported. */
static int put_value(const struct ctl *ctl, const char *kind, const char *value, char *out,
                     int *status)
{
	size_t n = strlen(value);
	char quote[QUOTE_SIZE];
	struct acl_cidr network;
	struct err e;

	*status = CTL_USAGE;
	if (strcmp(kind, "address") == 0) {
		if (acl_cidr_parse(slice_str(value), &network, &e) == 0) {
			memcpy(out, value, n + 1);
			return 0;
		}
		(void)ctl_usage(ctl, "%s", e.text);
	} else if (strcmp(kind, "user") != 0 && strcmp(kind, "client-id") != 0) {
		(void)ctl_usage(ctl, "\"%s\" cannot be banned: address, user and client-id can",
		                text_escape(slice_str(kind), quote, sizeof quote));
	} else if (n == 0 || n > VALUE_MAX) {
		(void)ctl_usage(ctl, "a name that is banned has 1 to %d bytes", VALUE_MAX);
	} else {
		text_hex(slice_str(value).p, n, out);
		return 0;
	}
	return -1;
}

/* Milliseconds of "for DURATION", 0 without it. */
static int read_for(const struct ctl *ctl, const struct ctl_args *args, uint64_t *ms)
{
	struct err e;

	*ms = 0;
	if (args->n_operands == 2)
		return 0;
	if (args->n_operands == 3 || strcmp(args->operands[2], "for") != 0)
		return ctl_usage(ctl, "behind what is banned stands \"for DURATION\", or nothing");
	if (text_duration(slice_str(args->operands[3]), 1000, FOR_MAX_MS, ms, &e) != 0)
		return ctl_usage(ctl, "%s", e.text);
	return 0;
}

static int ban(const struct ctl *ctl, const struct ctl_args *args)
{
	const char *kind = args->operands[0], *reason = ctl_arg(args, "reason");
	char value[2 * VALUE_MAX + 1], why[2 * REASON_MAX + 1] = "-",
	                                                    line[sizeof value + sizeof why + 80];
	uint64_t ms;
	int status = read_for(ctl, args, &ms);

	if (status != 0 || put_value(ctl, kind, args->operands[1], value, &status) != 0)
		return status;
	if (reason != NULL && strlen(reason) > REASON_MAX)
		return ctl_usage(ctl, "a reason has at most %d bytes", REASON_MAX);
	if (reason != NULL && *reason != '\0')
		text_hex(slice_str(reason).p, strlen(reason), why);
	(void)snprintf(line, sizeof line, "ban %s %s %llu %s\n", kind, value,
	               (unsigned long long)ms, why);
	return ctl_converse(ctl, slice_str(line), false);
}

static int unban(const struct ctl *ctl, const struct ctl_args *args)
{
	char value[2 * VALUE_MAX + 1], line[sizeof value + 32];
	int status;

	if (put_value(ctl, args->operands[0], args->operands[1], value, &status) != 0)
		return status;
	(void)snprintf(line, sizeof line, "unban %s %s\n", args->operands[0], value);
	return ctl_converse(ctl, slice_str(line), false);
}

/* What one line of the list says. */
struct row {
	struct slice kind, value, by, reason;
	uint64_t since, until;
	uint8_t value_room[VALUE_MAX], reason_room[REASON_MAX];
};

static struct slice take_word(struct slice *line)
{
	const uint8_t *end = line->n == 0 ? NULL : memchr(line->p, ' ', line->n);
	struct slice word = slice_of(line->p, end == NULL ? line->n : (size_t)(end - line->p));

	*line = slice_from(*line, end == NULL ? word.n : word.n + 1);
	return word;
}

static bool unhex(struct slice *word, uint8_t *room, size_t size)
{
	size_t n = word->n / 2;

	if (n > size || text_unhex(*word, room, n, NULL) != 0)
		return false;
	*word = slice_of(room, n);
	return true;
}

static bool read_row(struct slice line, struct row *r)
{
	r->kind = take_word(&line);
	r->value = take_word(&line);
	struct slice since = take_word(&line), until = take_word(&line);
	r->by = take_word(&line);
	r->reason = take_word(&line);
	if (slice_eq(r->reason, slice_str("-")))
		r->reason.n = 0;
	return text_number(since, 0, INT64_MAX, &r->since, NULL) == 0 &&
	       text_number(until, 0, INT64_MAX, &r->until, NULL) == 0 &&
	       (slice_eq(r->kind, slice_str("address")) ||
	        unhex(&r->value, r->value_room, sizeof r->value_room)) &&
	       unhex(&r->reason, r->reason_room, sizeof r->reason_room);
}

static void print_text(const struct row *r)
{
	char value[QUOTE_SIZE], reason[QUOTE_SIZE], until[CTL_DATE_TEXT];

	(void)printf("%-9.*s %-24s %-20s %-6.*s %s\n", (int)r->kind.n, (const char *)r->kind.p,
	             text_escape(r->value, value, sizeof value),
	             r->until == 0 ? "for-ever" : ctl_date((int64_t)r->until, until), (int)r->by.n,
	             (const char *)r->by.p, text_escape(r->reason, reason, sizeof reason));
}

static void print_json(const struct row *r)
{
	char text[CTL_DATE_TEXT];

	(void)fputs("{\"kind\": ", stdout);
	ctl_json_string(r->kind);
	(void)fputs(", \"value\": ", stdout);
	ctl_json_string(r->value);
	(void)printf(", \"since\": \"%s\", \"until\": ", ctl_date((int64_t)r->since, text));
	if (r->until == 0)
		(void)fputs("null", stdout);
	else
		(void)printf("\"%s\"", ctl_date((int64_t)r->until, text));
	(void)fputs(", \"by\": ", stdout);
	ctl_json_string(r->by);
	(void)fputs(", \"reason\": ", stdout);
	ctl_json_string(r->reason);
	(void)fputs("}", stdout);
}

static int print_rows(const struct ctl *ctl, struct slice text)
{
	const char *separator = "[";
	struct row r;

	while (text.n != 0) {
		if (!read_row(ctl_take_line(&text), &r))
			return ctl_fail("the daemon's answer is not understood");
		if (ctl->json) {
			(void)fputs(separator, stdout);
			separator = ",\n ";
			print_json(&r);
		} else {
			print_text(&r);
		}
	}
	if (ctl->json)
		(void)puts(*separator == '[' ? "[]" : "]");
	return CTL_OK;
}

static int bans(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_answer answer = {.bytes = {.cap = CTL_ANSWER_MAX}};
	int status = ctl_ask(ctl, slice_str("bans\n"), &answer);

	(void)args;
	if (answer.understood && status == CTL_OK)
		status = print_rows(ctl, answer.text);
	else if (answer.understood)
		ctl_print_plain(ctl, status, answer.text);
	buf_free(&answer.bytes);
	return status;
}

const struct ctl_command ctl_ban = {
    .words = "ban",
    .usage = "address ADDRESS|NETWORK | user NAME | client-id ID [for DURATION] [--reason TEXT]",
    .summary = "let nobody of that address, user or client id in, and cut who is there",
    .n_operands = 2,
    .n_more = 2,
    .run = ban,
    .options = {{"reason", true, false}},
};

const struct ctl_command ctl_unban = {
    .words = "unban",
    .usage = "address ADDRESS|NETWORK | user NAME | client-id ID",
    .summary = "lift a ban",
    .n_operands = 2,
    .run = unban,
};

const struct ctl_command ctl_bans = {
    .words = "bans",
    .usage = "",
    .summary = "list the bans in force, the newest first",
    .run = bans,
};
