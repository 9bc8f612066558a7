/* SPDX-License-Identifier: ISC */
#include "tests/unit/store_behaviour.h"

static struct store_backend *open_memory(void)
{
	struct store_backend *b = store_memory_open(NULL);

	ck_assert_ptr_nonnull(b);
	return b;
}

int main(void)
{
	Suite *s = suite_create("store_memory");
	TCase *t = tcase_create("store_memory");

	store_behaviour_add(t, open_memory);
	suite_add_tcase(s, t);
	return suite_run(s);
}
