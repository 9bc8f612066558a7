/* SPDX-License-Identifier: ISC */
/* Data only, and the look-ups in it. A directive that is added here is at once checked, given its
 * default, dumped and documented; only types that need more than one word have code elsewhere. */
#include "conf/schema.h"

#include "conf/conf.h"

#include <stddef.h>

#define AT(type, member) .offset = offsetof(struct type, member)
#define NOT_STORED .offset = CONF_NOT_STORED
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define SECONDS(n) ((uint64_t)(n)*1000)
#define MINUTES(n) ((uint64_t)(n)*60000)
#define HOURS(n) ((uint64_t)(n)*3600000)

/* clang-format off */
static const struct conf_directive directives[] = {
	{"workers", CONF_TOP, CONF_T_NUMBER, "auto|N", "auto",
	 "Event-loop threads; auto is one a core",
	 .min = 1, .max = 256, .special = "auto", .restart = true, AT(conf, workers)},
	{"shutdown-grace", CONF_TOP, CONF_T_DURATION, "DURATION", "10s",
	 "How long connections may take to end after the order to stop",
	 .min = 0, .max = HOURS(1), AT(conf, shutdown_grace_ms)},
	{"pre-auth-memory", CONF_TOP, CONF_T_SIZE, "SIZE", "64M",
	 "Memory of the whole process for connections that were not accepted yet; the oldest goes first",
	 .min = MIB(1), .max = MIB(2047), AT(conf, pre_auth_memory)},
	{"max-message", CONF_TOP, CONF_T_SIZE, "SIZE", "1M",
	 "The largest payload, before sealing, of a message that is sealed or opened; long ones pass in pieces",
	 .min = KIB(1), .max = MIB(256), AT(conf, max_message)},
	{"include", CONF_TOP, CONF_T_INCLUDE, "GLOB", NULL,
	 "Reads more files as if they stood here; a relative path starts at the folder of this file",
	 .repeat = true, NOT_STORED},
	{"log", CONF_TOP, CONF_T_BLOCK, "", NULL, "What is logged",
	 .refers = CONF_LOG, NOT_STORED},
	{"admin", CONF_TOP, CONF_T_BLOCK, "", NULL, "How a running proxy is controlled",
	 .refers = CONF_ADMIN, .restart = true, NOT_STORED},
	{"state", CONF_TOP, CONF_T_BLOCK, "", NULL, "Where users and used-up codes are kept",
	 .refers = CONF_STATE, .restart = true, NOT_STORED},
	{"listener", CONF_TOP, CONF_T_BLOCK, "NAME", NULL,
	 "Addresses that clients connect to, and what holds for them; at least one is needed",
	 .refers = CONF_LISTENER, .repeat = true, .required = true, NOT_STORED},
	{"broker", CONF_TOP, CONF_T_BLOCK, "NAME", NULL,
	 "A broker that listeners connect to; at least one is needed",
	 .refers = CONF_BROKER, .repeat = true, .required = true, NOT_STORED},
	{"otp", CONF_TOP, CONF_T_BLOCK, "NAME", NULL,
	 "How one-time passwords stand in the password of a CONNECT",
	 .refers = CONF_OTP, .repeat = true, NOT_STORED},
	{"filter", CONF_TOP, CONF_T_BLOCK, "NAME", NULL,
	 "Rules that say who may connect, publish and subscribe: of each verb the first that applies decides",
	 .refers = CONF_FILTER, .repeat = true, NOT_STORED},
	{"key", CONF_TOP, CONF_T_BLOCK, "NAME", NULL, "A payload key",
	 .refers = CONF_KEY, .repeat = true, NOT_STORED},
	{"payload", CONF_TOP, CONF_T_BLOCK, "FILTER", NULL,
	 "What happens to the payloads of a topic filter; the first block that matches a topic decides",
	 .refers = CONF_PAYLOAD, .repeat = true, NOT_STORED},

	{"level", CONF_LOG, CONF_T_CHOICE, "error|warning|info|debug", "info",
	 "The least important message that is logged; debug tells of each connection that comes, and of each that the broker took",
	 .choices = "error|warning|info|debug", AT(conf, log_level)},
	{"to", CONF_LOG, CONF_T_CHOICE, "auto|journal|stderr", "auto",
	 "Where the log goes; auto is the journal where standard error leads there, as under systemd, else standard error",
	 .choices = "auto|journal|stderr", AT(conf, log_to)},
	{"format", CONF_LOG, CONF_T_CHOICE, "logfmt|json", "logfmt",
	 "How lines on standard error are written",
	 .choices = "logfmt|json", AT(conf, log_format)},
	{"client-ids", CONF_LOG, CONF_T_CHOICE, "plain|hashed", "plain",
	 "hashed shows # and a number that stands for the client as long as the proxy runs",
	 .choices = "plain|hashed", AT(conf, log_client_ids)},
	{"rate-limit", CONF_LOG, CONF_T_RATE, "off|N per DURATION", "20 per 10s",
	 "Lines of one kind and one worker about what was refused, dropped or failed; the others are counted",
	 .min = SECONDS(1), .max = HOURS(1), .special = "off", AT(conf, log_rate)},

	{"socket", CONF_ADMIN, CONF_T_PATH, "PATH|none", "/run/mqsecproxy/ctl.sock",
	 "The socket of mqsecproxyctl",
	 .max = 107, .special = "none", .restart = true, AT(conf, control_socket)},
	{"http", CONF_ADMIN, CONF_T_LOOPBACK, "ADDRESS:PORT|off", "off",
	 "Metrics, health and a status page by HTTP, on loopback only; port 0 takes a free one",
	 .special = "off", .restart = true, AT(conf, http)},

	{"type", CONF_STATE, CONF_T_WORD, "sqlite|memory", "sqlite",
	 "sqlite keeps the state in a file; memory forgets it, used-up codes included, at restart",
	 .choices = "sqlite|memory", .restart = true, AT(conf, state_type)},
	{"path", CONF_STATE, CONF_T_PATH, "PATH", "/var/lib/mqsecproxy/state.db",
	 "The file of type sqlite",
	 .max = 4095, .restart = true, AT(conf, state_path)},
	{"key-file", CONF_STATE, CONF_T_PATH, "PATH", NULL,
	 "The key that seals the secrets in the state; by default state.key in the folder of path",
	 .max = 4095, .restart = true, AT(conf, state_key_file)},

	{"listen", CONF_LISTENER, CONF_T_LISTEN, "ADDRESS:PORT…", NULL,
	 "Numeric addresses to listen on, [::] for IPv6 alone; port 0 takes a free one",
	 .restart = true, .repeat = true, .required = true, NOT_STORED},
	{"broker", CONF_LISTENER, CONF_T_REFERENCE, "NAME", NULL,
	 "The broker block that clients are connected to",
	 .refers = CONF_BROKER, .required = true, AT(conf_listener, broker)},
	{"otp", CONF_LISTENER, CONF_T_REFERENCE, "NAME|none", "none",
	 "The otp block that passwords are verified by",
	 .special = "none", .refers = CONF_OTP, AT(conf_listener, otp)},
	{"filter", CONF_LISTENER, CONF_T_REFERENCE, "NAME|none", "none",
	 "The filter block that says who may connect, publish and subscribe",
	 .special = "none", .refers = CONF_FILTER, AT(conf_listener, filter)},
	{"mqtt", CONF_LISTENER, CONF_T_VERSIONS, "3.1|3.1.1|5.0…", "3.1 3.1.1 5.0",
	 "The versions of the protocol that are accepted",
	 AT(conf_listener, versions)},
	{"insecure-ok", CONF_LISTENER, CONF_T_YESNO, "yes|no", "no",
	 "Allows to listen in plain TCP beyond loopback",
	 .choices = "yes|no", AT(conf_listener, insecure_ok)},
	{"max-connections", CONF_LISTENER, CONF_T_NUMBER, "N", "10000",
	 "Connections at once",
	 .min = 1, .max = 1000000, AT(conf_listener, max_connections)},
	{"max-pending", CONF_LISTENER, CONF_T_NUMBER, "N", NULL,
	 "Connections at once that were not accepted yet; by default a quarter of max-connections",
	 .min = 1, .max = 1000000, AT(conf_listener, max_pending)},
	{"max-pending-per-address", CONF_LISTENER, CONF_T_NUMBER, "N", "1024",
	 "The same from one address",
	 .min = 1, .max = 1000000, AT(conf_listener, max_pending_per_address)},
	{"connect-timeout", CONF_LISTENER, CONF_T_DURATION, "DURATION", "10s",
	 "How long a client may take to send its CONNECT",
	 .min = 100, .max = MINUTES(10), AT(conf_listener, connect_timeout_ms)},
	{"max-connect", CONF_LISTENER, CONF_T_SIZE, "SIZE", "16k",
	 "The largest CONNECT, Will included",
	 .min = 128, .max = MIB(1), AT(conf_listener, max_connect)},
	{"max-buffer", CONF_LISTENER, CONF_T_SIZE, "SIZE", "4M",
	 "The most memory that a connection may take",
	 .min = KIB(16), .max = MIB(1024), AT(conf_listener, max_buffer)},
	{"stall-timeout", CONF_LISTENER, CONF_T_DURATION, "DURATION", "60s",
	 "How long a client may take no byte of what waits for it",
	 .min = SECONDS(1), .max = HOURS(1), AT(conf_listener, stall_timeout_ms)},

	{"address", CONF_BROKER, CONF_T_ADDRESS, "HOST:PORT", NULL,
	 "Where the broker is; several are tried in order",
	 .repeat = true, .required = true, NOT_STORED},
	{"connect-timeout", CONF_BROKER, CONF_T_DURATION, "DURATION", "5s",
	 "How long it may take to connect, up to CONNACK",
	 .min = 100, .max = MINUTES(10), AT(conf_broker, connect_timeout_ms)},
	{"tcp-keepalive", CONF_BROKER, CONF_T_SECONDS, "DURATION", "60s",
	 "Silence after which TCP asks whether the broker still lives; whole seconds",
	 .min = SECONDS(1), .max = HOURS(9), AT(conf_broker, tcp_keepalive_s)},
	{"otp", CONF_BROKER, CONF_T_REFERENCE, "NAME|none", "none",
	 "The otp block that adds codes to the passwords of clients",
	 .special = "none", .refers = CONF_OTP, AT(conf_broker, otp)},
	{"insecure-ok", CONF_BROKER, CONF_T_YESNO, "yes|no", "no",
	 "Allows to send codes in plain TCP beyond loopback",
	 .choices = "yes|no", AT(conf_broker, insecure_ok)},

	{"role", CONF_OTP, CONF_T_CHOICE, "verify|inject", NULL,
	 "verify, for a listener: clients send codes, the proxy checks them; inject, for a broker: clients know nothing of codes, the proxy adds them",
	 .choices = "verify|inject", .required = true, AT(conf_otp, role)},
	{"layout", CONF_OTP, CONF_T_CHOICE, "password+otp|otp+password|otp", "password+otp",
	 "Where the code stands in the password",
	 .choices = "password+otp|otp+password|otp", AT(conf_otp, layout)},
	{"forward", CONF_OTP, CONF_T_CHOICE, "password|stored|none", "password",
	 "What the broker gets: password, the user name and what is left of the password without the code; stored, the login that the state keeps for the user; none, neither user name nor password (the latter two need layout otp)",
	 .role = "verify", .choices = "password|stored|none", AT(conf_otp, forward)},
	{"digits", CONF_OTP, CONF_T_SMALL, "N", "6",
	 "Digits of a code that are assumed for users that are not known",
	 .role = "verify", .min = 6, .max = 8, AT(conf_otp, digits)},
	{"unknown-users", CONF_OTP, CONF_T_CHOICE, "refuse|pass", "refuse",
	 "What happens to users who have no secret: refuse, or pass, while a fleet migrates: their logins go to the broker as they came, and the broker alone judges them (who is locked, expired or deleted is refused all the same)",
	 .role = "verify", .choices = "refuse|pass", AT(conf_otp, unknown_users)},
	{"lease", CONF_OTP, CONF_T_DURATION, "off|DURATION", "off",
	 "For so long after a login with a fresh code the same password is accepted again, from the same client id and address only, so that a client with a typed code can connect again; at most a day",
	 .role = "verify", .min = SECONDS(1), .max = HOURS(24), .special = "off", AT(conf_otp, lease_ms)},
	{"profile", CONF_OTP, CONF_T_WORD, "machine-hotp|machine-totp|people", "machine-hotp",
	 "What kind of codes the verifier wants, as the user was made there",
	 .role = "inject", .choices = "machine-hotp|machine-totp|people", AT(conf_otp, profile_name)},
	{"secret-file", CONF_OTP, CONF_T_SECRET, "PATH|@NAME", NULL,
	 "The secret in base32, as user add prints it; %u in the path is the user name, so that each has a file, which is read when a code is needed",
	 .role = "inject", .max = 4095, AT(conf_otp, secret_file)},
	{"user", CONF_OTP, CONF_T_TEXT, "NAME", NULL,
	 "The user name of clients that send none",
	 .role = "inject", .max = 65535, AT(conf_otp, user)},
	{"password-file", CONF_OTP, CONF_T_SECRET, "PATH|@NAME", NULL,
	 "The password of clients that send none, before the code is added; the line end is left out",
	 .role = "inject", .max = 4095, AT(conf_otp, password_file)},

	{"allow", CONF_FILTER, CONF_T_RULE, "connect [CRITERION…]|publish [FILTER]|subscribe [FILTER]", NULL,
	 "Lets in whom all criteria hold for, lets publish to a topic, or lets subscribe to a filter",
	 .repeat = true, NOT_STORED},
	{"deny", CONF_FILTER, CONF_T_RULE, "connect [CRITERION…]|publish [FILTER]|subscribe [FILTER]", NULL,
	 "Refuses what allow would let in",
	 .repeat = true, NOT_STORED},
	{"refuse", CONF_FILTER, CONF_T_CHOICE, "connack|silent", "connack",
	 "A CONNECT that the rules deny is answered, or the connection is just closed",
	 .choices = "connack|silent", AT(conf_filter, refuse)},
	{"on-deny", CONF_FILTER, CONF_T_CHOICE, "drop|disconnect", "drop",
	 "A message that the rules deny is dropped and acknowledged, or ends the session",
	 .choices = "drop|disconnect", AT(conf_filter, on_deny)},
	{"dry-run", CONF_FILTER, CONF_T_YESNO, "on|off", "off",
	 "Nothing is denied by this filter; what would be is logged and counted",
	 .choices = "on|off", AT(conf_filter, dry_run)},
	{"limit", CONF_FILTER, CONF_T_LIMIT,
	 "connects N per DURATION per address|user, connections N per address|user, publish N per DURATION per client", NULL,
	 "A CONNECT above a limit is refused; a client that publishes more is read more slowly; see LIMITS AND BANS",
	 .repeat = true, NOT_STORED},
	{"ban", CONF_FILTER, CONF_T_BAN, "after N refusals in DURATION for DURATION", NULL,
	 "Bans an address for a time when so many of its connects were refused; see LIMITS AND BANS",
	 NOT_STORED},

	{"file", CONF_KEY, CONF_T_KEY_FILE, "PATH|@NAME", NULL,
	 "The key file, or @ and the name of a systemd credential",
	 .required = true, NOT_STORED},

	{"pass", CONF_PAYLOAD, CONF_T_FLAG, "", NULL,
	 "Payloads are left alone",
	 AT(conf_payload, pass)},
	{"client-leg", CONF_PAYLOAD, CONF_T_LEG, "plain|encrypted KEY…", NULL,
	 "What payloads are on the side of the clients; the first key seals, all open",
	 AT(conf_payload, client)},
	{"broker-leg", CONF_PAYLOAD, CONF_T_LEG, "plain|encrypted KEY…", NULL,
	 "What payloads are on the side of the broker",
	 AT(conf_payload, broker)},
	{"on-bad-payload", CONF_PAYLOAD, CONF_T_CHOICE, "drop|disconnect", "drop",
	 "A message whose payload cannot be opened is dropped and acknowledged, or ends the session",
	 .choices = "drop|disconnect", AT(conf_payload, on_bad_payload)},
	{"plaintext", CONF_PAYLOAD, CONF_T_CHOICE, "require|prefer", "require",
	 "Where a leg is encrypted: require envelopes, or prefer them and let plaintext pass, counted",
	 .choices = "require|prefer", AT(conf_payload, plaintext)},
	{"empty", CONF_PAYLOAD, CONF_T_CHOICE, "deliver|drop", "deliver",
	 "Plain empty payloads where a leg is encrypted: deliver those that clear a retained message, or come from the broker; or drop all",
	 .choices = "deliver|drop", AT(conf_payload, empty)},
	{"seal-properties", CONF_PAYLOAD, CONF_T_YESNO, "yes|no", "no",
	 "Seals Content Type, Response Topic, Correlation Data and User Properties with the payload",
	 .choices = "yes|no", AT(conf_payload, seal_properties)},
	{"pad", CONF_PAYLOAD, CONF_T_NUMBER, "off|N", "off",
	 "Hides lengths: what is sealed is filled up to a multiple of N bytes, 16 to 1024",
	 .min = 16, .max = 1024, .special = "off", AT(conf_payload, pad)},
	{"max-age", CONF_PAYLOAD, CONF_T_DURATION, "off|DURATION", "off",
	 "Refuses envelopes that were sealed longer ago, or more than 60 s in the future; needs clocks that agree",
	 .min = SECONDS(1), .max = HOURS(24 * 365), .special = "off", AT(conf_payload, max_age_ms)},
	{"bind-topic", CONF_PAYLOAD, CONF_T_YESNO, "yes|no", "yes",
	 "An envelope opens under its own topic only; no: seals for any topic, and opens what was sealed so",
	 .choices = "yes|no", AT(conf_payload, bind_topic)},
	{"strict-retain", CONF_PAYLOAD, CONF_T_YESNO, "yes|no", "no",
	 "Refuses also what was published as retained and comes without RETAIN",
	 .choices = "yes|no", AT(conf_payload, strict_retain)},
};
/* clang-format on */

enum { N_DIRECTIVES = sizeof directives / sizeof directives[0] };

static const char *const block_names[CONF_BLOCKS] = {"",       "log", "admin",  "state", "listener",
                                                     "broker", "otp", "filter", "key",   "payload"};

const struct conf_directive *conf_directives(size_t *n)
{
	*n = N_DIRECTIVES;
	return directives;
}

const char *conf_block_name(enum conf_block block)
{
	return block_names[block];
}

int conf_directive_find(enum conf_block block, const char *name)
{
	for (int i = 0; i < (int)N_DIRECTIVES; i++) {
		if (directives[i].block == block && strcmp(directives[i].name, name) == 0)
			return i;
	}
	return -1;
}
