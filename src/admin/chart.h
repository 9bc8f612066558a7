/* SPDX-License-Identifier: ISC */
/* The charts of the page, drawn as SVG: a minute a column, the newest at the right. */
#ifndef ADMIN_CHART_H
#define ADMIN_CHART_H

#include "admin/history.h"
#include "admin/html.h"

/* Whether a verdict counts as a refusal there: neither accepted, nor gone before it was judged. */
bool chart_refused(enum verdict v);

/* CONNECTs, accepted ones below, refused ones on top. */
void chart_verdicts(struct html *h, const struct history *history, const struct sample *now);

/* Bytes a second by leg, both directions together. */
void chart_bytes(struct html *h, const struct history *history, const struct sample *now);

#endif
