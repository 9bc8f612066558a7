/* SPDX-License-Identifier: ISC */
/* What the running daemon is told to do, or asked in one line. Names travel as hexadecimal, so that
 * no byte of them can end the line. */
#include "base/text.h"
#include "ctl/ctl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_LEN_MAX = 65535, DRAIN_MAX_MS = 3600000 };

static int reload(const struct ctl *ctl, const struct ctl_args *args)
{
	(void)args;
	return ctl_converse(ctl, slice_str("reload\n"), false);
}

static int status(const struct ctl *ctl, const struct ctl_args *args)
{
	(void)args;
	return ctl_converse(ctl, slice_str("status\n"), true);
}

/* One word behind the verb, or none. */
static int order(const struct ctl *ctl, const char *verb, const char *word)
{
	char line[96];
	int n = snprintf(line, sizeof line, "%s%s%s\n", verb, *word == '\0' ? "" : " ", word);

	if (n < 0 || (size_t)n >= sizeof line)
		return ctl_usage(ctl, "that word is too long");
	return ctl_converse(ctl, slice_str(line), false);
}

static int drain(const struct ctl *ctl, const struct ctl_args *args)
{
	const char *over = ctl_arg(args, "over");
	char ms[24] = "";
	uint64_t value = 0;
	struct err e;

	if (over == NULL)
		return order(ctl, "drain", "");
	if (text_duration(slice_str(over), 0, DRAIN_MAX_MS, &value, &e) != 0)
		return ctl_usage(ctl, "%s", e.text);
	(void)snprintf(ms, sizeof ms, "%llu", (unsigned long long)value);
	return order(ctl, "drain", ms);
}

static int log_level_set(const struct ctl *ctl, const struct ctl_args *args)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(args->operands[0], levels[i]) == 0)
			return order(ctl, "log-level", levels[i]);
	}
	return ctl_usage(ctl, "a level is error, warning, info or debug");
}

static int kick_name(const struct ctl *ctl, const char *what, const char *name)
{
	size_t n = strlen(name), size = strlen("kick  \n") + strlen(what) + 2 * n + 1;

	if (n == 0 || n > NAME_LEN_MAX)
		return ctl_usage(ctl, "--%s has 1 to %d bytes", what, NAME_LEN_MAX);
	char *hex = malloc(2 * n + 1), *line = malloc(size);
	int result;
	if (hex == NULL || line == NULL) {
		result = ctl_fail("out of memory");
	} else {
		text_hex(slice_str(name).p, n, hex);
		(void)snprintf(line, size, "kick %s %s\n", what, hex);
		result = ctl_converse(ctl, slice_str(line), true);
	}
	free(hex);
	free(line);
	return result;
}

static int kick_address(const struct ctl *ctl, const char *text)
{
	uint8_t address[16];
	char line[96];

	if (inet_pton(AF_INET, text, address) != 1 && inet_pton(AF_INET6, text, address) != 1)
		return ctl_usage(ctl, "--address is a numeric IPv4 or IPv6 address");
	(void)snprintf(line, sizeof line, "kick address %s\n", text);
	return ctl_converse(ctl, slice_str(line), true);
}

static int kick(const struct ctl *ctl, const struct ctl_args *args)
{
	if (args->n_given != 1)
		return ctl_usage(ctl, "exactly one of --client-id, --user and --address is needed");
	const char *what = args->given[0].option->name, *value = args->given[0].value;
	return strcmp(what, "address") == 0 ? kick_address(ctl, value)
	                                    : kick_name(ctl, what, value);
}

const struct ctl_command ctl_reload = {
    .words = "reload",
    .usage = "",
    .summary = "let the daemon read its configuration again; on any error it keeps the old one",
    .run = reload,
};

const struct ctl_command ctl_drain = {
    .words = "drain",
    .usage = "[--over DURATION]",
    .summary = "accept nobody any more and end all connections over a time, shutdown-grace by "
               "default; the daemon stays until it is stopped",
    .run = drain,
    .options = {{"over", true, false}},
};

const struct ctl_command ctl_log_level = {
    .words = "log-level",
    .usage = "error|warning|info|debug",
    .summary = "change what the daemon logs, until it is reloaded or started anew",
    .n_operands = 1,
    .run = log_level_set,
};

const struct ctl_command ctl_status = {
    .words = "status",
    .usage = "",
    .summary = "what the daemon does and has done",
    .run = status,
};

const struct ctl_command ctl_kick = {
    .words = "kick",
    .usage = "--client-id ID | --user NAME | --address ADDRESS",
    .summary = "cut the connections of a client, a user or an address",
    .run = kick,
    .options = {{"client-id", true, false}, {"user", true, false}, {"address", true, false}},
};
