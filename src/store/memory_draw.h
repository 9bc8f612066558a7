/* SPDX-License-Identifier: ISC */
/* Drawn codes of the state in memory. Inside store/ only. */
#ifndef STORE_MEMORY_DRAW_H
#define STORE_MEMORY_DRAW_H

#include "store/draw.h"

struct memory_draw;

/* A zeroed one is empty. */
struct memory_draws {
	struct memory_draw *rows;
	size_t n, size;
};

/* Answers DRAW and DRAWN; `batch` is the number of the one under way. */
enum store_status memory_draws_run(struct memory_draws *m, uint64_t batch, struct store_op *op);

/* Undoes what that batch did. */
void memory_draws_rollback(struct memory_draws *m, uint64_t batch);

void memory_draws_free(struct memory_draws *m);

#endif
