/* SPDX-License-Identifier: ISC */
/* Packets are told once each, however the bytes are cut. */
#include "proxy/passage.h"
#include "tests/support/suite.h"

#include <stdio.h>

static const char stream[] = "\xc0\x00"         /* PINGREQ */
                             "\x33\x09\x00\x03" /* PUBLISH, qos 1, retain */
                             "a/b\x00\x07xy"    /* */
                             "\x30\x02\x00\x00" /* PUBLISH without a topic (an alias) */
                             "\x40\x02\x00\x07" /* PUBACK */
                             "\xe0\x00";        /* DISCONNECT */
static const char told[] =
    "PINGREQ 2 0 0 \nPUBLISH 11 1 1 a/b\nPUBLISH 4 0 0 \nPUBACK 4 0 0 \nDISCONNECT 2 0 0 \n";

/* Consumed in pieces of `step` bytes, the view being all that is left, as a session leaves it. */
START_TEST(pieces)
{
	struct slice all = slice_of(stream, sizeof stream - 1);
	struct passage p = {0};
	struct passing one;
	char text[256] = "";
	size_t at = 0, n = 0, step = (size_t)_i + 1;

	while (at < all.n) {
		size_t piece = all.n - at < step ? all.n - at : step, consumed = piece;
		struct slice view = slice_from(all, at);
		while (passage_next(&p, &view, &consumed, &one))
			n += (size_t)snprintf(text + n, sizeof text - n, "%s %zu %u %d %.*s\n",
			                      one.type, one.size, one.qos, one.retain,
			                      (int)one.topic.n, (const char *)one.topic.p);
		ck_assert_uint_eq(consumed, 0);
		at += piece;
	}
	ck_assert_str_eq(text, told);
	ck_assert_uint_eq(p.left, 0);
}
END_TEST

/* From the middle of a packet on: the next one is the first. A topic that is not there yet is not
 * made up. */
START_TEST(middle)
{
	struct slice view = slice_of(stream + 5, sizeof stream - 1 - 5);
	struct passage p = {.left = 8};
	struct passing one;
	size_t consumed = view.n;

	ck_assert(passage_next(&p, &view, &consumed, &one));
	ck_assert_str_eq(one.type, "PUBLISH");
	ck_assert_uint_eq(one.size, 4);
	view = slice_of(stream + 2, 5);
	consumed = 2;
	p = (struct passage){0};
	ck_assert(passage_next(&p, &view, &consumed, &one));
	ck_assert_uint_eq(one.topic.n, 0);
	ck_assert(!passage_next(&p, &view, &consumed, &one));
	ck_assert_uint_eq(p.left, 9);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("passage");
	TCase *t = tcase_create("passage");

	tcase_add_loop_test(t, pieces, 0, (int)sizeof stream);
	tcase_add_test(t, middle);
	suite_add_tcase(s, t);
	return suite_run(s);
}
