/* SPDX-License-Identifier: ISC */
/* The command-line tool: a table of commands, and what they have in common. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

/* The exit status of the program. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,
	CTL_BAD_CONFIGURATION = 78
};

enum { CTL_OPTIONS_MAX = 10, CTL_GIVEN_MAX = 64 };

/* An option of a command: `--name` or, with a value, `--name VALUE`. */
struct ctl_option {
	const char *name;
	bool value;
	bool repeat; /* may be given more than once */
};

/* The command line behind the command's words, in the order given; borrowed from argv. */
struct ctl_args {
	struct {
		const struct ctl_option *option;
		const char *value; /* "" for an option without one */
	} given[CTL_GIVEN_MAX];
	size_t n_given;
	char *const *operands;
	size_t n_operands;
};

struct ctl {
	const char *conf_path;
	bool conf_named;    /* by -c */
	const char *socket; /* NULL: as the configuration says */
	bool json;
	const struct ctl_command *command;
};

struct ctl_command {
	const char *words;   /* "user add" */
	const char *usage;   /* what follows them */
	const char *summary; /* for the list of commands */
	size_t n_operands;   /* so many … */
	size_t n_more;       /* … and at most so many more */
	int (*run)(const struct ctl *ctl, const struct ctl_args *args);
	struct ctl_option options[CTL_OPTIONS_MAX]; /* ended by one without a name */
};

extern const struct ctl_command ctl_check_config, ctl_explain, ctl_keygen, ctl_encrypt, ctl_decrypt,
    ctl_otp_code, ctl_otp_verify, ctl_user_add, ctl_user_list, ctl_user_show, ctl_user_edit,
    ctl_user_lock, ctl_user_unlock, ctl_user_expire, ctl_user_reset, ctl_user_resync,
    ctl_user_delete, ctl_user_import, ctl_user_export, ctl_store_check, ctl_store_backup,
    ctl_store_restore, ctl_store_forget_draws, ctl_reload, ctl_status, ctl_kick, ctl_drain,
    ctl_log_level, ctl_ban, ctl_unban, ctl_bans, ctl_connections, ctl_top, ctl_trace;

/* The whole program but for its preparation. Returns the exit status. */
int ctl_main(int argc, char **argv);

/* args.c: reads what follows the command's words (argv[0] is the last of them). 0, or -1 with the
 * reason. */
int ctl_args_read(struct ctl_args *args, const struct ctl_command *command, int argc, char **argv,
                  struct err *e);

/* The value of an option, "" for one without a value, or NULL where it was not given. */
const char *ctl_arg(const struct ctl_args *args, const char *name);

/* output.c. Each prints one line on standard error, "mqsecproxyctl: TEXT", and returns its exit
 * status; usage errors are followed by the command's usage. Nothing secret may stand in them. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_usage(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes bytes to standard output, past its buffer, so that no copy stays there. 0 or CTL_FAILED,
 * reported. */
int ctl_write(struct slice s);

/* Prints a JSON string, quotes included, on standard output. Bytes that are no text appear as the
 * characters of the same number. */
void ctl_json_string(struct slice s);

/* input.c. All of standard input into out (bounded by out->cap). 0, or CTL_FAILED, reported. */
int ctl_read_input(struct buf *out);

/* A password from a file, or from standard input for "-", where a terminal is asked without showing
 * it; the line end is left out. It borrows from `memory`. CTL_OK, or CTL_FAILED, reported. */
int ctl_read_password(const char *path, struct buf *memory, struct slice *out);

/* Reads a payload key from its file. 0, or -1. */
int ctl_read_key(const char *path, uint8_t key[SEAL_KEY_SIZE], struct err *e);

/* Reads a shared secret from its file, hexadecimal or base32, white space around it ignored.
 * Returns how many of the `size` bytes of out were written, at least 1, or -1. */
int ctl_read_secret(const char *path, bool hex, uint8_t *out, size_t size, struct err *e);

/* probe.c. Connects to every address of every broker, and says on standard error how that went, a
 * line each. CTL_OK, or CTL_FAILED where a broker has no address that answers. */
int ctl_probe(const struct conf *conf);

/* remote.c. Whether a daemon answers at the control socket, the one of -s or of the configuration.
 */
bool ctl_runs(const struct ctl *ctl, const struct conf *conf);

/* One request (a line with its end) to the running daemon. Returns the exit status. */
struct ctl_answer {
	struct buf bytes;  /* its cap is set before; the caller's to free */
	struct slice text; /* what follows the verdict, inside bytes */
	bool understood;   /* else whatever went wrong has been reported */
};
enum { CTL_ANSWER_MAX = 16 << 20 };
int ctl_ask(const struct ctl *ctl, struct slice request, struct ctl_answer *answer);

/* The same, and prints what was answered. Pairs: a good answer is lines `NAME VALUE`. */
int ctl_converse(const struct ctl *ctl, struct slice request, bool pairs);

/* A request whose answer has no end: line() is called for each line of it, without its end, until
 * it says false, or until_ms (monotonic, 0 none) is reached. Returns the exit status; that the
 * daemon ends it is a failure, reported. */
int ctl_stream(const struct ctl *ctl, struct slice request, int64_t until_ms,
               bool (*line)(void *ctx, struct slice text), void *ctx);

/* What the daemon said goes to standard output when it went well, else to standard error. */
void ctl_print_plain(const struct ctl *ctl, int status, struct slice text);

/* Splits off the first line. */
struct slice ctl_take_line(struct slice *text);

/* settings.c. Loads the configuration. With a report, every complaint goes there; without one,
 * errors go to standard error. Without secrets, the files that hold some are not looked at: they
 * may be out of reach (credentials of the service). NULL where the configuration is bad. */
struct conf *ctl_load(const struct ctl *ctl, bool secrets, struct conf_report *report);

#endif
