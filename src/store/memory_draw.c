/* SPDX-License-Identifier: ISC */
/* One row a credential, found by walking; each keeps what it was before the running batch. A row
 * that a batch made and that is undone stays, as one from which nothing was drawn. */
#include "store/memory_draw.h"

#include "store/record.h"

#include <stdlib.h>

struct memory_draw {
	uint8_t key[STORE_DRAWER];
	struct store_draws now, before;
	uint64_t touched; /* the batch that saved `before` */
};

static struct memory_draw *row_of(struct memory_draws *m, const uint8_t key[STORE_DRAWER])
{
	for (size_t i = 0; i < m->n; i++) {
		if (memcmp(m->rows[i].key, key, STORE_DRAWER) == 0)
			return &m->rows[i];
	}
	if (m->n == m->size) {
		size_t size = m->size == 0 ? 16 : m->size * 2;
		struct memory_draw *rows = realloc(m->rows, size * sizeof *rows);
		if (rows == NULL)
			return NULL;
		m->rows = rows;
		m->size = size;
	}
	struct memory_draw *row = &m->rows[m->n++];
	*row = (struct memory_draw){.now = store_draws_none};
	memcpy(row->key, key, STORE_DRAWER);
	return row;
}

enum store_status memory_draws_run(struct memory_draws *m, uint64_t batch, struct store_op *op)
{
	struct memory_draw *row = row_of(m, op->drawer);

	if (row == NULL)
		return store_op_fail(op, "out of memory");
	if (row->touched != batch) {
		row->before = row->now;
		row->touched = batch;
	}
	return store_draws_run(&row->now, op);
}

void memory_draws_rollback(struct memory_draws *m, uint64_t batch)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->rows[i].touched == batch)
			m->rows[i].now = m->rows[i].before;
	}
}

void memory_draws_free(struct memory_draws *m)
{
	free(m->rows);
	*m = (struct memory_draws){0};
}
