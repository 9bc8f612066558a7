/* SPDX-License-Identifier: ISC */
/* The administrator's hand: who is cut now, and who may not come back. A ban is in force in the
 * gate before those who are there are cut, so nobody slips in between. */
#include "sys/clock.h"
#include "worker/banish.h"
#include "worker/conn.h"
#include "worker/pool_inside.h"

#include <stdio.h>

struct kick {
	enum pool_kick by;
	struct slice value;
	size_t kicked[256]; /* by worker */
};

static bool kick_matches(const struct conn *c, const struct kick *k)
{
	const struct session *s = c->session;

	if (k->by == POOL_KICK_ADDRESS)
		return slice_eq(slice_of(c->address, sizeof c->address), k->value);
	if (s == NULL || s->identity == NULL || s->state == SESSION_DEAD)
		return false;
	if (k->by == POOL_KICK_CLIENT_ID)
		return slice_eq(s->client_id, k->value);
	return s->has_user && slice_eq(s->user, k->value);
}

static void kick_worker(struct worker *w, void *arg)
{
	struct kick *k = arg;

	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (!kick_matches(c, k))
			continue;
		k->kicked[w->number]++;
		conn_stop(c, MQTT_ADMINISTRATIVE_ACTION, "kicked by an administrator", NULL);
	}
}

int pool_address(struct slice text, uint8_t out[16], struct err *e)
{
	char host[NET_ADDR_TEXT];
	struct net_addr a;

	if (text.n < sizeof host) {
		memcpy(host, text.p, text.n);
		host[text.n] = '\0';
		if (net_addr_numeric(host, 0, &a) == 0) {
			net_addr_bytes(&a, out);
			return 0;
		}
	}
	return err_set(e, "that is not an address");
}

int pool_kick(struct pool *p, enum pool_kick by, struct slice value, size_t *kicked, struct err *e)
{
	struct kick k = {.by = by, .value = value};
	uint8_t address[16];

	if (by == POOL_KICK_ADDRESS) {
		if (pool_address(value, address, e) != 0)
			return -1;
		k.value = slice_of(address, sizeof address);
	}
	pool_on_every_worker(p, kick_worker, &k);
	*kicked = 0;
	for (size_t i = 0; i < p->n_workers; i++)
		*kicked += k.kicked[i];
	return 0;
}

/* What an order is about; the value of an address ban goes into room. */
static int ban_value(enum store_ban_kind kind, struct slice value, uint8_t room[BANS_ADDRESS_SIZE],
                     struct slice *out, struct err *e)
{
	struct acl_cidr network;

	*out = value;
	if (kind != STORE_BAN_ADDRESS)
		return value.n == 0 || value.n > STORE_BAN_VALUE_MAX
		           ? err_set(e, "a name that is banned has 1 to %d bytes",
		                     STORE_BAN_VALUE_MAX)
		           : 0;
	if (acl_cidr_parse(value, &network, e) != 0)
		return -1;
	bans_address_put(&network, room);
	*out = slice_of(room, BANS_ADDRESS_SIZE);
	return 0;
}

struct cut {
	const struct store_ban *ban;
	size_t n[256]; /* by worker */
};

static void cut_worker(struct worker *w, void *arg)
{
	struct cut *cut = arg;

	cut->n[w->number] = banish_all(w, cut->ban);
}

int pool_ban(struct pool *p, const struct pool_ban *order, struct pool_banned *out, struct err *e)
{
	struct now now = clock_now();
	int64_t now_s = now.real_us / 1000000;
	uint8_t room[BANS_ADDRESS_SIZE];
	struct store_ban ban = {.kind = order->kind,
	                        .since = now_s,
	                        .until = order->ms == 0 ? 0 : now_s + (order->ms + 999) / 1000,
	                        .reason = order->reason};
	struct cut cut = {.ban = &ban};

	if (order->reason.n > STORE_BAN_REASON_MAX)
		return err_set(e, "a reason has at most %d bytes", STORE_BAN_REASON_MAX);
	if (ban_value(order->kind, order->value, room, &ban.value, e) != 0 ||
	    gate_ban(p->shared.gate, &ban, now, e) != 0)
		return -1;
	banish_log(&ban, "banned", "hand", NULL);
	*out = (struct pool_banned){.cut = 0};
	out->kept = pool_open_store(p, p->snapshot->conf, &out->why) == 0;
	banish_keep(p->workers[0], STORE_BAN, &ban, now_s);
	pool_on_every_worker(p, cut_worker, &cut);
	for (size_t i = 0; i < p->n_workers; i++)
		out->cut += cut.n[i];
	return 0;
}

int pool_unban(struct pool *p, enum store_ban_kind kind, struct slice value, struct err *e)
{
	struct now now = clock_now();
	uint8_t room[BANS_ADDRESS_SIZE];
	struct store_ban ban = {.kind = kind};

	if (ban_value(kind, value, room, &ban.value, e) != 0)
		return -1;
	if (!gate_unban(p->shared.gate, kind, ban.value))
		return err_set(e, "there is no such ban");
	banish_log(&ban, "unbanned", "hand", NULL);
	banish_keep(p->workers[0], STORE_UNBAN, &ban, now.real_us / 1000000);
	return 0;
}

void pool_bans(struct pool *p, store_ban_fn *found, void *ctx)
{
	gate_bans(p->shared.gate, clock_now(), found, ctx);
}

const char *pool_ban_address(const struct store_ban *ban, char *out, size_t size)
{
	char text[NET_ADDR_TEXT];

	(void)snprintf(out, size, "%s", banish_address(ban, text));
	return out;
}
