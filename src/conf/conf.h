/* SPDX-License-Identifier: ISC */
/* A configuration, read, checked and compiled: plain data, immutable, freed whole. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "acl/ruleset.h"
#include "base/buf.h"
#include "base/err.h"
#include "mqtt/names.h"
#include "otp/credential.h"
#include "otp/embed.h"
#include "seal/keyring.h"

struct conf_address {
	char *host; /* a numeric address, or, for a broker, a name; IPv6 without brackets */
	uint16_t port;
};

enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARNING, CONF_LOG_INFO, CONF_LOG_DEBUG };
enum conf_log_to { CONF_LOG_AUTO, CONF_LOG_JOURNAL, CONF_LOG_STDERR };
enum conf_log_format { CONF_LOG_LOGFMT, CONF_LOG_JSON };
enum conf_log_ids { CONF_LOG_PLAIN, CONF_LOG_HASHED };

enum conf_role { CONF_VERIFY, CONF_INJECT };
enum conf_forward { CONF_FORWARD_PASSWORD, CONF_FORWARD_STORED, CONF_FORWARD_NONE };
enum conf_unknown { CONF_UNKNOWN_REFUSE, CONF_UNKNOWN_PASS };

struct conf_otp {
	char *name;
	enum conf_role role; /* VERIFY for listeners, INJECT for brokers */
	enum otp_layout layout;
	/* VERIFY */
	enum conf_forward forward;
	uint64_t lease_ms; /* 0 off */
	unsigned digits; /* assumed for unknown users */
	enum conf_unknown unknown_users;
	/* INJECT */
	char *profile_name;
	const struct otp_profile *profile;
	char *secret_file;
	uint8_t *secret; /* locked memory; NULL where each user name has a file, which is read when a
	                    code is drawn */
	size_t secret_len;
	char *user, *password_file; /* what a client lacks; NULL: nothing */
	uint8_t *password;          /* locked memory */
	size_t password_len;
};

/* At most n within a time; n 0: no limit. */
struct conf_rate {
	size_t n;
	uint64_t per_ms;
};

enum conf_refuse { CONF_REFUSE_CONNACK, CONF_REFUSE_SILENT };
enum conf_on_deny { CONF_DENY_DROP, CONF_DENY_DISCONNECT };

/* Limits and bans count what happens in the whole process, over all listeners that use the filter.
 */
/* The limits and the ban of a filter. */
enum conf_limit {
	CONF_LIMIT_NONE,
	CONF_CONNECTS_PER_ADDRESS,
	CONF_CONNECTS_PER_USER,
	CONF_CONNECTIONS_PER_ADDRESS,
	CONF_CONNECTIONS_PER_USER,
	CONF_PUBLISH_PER_CLIENT,
	CONF_BAN,
	CONF_LIMITS
};

struct conf_filter {
	char *name;
	struct acl_ruleset *rules;
	enum conf_refuse refuse;   /* a CONNECT that a rule refuses: with an answer or without */
	enum conf_on_deny on_deny; /* a PUBLISH that a rule denies */
	bool dry_run; /* nothing is denied by the rules, limits and bans of this filter */
	struct conf_rate connects_per_address, connects_per_user, publish_per_client;
	size_t connections_per_address, connections_per_user; /* at once; 0: no limit */
	struct conf_rate ban_after; /* so many refused CONNECTs of an address within a time … */
	uint64_t ban_ms;            /* … ban it for so long */
	struct {
		const char *file; /* NULL: it is not set */
		unsigned line;
	} limit_at[CONF_LIMITS]; /* where each stands */
};

struct conf_broker {
	char *name;
	struct conf_address *addresses; /* at least one, in the order in which they are tried */
	size_t n_addresses;
	uint64_t connect_timeout_ms, tcp_keepalive_s;
	int otp;          /* index of a block of role INJECT, -1 none */
	bool insecure_ok; /* codes in plain TCP beyond loopback were asked for */
};

/* A list that a rule was read from. */
struct conf_list {
	char *path;
	bool ended; /* its last line has a line end */
	bool cut;   /* its last line has none; neither where it is empty */
};

struct conf_listener {
	char *name;
	struct conf_address *listen; /* at least one; port 0 takes a free one */
	size_t n_listen;
	size_t broker;    /* index */
	int otp, filter;  /* indexes, -1 none */
	uint8_t versions; /* bit 1 << enum mqtt_version */
	bool insecure_ok; /* listening beyond loopback in plain TCP was asked for */
	size_t max_connections, max_pending, max_pending_per_address;
	size_t max_connect, max_buffer;
	uint64_t connect_timeout_ms, stall_timeout_ms;
};

/* What one leg of a payload rule carries. */
struct conf_leg {
	bool encrypted;
	uint16_t *keys; /* indexes into the ring: the first seals, all open */
	size_t n_keys;
};

enum conf_bad_payload { CONF_DROP, CONF_DISCONNECT };
enum conf_plaintext { CONF_REQUIRE, CONF_PREFER };
enum conf_empty { CONF_EMPTY_DELIVER, CONF_EMPTY_DROP };

struct conf_payload {
	char *filter; /* a valid topic filter */
	bool pass;    /* the payload is left alone; the legs below are then plain */
	struct conf_leg client, broker;
	/* the rest has a meaning only where a leg is encrypted */
	enum conf_bad_payload on_bad_payload;
	enum conf_plaintext plaintext;
	enum conf_empty empty;
	bool seal_properties, bind_topic, strict_retain;
	size_t pad;          /* 0 off */
	uint64_t max_age_ms; /* 0 off */
	const char *file;    /* where the rule stands, for logs */
	unsigned line;
};

struct conf {
	size_t workers; /* 0: one a core */
	uint64_t shutdown_grace_ms;
	size_t pre_auth_memory, max_message;
	enum conf_log_level log_level;
	enum conf_log_to log_to;
	enum conf_log_format log_format;
	enum conf_log_ids log_client_ids;
	struct conf_rate log_rate; /* n 0: none */
	char *control_socket;
	char *http; /* a numeric loopback address and port, IPv6 in brackets; or NULL */
	char *state_type, *state_path, *state_key_file;
	struct conf_listener *listeners;
	size_t n_listeners;
	struct conf_broker *brokers;
	size_t n_brokers;
	struct conf_otp *otps;
	size_t n_otps;
	struct conf_filter *filters;
	size_t n_filters;
	struct keyring keys;
	char **key_paths; /* by index of the ring: where each key was read, or @NAME */
	size_t n_key_paths;
	struct conf_payload *payloads; /* in order: the first that matches a topic decides */
	size_t n_payloads;
	struct conf_list *lists;
	size_t n_lists;
	char **files; /* every configuration file read; rules point to these names */
	size_t n_files;
	char *dump; /* what conf_dump() writes; made while the origins are still known */
};

/* How files are read; the signatures are those of sys/file.h, so that a test can pass its own. */
struct conf_reader {
	void *ctx;
	int (*read)(void *ctx, const char *path, bool secret, struct buf *out, struct err *e);
	int (*glob)(void *ctx, const char *pattern, int (*found)(void *found_ctx, const char *path),
	            void *found_ctx, struct err *e);
	bool no_secrets; /* files that hold secrets are not read: for who wants to know of the rest;
	                    keys are then there by name only, passwords and secrets are missing */
};

/* Every complaint about one configuration, in the order of the files: for each `FILE:LINE:COL:
 * error: text`, the source line and a caret below it, or `warning:` in place of `error:`. Zeroed to
 * start with; freed by conf_report_fini(). */
struct conf_report {
	char *text; /* lines, each with its newline; "" or NULL when there is nothing to say */
	size_t len, size;
	size_t errors, warnings;
	/* Where conf_load() failed: what admin's `socket` is there, or is by default, as far as can
	 * be told: so that a daemon that runs can be asked all the same. NULL for none. */
	char *control_socket;
};
void conf_report_fini(struct conf_report *r);

/* Files of the configuration are read by `path` as given; list and key files whose path is relative
 * are looked for in the folder of the file that names them. Paths that begin with @ go to the
 * reader as they are.
 *
 * Reads, checks and compiles. NULL where there is any error: the report then has all of them.
 * Warnings may be there with a result as well. No secret ever stands in the report. */
struct conf *conf_load(const char *path, const struct conf_reader *reader,
                       struct conf_report *report);
void conf_free(struct conf *c);

/* Writes the effective configuration, defaults included, a directive a line with where it was set
 * in a comment behind it
 * ("# FILE:LINE" or "# default"), into out. It may be loaded as a configuration and means the same;
 * includes are taken in. Secrets do not stand in a configuration, so they do not stand here. 0 or
 * -1. */
int conf_dump(const struct conf *c, struct buf *out);

#endif
