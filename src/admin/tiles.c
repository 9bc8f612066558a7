/* SPDX-License-Identifier: ISC */
/* A tile is a name, a number and what is to be known of it. What is not known has none: whether the
 * clock follows a source of time, how many users there are. */
#include "admin/tiles.h"

#include "admin/chart.h"
#include "sys/clock.h"
#include "sys/date.h"

#include <stdio.h>
#include <stdlib.h>

static void put_tile(struct view *v, const char *name, const char *value, const char *below)
{
	html_put(&v->html,
	         "<div class=\"card\"><span class=\"dim\">%s</span><b>%s</b>"
	         "<span class=\"dim\">%s</span></div>",
	         name, value, below);
}

static void put_quantiles(struct view *v, const char *name, const struct histogram_sum *h)
{
	char a[HTML_NUMBER], b[HTML_NUMBER], c[HTML_NUMBER], n[HTML_NUMBER], below[160];

	if (histogram_total(h) == 0) {
		put_tile(v, name, "–", "none in the last hour");
		return;
	}
	(void)snprintf(below, sizeof below, "95 %% %s · 99 %% %s · %s",
	               html_duration(histogram_quantile(h, 0.95), b),
	               html_duration(histogram_quantile(h, 0.99), c),
	               html_number(histogram_total(h), n));
	put_tile(v, name, html_duration(histogram_quantile(h, 0.5), a), below);
}

static void put_brokers(struct view *v)
{
	for (size_t i = 0; i < v->snapshot->conf->n_brokers; i++) {
		const struct conf_broker *b = &v->snapshot->conf->brokers[i];
		char n[HTML_NUMBER];
		html_put(&v->html, "<div class=\"card\"><span class=\"dim\">broker ");
		html_text(&v->html, b->name);
		html_put(&v->html, "</span><b class=\"%s\">%s</b><span class=\"dim\">",
		         v->broker_up[i] ? "good" : "bad", v->broker_up[i] ? "up" : "down");
		html_text(&v->html, b->addresses[0].host);
		html_put(&v->html, ":%u%s · %s connections</span></div>", b->addresses[0].port,
		         b->n_addresses > 1 ? " and more" : "",
		         html_number(pool_broker_connections(v->facts->pool, v->snapshot, i), n));
	}
}

static void put_keys(struct view *v)
{
	const struct keyring *ring = &v->snapshot->conf->keys;
	uint64_t *used = calloc(ring->n + 1, sizeof *used);

	if (used == NULL) {
		v->html.failed = true;
		return;
	}
	snapshot_key_use(v->snapshot, used);
	for (size_t i = 0; i < ring->n; i++) {
		const uint8_t *kid = ring->keys[i].kid;
		char n[HTML_NUMBER], date[DATE_TEXT];
		html_put(&v->html, "<div class=\"card\"><span class=\"dim\">key ");
		html_text(&v->html, ring->keys[i].name);
		html_put(&v->html,
		         "</span><b>%s</b><span class=\"dim\">payloads sealed · id "
		         "<code>%02x%02x%02x%02x</code>",
		         html_number(used[i], n), kid[0], kid[1], kid[2], kid[3]);
		if (v->snapshot->key_written[i] >= 0)
			html_put(&v->html, " · of %.10s",
			         date_text(v->snapshot->key_written[i] * 1000, date));
		html_put(&v->html, "</span></div>");
	}
	free(used);
}

void tiles_put(struct view *v)
{
	char n[HTML_NUMBER], m[HTML_NUMBER], below[96];
	uint64_t refused = 0;

	for (size_t i = 0; i < VERDICT_COUNT; i++)
		refused += chart_refused((enum verdict)i) ? v->hour.verdicts[i] : 0;
	html_put(&v->html, "<div class=\"tiles\">");
	(void)snprintf(below, sizeof below, "of %s possible, %s pending", html_number(v->limit, n),
	               html_number(v->pending, m));
	put_tile(v, "connections", html_number(v->connected, n), below);
	put_tile(v, "accepted, last hour", html_number(v->hour.verdicts[VERDICT_ACCEPTED], n),
	         "CONNECTs");
	put_tile(v, "refused, last hour", html_number(refused, n), "CONNECTs and connections");
	put_quantiles(v, "login, median", &v->hour.login);
	put_quantiles(v, "commit, median", &v->hour.commit);
	put_quantiles(v, "relay, median", &v->hour.relay);
	enum clock_sync clock = clock_sync();
	if (clock != CLOCK_UNKNOWN)
		put_tile(v, "clock", clock == CLOCK_SYNCHRONISED ? "synchronised" : "adrift",
		         clock == CLOCK_SYNCHRONISED ? "follows a source of time"
		                                     : "codes by time may fail");
	if (v->has_users) {
		(void)snprintf(below, sizeof below, "%s locked, %s expired",
		               html_number(v->users.locked, n), html_number(v->users.expired, m));
		put_tile(v, "users", html_number(v->users.users, n), below);
	}
	put_brokers(v);
	put_keys(v);
	html_put(&v->html, "</div>\n");
}
