/* SPDX-License-Identifier: ISC */
/* The status page: one HTML document that needs nothing else, neither scripts nor anybody's server.
 * All that comes from outside is text in it. One thread. */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include "admin/facts.h"

struct page;

struct page *page_new(void); /* NULL without memory */
void page_free(struct page *p);

/* Notes how things stand; to be called every few seconds, once before the first page. */
void page_tick(struct page *p, struct facts *facts);

/* Appends the document. nonce: what its style is known by. 0, or -1 where there is no room or
 * memory. */
int page_write(const struct page *p, struct facts *facts, const char *nonce, struct buf *out);

#endif
