/* SPDX-License-Identifier: ISC */
/* The daemon: reads its configuration, starts the pool, serves until it is told to stop. In the
 * foreground, without a pid file; whoever supervises it does the rest. */
#include "admin/admin.h"
#include "base/secret.h"
#include "seal/envelope.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/notify.h"
#include "sys/privs.h"

#include <getopt.h>
#include <inttypes.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_START = 1, EXIT_USAGE = 2, EXIT_CONFIGURATION = 78 };

enum {
	BEATS = 4,            /* how often the manager is told within its time for the watchdog */
	STOP_SLACK_MS = 10000 /* what a stop may take beyond the grace */
};

struct daemon {
	const char *path;
	struct pool *pool;
	struct notify manager;
	uint64_t grace_ms;
};

static const struct conf_reader reader = {.read = file_read, .glob = file_glob};

/* The words of a configuration as the log means them: both count in the same order. */
static struct log_settings log_settings(const struct conf *c)
{
	_Static_assert((int)CONF_LOG_DEBUG == (int)LOG_LEVEL_DEBUG &&
	                   (int)CONF_LOG_WARNING == (int)LOG_LEVEL_WARNING &&
	                   (int)CONF_LOG_JOURNAL == (int)LOG_TO_JOURNAL &&
	                   (int)CONF_LOG_STDERR == (int)LOG_TO_STDERR &&
	                   (int)CONF_LOG_JSON == (int)LOG_JSON,
	               "the same order");
	return (struct log_settings){
	    .level = (enum log_level)c->log_level,
	    .to = (enum log_to)c->log_to,
	    .format = (enum log_format)c->log_format,
	    .hash_client_ids = c->log_client_ids == CONF_LOG_HASHED,
	};
}

/* Prints what is wrong with a configuration to standard error, as it stands: it is meant for
 * people. */
static void print_report(const struct conf_report *r)
{
	if (r->len != 0)
		(void)fwrite(r->text, 1, r->len, stderr);
}

/* The complaints of a report as lines of the log, without the source lines below them. */
static void log_report(const struct conf_report *r)
{
	for (size_t at = 0, n; at < r->len; at += n + 1) {
		const char *line = r->text + at, *end = memchr(line, '\n', r->len - at);
		n = end == NULL ? r->len - at : (size_t)(end - line);
		const char *error = memmem(line, n, ": error: ", 9);
		if (error == NULL && memmem(line, n, ": warning: ", 11) == NULL)
			continue;
		log_say(error != NULL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "configuration",
		        "%.*s", (int)n, line);
	}
}

/* Tells a reload's outcome to the log and to whoever asked. */
static void tell(struct buf *say, enum log_level level, const char *outcome, const char *why)
{
	log_say(level, "reload", "%s%s", outcome, why);
	(void)buf_append(say, slice_str(outcome));
	(void)buf_append(say, slice_str(why));
	(void)buf_append(say, slice_str("\n"));
}

static bool read_again(struct daemon *d, struct buf *say)
{
	struct conf_report report = {0};
	struct conf *c = conf_load(d->path, &reader, &report);
	struct log_settings log = {0};
	uint64_t grace_ms = 0;
	struct err e = {"there are errors in the configuration; the old one stays in force"};

	if (c != NULL) {
		log = log_settings(c);
		grace_ms = c->shutdown_grace_ms;
	}
	log_report(&report);
	(void)buf_append(say, slice_of(report.text, report.len));
	conf_report_fini(&report);
	if (c == NULL || pool_reload(d->pool, c, &e) != 0) {
		tell(say, LOG_LEVEL_ERROR, "refused: ", e.text);
		return false;
	}
	log_configure(&log);
	d->grace_ms = grace_ms;
	tell(say, LOG_LEVEL_INFO, "reloaded: ", d->path);
	return true;
}

/* Whatever comes of it, the daemon is ready again: a refused configuration changes nothing. */
static bool reload(void *ctx, struct buf *say)
{
	struct daemon *d = ctx;

	notify_reloading(&d->manager);
	bool done = read_again(d, say);
	notify_say(&d->manager, "READY=1\nSTATUS=%s",
	           done ? "serving" : "serving; the last reload was refused, see the log");
	return done;
}

static void stopping(void *ctx)
{
	struct daemon *d = ctx;

	notify_say(&d->manager,
	           "STOPPING=1\nSTATUS=closing connections\nEXTEND_TIMEOUT_USEC=%" PRIu64,
	           (d->grace_ms + STOP_SLACK_MS) * 1000);
}

/* A thread that hangs leaves the manager without news, and in time it will start us anew. */
static void tick(void *ctx)
{
	struct daemon *d = ctx;

	if (pool_turned(d->pool))
		notify_say(&d->manager, "WATCHDOG=1");
}

/* Loads the configuration or tells why not: people where it is only checked, and the journal by
 * lines of which each has its level. */
static struct conf *load(const char *path, bool only_check)
{
	struct conf_report report = {0};
	struct conf *c = conf_load(path, &reader, &report);

	if (only_check || !log_is_journal())
		print_report(&report);
	else
		log_report(&report);
	conf_report_fini(&report);
	return c;
}

static int serve(struct daemon *d, struct conf *c)
{
	struct admin_hooks hooks = {.ctx = d,
	                            .reload = reload,
	                            .stopping = stopping,
	                            .tick = tick,
	                            .tick_ms = d->manager.watchdog_ms / BEATS};
	struct err e = {""};
	struct activation passed;
	size_t descriptors = privs_raise_descriptors();
	struct admin *admin = NULL;

	const struct log_settings log = log_settings(c);
	log_configure(&log);
	d->grace_ms = c->shutdown_grace_ms;
	bool seals = c->n_payloads != 0;
	if (activation_read(&passed, &e) == 0)
		admin = admin_new(c->control_socket, c->http, &e);
	if (admin == NULL)
		conf_free(c);
	else
		d->pool = pool_new(c, descriptors, &passed, &e);
	activation_fini(&passed);
	if (d->pool == NULL) {
		log_say(LOG_LEVEL_ERROR, "start", "%s", e.text);
		admin_free(admin);
		return EXIT_START;
	}
	log_say(LOG_LEVEL_INFO, "ready", "mqsecproxy %s%s%s", PACKAGE_VERSION,
	        seals ? ", AES-256-GCM by " : "", seals ? seal_library() : "");
	notify_say(&d->manager, "READY=1\nSTATUS=serving");
	admin_run(admin, d->pool, &hooks);
	pool_free(d->pool);
	admin_free(admin);
	log_say(LOG_LEVEL_INFO, "stopped", "all connections are closed");
	return EXIT_OK;
}

static int usage(FILE *to, int code)
{
	(void)fputs("usage: mqsecproxy [-c FILE] [-t] [-V]\n"
	            "  -c FILE  the configuration (" SYSCONFDIR "/mqsecproxy.conf)\n"
	            "  -t       check the configuration and exit: 0 if it is good, 78 if not\n"
	            "  -V       print the version, and which library encrypts, and exit\n",
	            to);
	return code;
}

/* What a reload replaces goes back to the system: big lists are tens of megabytes, which glibc,
 * left to itself, keeps in pieces once it has seen some of that size come and go. */
static void tune_memory(void)
{
#ifdef __GLIBC__
	enum { LARGE = 4 << 20 };

	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, 2 * LARGE);
#endif
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	struct daemon d = {.path = SYSCONFDIR "/mqsecproxy.conf"};
	bool only_check = false;
	struct err e;
	int option;

	while ((option = getopt_long(argc, argv, "c:tVh", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			d.path = optarg;
			break;
		case 't':
			only_check = true;
			break;
		case 'V':
			(void)printf("mqsecproxy %s\nAES-256-GCM by %s\n", PACKAGE_VERSION,
			             seal_library());
			return EXIT_OK;
		case 'h':
			return usage(stdout, EXIT_OK);
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	if (optind != argc)
		return usage(stderr, EXIT_USAGE);
	(void)signal(SIGPIPE, SIG_IGN);
	tune_memory();
	if (secret_init() != 0 || privs_harden(&e) != 0) {
		log_say(LOG_LEVEL_ERROR, "start", "the process cannot be made safe for keys");
		return EXIT_START;
	}
	log_configure(&(struct log_settings){.level = LOG_LEVEL_INFO});
	struct conf *c = load(d.path, only_check);
	if (c == NULL)
		return EXIT_CONFIGURATION;
	if (only_check) {
		conf_free(c);
		return EXIT_OK;
	}
	notify_open(&d.manager);
	int code = serve(&d, c);
	notify_close(&d.manager);
	return code;
}
