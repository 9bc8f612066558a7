/* SPDX-License-Identifier: ISC */
/* What no single directive shows: what is missing, what does not fit together, what nobody uses. A
 * line that could not be read may have held anything, so nothing is said to be missing then. */
#include "base/text.h"
#include "conf/load.h"
#include "mqtt/topic.h"
#include "seal/envelope.h"

#include <stdio.h>
#include <stdlib.h>

/* Fixed header, topic, packet id and v5 properties around a payload. */
enum {
	HEAD_ALLOWANCE = 128 << 10,
	OPENED_WHOLE = 256 << 10,
	PAYLOADS_COMPARED = 1000,
	QUOTE_SIZE = 200
};

const struct conf_node *load_set(const struct load_block *b, const char *name)
{
	int i = conf_directive_find(b->kind, name);

	return i < 0 ? NULL : b->set[i];
}

static struct conf_at whole(const struct load *l)
{
	return (struct conf_at){l->main, 0, 0};
}

/* At the name of a block, or, where it has none, at its first word. */
struct conf_at load_block_at(const struct load_block *b)
{
	return conf_word_at(b->node, b->node->n > 1 ? 1 : 0);
}

static void check_required(struct load *l, const struct load_block *b)
{
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		if (d[i].block != b->kind || !d[i].required || b->set[i] != NULL)
			continue;
		if (b->kind == CONF_TOP)
			conf_error(&l->diags, whole(l),
			           "there is no %s: at least one block \"%s %s { … }\" is needed",
			           d[i].name, d[i].name, d[i].argument);
		else
			conf_error(&l->diags, load_block_at(b), "this %s needs a line \"%s %s\"",
			           conf_block_name(b->kind), d[i].name, d[i].argument);
	}
}

/* The words of `listen` once more, for their places. */
static void check_exposure(struct load *l, const struct load_block *b)
{
	const struct conf_listener *listener = b->base;

	for (const struct conf_node *node = b->node->first; node != NULL; node = node->next) {
		if (node->broken || strcmp(node->words[0].text, "listen") != 0)
			continue;
		for (size_t i = 1; i < node->n && !listener->insecure_ok; i++) {
			struct conf_address a;
			if (load_host_port(l, node->words[i].text, &a, NULL) != 0 ||
			    !load_is_exposed(a.host))
				continue;
			conf_error(
			    &l->diags, conf_word_at(node, i),
			    "plain TCP beyond loopback: listen on 127.0.0.1 or [::1], or, if the "
			    "network can be trusted, say \"insecure-ok yes\" in this listener");
		}
	}
}

static bool anything_encrypts(const struct conf *c)
{
	for (size_t i = 0; i < c->n_payloads; i++) {
		if (c->payloads[i].client.encrypted || c->payloads[i].broker.encrypted)
			return true;
	}
	return false;
}

static void check_buffer(struct load *l, const struct load_block *b)
{
	const struct conf_listener *listener = b->base;
	/* A longer one is opened segment by segment. */
	size_t message = l->c->max_message < OPENED_WHOLE ? l->c->max_message : OPENED_WHOLE;
	size_t least = 2 * (envelope_size(message + SEAL_PREFIX_MAX) + HEAD_ALLOWANCE);
	const struct conf_node *node = load_set(b, "max-buffer");

	if (listener->max_buffer >= least || !anything_encrypts(l->c))
		return;
	conf_error(&l->diags,
	           node != NULL && node->n > 1 ? conf_word_at(node, 1) : load_block_at(b),
	           "max-buffer is too small for max-message: %zuk would hold the largest envelope "
	           "that is opened whole twice",
	           (least + 1023) / 1024);
}

/* Its broker would be the listener itself: each client would come back as another, and again. */
static void check_loop(struct load *l, const struct load_block *b)
{
	const struct conf_listener *listener = b->base;
	const struct conf_node *node = load_set(b, "broker");

	if (node == NULL || node->n < 2 || listener->broker >= l->c->n_brokers)
		return;
	const struct conf_broker *broker = &l->c->brokers[listener->broker];
	if (strcmp(broker->name, node->words[1].text) != 0)
		return; /* there is none of that name, which is said already */
	for (size_t i = 0; i < broker->n_addresses * listener->n_listen; i++) {
		const struct conf_address *a = &broker->addresses[i / listener->n_listen];
		if (!load_reaches(a, &listener->listen[i % listener->n_listen]))
			continue;
		conf_error(&l->diags, conf_word_at(node, 1),
		           "broker \"%s\" is at port %u, where this listener listens itself: give "
		           "one of them another port",
		           broker->name, a->port);
		return;
	}
}

static void check_listener(struct load *l, const struct load_block *b)
{
	struct conf_listener *listener = b->base;

	if (load_set(b, "max-pending") == NULL) {
		listener->max_pending = listener->max_connections / 4;
		if (listener->max_pending == 0)
			listener->max_pending = 1;
	}
	check_exposure(l, b);
	check_buffer(l, b);
	check_loop(l, b);
	load_otp_listener(l, b);
}

static void check_filter_end(struct load *l, const struct load_block *b)
{
	const struct conf_node *dry_run = load_set(b, "dry-run");
	const struct conf_filter *f = b->base;
	struct err e;

	if (f->dry_run && dry_run != NULL)
		conf_warning(&l->diags, conf_word_at(dry_run, 0),
		             "this filter denies nothing as long as dry-run is on");
	if (b->rule_failed)
		return;
	if (b->node->first == NULL)
		conf_warning(&l->diags, load_block_at(b),
		             "this filter has no rule: everybody may connect");
	for (enum acl_verb verb = ACL_CONNECT; verb < ACL_VERBS; verb++) {
		if (acl_ruleset_check(f->rules, verb, &e) != 0)
			conf_error(&l->diags, load_block_at(b), "%s", e.text);
	}
}

static void check_legs(struct load *l, const struct load_block *b)
{
	static const char *const names[] = {"client-leg", "broker-leg"};
	const struct conf_node *pass = load_set(b, "pass");

	if (pass == NULL && load_set(b, names[0]) == NULL && load_set(b, names[1]) == NULL) {
		conf_error(
		    &l->diags, load_block_at(b),
		    "this rule needs a line \"pass\", or \"client-leg …\" and \"broker-leg …\"");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct conf_node *leg = load_set(b, names[i]);
		if (pass != NULL && leg != NULL)
			conf_error(
			    &l->diags, conf_word_at(leg, 0),
			    "\"%s\" cannot stand beside \"pass\", which leaves payloads alone",
			    names[i]);
		else if (pass == NULL && leg == NULL)
			conf_error(&l->diags, load_block_at(b),
			           "this rule needs a line \"%s plain|encrypted KEY…\"", names[i]);
	}
}

bool load_has_use(const struct load_block *b, const struct conf_directive *d)
{
	const struct conf_payload *p = b->base;

	if (d->role != NULL)
		return load_otp_says(b->base, d->role);
	return d->block != CONF_PAYLOAD || d->type == CONF_T_FLAG || d->type == CONF_T_LEG ||
	       p->client.encrypted || p->broker.encrypted;
}

static bool says_plain(const struct load_block *b, const char *leg)
{
	const struct conf_node *node = load_set(b, leg);

	return node != NULL && node->n > 1 && strcmp(node->words[1].text, "plain") == 0;
}

/* Somebody who writes an option of sealing into a rule that leaves payloads alone believes that
 * they are sealed. Where a leg is missing or bad, that is what is said instead. */
static void check_options(struct load *l, const struct load_block *b)
{
	size_t n;
	const struct conf_directive *d = conf_directives(&n);
	bool pass = load_set(b, "pass") != NULL;

	if (!pass && !(says_plain(b, "client-leg") && says_plain(b, "broker-leg")))
		return;
	for (size_t i = 0; i < n; i++) {
		if (d[i].block != CONF_PAYLOAD || b->set[i] == NULL || load_has_use(b, &d[i]))
			continue;
		if (pass)
			conf_error(
			    &l->diags, conf_word_at(b->set[i], 0),
			    "\"%s\" cannot stand beside \"pass\", which leaves payloads alone",
			    d[i].name);
		else
			conf_error(
			    &l->diags, conf_word_at(b->set[i], 0),
			    "\"%s\" has no meaning where nothing is sealed or opened: leave it "
			    "out, or make a leg \"encrypted KEY…\"",
			    d[i].name);
	}
}

static void check_used(struct load *l, const struct load_block *b)
{
	const char *by = b->kind == CONF_KEY   ? "payload rule"
	                 : b->kind == CONF_OTP ? "listener or broker"
	                                       : "listener";

	if (b->kind == CONF_BROKER || b->kind == CONF_OTP || b->kind == CONF_FILTER ||
	    b->kind == CONF_KEY) {
		if (!b->used)
			conf_warning(&l->diags, load_block_at(b), "no %s uses this %s block", by,
			             conf_block_name(b->kind));
	}
}

/* state.key in the folder of the path. */
static void default_key_file(struct load *l)
{
	const char *path = l->c->state_path, *slash = strrchr(path, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char *file = malloc(folder + sizeof "state.key");

	if (file == NULL) {
		l->no_memory = true;
		return;
	}
	memcpy(file, path, folder);
	memcpy(file + folder, "state.key", sizeof "state.key");
	l->c->state_key_file = file;
}

static void check_state(struct load *l)
{
	const struct conf_node *type = load_set(l->single[CONF_STATE], "type");

	if (l->c->state_key_file == NULL)
		default_key_file(l);
	if (type != NULL && strcmp(l->c->state_type, "memory") == 0)
		conf_warning(&l->diags, conf_word_at(type, type->n > 1 ? 1 : 0),
		             "codes used up are forgotten at restart and may then be used again");
}

/* Whether all that the second matches is matched by the first. What is wrong, or the same twice,
 * was reported. */
static bool hides(struct slice before, struct slice filter)
{
	struct err e;

	return !slice_eq(before, filter) && acl_filter_check(before, &e) == 0 &&
	       acl_filter_check(filter, &e) == 0 && mqtt_filter_covers(before, filter);
}

/* Each is compared with all before it, so not where there are very many. */
static void check_payload_reached(struct load *l, const struct load_block *b)
{
	const struct conf_payload *all = l->c->payloads;
	char quote[QUOTE_SIZE];

	for (size_t i = 0; i < b->index && b->index < PAYLOADS_COMPARED; i++) {
		if (all[i].file == NULL || !hides(slice_str(all[i].filter), slice_str(b->name)))
			continue;
		conf_warning(&l->diags, load_block_at(b),
		             "this block is never reached: the one in %s:%u matches all its topics",
		             text_escape(slice_str(all[i].file), quote, sizeof quote), all[i].line);
		return;
	}
}

static void check_block(struct load *l, const struct load_block *b)
{
	if (!b->node->damaged) {
		check_required(l, b);
		if (b->kind == CONF_FILTER)
			check_filter_end(l, b);
		if (b->kind == CONF_PAYLOAD) {
			check_payload_reached(l, b);
			check_legs(l, b);
			check_options(l, b);
		}
		if (b->kind == CONF_OTP)
			load_otp(l, b);
		if (b->kind == CONF_BROKER)
			load_otp_broker(l, b);
	}
	if (!l->broken)
		check_used(l, b);
	if (b->kind == CONF_LISTENER)
		check_listener(l, b);
}

void load_check(struct load *l)
{
	if (!l->broken)
		check_required(l, l->single[CONF_TOP]);
	check_state(l);
	for (const struct load_block *b = l->first; b != NULL; b = b->next)
		check_block(l, b);
}
