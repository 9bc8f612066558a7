/* SPDX-License-Identifier: ISC */
#include "base/buf.h"
#include "tests/support/suite.h"

#include <stdlib.h>

START_TEST(grows_to_its_cap_only)
{
	struct buf b = {.cap = 1000};
	uint8_t block[600] = {1};

	ck_assert_int_eq(buf_append(&b, slice_of(block, 600)), 0);
	ck_assert_int_eq(buf_append(&b, slice_of(block, 401)), -1);
	ck_assert_uint_eq(b.len, 600);
	ck_assert_int_eq(buf_append(&b, slice_of(block, 400)), 0);
	ck_assert_uint_le(b.size, 1000);
	ck_assert_uint_eq(buf_room(&b), 0);
	buf_free(&b);
	ck_assert_ptr_null(b.p);
}
END_TEST

START_TEST(gives_its_memory_back_when_empty)
{
	struct buf b = {.cap = 100};

	ck_assert_int_eq(buf_append(&b, slice_str("hello")), 0);
	buf_consume(&b, 2);
	expect_bytes(buf_view(&b), slice_str("llo"), "rest");
	buf_consume(&b, 3);
	ck_assert_ptr_null(b.p);
	ck_assert_int_eq(buf_append(&b, slice_str("again")), 0);
	expect_bytes(buf_view(&b), slice_str("again"), "again");
	buf_free(&b);
}
END_TEST

START_TEST(what_is_given_up_is_wiped)
{
	struct buf b = {.cap = 100};

	ck_assert_int_eq(buf_append(&b, slice_str("secret and more")), 0);
	uint8_t *memory = b.p;
	buf_consume(&b, 6);
	ck_assert_mem_eq(memory, "\0\0\0\0\0\0", 6);
	buf_free(&b);
}
END_TEST

/* A queue model against a plain array, over many random appends and consumptions. */
START_TEST(behaves_as_a_queue)
{
	struct buf b = {.cap = 4096};
	uint8_t model[8192];
	size_t len = 0;
	unsigned next = 0;

	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % 700;
		if (rand() % 2 == 0) {
			uint8_t block[700];
			for (size_t i = 0; i < n; i++)
				block[i] = (uint8_t)(next + i);
			int r = buf_append(&b, slice_of(block, n));
			ck_assert_int_eq(r, len + n <= 4096 ? 0 : -1);
			if (r == 0) {
				memcpy(model + len, block, n);
				len += n;
				next += (unsigned)n;
			}
		} else {
			if (n > len)
				n = len;
			buf_consume(&b, n);
			memmove(model, model + n, len - n);
			len -= n;
		}
		expect_bytes(buf_view(&b), slice_of(model, len), "queue");
	}
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("buf");
	TCase *t = tcase_create("buf");

	tcase_add_test(t, grows_to_its_cap_only);
	tcase_add_test(t, gives_its_memory_back_when_empty);
	tcase_add_test(t, what_is_given_up_is_wiped);
	tcase_add_test(t, behaves_as_a_queue);
	suite_add_tcase(s, t);
	return suite_run(s);
}
