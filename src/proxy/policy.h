/* SPDX-License-Identifier: ISC */
/* What a session is judged by (immutable, shared) and what it works with (one a worker thread). The
 * engine gets both, and the time, with every call, so a new configuration reaches a live session at
 * its next packet. */
#ifndef PROXY_POLICY_H
#define PROXY_POLICY_H

#include "acl/ruleset.h"
#include "base/now.h"
#include "base/rate.h"
#include "mqtt/names.h"
#include "otp/embed.h"
#include "otp/judge.h"
#include "proxy/verdict.h"
#include "seal/opener.h"
#include "seal/sealer.h"
#include "seal/spoiled.h"

/* The two legs of a session. The client's bytes go up to the broker, the broker's go down. */
enum side { SIDE_CLIENT, SIDE_BROKER };

static inline enum side side_other(enum side s)
{
	return s == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
}

struct payload_leg {
	bool encrypted;
	const uint16_t *keys; /* indexes of keys: the first seals, all open */
	size_t n_keys;
};

struct payload_rule {
	struct slice filter; /* a valid topic filter */
	bool pass;
	bool disconnects; /* a payload that may not pass ends the session, else it is dropped */
	bool prefers;     /* where an envelope is required plaintext passes too, and is counted */
	bool drops_empty; /* plain empty payloads are no exception where an envelope is required */
	bool seals_props; /* v5 properties that belong to the payload are sealed with it */
	bool unbound;     /* seals without binding the topic, and opens what is so */
	bool strict_retain;        /* an envelope's R must be the RETAIN of its packet */
	size_t pad_to;             /* 16…1024, 0: no padding */
	int64_t max_age_us;        /* 0: no freshness check */
	struct payload_leg leg[2]; /* by enum side */
};

/* Who may connect, and what may be published, subscribed to and delivered. */
struct policy_filter {
	const struct acl_ruleset *rules; /* NULL: nobody is denied anything */
	bool silent;                     /* a CONNECT that it refuses gets no answer */
	bool disconnects;    /* a PUBLISH that it denies ends the session, else it is dropped */
	bool dry_run;        /* nothing is denied; what would be is noted */
	bool topics;         /* there are rules on topics */
	struct rate publish; /* how fast a client may publish; above it, it is read more slowly */
};

/* How codes are added to the logins that go up. */
struct policy_inject {
	bool on;
	enum otp_layout layout;
	struct slice user;     /* of clients that send none; empty: none */
	struct slice password; /* likewise, without a code */
};

/* What a broker gets of a login by code. */
enum policy_forward {
	FORWARD_PASSWORD, /* the user name, and the password without the code */
	FORWARD_STORED,   /* the login that the state keeps for it */
	FORWARD_NONE      /* neither user name nor password */
};

/* How long a password whose code was accepted may come again. */
struct policy_lease {
	int64_t ms;         /* 0: it may not */
	struct slice scope; /* where: a name that is like no other */
};

/* Everything borrowed; lives as long as the snapshot that it was made from. */
struct policy {
	uint8_t versions;   /* bit 1 << enum mqtt_version: what the listener allows */
	size_t max_connect; /* bytes of a CONNECT packet */
	size_t max_packet;  /* bytes of any packet that has to be taken whole, PUBLISHes under a
	                       payload rule aside; of any PUBLISH, of what stands before the payload
	                     */
	size_t max_message; /* bytes of a payload that is sealed or opened, in clear */
	size_t max_whole;   /* bytes of an envelope that is opened whole before anything of it
	                       leaves; a longer one is opened segment by segment. At most
	                       PAYLOAD_WHOLE */
	struct policy_filter filter;
	bool otp; /* the client leg's password holds a one-time code that is verified */
	enum otp_layout layout;
	enum policy_forward forward;
	struct policy_lease lease;
	struct policy_inject inject; /* what the broker leg's password gets */
	unsigned digits;             /* assumed for users that are unknown */
	bool pass_strangers; /* who never had a credential logs in at the broker as it came */
	const struct payload_rule *rules; /* in order: the first that matches a topic decides */
	size_t n_rules;
	bool encrypts;             /* some rule is not `pass` */
	int64_t broker_timeout_ms; /* from dialling to CONNACK */
};

/* A worker's tools for one configuration. */
struct kit {
	struct hotp *hotp;
	struct sealer **sealers; /* by key index; kept fresh by the worker between calls */
	struct opener *opener;
	struct spoiled *spoiled;
	uint8_t *scratch;    /* for what lies between two encrypted legs, and Will payloads */
	size_t scratch_size; /* PAYLOAD_SCRATCH */
};

/* The first rule whose filter matches the topic, or NULL. */
const struct payload_rule *policy_rule(const struct policy *p, struct slice topic);

/* Whether a rule changes payloads at all: it is not `pass`, and some leg of it is encrypted. */
bool policy_rule_changes(const struct payload_rule *r);

/* What the other side is to be shown in place of `limit`, the v5 Maximum Packet Size of `toward`.
 * Where rules make messages grow toward that side it is lowered by the worst growth, never below 1;
 * a client's is raised instead where some rule opens toward it, since what then still does not fit
 * is discarded, not sent. */
uint32_t policy_shown_limit(const struct policy *p, enum side toward, uint32_t limit);

struct meter;

/* What the caller has to say of a client: VERDICT_ACCEPTED, or what it has against it. why: a static
 * phrase, or NULL; rule: what decided, file NULL: nothing that has a line. */
struct session_word {
	enum verdict verdict;
	const char *why;
	struct acl_verdict rule;
};

struct session_env {
	const struct policy *policy;
	const struct kit *kit;
	struct meter *meter; /* NULL: nobody counts */
	struct now now;
	const uint8_t *lease_key; /* the same all the time, for all; NULL: no leases */
	/* Said when the client's CONNECT is whole, before anything else is asked. */
	struct session_word due;
};

#endif
