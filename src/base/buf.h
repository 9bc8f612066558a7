/* SPDX-License-Identifier: ISC */
/* Owned bytes that grow to a cap and no further, and are wiped when given up.
 * A zeroed struct with a cap is a valid empty buffer; it owns no memory until bytes come. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
	uint8_t *p;
	size_t start; /* first byte still wanted */
	size_t len;   /* bytes wanted, from start */
	size_t size;  /* bytes allocated */
	size_t cap;   /* the most that len may become */
};

static inline struct slice buf_view(const struct buf *b)
{
	return slice_of(b->p == NULL ? NULL : b->p + b->start, b->len);
}

static inline size_t buf_room(const struct buf *b)
{
	return b->cap - b->len;
}

/* Makes room for `n` more bytes behind those that are there and returns where they go, or NULL where the cap
 * or memory forbids it (the buffer is then unchanged). The caller writes, then calls buf_added(). */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* `n` bytes were written where buf_reserve() said. n is at most what was reserved. */
void buf_added(struct buf *b, size_t n);

/* Appends a copy. 0, or -1 where the cap or memory forbids it (nothing is then appended). */
int buf_append(struct buf *b, struct slice s);

/* Gives up the first `n` bytes (at most len), wiped; an emptied buffer gives its memory back. */
void buf_consume(struct buf *b, size_t n);

/* Wipes and frees; the cap stays, the buffer is empty and may be used again. */
void buf_free(struct buf *b);

#endif
