/* SPDX-License-Identifier: ISC */
/* From the top: the way of a payload with the stretches where it is sealed, how things stand in
 * tiles, the last hour, what the rules did to payloads, who was refused and by which line. */
#include "admin/page.h"

#include "admin/chart.h"
#include "admin/tiles.h"
#include "sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct page {
	struct history history;
};

struct page *page_new(void)
{
	return calloc(1, sizeof(struct page));
}

void page_free(struct page *p)
{
	free(p);
}

void page_tick(struct page *p, struct facts *facts)
{
	struct sample now;

	history_read(facts->pool, &now);
	history_tick(&p->history, &now);
}

static const char style[] =
    ":root{--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#667085;--line:#d9dee7;--good:#1a7f4b;"
    "--bad:#c2372e;--accent:#2456b8;color-scheme:light dark}"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;"
    "--dim:#98a2b3;--line:#2d3643;--good:#41c083;--bad:#f0766c;--accent:#7aa7f7}}"
    "body{margin:0 auto;padding:20px 24px 40px;max-width:1080px;background:var(--bg);"
    "color:var(--ink);font:14px/1.45 system-ui,'DejaVu Sans',sans-serif}"
    "h1{font-size:20px;margin:0}h2{font-size:14px;margin:26px 0 8px}"
    "header{display:flex;gap:16px;align-items:baseline;flex-wrap:wrap;margin-bottom:14px}"
    ".dim{color:var(--dim)}.accent{color:var(--accent)}.good{color:var(--good)}.bad{color:var(--"
    "bad)}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:8px;"
    "padding:12px 14px}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:10px;"
    "margin-top:10px}.tiles b{display:block;font-size:20px;font-weight:600;white-space:nowrap}"
    "svg{display:block;width:100%;height:auto}svg text{fill:var(--ink)}"
    "svg .dim{fill:var(--dim)}.box{fill:var(--bg);stroke:var(--line)}"
    ".sealed{stroke:var(--good);stroke-width:7}.clear{stroke:var(--dim);stroke-width:2;"
    "stroke-dasharray:6 5}.lock{fill:var(--good)}.shackle{fill:none;stroke:var(--good);"
    "stroke-width:2.5}.yes{fill:var(--good)}.no{fill:var(--bad)}"
    ".axis{stroke:var(--line)}.up{fill:none;stroke:var(--accent);stroke-width:2}"
    ".down{fill:none;stroke:var(--good);stroke-width:2}"
    "table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;"
    "color:var(--dim);font-size:12px}th,td{padding:4px 10px 4px 0;border-bottom:1px solid "
    "var(--line);vertical-align:top;overflow-wrap:anywhere}td.n,th.n{text-align:right}"
    "code{font:12px ui-monospace,'DejaVu Sans Mono',monospace}";

static void date(int64_t us, char out[HTML_NUMBER])
{
	time_t s = (time_t)(us / 1000000);
	struct tm t;

	if (gmtime_r(&s, &t) == NULL || strftime(out, HTML_NUMBER, "%Y-%m-%d %H:%M:%S", &t) == 0)
		out[0] = '\0';
}

static void put_head(struct view *v, const char *nonce)
{
	char when[HTML_NUMBER], loaded[HTML_NUMBER];
	int64_t now = clock_now().real_us, up = (now - v->facts->started_us) / 1000000;

	date(now, when);
	date(atomic_load(&v->facts->loaded_us), loaded);
	html_put(&v->html,
	         "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	         "<meta http-equiv=\"refresh\" content=\"5\">"
	         "<meta name=\"viewport\" content=\"width=device-width\">"
	         "<title>mqsecproxy</title><link rel=\"icon\" href=\"data:,\"><style nonce=\"%s\">",
	         nonce);
	if (buf_append(v->html.out, slice_str(style)) != 0)
		v->html.failed = true;
	html_put(
	    &v->html,
	    "</style></head><body><header><h1>mqsecproxy</h1>"
	    "<span class=\"dim\">%s · up %lld d %02lld:%02lld · configuration of %s%s · now %s UTC"
	    "</span></header>\n",
	    PACKAGE_VERSION, (long long)(up / 86400), (long long)(up / 3600 % 24),
	    (long long)(up / 60 % 60), loaded,
	    atomic_load(&v->facts->reload_refused)
	        ? " <span class=\"bad\">(the last reload was refused)</span>"
	        : "",
	    when);
}

/* Whether some rule seals what travels on that leg. */
static bool leg_sealed(const struct snapshot *s, enum side leg)
{
	for (size_t i = 0; i < s->conf->n_payloads; i++) {
		if (s->rules[i].leg[leg].encrypted)
			return true;
	}
	return false;
}

static double per_second(const struct view *v, uint64_t bytes)
{
	return v->rate.mono_ms <= 0 ? 0 : (double)bytes * 1e3 / (double)v->rate.mono_ms;
}

static void put_stretch(struct view *v, int x, enum side leg)
{
	bool sealed = leg_sealed(v->snapshot, leg);
	uint64_t right = leg == SIDE_CLIENT ? v->rate.received[leg] : v->rate.sent[leg];
	uint64_t left = leg == SIDE_CLIENT ? v->rate.sent[leg] : v->rate.received[leg];
	char to[HTML_NUMBER], from[HTML_NUMBER];

	html_put(
	    &v->html,
	    "<line x1=\"%d\" y1=\"62\" x2=\"%d\" y2=\"62\" class=\"%s\"/>"
	    "<text x=\"%d\" y=\"38\" text-anchor=\"middle\" font-size=\"12\">%s/s → · ← %s/s</text>"
	    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-size=\"12\" "
	    "class=\"%s\">%s</text>",
	    x, x + 190, sealed ? "sealed" : "clear", x + 95, html_bytes(per_second(v, right), to),
	    html_bytes(per_second(v, left), from), x + 95, sealed ? 112 : 88,
	    sealed ? "yes" : "dim", sealed ? "payloads sealed" : "payloads in clear");
	if (sealed)
		html_put(
		    &v->html,
		    "<path d=\"M%d 82v-4a6 6 0 0 1 12 0v4\" class=\"shackle\"/>"
		    "<rect x=\"%d\" y=\"81\" width=\"20\" height=\"14\" rx=\"2\" class=\"lock\"/>",
		    x + 89, x + 85);
}

static void put_box(struct view *v, int x, const char *name, const char *below, const char *class)
{
	html_put(&v->html,
	         "<rect x=\"%d\" y=\"26\" width=\"200\" height=\"72\" rx=\"8\" class=\"box\"/>"
	         "<text x=\"%d\" y=\"57\" text-anchor=\"middle\" font-size=\"15\" "
	         "font-weight=\"600\">%s</text>"
	         "<text x=\"%d\" y=\"79\" text-anchor=\"middle\" font-size=\"12\" "
	         "class=\"%s\">%s</text>",
	         x, x + 100, name, x + 100, class, below);
}

static void put_way(struct view *v)
{
	char clients[96], proxy[96], brokers[96], n[HTML_NUMBER], m[HTML_NUMBER];
	size_t up = 0, all = v->snapshot->conf->n_brokers;

	for (size_t i = 0; i < all; i++)
		up += v->broker_up[i];
	(void)snprintf(clients, sizeof clients, "%s connected, %s pending",
	               html_number(v->connected, n), html_number(v->pending, m));
	(void)snprintf(proxy, sizeof proxy, "%zu listener%s", v->snapshot->n_listeners,
	               v->snapshot->n_listeners == 1 ? "" : "s");
	(void)snprintf(brokers, sizeof brokers, "%zu of %zu up", up, all);
	html_put(&v->html, "<div class=\"card\"><svg viewBox=\"0 0 1000 122\" role=\"img\" "
	                   "aria-label=\"The way from clients to brokers\">");
	put_box(v, 5, "clients", clients, "dim");
	put_stretch(v, 207, SIDE_CLIENT);
	put_box(v, 400, "mqsecproxy", proxy, "dim");
	put_stretch(v, 603, SIDE_BROKER);
	put_box(v, 795, all == 1 ? "broker" : "brokers", brokers, up == all ? "yes" : "no");
	html_put(&v->html, "</svg></div>\n");
}

static void put_verdict_totals(struct view *v)
{
	char n[HTML_NUMBER];
	bool any = false;

	html_put(&v->html, "<p>");
	for (size_t i = 0; i < VERDICT_COUNT; i++) {
		if (v->hour.verdicts[i] == 0)
			continue;
		html_put(&v->html, "%s<code>%s</code> %s", any ? " · " : "",
		         verdict_info((enum verdict)i)->name, html_number(v->hour.verdicts[i], n));
		any = true;
	}
	html_put(&v->html, "%s</p>", any ? "" : "<span class=\"dim\">none</span>");
}

static void put_leg_words(struct view *v, const struct payload_leg *leg)
{
	if (!leg->encrypted) {
		html_put(&v->html, "<td class=\"dim\">in clear</td>");
		return;
	}
	html_put(&v->html, "<td class=\"good\">sealed: ");
	html_text(&v->html, v->snapshot->conf->keys.keys[leg->keys[0]].name);
	html_put(&v->html, "</td>");
}

static void put_rule(struct view *v, size_t rule)
{
	struct snapshot_payloads p;
	uint64_t sealed = 0, opened = 0, plain = 0, failed = 0;
	char n[HTML_NUMBER];

	snapshot_payloads(v->snapshot, rule, &p);
	for (size_t side = 0; side < 2; side++) {
		sealed += p.n[side][METER_SEAL][SEAL_OK];
		opened += p.n[side][METER_OPEN][SEAL_OK];
		plain += p.n[side][METER_OPEN][METER_PLAIN];
		for (size_t e = SEAL_OK + 1; e < SEAL_ERRORS; e++)
			failed += p.n[side][METER_OPEN][e] + p.n[side][METER_SEAL][e];
	}
	html_put(&v->html, "<tr><td><code>");
	html_text(&v->html, v->snapshot->conf->payloads[rule].filter);
	html_put(&v->html, "</code></td>");
	put_leg_words(v, &v->snapshot->rules[rule].leg[SIDE_CLIENT]);
	put_leg_words(v, &v->snapshot->rules[rule].leg[SIDE_BROKER]);
	html_put(&v->html, "<td class=\"n\">%s</td>", html_number(sealed, n));
	html_put(&v->html, "<td class=\"n\">%s</td>", html_number(opened, n));
	html_put(&v->html, "<td class=\"n\">%s</td>", html_number(plain, n));
	html_put(&v->html, "<td class=\"n%s\">%s</td></tr>\n", failed != 0 ? " bad" : "",
	         html_number(failed, n));
}

static void put_rules(struct view *v)
{
	if (v->snapshot->conf->n_payloads == 0)
		return;
	html_put(&v->html,
	         "<h2>Payload rules</h2><div class=\"card\"><table><tr><th>topics</th>"
	         "<th>toward clients</th><th>toward the broker</th><th class=\"n\">sealed</th>"
	         "<th class=\"n\">opened</th><th class=\"n\">passed in clear</th>"
	         "<th class=\"n\">failed</th></tr>\n");
	for (size_t i = 0; i < v->snapshot->conf->n_payloads; i++)
		put_rule(v, i);
	html_put(&v->html, "</table></div>\n");
}

static void put_refusals(struct view *v)
{
	struct refused *last = calloc(REFUSALS_KEPT, sizeof *last);
	char when[HTML_NUMBER];

	if (last == NULL) {
		v->html.failed = true;
		return;
	}
	size_t n = refusals_read(pool_refusals(v->facts->pool), last);
	html_put(&v->html,
	         "<h2>Last refusals</h2><div class=\"card\"><table><tr><th>time (UTC)</th>"
	         "<th>verdict</th><th>client id</th><th>peer</th><th>listener</th>"
	         "<th>decided by</th></tr>\n");
	for (size_t i = 0; i < n; i++) {
		const char *const cells[] = {last[i].verdict, last[i].client_id, last[i].peer,
		                             last[i].listener, last[i].rule};
		date(last[i].real_us, when);
		html_put(&v->html, "<tr><td>%s</td>", when);
		for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++) {
			html_put(&v->html, "<td><code>");
			html_text(&v->html, cells[k]);
			html_put(&v->html, "</code></td>");
		}
		html_put(&v->html, "</tr>\n");
	}
	html_put(&v->html, "</table>%s</div>\n",
	         n == 0 ? "<p class=\"dim\">none since the start</p>" : "");
	free(last);
}

static int view_fill(struct view *v, const struct page *p)
{
	size_t pending, connected;
	struct pool_status status;

	v->history = &p->history;
	v->broker_up = calloc(v->snapshot->conf->n_brokers + 1, sizeof *v->broker_up);
	if (v->broker_up == NULL)
		return -1;
	for (size_t i = 0; i < v->snapshot->conf->n_brokers; i++)
		v->broker_up[i] = broker_reachable(&v->snapshot->brokers[i]);
	history_read(v->facts->pool, &v->now);
	pool_status(v->facts->pool, &status);
	v->has_users = status.has_users;
	v->users = status.users;
	history_difference(&v->now, history_back(&p->history, HISTORY_MINUTES - 1), &v->hour);
	history_difference(&v->now, &p->history.recent[0], &v->rate);
	for (size_t i = 0; i < v->snapshot->n_listeners; i++) {
		pool_connections(v->facts->pool, i, &pending, &connected);
		v->pending += pending;
		v->connected += connected;
		v->limit += v->snapshot->limits[i].max_connections;
	}
	return 0;
}

int page_write(const struct page *p, struct facts *facts, const char *nonce, struct buf *out)
{
	struct view v = {
	    .html = {.out = out}, .facts = facts, .snapshot = pool_snapshot(facts->pool)};

	if (view_fill(&v, p) != 0) {
		snapshot_unref(v.snapshot);
		return -1;
	}
	put_head(&v, nonce);
	put_way(&v);
	tiles_put(&v);
	html_put(&v.html, "<h2>CONNECTs a minute, last hour</h2><div class=\"card\">");
	chart_verdicts(&v.html, v.history, &v.now);
	put_verdict_totals(&v);
	html_put(&v.html, "</div><h2>Bytes a second, last hour</h2><div class=\"card\">");
	chart_bytes(&v.html, v.history, &v.now);
	html_put(&v.html, "</div>\n");
	put_rules(&v);
	put_refusals(&v);
	html_put(&v.html, "</body></html>\n");
	free(v.broker_up);
	snapshot_unref(v.snapshot);
	return v.html.failed ? -1 : 0;
}
