/* SPDX-License-Identifier: ISC */
/* The commands, and how one is found. A command is one or two words; no abbreviations, so that a
 * script never changes its meaning when a command is added. */
#include "ctl/ctl.h"

#include "base/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

enum { QUOTE = 120 };

static const struct ctl_command *const commands[] = {
    &ctl_check_config,
    &ctl_explain,
    &ctl_keygen,
    &ctl_encrypt,
    &ctl_decrypt,
    &ctl_otp_code,
    &ctl_otp_verify,
    &ctl_user_add,
    &ctl_user_list,
    &ctl_user_show,
    &ctl_user_edit,
    &ctl_user_lock,
    &ctl_user_unlock,
    &ctl_user_expire,
    &ctl_user_reset,
    &ctl_user_resync,
    &ctl_user_delete,
    &ctl_user_import,
    &ctl_user_export,
    &ctl_store_check,
    &ctl_store_backup,
    &ctl_store_restore,
    &ctl_store_forget_draws,
    &ctl_status,
    &ctl_reload,
    &ctl_kick,
    &ctl_drain,
    &ctl_log_level,
    &ctl_ban,
    &ctl_unban,
    &ctl_bans,
    &ctl_connections,
    &ctl_top,
    &ctl_trace,
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void describe(const struct ctl_command *c)
{
	(void)printf("  %s%s%s\n      %s\n", c->words, *c->usage == '\0' ? "" : " ", c->usage,
	             c->summary);
}

static void help(void)
{
	(void)puts("usage: mqsecproxyctl [-c FILE] [-s SOCKET] [--json] COMMAND [ARGUMENTS]\n"
	           "\n"
	           "  -c FILE    the configuration (" SYSCONFDIR "/mqsecproxy.conf)\n"
	           "  -s SOCKET  where the daemon listens, if not as the configuration says\n"
	           "  --json     print results as JSON\n"
	           "  --help     this text, or, behind a command, how that is used\n"
	           "  --version  the version\n"
	           "\n"
	           "commands:");
	for (size_t i = 0; i < N_COMMANDS; i++)
		describe(commands[i]);
	(void)puts("\nexit status: 0 done, 1 failed, 2 wrong usage, 3 the daemon is not running, "
	           "78 bad configuration");
}

/* How many of the words make up the command's name; 0 where it is not this one. */
static int matches(const struct ctl_command *command, int argc, char **argv)
{
	const char *blank = strchr(command->words, ' ');

	if (blank == NULL)
		return strcmp(argv[0], command->words) == 0;
	size_t n = (size_t)(blank - command->words);
	bool both = argc > 1 && strlen(argv[0]) == n && strncmp(argv[0], command->words, n) == 0 &&
	            strcmp(argv[1], blank + 1) == 0;
	return both ? 2 : 0;
}

/* The second word of a command that begins with this one; NULL where it does not. */
static const char *behind(const struct ctl_command *command, const char *first)
{
	size_t n = strlen(first);

	return strncmp(command->words, first, n) == 0 && command->words[n] == ' '
	           ? command->words + n + 1
	           : NULL;
}

/* Half a command, or none. */
static int not_a_command(const struct ctl *ctl, const char *first)
{
	char quote[QUOTE], list[QUOTE] = "";
	size_t n = 0;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		const char *second = behind(commands[i], first);
		if (second != NULL && n < sizeof list)
			n += (size_t)snprintf(list + n, sizeof list - n, " %s", second);
	}
	return n != 0 ? ctl_usage(ctl, "behind %s stands one of:%s", first, list)
	              : ctl_usage(ctl, "unknown command \"%s\"",
	                          text_escape(slice_str(first), quote, sizeof quote));
}

static int dispatch(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_args args;
	struct err e = {""};

	for (size_t i = 0; i < N_COMMANDS; i++) {
		int words = matches(commands[i], argc, argv);
		if (words == 0)
			continue;
		if (argc == words + 1 && strcmp(argv[words], "--help") == 0) {
			describe(commands[i]);
			return CTL_OK;
		}
		ctl->command = commands[i];
		if (ctl_args_read(&args, commands[i], argc - words + 1, argv + words - 1, &e) != 0)
			return ctl_usage(ctl, "%s", e.text);
		return commands[i]->run(ctl, &args);
	}
	return not_a_command(ctl, argv[0]);
}

/* The options before the command. -1 to go on, else the exit status. */
static int global_options(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0},
	};
	int got;

	opterr = 0;
	while ((got = getopt_long(argc, argv, "+:c:s:hV", options, NULL)) != -1) {
		switch (got) {
		case 'c':
			ctl->conf_path = optarg;
			ctl->conf_named = true;
			break;
		case 's':
			ctl->socket = optarg;
			break;
		case 'j':
			ctl->json = true;
			break;
		case 'h':
			help();
			return CTL_OK;
		case 'V':
			(void)puts("mqsecproxyctl " PACKAGE_VERSION);
			return CTL_OK;
		case ':':
			return ctl_usage(ctl, "-%c needs a value", optopt);
		default:
			return ctl_usage(ctl, "unknown option before the command");
		}
	}
	return -1;
}

int ctl_main(int argc, char **argv)
{
	struct ctl ctl = {.conf_path = SYSCONFDIR "/mqsecproxy.conf"};
	int status = global_options(&ctl, argc, argv);

	if (status < 0 && optind >= argc)
		status = ctl_usage(&ctl, "a command is missing");
	else if (status < 0)
		status = dispatch(&ctl, argc - optind, argv + optind);
	/* A full disk or a closed pipe behind standard output is a failure too. */
	if ((fflush(stdout) != 0 || ferror(stdout) != 0) && status == CTL_OK)
		status = ctl_fail("standard output: %s", strerror(errno));
	return status;
}
