/* SPDX-License-Identifier: ISC */
/* How many lines of a kind are written. Each worker has its own windows, so that nothing is locked;
 * a window begins with its first line and ends by the clock, and what it left out is told then. */
#include "sys/log.h"
#include "worker/report.h"
#include "worker/worker.h"

enum { COARSE_MS = 10 }; /* libevent's clock may be so late: the window is then surely over */

static const char *kind_name(enum report_kind kind)
{
	static const char *const names[REPORT_REFUSED] = {"payload", "denied", "delayed",
	                                                  "dial",    "state",  "evicted"};

	return kind < REPORT_REFUSED ? names[kind]
	                             : verdict_info((enum verdict)(kind - REPORT_REFUSED))->name;
}

static void say_left_out(struct report_window *window, enum report_kind kind)
{
	struct log_line l;

	if (window->left_out == 0)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "suppressed");
	log_str(&l, "of", kind_name(kind));
	log_number(&l, "count", (int64_t)window->left_out);
	log_end(&l);
	window->left_out = 0;
}

void report_suppressed(struct worker *w)
{
	for (enum report_kind kind = 0; kind < REPORT_KINDS; kind++)
		say_left_out(&w->windows[kind], kind);
}

bool report_may_say(struct worker *w, enum report_kind kind)
{
	const struct conf_rate *rate = &w->snapshot->conf->log_rate;
	struct report_window *window = &w->windows[kind];
	struct timeval rest = {0};

	if (w->now.mono_ms >= window->until) {
		say_left_out(window, kind);
		*window = (struct report_window){.until = w->now.mono_ms + (int64_t)rate->per_ms};
	}
	if (rate->n == 0 || window->said < rate->n) {
		window->said++;
		return true;
	}
	metrics_add(&w->metrics, METRIC_LINES_SUPPRESSED, 1);
	if (window->left_out++ == 0 && !event_pending(w->suppressed_event, EV_TIMEOUT, NULL)) {
		int64_t ms = window->until - w->now.mono_ms + COARSE_MS;
		rest.tv_sec = ms / 1000;
		rest.tv_usec = ms % 1000 * 1000;
		(void)event_add(w->suppressed_event, &rest);
	}
	return false;
}

enum report_kind report_kind_of(const char *verdict)
{
	for (enum verdict v = 0; v < VERDICT_COUNT; v++) {
		if (strcmp(verdict_info(v)->name, verdict) == 0)
			return (enum report_kind)(REPORT_REFUSED + v);
	}
	return REPORT_EVICTED; /* the one end that is no answer to anybody */
}
