/* SPDX-License-Identifier: ISC */
/* Gives a configuration back, however far its loading came: everything that was not reached is
 * zero. */
#include "conf/conf.h"

#include "base/secret.h"

#include <stdlib.h>

static void free_addresses(struct conf_address *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(a[i].host);
	free(a);
}

static void free_listeners(struct conf *c)
{
	for (size_t i = 0; i < c->n_listeners; i++) {
		free(c->listeners[i].name);
		free_addresses(c->listeners[i].listen, c->listeners[i].n_listen);
	}
	free(c->listeners);
}

static void free_brokers(struct conf *c)
{
	for (size_t i = 0; i < c->n_brokers; i++) {
		free(c->brokers[i].name);
		free_addresses(c->brokers[i].addresses, c->brokers[i].n_addresses);
	}
	free(c->brokers);
}

static void free_rules(struct conf *c)
{
	for (size_t i = 0; i < c->n_filters; i++) {
		free(c->filters[i].name);
		acl_ruleset_free(c->filters[i].rules);
	}
	free(c->filters);
	for (size_t i = 0; i < c->n_payloads; i++) {
		free(c->payloads[i].filter);
		free(c->payloads[i].client.keys);
		free(c->payloads[i].broker.keys);
	}
	free(c->payloads);
	for (size_t i = 0; i < c->n_lists; i++)
		free(c->lists[i].path);
	free(c->lists);
}

static void free_otps(struct conf *c)
{
	for (size_t i = 0; i < c->n_otps; i++) {
		free(c->otps[i].name);
		free(c->otps[i].profile_name);
		free(c->otps[i].secret_file);
		secret_free(c->otps[i].secret);
		free(c->otps[i].user);
		free(c->otps[i].password_file);
		secret_free(c->otps[i].password);
	}
	free(c->otps);
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	free_listeners(c);
	free_brokers(c);
	free_otps(c);
	free_rules(c);
	for (size_t i = 0; i < c->n_key_paths; i++)
		free(c->key_paths[i]);
	free(c->key_paths);
	keyring_fini(&c->keys);
	free(c->control_socket);
	free(c->http);
	free(c->state_type);
	free(c->state_path);
	free(c->state_key_file);
	for (size_t i = 0; i < c->n_files; i++)
		free(c->files[i]);
	free(c->files);
	free(c->dump);
	free(c);
}
