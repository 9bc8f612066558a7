/* SPDX-License-Identifier: ISC */
/* What is served under which path. */
#ifndef ADMIN_ROUTES_H
#define ADMIN_ROUTES_H

#include "admin/answer.h"
#include "admin/page.h"

/* Appends the whole response to a request, a refusal where it is none for us. It may wait for the
 * workers and the store, 2 s each. 0, or -1 where there is no memory. */
int routes_answer(const struct question *q, const struct page *page, struct facts *facts,
                  struct buf *out);

#endif
