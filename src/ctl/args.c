/* SPDX-License-Identifier: ISC */
/* Options are gathered against the command's own table, so that no command has a parser of its own.
 * An option counts only when it is spelled out: a prefix that is unique today may be ambiguous
 * after an upgrade. */
#include "ctl/ctl.h"

#include "base/text.h"

#include <getopt.h>
#include <stdio.h>

enum { QUOTE = 120 };

static void long_options(const struct ctl_command *command, struct option out[CTL_OPTIONS_MAX + 1])
{
	size_t n = 0;

	for (; n < CTL_OPTIONS_MAX && command->options[n].name != NULL; n++)
		out[n] = (struct option){
		    .name = command->options[n].name,
		    .has_arg = command->options[n].value ? required_argument : no_argument,
		    .val = 1,
		};
	out[n] = (struct option){0};
}

/* The word that getopt_long() just read, without a value that stood behind it. */
static const char *word_read(char *const *argv)
{
	return optarg != NULL && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
}

/* The full name of the option, not a prefix of it. */
static bool spelled_out(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, n) == 0 &&
	       (word[2 + n] == '\0' || word[2 + n] == '=');
}

/* An option's value may be anything, so only its name is repeated. */
static int unknown(const char *word, struct err *e)
{
	char quote[QUOTE];
	size_t n = strcspn(word, "=");

	return err_set(e, "unknown option \"%s\"",
	               text_escape(slice_of(word, n), quote, sizeof quote));
}

static int take(struct ctl_args *args, const struct ctl_option *option, struct err *e)
{
	if (!option->repeat && ctl_arg(args, option->name) != NULL)
		return err_set(e, "--%s is given twice", option->name);
	if (args->n_given == CTL_GIVEN_MAX)
		return err_set(e, "too many options");
	args->given[args->n_given].option = option;
	args->given[args->n_given].value = option->value ? optarg : "";
	args->n_given++;
	return 0;
}

int ctl_args_read(struct ctl_args *args, const struct ctl_command *command, int argc, char **argv,
                  struct err *e)
{
	struct option options[CTL_OPTIONS_MAX + 1];
	int which = 0, got;

	long_options(command, options);
	*args = (struct ctl_args){0};
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while ((got = getopt_long(argc, argv, ":", options, &which)) != -1) {
		if (got == ':')
			return err_set(e, "%s needs a value", argv[optind - 1]);
		if (got == '?' && optopt != 0 && optopt != 1)
			return unknown((char[]){'-', (char)optopt, '\0'}, e); /* a letter */
		if (got != 1 || !spelled_out(word_read(argv), command->options[which].name))
			return unknown(word_read(argv), e);
		if (take(args, &command->options[which], e) != 0)
			return -1;
	}
	args->operands = argv + optind;
	args->n_operands = (size_t)(argc - optind);
	if (args->n_operands < command->n_operands)
		return err_set(e, "something is missing");
	if (args->n_operands > command->n_operands + command->n_more)
		return err_set(e, "too many words");
	return 0;
}

const char *ctl_arg(const struct ctl_args *args, const char *name)
{
	for (size_t i = 0; i < args->n_given; i++) {
		if (strcmp(args->given[i].option->name, name) == 0)
			return args->given[i].value;
	}
	return NULL;
}
