/* SPDX-License-Identifier: ISC */
/* Writes the text format of Prometheus, version 0.0.4: families with their help and type, samples
 * with labels. Label values may be any text. What does not fit the buffer is noticed at the end. */
#ifndef ADMIN_PROM_H
#define ADMIN_PROM_H

#include "base/buf.h"
#include "sys/metrics.h"

struct prom {
	struct buf *out;
	const char *family;
	bool labelled, failed;
};

/* type: "counter", "gauge" or "histogram". The names are borrowed until the next family. */
void prom_family(struct prom *p, const char *name, const char *type, const char *help);

/* A sample of the family: begin, labels, then its value. */
void prom_begin(struct prom *p);
void prom_label(struct prom *p, const char *name, const char *value);
void prom_number(struct prom *p, uint64_t value);
void prom_real(struct prom *p, double value);

/* A family with one sample. */
void prom_one(struct prom *p, const char *name, const char *type, const char *help, double value);

/* A family that is one histogram; buckets are cumulated, and in seconds. */
void prom_histogram(struct prom *p, const char *name, const char *help,
                    const struct histogram_sum *h);

#endif
