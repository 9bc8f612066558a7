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

static struct memory_draw *find(const struct memory_draws *m, const uint8_t key[STORE_DRAWER])
{
	for (size_t i = 0; i < m->n; i++) {
		if (memcmp(m->rows[i].key, key, STORE_DRAWER) == 0)
			return &m->rows[i];
	}
	return NULL;
}

static bool grow(struct memory_draws *m)
{
	size_t size = m->size == 0 ? 16 : m->size * 2;
	struct memory_draw *rows = m->n < m->size ? m->rows : realloc(m->rows, size * sizeof *rows);

	if (rows == NULL)
		return false;
	m->size = m->n < m->size ? m->size : size;
	m->rows = rows;
	return true;
}

/* A place for one more: of those that let nobody in the oldest goes, where there are too many. NULL
 * and the reason. */
static struct memory_draw *place(struct memory_draws *m, struct store_op *op)
{
	struct memory_draw *oldest = NULL;
	size_t barren = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct memory_draw *row = &m->rows[i];
		barren += row->now.good < 0;
		if (store_draws_may_go(&row->now, op->now) &&
		    (oldest == NULL || row->now.at < oldest->now.at))
			oldest = row;
	}
	if (barren >= STORE_DRAW_BARREN) {
		if (oldest == NULL)
			(void)store_op_fail(op, STORE_DRAWS_FULL);
		return oldest;
	}
	if (grow(m))
		return &m->rows[m->n++];
	(void)store_op_fail(op, "out of memory");
	return NULL;
}

enum store_status memory_draws_run(struct memory_draws *m, uint64_t batch, struct store_op *op)
{
	struct memory_draw *row = find(m, op->drawer);

	if (row == NULL && op->verb == STORE_DRAWN)
		return STORE_DONE;
	if (row == NULL) {
		row = place(m, op);
		if (row == NULL)
			return STORE_FAILED;
		*row = (struct memory_draw){.now = store_draws_none};
		memcpy(row->key, op->drawer, STORE_DRAWER);
	}
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
