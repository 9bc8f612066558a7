/* SPDX-License-Identifier: ISC */
/* What all scenarios share: keys k1, k2, k3, users with known secrets, and policies compiled from
 * their words:
 *
 *   rule=FILTER:pass, rule=FILTER:CLIENT-LEG:BROKER-LEG[:OPTION…]  in order; a leg is `plain` or
 * keys joined by +, say k1+k2; the options are those of a payload block: disconnect, prefer,
 * empty-drop, properties, pad-N, age-DURATION (in seconds), unbound, strict
 *   otp=password+otp|otp+password|otp                    the client's password holds
 * a code; pass-unknown: who has no credential passes;
 * forward=stored|none: what goes up (of users t… user "kept", password "secret" are stored);
 * lease=SECONDS
 *   deny-id=GLOB, deny-user=GLOB                         a filter that denies these and allows
 * the rest connect=BYTES, message=BYTES                         max-connect, max-message
 *   whole=BYTES                                          the longest envelope that is opened whole
 *   allow-publish=FILTER deny-publish=FILTER allow-subscribe=FILTER deny-subscribe=FILTER
 *                                                        rules on topics, in order; no FILTER: all
 *   inject=LAYOUT                                        codes of the user h are added for the
 * broker, machine-hotp; supply-user=NAME, supply-password=TEXT for clients that send none
 *   silent, dry-run, on-deny-disconnect                  the other words of a filter block
 *   versions=3.1,5.0                                     what the listener allows
 *   timeout=MS                                           of the broker
 *   packet=BYTES                                         the longest packet that is taken whole:
 * half of max-buffer
 *   via=POLICY                                           on the wire, its broker is a second proxy
 * with that policy */
#ifndef SCENARIO_WORLD_H
#define SCENARIO_WORLD_H

#include "seal/keyring.h"
#include "tests/scenario/scenario.h"

enum { WORLD_KEYS = 3, WORLD_RULES = 16, WORLD_SECRET = 20 };

/* A policy and the tools to work with it. */
struct world {
	const char *name, *via;
	const struct words *words;
	struct policy policy;
	struct payload_rule rules[WORLD_RULES];
	char *rule_texts[WORLD_RULES];
	uint16_t keys[WORLD_RULES][2][WORLD_KEYS];
	struct acl_ruleset *filter;
	struct kit kit;
	struct keyring ring;
	struct sealer *sealers[WORLD_KEYS];
};

/* NULL with a message for words that it does not know. */
struct world *world_new(const struct named_policy *p);
void world_free(struct world *w);

/* The text of key file number k. */
const char *world_key_text(size_t k);

/* Users are told by their name's first letter: t… people (TOTP), h… machine-hotp. Others are
 * unknown. False for those. */
bool world_credential(struct slice user, struct otp_credential *out);

/* The login for the broker that the state keeps for a user, packed: of t… only. */
size_t world_login(struct slice user, uint8_t out[OTP_LOGIN_MAX]);

/* Replaces what begins with "$": $t and $h (user names of this run), $code, $code-1, $code+2 (TOTP
 * at that step), $hotp0, $hotp1 … (the code of that counter), $wrong (of 6 digits) and $wrong8. A
 * "~" ends the word: $code~pw. The rest stays. False on a word that it does not know. */
struct expanding {
	struct hotp *hotp;
	unsigned run; /* which run of a scenario, for names */
	int64_t time; /* seconds */
};
bool world_expand(const struct expanding *x, const char *text, char *out, size_t size);

#endif
