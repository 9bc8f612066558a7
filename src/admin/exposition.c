/* SPDX-License-Identifier: ISC */
/* Listeners, rules and keys of one scrape are those of one snapshot. Labels are names of the
 * configuration and words of ours, never what a peer chose, so there are only so many series. */
#include "admin/exposition.h"

#include "admin/prom.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME(name) "mqsecproxy_" name

static const char *const directions[2] = {[SIDE_CLIENT] = "up", [SIDE_BROKER] = "down"};

static void put_self(struct prom *p, struct facts *f)
{
	prom_family(p, NAME("build_info"), "gauge", "Always 1; the version is in the label");
	prom_begin(p);
	prom_label(p, "version", PACKAGE_VERSION);
	prom_number(p, 1);
	prom_one(p, NAME("start_time_seconds"), "gauge", "When the daemon started, since the epoch",
	         (double)f->started_us / 1e6);
	prom_one(p, NAME("config_last_reload_successful"), "gauge",
	         "Whether the last reload was taken (1 after the start)",
	         atomic_load(&f->reload_refused) ? 0 : 1);
	prom_one(p, NAME("config_last_reload_success_timestamp_seconds"), "gauge",
	         "When the configuration in force was loaded, since the epoch",
	         (double)atomic_load(&f->loaded_us) / 1e6);
	enum clock_sync clock = clock_sync();
	if (clock != CLOCK_UNKNOWN)
		prom_one(p, NAME("clock_synchronised"), "gauge",
		         "Whether the clock follows a source of time; left out where it may not be "
		         "asked",
		         clock == CLOCK_SYNCHRONISED);
}

static void put_connections(struct prom *p, struct facts *f, const struct snapshot *s)
{
	size_t pending, connected;

	prom_family(p, NAME("connections"), "gauge",
	            "Connections now: pending before their CONNECT is accepted, connected after");
	for (size_t i = 0; i < s->n_listeners; i++) {
		pool_connections(f->pool, i, &pending, &connected);
		prom_begin(p);
		prom_label(p, "listener", s->listeners[i]->name);
		prom_label(p, "state", "pending");
		prom_number(p, pending);
		prom_begin(p);
		prom_label(p, "listener", s->listeners[i]->name);
		prom_label(p, "state", "connected");
		prom_number(p, connected);
	}
	prom_family(p, NAME("connections_limit"), "gauge", "The most connections of a listener");
	for (size_t i = 0; i < s->n_listeners; i++) {
		prom_begin(p);
		prom_label(p, "listener", s->listeners[i]->name);
		prom_number(p, s->limits[i].max_connections);
	}
}

static void put_closed(struct prom *p, const struct pool_status *st)
{
	static const char *const reasons[CLOSED_COUNT] = {
#define X(symbol, name) [CLOSED_##symbol] = (name),
	    CLOSED(X)
#undef X
	};

	prom_family(p, NAME("connections_accepted_total"), "counter", "TCP connections accepted");
	prom_begin(p);
	prom_number(p, st->counts[METRIC_CONNECTIONS_ACCEPTED]);
	prom_family(p, NAME("connections_closed_total"), "counter",
	            "Connections of clients that ended, by what ended them");
	for (size_t i = 0; i < CLOSED_COUNT; i++) {
		prom_begin(p);
		prom_label(p, "reason", reasons[i]);
		prom_number(p, st->closed[i]);
	}
}

/* Verdicts of one name stand in a row and are counted as the first. */
static bool is_first_of_name(size_t v)
{
	return v == 0 || strcmp(verdict_info((enum verdict)v)->name,
	                        verdict_info((enum verdict)(v - 1))->name) != 0;
}

static void put_verdicts(struct prom *p, struct facts *f, const struct snapshot *s)
{
	uint64_t n[VERDICT_COUNT];

	prom_family(p, NAME("connects_total"), "counter",
	            "CONNECTs, and connections that never sent one, by what became of them");
	for (size_t i = 0; i < s->n_listeners; i++) {
		pool_verdicts(f->pool, i, n);
		for (size_t v = 0; v < VERDICT_COUNT; v++) {
			if (!is_first_of_name(v))
				continue;
			prom_begin(p);
			prom_label(p, "listener", s->listeners[i]->name);
			prom_label(p, "verdict", verdict_info((enum verdict)v)->name);
			prom_number(p, n[v]);
		}
	}
}

static void put_logins(struct prom *p, const struct pool_status *st)
{
	prom_family(p, NAME("logins_without_code_total"), "counter",
	            "Clients let in without a fresh code where codes are verified, by what for");
	prom_begin(p);
	prom_label(p, "reason", "unknown_user");
	prom_number(p, st->counts[METRIC_UNKNOWN_USERS_PASSED]);
	prom_begin(p);
	prom_label(p, "reason", "lease");
	prom_number(p, st->counts[METRIC_LOGINS_LEASED]);
}

static void put_filter(struct prom *p, const struct snapshot *s, size_t filter)
{
	const struct conf_filter *c = &s->conf->filters[filter];
	char place[300];

	for (size_t i = 0; i < snapshot_deniers(c); i++) {
		struct snapshot_denier denier = snapshot_denier(c, i);
		if (denier.allow || denier.what == NULL)
			continue;
		(void)snprintf(place, sizeof place, "%s:%u", denier.file, denier.line);
		prom_begin(p);
		prom_label(p, "filter", c->name);
		prom_label(p, "rule", place);
		prom_label(p, "action", c->dry_run ? "would_deny" : "deny");
		prom_number(p, atomic_load(&s->denials[filter][i]));
	}
}

static void put_packets(struct prom *p, const struct pool_status *st)
{
	prom_family(p, NAME("packets_total"), "counter",
	            "Control packets, up from clients or down from brokers");
	for (size_t side = 0; side < 2; side++) {
		for (uint8_t type = MQTT_CONNECT; type <= MQTT_AUTH; type++) {
			prom_begin(p);
			prom_label(p, "direction", directions[side]);
			prom_label(p, "type", mqtt_type_name(type));
			prom_number(p, st->packets[side][type]);
		}
	}
}

static void put_leg(struct prom *p, const char *leg, uint64_t n)
{
	prom_begin(p);
	prom_label(p, "leg", leg);
	prom_number(p, n);
}

static void put_traffic(struct prom *p, const struct pool_status *st)
{
	prom_family(p, NAME("received_bytes_total"), "counter", "Bytes read, by leg");
	put_leg(p, "client", st->counts[METRIC_BYTES_FROM_CLIENTS]);
	put_leg(p, "broker", st->counts[METRIC_BYTES_FROM_BROKERS]);
	prom_family(p, NAME("sent_bytes_total"), "counter", "Bytes written, by leg");
	put_leg(p, "client", st->counts[METRIC_BYTES_DOWN]);
	put_leg(p, "broker", st->counts[METRIC_BYTES_UP]);
	prom_one(p, NAME("buffered_bytes"), "gauge", "Memory of what waits to be worked on or sent",
	         (double)st->counts[METRIC_BUFFERED]);
	prom_one(p, NAME("backpressure_seconds_total"), "counter",
	         "Time for which connections were not read, since the other side took too little",
	         (double)st->counts[METRIC_BACKPRESSURE_MS] / 1e3);
	prom_one(p, NAME("log_messages_suppressed_total"), "counter",
	         "Lines left out of the log: too many of their kind, or not taken in time",
	         (double)(st->counts[METRIC_LINES_SUPPRESSED] + log_lost()));
}

static void put_payload(struct prom *p, const char *rule, size_t side, size_t operation,
                        const char *result, uint64_t n)
{
	prom_begin(p);
	prom_label(p, "rule", rule);
	prom_label(p, "direction", directions[side]);
	prom_label(p, "operation", operation == METER_OPEN ? "open" : "seal");
	prom_label(p, "result", result);
	prom_number(p, n);
}

/* Good ends always, where the rule has them; errors where there were some. */
static void put_rule(struct prom *p, const struct snapshot *s, size_t rule)
{
	const struct payload_rule *r = &s->rules[rule];
	const char *filter = s->conf->payloads[rule].filter;
	struct snapshot_payloads n;

	snapshot_payloads(s, rule, &n);
	for (size_t side = 0; side < 2; side++) {
		for (size_t op = 0; op < METER_OPERATIONS; op++) {
			size_t leg = op == METER_OPEN ? side : 1 - side;
			if (!r->leg[leg].encrypted)
				continue;
			put_payload(p, filter, side, op, "ok", n.n[side][op][SEAL_OK]);
			if (op == METER_OPEN)
				put_payload(p, filter, side, op, "plain",
				            n.n[side][op][METER_PLAIN]);
			for (size_t e = SEAL_OK + 1; e < SEAL_ERRORS; e++) {
				if (n.n[side][op][e] != 0)
					put_payload(p, filter, side, op, pool_reason(e),
					            n.n[side][op][e]);
			}
		}
	}
}

static void put_key_ages(struct prom *p, const struct snapshot *s)
{
	int64_t now_s = clock_now().real_us / 1000000;

	prom_family(p, NAME("key_age_seconds"), "gauge",
	            "How long ago the file of a key was written; credentials are left out");
	for (size_t i = 0; i < s->conf->keys.n; i++) {
		if (s->key_written[i] < 0)
			continue;
		prom_begin(p);
		prom_label(p, "key", s->conf->keys.keys[i].name);
		prom_real(p, (double)(now_s - s->key_written[i]));
	}
}

static void put_payloads(struct prom *p, const struct snapshot *s)
{
	uint64_t *used = calloc(s->conf->keys.n + 1, sizeof *used);

	prom_family(p, NAME("payloads_total"), "counter",
	            "Payloads opened and sealed by rule, with what came of it");
	for (size_t i = 0; i < s->conf->n_payloads; i++)
		put_rule(p, s, i);
	put_key_ages(p, s);
	prom_family(p, NAME("key_encryptions_total"), "counter", "Payloads sealed with a key");
	if (used == NULL) {
		p->failed = true;
		return;
	}
	snapshot_key_use(s, used);
	for (size_t i = 0; i < s->conf->keys.n; i++) {
		prom_begin(p);
		prom_label(p, "key", s->conf->keys.keys[i].name);
		prom_number(p, used[i]);
	}
	free(used);
}

static void put_brokers(struct prom *p, struct facts *f, const struct snapshot *s)
{
	prom_family(p, NAME("broker_up"), "gauge",
	            "Whether a broker takes connections: the last one's end, or a try of our own");
	for (size_t i = 0; i < s->conf->n_brokers; i++) {
		prom_begin(p);
		prom_label(p, "broker", s->conf->brokers[i].name);
		prom_number(p, broker_reachable(&s->brokers[i]));
	}
	prom_family(p, NAME("broker_connections"), "gauge",
	            "Connections of clients that have, or wait for, one to this broker");
	for (size_t i = 0; i < s->conf->n_brokers; i++) {
		prom_begin(p);
		prom_label(p, "broker", s->conf->brokers[i].name);
		prom_number(p, pool_broker_connections(f->pool, s, i));
	}
}

static void put_state(struct prom *p, const struct pool_status *st)
{
	prom_family(p, NAME("state_commits_total"), "counter",
	            "Transactions of the state, each for all requests that waited");
	prom_begin(p);
	prom_label(p, "result", "ok");
	prom_number(p, st->store.committed);
	prom_begin(p);
	prom_label(p, "result", "failed");
	prom_number(p, st->store.failed);
	prom_histogram(p, NAME("state_commit_duration_seconds"), "How long a transaction took",
	               &st->store.commit);
}

static void put_users(struct prom *p, const struct pool_status *st)
{
	const struct store_census *c = &st->users;
	const struct {
		const char *status;
		uint64_t n;
	} rows[] = {{"active", c->users - c->locked - c->expired - c->stale},
	            {"locked", c->locked},
	            {"expired", c->expired},
	            {"stale", c->stale}};

	if (!st->has_users)
		return;
	prom_family(p, NAME("users"), "gauge", "Users in the state, each under one status");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		prom_begin(p);
		prom_label(p, "status", rows[i].status);
		prom_number(p, rows[i].n);
	}
	prom_one(p, NAME("users_ahead_of_clock"), "gauge",
	         "Users refused until the clock, which was set back, has caught up",
	         (double)c->ahead);
}

static void put_process(struct prom *p)
{
	struct process self;

	process_read(&self);
	prom_one(p, "process_open_fds", "gauge", "Open file descriptors", (double)self.open_fds);
	prom_one(p, "process_max_fds", "gauge", "The most file descriptors", (double)self.max_fds);
	prom_one(p, "process_resident_memory_bytes", "gauge", "Resident memory",
	         (double)self.resident_bytes);
	prom_one(p, "process_cpu_seconds_total", "counter", "User and system time spent",
	         self.cpu_seconds);
}

int exposition_write(struct facts *f, struct buf *out)
{
	struct prom p = {.out = out};
	struct snapshot *s = pool_snapshot(f->pool);
	struct pool_status st;

	pool_status(f->pool, &st);
	put_self(&p, f);
	put_connections(&p, f, s);
	put_closed(&p, &st);
	put_verdicts(&p, f, s);
	put_logins(&p, &st);
	prom_family(
	    &p, NAME("filter_matches_total"), "counter",
	    "What rules, limits and bans denied, or, of a filter that is only tried, would have");
	for (size_t i = 0; i < s->conf->n_filters; i++)
		put_filter(&p, s, i);
	prom_histogram(&p, NAME("connect_duration_seconds"),
	               "From a whole CONNECT to its acceptance", &st.login);
	prom_histogram(&p, NAME("relay_duration_seconds"),
	               "From a read to the end of all that was sent for it, of every 16th read",
	               &st.relay);
	put_packets(&p, &st);
	put_traffic(&p, &st);
	put_payloads(&p, s);
	put_brokers(&p, f, s);
	prom_histogram(&p, NAME("broker_connect_duration_seconds"),
	               "How long a TCP connection to a broker took", &st.dial);
	put_state(&p, &st);
	put_users(&p, &st);
	put_process(&p);
	snapshot_unref(s);
	return p.failed ? -1 : 0;
}
