/* SPDX-License-Identifier: ISC */
#include "admin/prom.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

enum { LABEL_MAX = 512, NUMBER_MAX = 40 };

static void put(struct prom *p, const char *text)
{
	if (buf_append(p->out, slice_str(text)) != 0)
		p->failed = true;
}

void prom_family(struct prom *p, const char *name, const char *type, const char *help)
{
	p->family = name;
	put(p, "# HELP ");
	put(p, name);
	put(p, " ");
	put(p, help);
	put(p, "\n# TYPE ");
	put(p, name);
	put(p, " ");
	put(p, type);
	put(p, "\n");
}

void prom_begin(struct prom *p)
{
	put(p, p->family);
	p->labelled = false;
}

/* Made printable first, which escapes a quote and a backslash as the format wants them; only the
 * backslash of \xNN, which it does not know, is to be read as one. */
void prom_label(struct prom *p, const char *name, const char *value)
{
	char safe[LABEL_MAX], one[2] = {'\0', '\0'};
	bool escaped = false;

	put(p, p->labelled ? "," : "{");
	put(p, name);
	put(p, "=\"");
	for (const char *c = text_escape(slice_str(value), safe, sizeof safe); *c != '\0'; c++) {
		one[0] = *c;
		if (escaped && *c == 'x')
			put(p, "\\");
		escaped = *c == '\\' && !escaped;
		put(p, one);
	}
	put(p, "\"");
	p->labelled = true;
}

static void end(struct prom *p, const char *value)
{
	put(p, p->labelled ? "} " : " ");
	put(p, value);
	put(p, "\n");
}

void prom_number(struct prom *p, uint64_t value)
{
	char text[NUMBER_MAX];

	(void)snprintf(text, sizeof text, "%" PRIu64, value);
	end(p, text);
}

void prom_real(struct prom *p, double value)
{
	char text[NUMBER_MAX];

	(void)snprintf(text, sizeof text, "%.15g", value);
	end(p, text);
}

void prom_one(struct prom *p, const char *name, const char *type, const char *help, double value)
{
	prom_family(p, name, type, help);
	prom_begin(p);
	prom_real(p, value);
}

static void put_suffixed(struct prom *p, const char *suffix)
{
	put(p, p->family);
	put(p, suffix);
	p->labelled = false;
}

void prom_histogram(struct prom *p, const char *name, const char *help,
                    const struct histogram_sum *h)
{
	uint64_t below = 0;
	char bound[NUMBER_MAX];

	prom_family(p, name, "histogram", help);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		if (i < HISTOGRAM_BOUNDS)
			(void)snprintf(bound, sizeof bound, "%g", (double)histogram_bound(i) / 1e6);
		put_suffixed(p, "_bucket");
		prom_label(p, "le", i < HISTOGRAM_BOUNDS ? bound : "+Inf");
		prom_number(p, below);
	}
	put_suffixed(p, "_sum");
	prom_real(p, (double)h->sum_us / 1e6);
	put_suffixed(p, "_count");
	prom_number(p, below);
}
