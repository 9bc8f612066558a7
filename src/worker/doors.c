/* SPDX-License-Identifier: ISC */
/* The listening descriptors, ours or the service manager's. Which are there is settled at the
 * start: all of them, or none and the reason. */
#include "worker/doors.h"

#include "base/text.h"
#include "net/listener.h"
#include "sys/log.h"

#include <stdlib.h>
#include <unistd.h>

enum { QUOTE = 120 };

static void announce(const struct doors *d, size_t i, const struct snapshot *s, const char *from)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "listening");
	log_str(&l, "listener", s->listeners[d->listener[i]]->name);
	log_str(&l, "address", d->address[i]);
	log_str(&l, "from", from);
	log_end(&l);
}

static void add(struct doors *d, const struct snapshot *s, size_t listener, int fd,
                const struct net_addr *bound, const char *from)
{
	size_t i = d->n++;

	d->fds[i] = fd;
	d->listener[i] = listener;
	(void)net_addr_text(bound, d->address[i]);
	announce(d, i, s, from);
}

/* The listener of that name, or how many there are. */
static size_t find(const struct snapshot *s, const char *name)
{
	size_t i = 0;

	while (i < s->n_listeners && strcmp(s->listeners[i]->name, name) != 0)
		i++;
	return i;
}

static int adopt(struct doors *d, const struct snapshot *s, const struct activation *passed,
                 size_t which, struct err *e)
{
	char quote[QUOTE], text[NET_ADDR_TEXT];
	const char *name = passed->name[which];
	size_t listener = find(s, name);
	int fd = ACTIVATION_FIRST + (int)which;
	struct net_addr bound;

	(void)text_escape(slice_str(name), quote, sizeof quote);
	if (listener == s->n_listeners)
		return err_set(e,
		               "a socket named \"%s\" was passed, and no listener has that name "
		               "(FileDescriptorName= of the socket unit)",
		               quote);
	if (net_adopt(fd, &bound, e) != 0) {
		struct err why = *e;
		return err_set(e, "the socket passed for listener %s: %.200s", quote, why.text);
	}
	if (net_addr_exposed(&bound) && !s->listeners[listener]->insecure_ok)
		return err_set(
		    e,
		    "the socket passed for listener %s is %s, plain TCP beyond loopback: if the "
		    "network can be trusted, say \"insecure-ok yes\" in this listener",
		    quote, net_addr_text(&bound, text));
	add(d, s, listener, fd, &bound, "manager");
	return 0;
}

static int open_one(struct doors *d, const struct snapshot *s, size_t listener,
                    const struct conf_address *a, struct err *e)
{
	struct net_addr at, bound;

	if (net_addr_numeric(a->host, a->port, &at) != 0)
		return err_set(e, "%s is not an address", a->host);
	int fd = net_listen(&at, &bound, e);
	if (fd < 0)
		return -1;
	add(d, s, listener, fd, &bound, NULL);
	return 0;
}

static bool has_door(const struct doors *d, size_t n, size_t listener)
{
	for (size_t i = 0; i < n; i++) {
		if (d->listener[i] == listener)
			return true;
	}
	return false;
}

static int allocate(struct doors *d, size_t n, struct err *e)
{
	d->fds = calloc(n, sizeof *d->fds);
	d->listener = calloc(n, sizeof *d->listener);
	d->address = calloc(n, sizeof *d->address);
	if (d->fds == NULL || d->listener == NULL || d->address == NULL)
		return err_set(e, "out of memory");
	return 0;
}

int doors_open(struct doors *d, const struct snapshot *s, const struct activation *passed,
               struct err *e)
{
	size_t most = passed->n;

	for (size_t i = 0; i < s->n_listeners; i++)
		most += s->listeners[i]->n_listen;
	if (allocate(d, most, e) != 0)
		return -1;
	for (size_t i = 0; i < passed->n; i++) {
		if (adopt(d, s, passed, i, e) != 0)
			return -1;
	}
	size_t adopted = d->n;
	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct conf_listener *l = s->listeners[i];
		for (size_t k = 0; k < l->n_listen && !has_door(d, adopted, i); k++) {
			if (open_one(d, s, i, &l->listen[k], e) != 0)
				return -1;
		}
	}
	return 0;
}

void doors_shut(struct doors *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->fds[i] >= 0)
			(void)close(d->fds[i]);
		d->fds[i] = -1;
	}
}

void doors_close(struct doors *d)
{
	doors_shut(d);
	free(d->fds);
	free(d->listener);
	free(d->address);
	*d = (struct doors){0};
}
