/* SPDX-License-Identifier: ISC */
/* Lines of requests that hold and give up turns, against a plain model. */
#include "store/turns.h"
#include "tests/support/suite.h"

enum { OPS = 40, LINES = 3 };

static struct turns t;
static struct store_op ops[OPS];

static struct store_op *op_of(size_t i, uint8_t line)
{
	ops[i] = (struct store_op){.verb = STORE_TAKE, .turn = {.tag = {line, 0, line}}};
	return &ops[i];
}

/* Each line is served in its order, whoever joins between two turns. Lines 0 and 1 share a bucket.
 */
START_TEST(in_order)
{
	struct store_op *line[LINES][OPS];
	size_t first[LINES] = {0}, last[LINES] = {0};
	uint32_t random = (uint32_t)_i * 2654435761u + 1;

	t = (struct turns){{NULL}};
	for (size_t made = 0; made < OPS;) {
		random = random * 1664525u + 1013904223u;
		size_t k = (random >> 16) % LINES;
		struct store_op **at = line[k];
		if ((random >> 28) % 2 == 0 || first[k] == last[k]) {
			at[last[k]] = op_of(made++, (uint8_t)k);
			if (k == 1)
				at[last[k]]->turn.tag[0] = 0; /* the bucket of line 0 */
			ck_assert_int_eq(turns_begin(&t, at[last[k]]), first[k] == last[k]);
			last[k]++;
			continue;
		}
		struct store_op *next = turns_end(&t, at[first[k]++]);
		ck_assert_ptr_eq(next, first[k] == last[k] ? NULL : at[first[k]]);
		if (next != NULL)
			ck_assert(turns_begin(&t, next));
	}
	for (size_t k = 0; k < LINES; k++) {
		while (first[k] != last[k]) {
			struct store_op *next = turns_end(&t, line[k][first[k]++]);
			ck_assert_ptr_eq(next, first[k] == last[k] ? NULL : line[k][first[k]]);
		}
	}
	ck_assert_ptr_null(turns_abandon(&t));
}
END_TEST

/* At the end all who wait come out, once each; who holds a turn does not. */
START_TEST(abandoned)
{
	size_t n = 0;

	t = (struct turns){{NULL}};
	for (size_t i = 0; i < OPS; i++)
		ck_assert_int_eq(turns_begin(&t, op_of(i, (uint8_t)(i % LINES))), i < LINES);
	for (struct store_op *op; (op = turns_abandon(&t)) != NULL; n++) {
		ck_assert(!op->turn.held && op->verb == STORE_TAKE);
		op->verb = STORE_YIELD;
	}
	ck_assert_uint_eq(n, OPS - LINES);
	/* Who holds none has none to give up. */
	ck_assert_ptr_null(turns_end(&t, &ops[OPS - 1]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("turns");
	TCase *c = tcase_create("turns");

	tcase_add_loop_test(c, in_order, 0, 50);
	tcase_add_test(c, abandoned);
	suite_add_tcase(s, c);
	return suite_run(s);
}
