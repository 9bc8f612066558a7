/* SPDX-License-Identifier: ISC */
/* A ban is in force once the gate has it, before anything here happens. The rest is carried out by
 * others: the store's thread writes it, and every worker looks through its own connections, told by
 * mail, since no worker may touch another's. */
#include "worker/banish.h"

#include "sys/log.h"
#include "worker/bans.h"
#include "worker/conn.h"
#include "worker/report.h"

#include <stdlib.h>
#include <time.h>

const char *banish_address(const struct store_ban *ban, char *out)
{
	struct acl_cidr c;

	*out = '\0';
	return bans_address_get(ban->value, &c) ? net_network_text(c.base.b, c.bits, out) : out;
}

void banish_log(const struct store_ban *ban, const char *event, const char *by,
                const struct acl_verdict *rule)
{
	char text[NET_ADDR_TEXT];
	time_t until = (time_t)ban->until;
	struct log_line l;
	struct tm tm;

	log_begin(&l, LOG_LEVEL_WARNING, event);
	if (ban->kind == STORE_BAN_ADDRESS)
		log_str(&l, "address", banish_address(ban, text));
	else if (ban->kind == STORE_BAN_USER)
		log_text(&l, "user", ban->value);
	else
		log_client_id(&l, ban->value);
	if (ban->until != 0 && gmtime_r(&until, &tm) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) != 0)
		log_str(&l, "until", text);
	log_str(&l, "by", by);
	if (rule != NULL)
		report_rule(&l, rule);
	if (ban->reason.n != 0)
		log_text(&l, "reason", ban->reason);
	log_end(&l);
}

/* A request to the state; what the ban points to stands behind it. */
struct keeping {
	struct store_op op; /* first, and it begins with its mail */
	uint8_t bytes[];
};

static void kept(struct mail *mail)
{
	struct keeping *k = (struct keeping *)mail;

	if (k->op.status == STORE_FAILED)
		log_say(LOG_LEVEL_ERROR, "state", "a ban is %s: %s",
		        k->op.verb == STORE_BAN ? "in force but not kept over a restart"
		                                : "lifted but comes back at a restart",
		        k->op.err.text);
	free(k);
}

void banish_keep(struct worker *w, enum store_verb verb, const struct store_ban *ban, int64_t now)
{
	struct store *store = w->shared->store;
	struct keeping *k =
	    store == NULL ? NULL : calloc(1, sizeof *k + ban->value.n + ban->reason.n);

	if (store == NULL)
		return;
	if (k == NULL) {
		log_say(LOG_LEVEL_ERROR, "state",
		        "out of memory: a ban is not kept over a restart");
		return;
	}
	memcpy(k->bytes, ban->value.p, ban->value.n);
	if (ban->reason.n != 0)
		memcpy(k->bytes + ban->value.n, ban->reason.p, ban->reason.n);
	k->op = (struct store_op){.mail = {.deliver = kept},
	                          .reply_to = &w->mailbox,
	                          .verb = verb,
	                          .now = now,
	                          .ban = *ban};
	k->op.ban.value.p = k->bytes;
	k->op.ban.reason.p = k->bytes + ban->value.n;
	store_submit(store, &k->op);
}

static bool matches(const struct conn *c, const struct store_ban *ban)
{
	const struct session *s = c->session;
	struct acl_address address;
	struct acl_cidr network;

	if (ban->kind == STORE_BAN_ADDRESS) {
		memcpy(address.b, c->address, sizeof address.b);
		return bans_address_get(ban->value, &network) && acl_cidr_match(&network, &address);
	}
	if (s == NULL || s->identity == NULL || s->state == SESSION_DEAD)
		return false;
	return ban->kind == STORE_BAN_USER ? s->has_user && slice_eq(s->user, ban->value)
	                                   : slice_eq(s->client_id, ban->value);
}

size_t banish_all(struct worker *w, const struct store_ban *ban)
{
	size_t n = 0;

	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (!matches(c, ban))
			continue;
		n++;
		const struct gate_limits *limits = conn_limits(c);
		struct acl_verdict rule = report_limit(
		    limits, gate_made(limits->filter, ban) ? CONF_BAN : CONF_LIMIT_NONE);
		conn_stop(c, MQTT_BANNED, "banned", &rule);
	}
	return n;
}

/* The news for one worker. */
struct news {
	struct mail mail; /* first */
	struct worker *worker;
	struct gate_ban ban;
};

static void heard(struct mail *mail)
{
	struct news *n = (struct news *)mail;

	n->ban.ban.value.p = n->ban.value;
	n->ban.ban.reason.p = (const uint8_t *)n->ban.reason;
	(void)banish_all(n->worker, &n->ban.ban);
	free(n);
}

static void tell(const struct worker_shared *shared, const struct gate_ban *ban)
{
	size_t n = atomic_load(&shared->n_started);

	for (size_t i = 0; i < n; i++) {
		struct news *news = malloc(sizeof *news);
		/* Without memory this worker's connections stay until they come again. */
		if (news == NULL)
			continue;
		*news = (struct news){
		    .mail = {.deliver = heard}, .worker = shared->workers[i], .ban = *ban};
		mailbox_post(&shared->workers[i]->mailbox, &news->mail);
	}
}

void banish_refused(struct worker *w, size_t listener, const struct gate_who *who)
{
	struct err e;
	struct gate_ban ban;
	const struct gate_limits *limits = &w->snapshot->limits[listener];
	struct acl_verdict rule = report_limit(limits, CONF_BAN);
	enum gate_sentence sentence = gate_refused(w->shared->gate, limits, who, w->now, &ban, &e);

	if (sentence == GATE_BAN_FAILED && report_may_say(w, REPORT_STATE))
		log_say(LOG_LEVEL_ERROR, "ban", "an address is not banned: %s", e.text);
	if (sentence == GATE_WOULD_BAN) {
		metrics_add(&w->metrics, METRIC_WOULD_DENY, 1);
		banish_log(&ban.ban, "would_ban", "filter", &rule);
	}
	if (sentence != GATE_BANS)
		return;
	metrics_add(&w->metrics, METRIC_BANS_MADE, 1);
	banish_log(&ban.ban, "banned", "filter", &rule);
	banish_keep(w, STORE_BAN, &ban.ban, w->now.real_us / 1000000);
	tell(w->shared, &ban);
}
