/* SPDX-License-Identifier: ISC */
/* Payloads, passwords and codes pass through these buffers, so every byte given up is wiped, also when
 * the memory moves. Growth is geometric up to the cap: what a peer declares allocates nothing, only
 * what it sends does. */
#include "base/buf.h"

#include "base/secret.h"

#include <stdlib.h>

enum { BUF_FIRST_SIZE = 512 };

static size_t grown_size(const struct buf *b, size_t want)
{
	size_t size = b->size == 0 ? BUF_FIRST_SIZE : b->size;

	while (size < want)
		size = size > SIZE_MAX / 2 ? want : size * 2;
	/* Doubling may pass the cap; no buffer needs more than the cap holds. */
	return size > b->cap && want <= b->cap ? b->cap : size;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	if (n > b->cap - b->len)
		return NULL;
	if (b->p != NULL && n <= b->size - b->start - b->len)
		return b->p + b->start + b->len;
	if (b->p != NULL && b->len + n <= b->size && b->start >= b->len) {
		memcpy(b->p, b->p + b->start, b->len);
		secret_wipe(b->p + b->start, b->len);
		b->start = 0;
		return b->p + b->len;
	}
	size_t size = grown_size(b, b->len + n);
	uint8_t *p = malloc(size == 0 ? 1 : size);
	if (p == NULL)
		return NULL;
	if (b->len != 0)
		memcpy(p, b->p + b->start, b->len);
	size_t len = b->len;
	buf_free(b);
	b->p = p;
	b->size = size == 0 ? 1 : size;
	b->len = len;
	return p + len;
}

void buf_added(struct buf *b, size_t n)
{
	b->len += n;
}

int buf_append(struct buf *b, struct slice s)
{
	if (s.n == 0)
		return 0;
	uint8_t *to = buf_reserve(b, s.n);
	if (to == NULL)
		return -1;
	memcpy(to, s.p, s.n);
	b->len += s.n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		buf_free(b);
		return;
	}
	secret_wipe(b->p + b->start, n);
	b->start += n;
	b->len -= n;
}

void buf_free(struct buf *b)
{
	if (b->p != NULL) {
		secret_wipe(b->p + b->start, b->len);
		free(b->p);
	}
	b->p = NULL;
	b->start = b->len = b->size = 0;
}
