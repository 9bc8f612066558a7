/* SPDX-License-Identifier: ISC */
/* A chart is drawn anew for each page, from differences of samples: there is nothing to keep in
 * step. */
#include "admin/chart.h"

enum { COLUMN = 16, BAR = 12, HEIGHT = 90, TOP = 18, WIDTH = HISTORY_MINUTES * COLUMN };

bool chart_refused(enum verdict v)
{
	return v != VERDICT_ACCEPTED && v != VERDICT_GONE;
}

/* What was counted in the i-th minute back, the running one being 0. False where there is no such
 * minute yet. */
static bool minute(const struct history *h, const struct sample *now, size_t i, struct sample *out)
{
	if (i >= h->n)
		return false;
	history_difference(i == 0 ? now : history_back(h, i - 1), history_back(h, i), out);
	return true;
}

static void frame(struct html *h, const char *label, const char *most)
{
	html_put(h, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", WIDTH,
	         TOP + HEIGHT + 18, label);
	html_put(
	    h,
	    "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"axis\"/>"
	    "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"axis\"/>"
	    "<text x=\"0\" y=\"12\" font-size=\"11\" class=\"dim\">%s</text>"
	    "<text x=\"0\" y=\"%d\" font-size=\"11\" class=\"dim\">60 minutes ago</text>"
	    "<text x=\"%d\" y=\"%d\" font-size=\"11\" text-anchor=\"end\" class=\"dim\">now</text>",
	    TOP + HEIGHT, WIDTH, TOP + HEIGHT, TOP, WIDTH, TOP, most, TOP + HEIGHT + 14, WIDTH,
	    TOP + HEIGHT + 14);
}

struct connects {
	uint64_t accepted, refused;
};

static struct connects connects_of(const struct sample *s)
{
	struct connects c = {.accepted = s->verdicts[VERDICT_ACCEPTED]};

	for (size_t v = 0; v < VERDICT_COUNT; v++)
		c.refused += chart_refused((enum verdict)v) ? s->verdicts[v] : 0;
	return c;
}

static void bar(struct html *h, size_t back, double from, double height, const char *class)
{
	if (height <= 0)
		return;
	html_put(h, "<rect x=\"%zu\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" class=\"%s\"/>",
	         (HISTORY_MINUTES - 1 - back) * COLUMN + (COLUMN - BAR) / 2,
	         TOP + HEIGHT - from - height, BAR, height, class);
}

void chart_verdicts(struct html *h, const struct history *history, const struct sample *now)
{
	struct sample s;
	uint64_t most = 1;
	char label[HTML_NUMBER];

	for (size_t i = 0; i < HISTORY_MINUTES && minute(history, now, i, &s); i++) {
		struct connects c = connects_of(&s);
		if (c.accepted + c.refused > most)
			most = c.accepted + c.refused;
	}
	frame(h, "CONNECTs a minute", html_number(most, label));
	for (size_t i = 0; i < HISTORY_MINUTES && minute(history, now, i, &s); i++) {
		struct connects c = connects_of(&s);
		double scale = (double)HEIGHT / (double)most, accepted = (double)c.accepted * scale;
		bar(h, i, 0, accepted, "yes");
		bar(h, i, accepted, (double)c.refused * scale, "no");
	}
	html_put(h, "</svg><span class=\"good\">■ accepted</span> "
	            "<span class=\"bad\">■ refused</span>");
}

static double speed_of(const struct sample *s, enum side leg)
{
	return s->mono_ms <= 0
	           ? 0
	           : (double)(s->received[leg] + s->sent[leg]) * 1e3 / (double)s->mono_ms;
}

static void line(struct html *h, const struct history *history, const struct sample *now,
                 enum side leg, double most)
{
	struct sample s;

	html_put(h, "<polyline class=\"%s\" points=\"", leg == SIDE_CLIENT ? "up" : "down");
	for (size_t i = 0; i < HISTORY_MINUTES && minute(history, now, i, &s); i++)
		html_put(h, "%zu,%.1f ", (HISTORY_MINUTES - 1 - i) * COLUMN + COLUMN / 2,
		         TOP + HEIGHT - speed_of(&s, leg) * HEIGHT / most);
	html_put(h, "\"/>");
}

void chart_bytes(struct html *h, const struct history *history, const struct sample *now)
{
	struct sample s;
	double most = 1;
	char label[HTML_NUMBER];

	for (size_t i = 0; i < HISTORY_MINUTES && minute(history, now, i, &s); i++) {
		for (enum side leg = SIDE_CLIENT; leg <= SIDE_BROKER; leg++)
			most = speed_of(&s, leg) > most ? speed_of(&s, leg) : most;
	}
	frame(h, "Bytes a second", html_bytes(most, label));
	line(h, history, now, SIDE_CLIENT, most);
	line(h, history, now, SIDE_BROKER, most);
	html_put(h, "</svg><span class=\"accent\">— with clients, both ways</span> "
	            "<span class=\"good\">— with the broker, both ways</span>");
}
