/* SPDX-License-Identifier: ISC */
/* A configuration as workers use it: policies, limits and rules in the order of the listeners that
 * the process began with. It never changes once it is made, but for its counters, and lives as long
 * as anybody holds it. */
#include "worker/snapshot.h"

#include "base/text.h"
#include "proxy/session.h"
#include "sys/file.h"
#include "sys/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUOTE_SIZE = 200 };

struct snapshot *snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	if (s->brokers != NULL) {
		for (size_t i = 0; i < s->conf->n_brokers; i++)
			broker_fini(&s->brokers[i]);
	}
	if (s->denials != NULL) {
		for (size_t i = 0; i < s->conf->n_filters; i++)
			free(s->denials[i]);
	}
	free(s->denials);
	free(s->key_written);
	for (size_t i = 0; s->meters != NULL && i <= s->n_workers; i++)
		free(s->meters[i]);
	free(s->meters);
	free(s->brokers);
	free(s->rules);
	free(s->policies);
	free(s->limits);
	free(s->listeners);
	conf_free(s->conf);
	free(s);
}

void snapshot_count(struct snapshot *s, size_t listener, const struct acl_verdict *v, size_t n)
{
	int filter = s->listeners[listener]->filter;

	if (v->file == NULL || v->allow || filter < 0 ||
	    v->rule >= snapshot_deniers(&s->conf->filters[filter]))
		return;
	(void)atomic_fetch_add_explicit(&s->denials[filter][v->rule], n, memory_order_relaxed);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_listen(const struct conf_listener *a, const struct conf_listener *b)
{
	if (a->n_listen != b->n_listen)
		return false;
	for (size_t i = 0; i < a->n_listen; i++) {
		if (!same_text(a->listen[i].host, b->listen[i].host) ||
		    a->listen[i].port != b->listen[i].port)
			return false;
	}
	return true;
}

static const struct conf_listener *by_name(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_listeners; i++) {
		if (strcmp(c->listeners[i].name, name) == 0)
			return &c->listeners[i];
	}
	return NULL;
}

static bool keeps_state(const struct conf *c)
{
	for (size_t i = 0; i < c->n_listeners; i++) {
		if (c->listeners[i].otp >= 0 || c->brokers[c->listeners[i].broker].otp >= 0)
			return true;
	}
	return false;
}

static bool bans(const struct conf *c)
{
	for (size_t i = 0; i < c->n_listeners; i++) {
		int filter = c->listeners[i].filter;
		if (filter >= 0 && c->filters[filter].ban_after.n != 0)
			return true;
	}
	return false;
}

/* What live workers cannot take over. */
static int check_unchanged(const struct conf *now, const struct conf *before, struct err *e)
{
	static const char cure[] =
	    "can only change with a restart; nothing of this configuration is in force";

	if (now->workers != before->workers)
		return err_set(e, "workers %s", cure);
	if (!same_text(now->control_socket, before->control_socket))
		return err_set(e, "the admin socket %s", cure);
	if (!same_text(now->http, before->http))
		return err_set(e, "the HTTP address %s", cure);
	if (!same_text(now->state_type, before->state_type) ||
	    !same_text(now->state_path, before->state_path) ||
	    !same_text(now->state_key_file, before->state_key_file))
		return err_set(e, "the state %s", cure);
	if (now->n_listeners != before->n_listeners)
		return err_set(e, "the number of listeners %s", cure);
	return 0;
}

/* Whoever reads a list while it is written sees a part of it, and the last entry may be a part of
 * another: who was meant by the rest would be let in. */
static int check_lists(const struct conf *now, const struct conf *before, struct err *e)
{
	char quote[QUOTE_SIZE];

	for (size_t i = 0; i < now->n_lists; i++) {
		const struct conf_list *list = &now->lists[i];
		for (size_t k = 0; list->cut && k < before->n_lists; k++) {
			if (!before->lists[k].ended ||
			    strcmp(before->lists[k].path, list->path) != 0)
				continue;
			return err_set(e,
			               "%s has lost the end of its last line, as if it were half "
			               "written: write it anew under another name and rename it, "
			               "or end the line",
			               text_escape(slice_str(list->path), quote, sizeof quote));
		}
	}
	return 0;
}

/* Gives each listener the number that it has in the running process. */
static int order_listeners(struct snapshot *s, const struct snapshot *before, struct err *e)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		if (before == NULL) {
			s->listeners[i] = &s->conf->listeners[i];
			continue;
		}
		s->listeners[i] = by_name(s->conf, before->listeners[i]->name);
		if (s->listeners[i] == NULL || !same_listen(s->listeners[i], before->listeners[i]))
			return err_set(e,
			               "the name and the addresses of listener %s can only change "
			               "with a restart; "
			               "nothing of this configuration is in force",
			               before->listeners[i]->name);
	}
	return 0;
}

static struct payload_leg leg_of(const struct conf_leg *l)
{
	return (struct payload_leg){
	    .encrypted = l->encrypted, .keys = l->keys, .n_keys = l->n_keys};
}

static void make_rules(struct snapshot *s)
{
	for (size_t i = 0; i < s->conf->n_payloads; i++) {
		const struct conf_payload *p = &s->conf->payloads[i];
		s->rules[i] = (struct payload_rule){
		    .filter = slice_str(p->filter),
		    .pass = p->pass,
		    .disconnects = p->on_bad_payload == CONF_DISCONNECT,
		    .prefers = p->plaintext == CONF_PREFER,
		    .drops_empty = p->empty == CONF_EMPTY_DROP,
		    .seals_props = p->seal_properties,
		    .unbound = !p->bind_topic,
		    .strict_retain = p->strict_retain,
		    .pad_to = p->pad,
		    .max_age_us = (int64_t)p->max_age_ms * 1000,
		    .leg = {
		        [SIDE_CLIENT] = leg_of(&p->client), [SIDE_BROKER] = leg_of(&p->broker)}};
	}
}

static struct policy_filter filter_of(const struct conf_filter *f)
{
	return (struct policy_filter){
	    .rules = f->rules,
	    .silent = f->refuse == CONF_REFUSE_SILENT,
	    .disconnects = f->on_deny == CONF_DENY_DISCONNECT,
	    .dry_run = f->dry_run,
	    .publish = rate_of(f->publish_per_client.n, f->publish_per_client.per_ms),
	    .topics =
	        acl_has_rules(f->rules, ACL_PUBLISH) || acl_has_rules(f->rules, ACL_SUBSCRIBE)};
}

static struct policy_inject inject_of(const struct conf_otp *o)
{
	return (struct policy_inject){.on = true,
	                              .layout = o->layout,
	                              .user = slice_str(o->user == NULL ? "" : o->user),
	                              .password = slice_of(o->password, o->password_len)};
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void make_policy(const struct snapshot *s, size_t i)
{
	static const enum policy_forward forwards[] = {[CONF_FORWARD_PASSWORD] = FORWARD_PASSWORD,
	                                               [CONF_FORWARD_STORED] = FORWARD_STORED,
	                                               [CONF_FORWARD_NONE] = FORWARD_NONE};
	const struct conf_listener *l = s->listeners[i];
	struct policy *p = &s->policies[i];

	*p = (struct policy){.versions = l->versions,
	                     .max_connect = l->max_connect,
	                     .max_packet = smaller(l->max_buffer / 2, SESSION_WRITE_MAX),
	                     .max_message = s->conf->max_message,
	                     .max_whole = PAYLOAD_WHOLE,
	                     .rules = s->rules,
	                     .n_rules = s->conf->n_payloads,
	                     .broker_timeout_ms =
	                         (int64_t)s->conf->brokers[l->broker].connect_timeout_ms};
	if (l->filter >= 0)
		p->filter = filter_of(&s->conf->filters[l->filter]);
	if (l->otp >= 0) {
		p->otp = true;
		p->layout = s->conf->otps[l->otp].layout;
		p->digits = s->conf->otps[l->otp].digits;
		p->lease = (struct policy_lease){.ms = (int64_t)s->conf->otps[l->otp].lease_ms,
		                                 .scope = slice_str(l->name)};
		p->forward = forwards[s->conf->otps[l->otp].forward];
		p->pass_strangers = s->conf->otps[l->otp].unknown_users == CONF_UNKNOWN_PASS;
	}
	int inject = s->conf->brokers[l->broker].otp;
	if (inject >= 0)
		p->inject = inject_of(&s->conf->otps[inject]);
	for (size_t k = 0; k < s->conf->n_payloads; k++)
		p->encrypts = p->encrypts || policy_rule_changes(&s->rules[k]);
}

static size_t share_of(size_t configured, double share)
{
	size_t n = (size_t)((double)configured * share);

	return n == 0 ? 1 : n;
}

/* Two descriptors a connection, one a waiting one. Where the process may not open that many, the
 * limits are lowered in proportion, so that it is the limit that says no, not the kernel. Said
 * once, at start. */
static void limit_connections(struct snapshot *s, size_t descriptors, bool say)
{
	static const size_t reserve = 64;
	size_t wanted = 0, there = descriptors > 2 * reserve ? descriptors - reserve : reserve;

	for (size_t i = 0; i < s->n_listeners; i++)
		wanted += 2 * s->listeners[i]->max_connections + s->listeners[i]->max_pending;
	double share = wanted <= there ? 1 : (double)there / (double)wanted;
	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct conf_listener *l = s->listeners[i];
		struct gate_limits *limits = &s->limits[i];
		limits->filter = l->filter < 0 ? NULL : &s->conf->filters[l->filter];
		limits->max_connections = share_of(l->max_connections, share);
		limits->max_pending = share_of(l->max_pending, share);
		limits->max_pending_per_address = share_of(l->max_pending_per_address, share);
		if (share == 1 || !say)
			continue;
		log_say(LOG_LEVEL_WARNING, "limits",
		        "listener %s: max-connections %zu lowered to %zu, max-pending %zu to %zu, "
		        "since the process may "
		        "open %zu descriptors (raise LimitNOFILE or ulimit -n)",
		        l->name, l->max_connections, limits->max_connections, l->max_pending,
		        limits->max_pending, descriptors);
	}
}

static size_t worker_count(const struct conf *c)
{
	if (c->workers != 0)
		return c->workers;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : cores > 256 ? 256 : (size_t)cores;
}

/* Each worker's counts on cache lines of their own. */
static int allocate_meters(struct snapshot *s, size_t n_workers, struct err *e)
{
	size_t size = (s->conf->n_payloads + 1) * sizeof(struct payload_meter);

	s->n_workers = n_workers;
	s->meters = calloc(n_workers + 1, sizeof *s->meters);
	if (s->meters == NULL)
		return err_set(e, "out of memory");
	size = (size + 63) / 64 * 64;
	for (size_t i = 0; i <= n_workers; i++) {
		s->meters[i] = aligned_alloc(64, size);
		if (s->meters[i] == NULL)
			return err_set(e, "out of memory");
		memset(s->meters[i], 0, size);
	}
	return 0;
}

static int allocate(struct snapshot *s, struct err *e)
{
	s->n_listeners = s->conf->n_listeners;
	s->listeners = calloc(s->n_listeners, sizeof *s->listeners);
	s->policies = calloc(s->n_listeners, sizeof *s->policies);
	s->limits = calloc(s->n_listeners, sizeof *s->limits);
	s->rules = calloc(s->conf->n_payloads + 1, sizeof *s->rules);
	s->brokers = calloc(s->conf->n_brokers, sizeof *s->brokers);
	s->denials = calloc(s->conf->n_filters + 1, sizeof *s->denials);
	s->key_written = calloc(s->conf->keys.n + 1, sizeof *s->key_written);
	if (s->listeners == NULL || s->policies == NULL || s->limits == NULL || s->rules == NULL ||
	    s->brokers == NULL || s->denials == NULL || s->key_written == NULL)
		return err_set(e, "out of memory");
	for (size_t i = 0; i < s->conf->n_filters; i++) {
		s->denials[i] = calloc(snapshot_deniers(&s->conf->filters[i]), sizeof **s->denials);
		if (s->denials[i] == NULL)
			return err_set(e, "out of memory");
	}
	for (size_t i = 0; i < s->conf->n_brokers; i++)
		broker_init(&s->brokers[i], &s->conf->brokers[i]);
	for (size_t i = 0; i < s->conf->keys.n; i++)
		s->key_written[i] = file_written(s->conf->key_paths[i]);
	return 0;
}

struct snapshot *snapshot_new(struct conf *takes, const struct snapshot *before, size_t descriptors,
                              struct err *e)
{
	struct snapshot *s = calloc(1, sizeof *s);

	if (s == NULL) {
		conf_free(takes);
		err_set(e, "out of memory");
		return NULL;
	}
	atomic_init(&s->refs, 1);
	s->conf = takes;
	size_t n_workers = before != NULL ? before->n_workers : worker_count(takes);
	if (allocate(s, e) != 0 || allocate_meters(s, n_workers, e) != 0 ||
	    (before != NULL && (check_unchanged(takes, before->conf, e) != 0 ||
	                        check_lists(takes, before->conf, e) != 0)) ||
	    order_listeners(s, before, e) != 0) {
		snapshot_unref(s);
		return NULL;
	}
	make_rules(s);
	for (size_t i = 0; i < s->n_listeners; i++)
		make_policy(s, i);
	limit_connections(s, descriptors, before == NULL);
	s->keeps_state = keeps_state(s->conf);
	s->bans = bans(s->conf);
	for (size_t i = 0; i < s->conf->n_brokers; i++)
		broker_inherit(&s->brokers[i], before == NULL ? NULL : before->brokers,
		               before == NULL ? 0 : before->conf->n_brokers);
	return s;
}
