/* SPDX-License-Identifier: ISC */
/* Where to listen and where to connect. A listening address is numeric, so that no name service
 * decides what is exposed; it is kept as inet_ntop() writes it, so that two spellings of one
 * address are equal. */
#include "base/text.h"
#include "conf/load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUOTE_SIZE = 100, HOST_MAX = 253 };

/* Splits "HOST:PORT" or "[V6]:PORT". */
static int split(const char *word, struct slice *host, const char **port, struct err *e)
{
	char quote[QUOTE_SIZE];
	const char *colon = strrchr(word, ':');

	text_escape(slice_str(word), quote, sizeof quote);
	if (word[0] == '[') {
		const char *close = strchr(word, ']');
		if (close == NULL || close[1] != ':')
			return err_set(e, "\"%s\" is not [ADDRESS]:PORT", quote);
		*host = slice_of(word + 1, (size_t)(close - word) - 1);
		*port = close + 2;
		return 0;
	}
	if (colon == NULL || colon == word)
		return err_set(e, "\"%s\" is not HOST:PORT", quote);
	if (strchr(word, ':') != colon)
		return err_set(e, "\"%s\": an IPv6 address stands in brackets, as in [::1]:1883",
		               quote);
	*host = slice_of(word, (size_t)(colon - word));
	*port = colon + 1;
	return 0;
}

/* A host name, or an IPv4 address, or, in brackets, an IPv6 address. */
static bool good_host(struct slice host, bool brackets, char *normal, size_t size)
{
	char text[HOST_MAX + 1];
	uint8_t address[16];
	bool letter = false;

	if (host.n == 0 || host.n > HOST_MAX)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	(void)snprintf(normal, size, "%s", text);
	if (brackets)
		return inet_pton(AF_INET6, text, address) == 1 &&
		       inet_ntop(AF_INET6, address, normal, (socklen_t)size) != NULL;
	if (inet_pton(AF_INET, text, address) == 1)
		return true;
	for (size_t i = 0; i < host.n; i++) {
		char c = text[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool digit = c >= '0' && c <= '9';
		if (!alpha && !digit && c != '.' && c != '-' && c != '_')
			return false;
		letter = letter || alpha;
	}
	/* All digits and dots: an address with a slip, not a name. */
	return letter && text[0] != '.' && text[0] != '-';
}

int load_host_port(struct load *l, const char *word, struct conf_address *out, struct err *e)
{
	struct slice host;
	const char *port_text;
	char normal[HOST_MAX + 1], quote[QUOTE_SIZE];
	uint64_t port;

	if (split(word, &host, &port_text, e) != 0)
		return -1;
	if (!good_host(host, word[0] == '[', normal, sizeof normal))
		return err_set(e, "\"%s\" is not a host name or an address",
		               text_escape(host, quote, sizeof quote));
	if (text_number(slice_str(port_text), 0, 65535, &port, NULL) != 0)
		return err_set(e, "\"%s\" is not a port from 0 to 65535",
		               text_escape(slice_str(port_text), quote, sizeof quote));
	out->host = arena_text(&l->arena, slice_str(normal));
	out->port = (uint16_t)port;
	if (out->host != NULL)
		return 0;
	l->no_memory = true;
	return err_set(e, "no memory");
}

static void append(struct load *l, struct conf_address **list, size_t *n,
                   const struct conf_address *from)
{
	struct conf_address *bigger = realloc(*list, (*n + 1) * sizeof *bigger);
	char *host = strdup(from->host);

	if (bigger != NULL)
		*list = bigger;
	if (bigger == NULL || host == NULL) {
		free(host);
		l->no_memory = true;
		return;
	}
	bigger[*n] = (struct conf_address){host, from->port};
	(*n)++;
}

static bool is_numeric(const char *host)
{
	uint8_t address[16];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_taken(const struct conf *c, const struct conf_address *a)
{
	for (size_t i = 0; i < c->n_listeners; i++) {
		for (size_t k = 0; k < c->listeners[i].n_listen; k++) {
			const struct conf_address *other = &c->listeners[i].listen[k];
			if (a->port != 0 && a->port == other->port &&
			    strcmp(a->host, other->host) == 0)
				return true;
		}
	}
	return false;
}

bool load_is_exposed(const char *host)
{
	static const uint8_t one[16] = {[15] = 1};
	uint8_t a[16];

	if (inet_pton(AF_INET, host, a) == 1)
		return a[0] != 127;
	return inet_pton(AF_INET6, host, a) == 1 && memcmp(a, one, sizeof one) != 0;
}

bool load_reaches(const struct conf_address *to, const struct conf_address *listen)
{
	if (to->port != listen->port)
		return false;
	if (strcmp(to->host, listen->host) == 0)
		return true;
	/* [::] is for IPv6 alone. */
	return is_numeric(to->host) && !load_is_exposed(to->host) &&
	       strcmp(listen->host, strchr(to->host, ':') != NULL ? "::" : "0.0.0.0") == 0;
}

static void listen_on(struct load *l, struct conf_listener *listener, const char *word,
                      struct conf_at at)
{
	struct conf_address a;
	struct err e;
	char quote[QUOTE_SIZE];

	text_escape(slice_str(word), quote, sizeof quote);
	if (word[0] == '*')
		conf_error(&l->diags, at, "\"%s\": say 0.0.0.0%s or [::]%s for all addresses",
		           quote, word[1] == ':' ? quote + 1 : ":1883",
		           word[1] == ':' ? quote + 1 : ":1883");
	else if (load_host_port(l, word, &a, &e) != 0)
		conf_error(&l->diags, at, "%s", e.text);
	else if (!is_numeric(a.host))
		conf_error(&l->diags, at,
		           "\"%s\": an address to listen on is numeric, as in 127.0.0.1:1883 or "
		           "[::1]:1883",
		           quote);
	else if (is_taken(l->c, &a))
		conf_error(&l->diags, at, "\"%s\" is listened on already", quote);
	else
		append(l, &listener->listen, &listener->n_listen, &a);
}

void load_listen(struct load *l, struct load_block *b, const struct conf_node *node)
{
	for (size_t i = 1; i < node->n; i++)
		listen_on(l, b->base, node->words[i].text, conf_word_at(node, i));
}

void load_loopback(struct load *l, const struct conf_directive *d, struct load_block *b,
                   const struct conf_node *node)
{
	const char *word = node->words[1].text;
	struct conf_at at = conf_word_at(node, 1);
	char quote[QUOTE_SIZE], text[QUOTE_SIZE];
	struct conf_address a;
	struct err e;

	if (d->special != NULL && strcmp(word, d->special) == 0)
		return;
	text_escape(slice_str(word), quote, sizeof quote);
	if (load_host_port(l, word, &a, &e) != 0) {
		conf_error(&l->diags, at, "%s", e.text);
		return;
	}
	if (!is_numeric(a.host) || load_is_exposed(a.host)) {
		conf_error(&l->diags, at,
		           "\"%s\": only an address of loopback may stand here, as in "
		           "127.0.0.1:9883 or [::1]:9883",
		           quote);
		return;
	}
	(void)snprintf(text, sizeof text, strchr(a.host, ':') != NULL ? "[%s]:%u" : "%s:%u", a.host,
	               a.port);
	if (conf_value_set(d, b->base, text, NULL) != 0)
		l->no_memory = true;
}

void load_address(struct load *l, struct load_block *b, const struct conf_node *node)
{
	struct conf_broker *broker = b->base;
	struct conf_at at = conf_word_at(node, 1);
	struct conf_address a;
	struct err e;

	if (load_host_port(l, node->words[1].text, &a, &e) != 0)
		conf_error(&l->diags, at, "%s", e.text);
	else if (a.port == 0)
		conf_error(&l->diags, at, "a broker has no port 0");
	else
		append(l, &broker->addresses, &broker->n_addresses, &a);
}

void load_versions(struct load *l, struct load_block *b, const struct conf_node *node)
{
	static const uint8_t bits[] = {1u << MQTT_31, 1u << MQTT_311, 1u << MQTT_5};
	struct conf_listener *listener = b->base;
	char quote[QUOTE_SIZE];

	listener->versions = 0;
	for (size_t i = 1; i < node->n; i++) {
		int index = conf_choice(node->words[i].text, "3.1|3.1.1|5.0");
		text_escape(slice_str(node->words[i].text), quote, sizeof quote);
		if (index < 0)
			conf_error(&l->diags, conf_word_at(node, i),
			           "\"%s\" is no version of MQTT: there are 3.1, 3.1.1 and 5.0",
			           quote);
		else if ((listener->versions & bits[index]) != 0)
			conf_error(&l->diags, conf_word_at(node, i), "\"%s\" stands here twice",
			           quote);
		else
			listener->versions |= bits[index];
	}
}
