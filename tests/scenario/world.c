/* SPDX-License-Identifier: ISC */
/* Secrets here are known to everybody, so that a scenario can say what a code or an envelope must
 * be. */
#include "tests/scenario/world.h"

#include "base/secret.h"
#include "base/text.h"
#include "proxy/payload.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const key_texts[WORLD_KEYS] = {
    "1111111111111111111111111111111111111111111111111111111111111111",
    "2222222222222222222222222222222222222222222222222222222222222222",
    "3333333333333333333333333333333333333333333333333333333333333333",
};

const char *world_key_text(size_t k)
{
	return key_texts[k];
}

static void oops(const char *what, const char *word)
{
	fprintf(stderr, "policy: %s: %s\n", what, word);
	exit(99);
}

static size_t number(const char *word)
{
	uint64_t v = 0;

	if (text_number(slice_str(word), 0, UINT32_MAX, &v, NULL) != 0)
		oops("no number", word);
	return (size_t)v;
}

/* "plain" or "k1+k2". */
static void add_leg(struct world *w, size_t rule, enum side side, const char *text)
{
	struct payload_leg *leg = &w->rules[rule].leg[side];

	if (strcmp(text, "plain") == 0)
		return;
	leg->encrypted = true;
	leg->keys = w->keys[rule][side];
	for (const char *p = text; *p != '\0'; p += p[2] == '+' ? 3 : 2) {
		if (p[0] != 'k' || p[1] < '1' || p[1] > '3' || leg->n_keys == WORLD_KEYS)
			oops("no keys", text);
		w->keys[rule][side][leg->n_keys++] = (uint16_t)(p[1] - '1');
	}
}

static void add_option(struct payload_rule *r, const char *text)
{
	const struct {
		const char *name;
		bool *on;
	} flags[] = {{"disconnect", &r->disconnects}, {"prefer", &r->prefers},
	             {"empty-drop", &r->drops_empty}, {"properties", &r->seals_props},
	             {"strict", &r->strict_retain},   {"unbound", &r->unbound}};

	if (strncmp(text, "pad-", 4) == 0) {
		r->pad_to = number(text + 4);
		return;
	}
	if (strncmp(text, "age-", 4) == 0) {
		r->max_age_us = (int64_t)number(text + 4) * 1000000;
		return;
	}
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (strcmp(text, flags[i].name) == 0) {
			*flags[i].on = true;
			return;
		}
	}
	oops("no option", text);
}

static void add_rule(struct world *w, const char *text)
{
	char *copy = strdup(text), *save = NULL;
	const char *filter = strtok_r(copy, ":", &save), *client = strtok_r(NULL, ":", &save),
	           *broker = strtok_r(NULL, ":", &save), *option;
	size_t n = w->policy.n_rules;

	if (n == WORLD_RULES || filter == NULL || client == NULL)
		oops("no rule", text);
	w->rule_texts[n] = copy;
	w->rules[n].filter = slice_str(filter);
	w->rules[n].pass = strcmp(client, "pass") == 0;
	if (!w->rules[n].pass) {
		if (broker == NULL)
			oops("no rule", text);
		add_leg(w, n, SIDE_CLIENT, client);
		add_leg(w, n, SIDE_BROKER, broker);
		while ((option = strtok_r(NULL, ":", &save)) != NULL)
			add_option(&w->rules[n], option);
		w->policy.encrypts = true;
	}
	w->policy.n_rules++;
}

static struct acl_ruleset *filter_of(struct world *w)
{
	if (w->filter == NULL)
		w->filter = acl_ruleset_new();
	if (w->filter == NULL)
		oops("no memory", "filter");
	w->policy.filter.rules = w->filter;
	return w->filter;
}

static void add_deny(struct world *w, enum acl_kind kind, const char *glob)
{
	struct acl_criterion c = {.kind = kind, .value = slice_str(glob)};
	struct err e;

	if (acl_ruleset_add_connect(filter_of(w), false, &c, 1, "policy", 1, &e) != 0)
		oops("no filter", glob);
}

/* allow-publish, deny-publish, allow-subscribe, deny-subscribe; no filter is everything. */
static bool add_topic(struct world *w, struct slice name, const char *filter)
{
	struct slice f = slice_str(filter);
	struct err e;

	for (enum acl_verb verb = ACL_PUBLISH; verb < ACL_VERBS; verb++) {
		for (int allow = 0; allow < 2; allow++) {
			char word[24];
			(void)snprintf(word, sizeof word, "%s-%s", allow ? "allow" : "deny",
			               acl_verb_name(verb));
			if (!slice_eq(name, slice_str(word)))
				continue;
			if (acl_ruleset_add_topic(filter_of(w), verb, allow, f.n == 0 ? NULL : &f,
			                          "policy", 1, &e) != 0)
				oops("no filter", filter);
			w->policy.filter.topics = true;
			return true;
		}
	}
	return false;
}

static void add_versions(struct world *w, const char *text)
{
	w->policy.versions = 0;
	for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
		const char *name = version_name(v), *at = strstr(text, name);
		for (; at != NULL; at = strstr(at + 1, name)) {
			if (at[strlen(name)] == ',' || at[strlen(name)] == '\0')
				w->policy.versions |= (uint8_t)(1u << v);
		}
	}
}

static enum otp_layout layout_of(const char *value)
{
	return strcmp(value, "otp") == 0            ? OTP_OTP_ONLY
	       : strcmp(value, "otp+password") == 0 ? OTP_OTP_THEN_PASSWORD
	                                            : OTP_PASSWORD_THEN_OTP;
}

/* How codes are checked and added. */
static bool add_login(struct world *w, struct slice name, const char *value)
{
	struct policy *p = &w->policy;

	if (slice_eq(name, slice_str("otp"))) {
		p->otp = true;
		p->layout = layout_of(value);
	} else if (slice_eq(name, slice_str("pass-unknown"))) {
		p->pass_strangers = true;
	} else if (slice_eq(name, slice_str("lease"))) {
		p->lease.ms = (int64_t)number(value) * 1000;
	} else if (slice_eq(name, slice_str("forward"))) {
		p->forward = strcmp(value, "stored") == 0 ? FORWARD_STORED : FORWARD_NONE;
	} else if (slice_eq(name, slice_str("inject"))) {
		p->inject.on = true;
		p->inject.layout = layout_of(value);
	} else if (slice_eq(name, slice_str("supply-user"))) {
		p->inject.user = slice_str(value);
	} else if (slice_eq(name, slice_str("supply-password"))) {
		p->inject.password = slice_str(value);
	} else {
		return false;
	}
	return true;
}

static void add_word(struct world *w, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value == NULL ? strlen(word) : (size_t)(value - word);
	struct slice name = slice_of(word, n);
	struct policy *p = &w->policy;

	value = value == NULL ? "" : value + 1;
	if (slice_eq(name, slice_str("rule"))) {
		add_rule(w, value);
	} else if (add_topic(w, name, value) || add_login(w, name, value)) {
		/* done */
	} else if (slice_eq(name, slice_str("silent"))) {
		p->filter.silent = true;
	} else if (slice_eq(name, slice_str("dry-run"))) {
		p->filter.dry_run = true;
	} else if (slice_eq(name, slice_str("on-deny-disconnect"))) {
		p->filter.disconnects = true;
	} else if (slice_eq(name, slice_str("deny-id"))) {
		add_deny(w, ACL_CLIENT_ID, value);
	} else if (slice_eq(name, slice_str("deny-user"))) {
		add_deny(w, ACL_USER, value);
	} else if (slice_eq(name, slice_str("connect"))) {
		p->max_connect = number(value);
	} else if (slice_eq(name, slice_str("packet"))) {
		p->max_packet = number(value);
	} else if (slice_eq(name, slice_str("message"))) {
		p->max_message = number(value);
	} else if (slice_eq(name, slice_str("whole"))) {
		p->max_whole = number(value);
	} else if (slice_eq(name, slice_str("versions"))) {
		add_versions(w, value);
	} else if (slice_eq(name, slice_str("via"))) {
		w->via = value;
	} else if (slice_eq(name, slice_str("timeout"))) {
		p->broker_timeout_ms = (int64_t)number(value);
	} else {
		oops("no such word", word);
	}
}

static void make_kit(struct world *w)
{
	struct err e = {""};

	for (size_t k = 0; k < WORLD_KEYS; k++) {
		uint8_t key[SEAL_KEY_SIZE];
		char name[3] = {'k', (char)('1' + k), '\0'};
		if (seal_key_parse(slice_str(key_texts[k]), key, &e) != 0 ||
		    keyring_add(&w->ring, name, key, &e) != 0)
			oops(e.text, name);
	}
	for (size_t k = 0; k < WORLD_KEYS; k++) {
		uint8_t salt[SEAL_SALT_SIZE];
		secret_random(salt, sizeof salt);
		w->sealers[k] = sealer_new(&w->ring.keys[k], &e);
		if (w->sealers[k] == NULL ||
		    sealer_renew(w->sealers[k], salt, (struct now){0}, &e) != 0)
			oops("sealer", e.text);
	}
	w->kit = (struct kit){.hotp = hotp_new(&e),
	                      .sealers = w->sealers,
	                      .opener = opener_new(&w->ring, 64, &e),
	                      .spoiled = spoiled_new(),
	                      .scratch_size = PAYLOAD_SCRATCH};
	w->kit.scratch = take(w->kit.scratch_size);
	if (w->kit.hotp == NULL || w->kit.opener == NULL || w->kit.spoiled == NULL)
		oops("kit", e.text);
}

struct world *world_new(const struct named_policy *named)
{
	struct world *w = take(sizeof *w);

	w->name = named->name;
	w->words = &named->words;
	w->policy = (struct policy){.versions = 1 << MQTT_31 | 1 << MQTT_311 | 1 << MQTT_5,
	                            .max_connect = 16 * 1024,
	                            .max_packet = 1024 * 1024,
	                            .max_message = 1024 * 1024,
	                            .max_whole = PAYLOAD_WHOLE,
	                            .digits = 6,
	                            .rules = w->rules,
	                            .broker_timeout_ms = 5000};
	for (size_t i = 0; i < named->words.n; i++)
		add_word(w, named->words.w[i]);
	if (w->filter != NULL &&
	    acl_ruleset_add_connect(w->filter, true, NULL, 0, "policy", 2, NULL) != 0)
		oops("filter", w->name);
	make_kit(w);
	return w;
}

void world_free(struct world *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < WORLD_RULES; i++)
		free(w->rule_texts[i]);
	for (size_t k = 0; k < WORLD_KEYS; k++)
		sealer_free(w->sealers[k]);
	opener_free(w->kit.opener);
	spoiled_free(w->kit.spoiled);
	hotp_free(w->kit.hotp);
	keyring_fini(&w->ring);
	acl_ruleset_free(w->filter);
	free(w->kit.scratch);
	free(w);
}

bool world_credential(struct slice user, struct otp_credential *out)
{
	const char *profile = user.n == 0        ? ""
	                      : user.p[0] == 't' ? "people"
	                      : user.p[0] == 'h' ? "machine-hotp"
	                                         : "";
	const struct otp_profile *p = otp_profile_find(profile);

	if (p == NULL)
		return false;
	*out = (struct otp_credential){
	    .params = p->params,
	    .state = {.mark = p->params.kind == OTP_TOTP ? -1 : 0, .pending = -1},
	    .secret_len = WORLD_SECRET};
	memset(out->secret, user.p[0], WORLD_SECRET);
	return true;
}

size_t world_login(struct slice user, uint8_t out[OTP_LOGIN_MAX])
{
	static const struct otp_login kept = {{(const uint8_t *)"kept", 4},
	                                      {(const uint8_t *)"secret", 6}};

	return user.n != 0 && user.p[0] == 't' ? otp_login_pack(&kept, out) : 0;
}

/* The code of a user's counter, as text. */
static void code_text(const struct expanding *x, const char *user, int64_t counter, char *out)
{
	struct otp_credential c;
	uint32_t code = 0;

	if (!world_credential(slice_str(user), &c) || counter < 0 ||
	    hotp_code(x->hotp, c.params.algorithm, slice_of(c.secret, c.secret_len),
	              (uint64_t)counter, c.params.digits, &code) != 0)
		oops("no code for", user);
	hotp_text(code, c.params.digits, out);
}

/* A code that nothing near now makes. */
static void wrong_text(const struct expanding *x, int64_t step, char *out)
{
	char near[OTP_DIGITS_MAX + 1];

	for (unsigned guess = 0; guess < 10; guess++) {
		bool taken = false;
		(void)snprintf(out, 7, "%06u", guess * 111111);
		for (int64_t k = step - 3; k <= step + 4 && !taken; k++) {
			code_text(x, "t", k, near);
			taken = strcmp(near, out) == 0;
		}
		if (!taken)
			return;
	}
}

static bool expand_one(const struct expanding *x, const char *word, char *out, size_t size)
{
	int64_t step = totp_step(x->time, 30);

	if (strcmp(word, "t") == 0 || strcmp(word, "h") == 0)
		(void)snprintf(out, size, "%s%u", word, x->run);
	else if (strncmp(word, "code", 4) == 0)
		code_text(x, "t", step + strtol(word + 4, NULL, 10), out);
	else if (strncmp(word, "hotp", 4) == 0)
		code_text(x, "h", strtol(word + 4, NULL, 10), out);
	else if (strcmp(word, "wrong8") == 0)
		(void)snprintf(out, size, "00000000"); /* no counter below 1000 makes it */
	else if (strcmp(word, "wrong") == 0)
		wrong_text(x, step, out);
	else
		return false;
	return true;
}

bool world_expand(const struct expanding *x, const char *text, char *out, size_t size)
{
	const char *dollar = strchr(text, '$');
	size_t n = dollar == NULL ? strlen(text) : (size_t)(dollar - text);
	char name[32];

	if (size < strlen(text) + 32)
		return false;
	memcpy(out, text, n);
	out[n] = '\0';
	if (dollar == NULL)
		return true;
	size_t len = strcspn(dollar + 1, "~");
	if (len >= sizeof name)
		return false;
	memcpy(name, dollar + 1, len);
	name[len] = '\0';
	if (!expand_one(x, name, out + n, size - n))
		return false;
	const char *rest = dollar + 1 + len;
	if (*rest == '~')
		memcpy(out + strlen(out), rest + 1, strlen(rest));
	return true;
}
