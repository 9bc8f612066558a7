/* SPDX-License-Identifier: ISC */
/* What became of a connection, for the log, the counters and the status page at once, so that the
 * three agree. Counts are exact; of lines that somebody can cause without end only some are
 * written. */
#include "worker/report.h"

#include "sys/log.h"
#include "worker/worker.h"

#include <stdio.h>

static const char *listener_name(const struct worker *w, size_t listener)
{
	return w->snapshot->listeners[listener]->name;
}

static void put_peer(struct log_line *l, const struct worker *w, size_t listener,
                     const uint8_t address[16], uint16_t port)
{
	char text[NET_ADDR_TEXT];

	log_str(l, "peer", net_bytes_text(address, port, text));
	log_str(l, "listener", listener_name(w, listener));
}

/* Of a long path the end, since a value of the log is cut, and the line stands behind it. */
void report_rule(struct log_line *l, const struct acl_verdict *rule)
{
	enum { PATH_SHOWN = 150 };
	char text[200];

	if (rule->file == NULL)
		return;
	size_t n = strlen(rule->file), left_out = n > PATH_SHOWN ? n - PATH_SHOWN : 0;
	(void)snprintf(text, sizeof text, "%s%s:%u", left_out != 0 ? "..." : "",
	               rule->file + left_out, rule->line);
	log_str(l, "rule", text);
}

struct acl_verdict report_limit(const struct gate_limits *limits, enum conf_limit limit)
{
	const struct conf_filter *f = limits->filter;
	struct acl_verdict v = {.rule = ACL_NO_RULE};

	if (f != NULL && f->limit_at[limit].file != NULL) {
		v.file = f->limit_at[limit].file;
		v.line = f->limit_at[limit].line;
		v.rule = (unsigned)(acl_ruleset_size(f->rules) + limit);
	}
	return v;
}

static void put_code(struct log_line *l, uint8_t code)
{
	char text[8];

	if (code == 0)
		return;
	(void)snprintf(text, sizeof text, "0x%02x", code);
	log_str(l, "code", text);
}

static void put_client(struct log_line *l, const struct conn *c)
{
	const struct session *s = c->session;

	put_peer(l, c->worker, c->listener, c->address, c->port);
	if (s == NULL || s->identity == NULL)
		return;
	log_client_id(l, s->client_id);
	if (s->has_user)
		log_text(l, "user", s->user);
}

/* By listener and verdict; "evicted" is none. And the verdicts that have a counter of their own. */
static void count_verdict(struct worker *w, size_t listener, const char *verdict)
{
	static const struct {
		enum verdict verdict;
		enum metric metric;
	} kinds[] = {{VERDICT_RATE_LIMITED, METRIC_CONNECTS_RATE_LIMITED},
	             {VERDICT_CONNECTION_LIMIT, METRIC_CONNECTS_OVER_LIMIT},
	             {VERDICT_BANNED, METRIC_CONNECTS_BANNED}};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(verdict, verdict_info(kinds[i].verdict)->name) == 0)
			metrics_add(&w->metrics, kinds[i].metric, 1);
	}
	for (size_t v = 0; v < VERDICT_COUNT; v++) {
		if (strcmp(verdict, verdict_info((enum verdict)v)->name) != 0)
			continue;
		counter_add(&w->verdicts[listener * VERDICT_COUNT + v], 1);
		break;
	}
}

/* For the status page. */
static void remember(const struct worker *w, struct refused *r, size_t listener,
                     const char *verdict, const struct acl_verdict *rule)
{
	r->real_us = w->now.real_us;
	(void)snprintf(r->listener, sizeof r->listener, "%s", listener_name(w, listener));
	(void)snprintf(r->verdict, sizeof r->verdict, "%s", verdict);
	if (rule != NULL && rule->file != NULL)
		(void)snprintf(r->rule, sizeof r->rule, "%s:%u", rule->file, rule->line);
	refusals_add(w->shared->refusals, r);
}

static void remember_client(const struct conn *c, const struct session_note *n)
{
	struct refused r = {0};

	(void)net_bytes_text(c->address, c->port, r.peer);
	(void)log_client_id_text(c->session->client_id, r.client_id, sizeof r.client_id);
	remember(c->worker, &r, c->listener, verdict_info(n->verdict)->name, &n->rule);
}

static void report_verdict(struct conn *c, const struct session_note *n)
{
	static const char *const logins[] = {[LOGIN_OPEN] = NULL,
	                                     [LOGIN_CODE] = NULL,
	                                     [LOGIN_PASSED] = "passed",
	                                     [LOGIN_LEASED] = "leased"};
	struct log_line l;
	bool accepted = n->verdict == VERDICT_ACCEPTED;

	metrics_add(&c->worker->metrics,
	            accepted ? METRIC_CONNECTS_ACCEPTED : METRIC_CONNECTS_REFUSED, 1);
	/* One who left before a verdict, say a health check, is no refusal. */
	bool refused = !accepted && n->verdict != VERDICT_GONE;
	snapshot_count(c->worker->snapshot, c->listener, &n->rule, 1);
	count_verdict(c->worker, c->listener, verdict_info(n->verdict)->name);
	if (accepted && c->session->login == LOGIN_LEASED)
		metrics_add(&c->worker->metrics, METRIC_LOGINS_LEASED, 1);
	if (accepted && c->session->login == LOGIN_PASSED)
		metrics_add(&c->worker->metrics, METRIC_UNKNOWN_USERS_PASSED, 1);
	if (accepted)
		histogram_add(&c->worker->login_time,
		              (c->worker->now.mono_ms - c->session->connect_ms) * 1000);
	else
		conn_closes(c, n->verdict == VERDICT_GONE      ? CLOSED_CLIENT
		               : n->verdict == VERDICT_TIMEOUT ? CLOSED_TIMEOUT
		                                               : CLOSED_REFUSED);
	if (refused)
		remember_client(c, n);
	if (!accepted && !report_may_say(c->worker, report_kind_of(verdict_info(n->verdict)->name)))
		return;
	log_begin(&l, refused ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "connect");
	log_str(&l, "verdict", verdict_info(n->verdict)->name);
	put_client(&l, c);
	log_str(&l, "mqtt", mqtt_version_name(c->session->version));
	log_number(&l, "worker", (int64_t)c->worker->number);
	log_str(&l, "login", logins[c->session->login]);
	report_rule(&l, &n->rule);
	put_code(&l, n->code);
	log_str(&l, "why", n->why);
	log_end(&l);
}

enum closed report_closed_by(uint8_t code)
{
	switch (code) {
	case MQTT_SERVER_SHUTTING_DOWN:
		return CLOSED_SHUTDOWN;
	case MQTT_ADMINISTRATIVE_ACTION:
		return CLOSED_KICKED;
	case MQTT_BANNED:
		return CLOSED_BANNED;
	case MQTT_NOT_AUTHORIZED:
		return CLOSED_DENIED;
	case MQTT_KEEP_ALIVE_TIMEOUT:
		return CLOSED_SILENT;
	default:
		return CLOSED_PROTOCOL;
	}
}

static void report_closed(struct conn *c, const struct session_note *n)
{
	struct log_line l;

	conn_closes(c, report_closed_by(n->code));
	snapshot_count(c->worker->snapshot, c->listener, &n->rule, 1);
	log_begin(&l, LOG_LEVEL_INFO, "closed");
	put_client(&l, c);
	log_str(&l, "from", n->from == SIDE_CLIENT ? "client" : "broker");
	report_rule(&l, &n->rule);
	put_code(&l, n->code);
	log_str(&l, "why", n->why);
	log_end(&l);
}

static void report_payload(const struct conn *c, const struct session_note *n)
{
	struct log_line l;
	char kid[9];

	metrics_add(&c->worker->metrics, metric_failed(n->from == SIDE_CLIENT, n->error), 1);
	if (!report_may_say(c->worker, REPORT_PAYLOAD))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "payload");
	log_str(&l, "error", seal_error_name(n->error));
	put_client(&l, c);
	log_str(&l, "from", n->from == SIDE_CLIENT ? "client" : "broker");
	log_text(&l, "topic", n->topic);
	if (n->has_kid) {
		(void)snprintf(kid, sizeof kid, "%02x%02x%02x%02x", n->kid[0], n->kid[1], n->kid[2],
		               n->kid[3]);
		log_str(&l, "kid", kid);
	}
	log_end(&l);
}

/* A list denied something, or would have. */
static void report_denied(struct conn *c, const struct session_note *n)
{
	struct metrics *m = &c->worker->metrics;
	struct log_line l;

	if (n->dry)
		metrics_add(m, METRIC_WOULD_DENY, 1 + n->more);
	else if (n->verb == ACL_SUBSCRIBE && n->from == SIDE_CLIENT)
		metrics_add(m, METRIC_SUBSCRIPTIONS_DENIED, 1 + n->more);
	else
		metrics_add(m, METRIC_MESSAGES_DENIED, 1);
	snapshot_count(c->worker->snapshot, c->listener, &n->rule, 1 + n->more);
	if (!report_may_say(c->worker, REPORT_DENIED))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, n->dry ? "would_deny" : "denied");
	log_str(&l, "what", n->from == SIDE_BROKER ? "delivery" : acl_verb_name(n->verb));
	put_client(&l, c);
	if (n->verb != ACL_CONNECT)
		log_text(&l,
		         n->verb == ACL_SUBSCRIBE && n->from == SIDE_CLIENT ? "filter" : "topic",
		         n->topic);
	if (n->more != 0)
		log_number(&l, "more", (int64_t)n->more);
	report_rule(&l, &n->rule);
	log_end(&l);
}

static void report_delayed(struct conn *c, const struct session_note *n)
{
	struct log_line l;

	metrics_add(&c->worker->metrics, n->dry ? METRIC_WOULD_DENY : METRIC_PUBLISHES_DELAYED, 1);
	if (!report_may_say(c->worker, REPORT_DELAYED))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, n->dry ? "would_delay" : "delayed");
	put_client(&l, c);
	struct acl_verdict rule = report_limit(conn_limits(c), CONF_PUBLISH_PER_CLIENT);
	report_rule(&l, &rule);
	log_str(&l, "why", "limit publish");
	log_end(&l);
}

void report_note(struct conn *c, const struct session_note *n)
{
	switch (n->kind) {
	case NOTE_VERDICT:
		report_verdict(c, n);
		break;
	case NOTE_CLOSED:
		report_closed(c, n);
		break;
	case NOTE_PAYLOAD:
		report_payload(c, n);
		break;
	case NOTE_DENIED:
		report_denied(c, n);
		break;
	case NOTE_DELAYED:
		report_delayed(c, n);
		break;
	}
}

void report_refused(const struct report_peer *peer, const struct report_refusal *r)
{
	struct worker *w = peer->worker;
	struct log_line l;

	metrics_add(&w->metrics, METRIC_CONNECTIONS_REFUSED_AT_ACCEPT, 1);
	count_verdict(w, peer->listener, r->verdict);
	struct refused one = {0};
	(void)net_bytes_text(peer->address, peer->port, one.peer);
	remember(w, &one, peer->listener, r->verdict, r->rule);
	if (r->rule != NULL)
		snapshot_count(w->snapshot, peer->listener, r->rule, 1);
	if (!report_may_say(w, report_kind_of(r->verdict)))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "connect");
	log_str(&l, "verdict", r->verdict);
	put_peer(&l, w, peer->listener, peer->address, peer->port);
	if (r->rule != NULL)
		report_rule(&l, r->rule);
	log_str(&l, "why", r->why);
	log_end(&l);
}

void report_would_refuse(struct conn *c, const struct gate_word *word)
{
	struct acl_verdict rule = report_limit(conn_limits(c), word->limit);
	struct log_line l;

	metrics_add(&c->worker->metrics, METRIC_WOULD_DENY, 1);
	snapshot_count(c->worker->snapshot, c->listener, &rule, 1);
	if (!report_may_say(c->worker, REPORT_DENIED))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "would_deny");
	log_str(&l, "what", "connect");
	put_client(&l, c);
	report_rule(&l, &rule);
	log_str(&l, "why", word->why);
	log_end(&l);
}

void report_stalled(struct conn *c, enum side side)
{
	conn_closes(c, CLOSED_STALLED);
	report_closed(
	    c, &(struct session_note){.from = side, .why = "it took nothing for stall-timeout"});
}

void report_state(struct worker *w, const char *why)
{
	if (report_may_say(w, REPORT_STATE))
		log_say(LOG_LEVEL_ERROR, "state", "%s", why);
}

static void put_broker(struct log_line *l, const struct conn *c)
{
	const struct snapshot *s = c->worker->snapshot;
	size_t broker = s->listeners[c->listener]->broker;
	struct net_addr address;
	char text[NET_ADDR_TEXT];

	log_str(l, "broker", s->conf->brokers[broker].name);
	/* The one that was taken last, unless the names were resolved anew since. */
	size_t next = c->up->dial_next;
	if (next != 0 && broker_address(&s->brokers[broker], next - 1, &address))
		log_str(l, "address", net_addr_text(&address, text));
}

void report_dial(const struct conn *c, const char *why)
{
	struct log_line l;

	if (!report_may_say(c->worker, REPORT_DIAL))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "dial");
	put_broker(&l, c);
	log_str(&l, "why", why);
	log_end(&l);
}

void report_arrived(const struct conn *c)
{
	struct log_line l;

	if (!log_wanted(LOG_LEVEL_DEBUG))
		return;
	log_begin(&l, LOG_LEVEL_DEBUG, "arrived");
	put_client(&l, c);
	log_end(&l);
}

void report_dialled(const struct conn *c, int64_t took_ms)
{
	struct log_line l;

	if (!log_wanted(LOG_LEVEL_DEBUG))
		return;
	log_begin(&l, LOG_LEVEL_DEBUG, "dialled");
	put_client(&l, c);
	put_broker(&l, c);
	log_number(&l, "took_ms", took_ms);
	log_end(&l);
}

void report_inject(const struct conn *c, const char *why)
{
	struct log_line l;
	const struct snapshot *s = c->worker->snapshot;

	log_begin(&l, LOG_LEVEL_ERROR, "inject");
	log_str(&l, "broker", s->conf->brokers[s->listeners[c->listener]->broker].name);
	put_client(&l, c);
	log_str(&l, "why", why);
	log_end(&l);
}
