/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

struct row {
	const char *bytes;
	bool valid;
};

static const struct row rows[] = {
    {"", true},
    {"00", false},
    {"01", true},
    {"7f", true},
    {"80", false},
    {"bf", false},
    {"c0 80", false},
    {"c1 bf", false},
    {"c2 80", true},
    {"c2 7f", false},
    {"c2 c0", false},
    {"df bf", true},
    {"c3", false},
    {"e0 9f bf", false},
    {"e0 a0 80", true},
    {"e1 80 80", true},
    {"e1 80 c0", false},
    {"e1 80", false},
    {"e1", false},
    {"ed 9f bf", true},
    {"ed a0 80", false},
    {"ed bf bf", false},
    {"ee 80 80", true},
    {"ef bb bf", true},
    {"ef bf be", true},
    {"ef bf bf", true},
    {"f0 8f bf bf", false},
    {"f0 90 80 80", true},
    {"f0 90 80", false},
    {"f0 90", false},
    {"f0", false},
    {"f0 90 80 7f", false},
    {"f0 90 7f 80", false},
    {"f1 80 80 80", true},
    {"f4 8f bf bf", true},
    {"f4 90 80 80", false},
    {"f5 80 80 80", false},
    {"f8 88 80 80 80", false},
    {"fe", false},
    {"ff", false},
    {"41 f0 aa 9b 94", true},
};

/* Each at every place in a run of ASCII, so that it meets all phases of the fast path. */
START_TEST(placed)
{
	const struct row *row = &rows[_i];
	struct slice s = unhex(row->bytes);
	uint8_t all[40];

	for (size_t before = 0; before <= 17; before++) {
		for (size_t after = 0; after <= 17; after++) {
			memset(all, 'a', sizeof all);
			memcpy(all + before, s.p, s.n);
			struct slice in = guard_copy(slice_of(all, before + s.n + after));
			ck_assert_msg(utf8_valid(in) == row->valid, "%s at %zu, %zu behind",
			              row->bytes, before, after);
			guard_free(in);
		}
	}
}
END_TEST

/* All byte values in every lane of the fast path. */
START_TEST(lanes)
{
	for (unsigned b = 0; b < 256; b++) {
		for (size_t lane = 0; lane < 16; lane++) {
			uint8_t bytes[16];
			memset(bytes, 0x7f, sizeof bytes);
			bytes[lane] = (uint8_t)b;
			ck_assert(utf8_valid(slice_of(bytes, 16)) == (b != 0 && b < 0x80));
		}
	}
}
END_TEST

static size_t encode(uint32_t c, uint8_t *out)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
	return n;
}

START_TEST(every_code_point)
{
	for (uint32_t c = 0; c < 0x112000; c++) {
		uint8_t bytes[4];
		bool want = c != 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		ck_assert_msg(utf8_valid(slice_of(bytes, encode(c, bytes))) == want, "U+%04X",
		              c);
	}
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("utf8");
	TCase *t = tcase_create("utf8");

	tcase_add_loop_test(t, placed, 0, ROWS(rows));
	tcase_add_test(t, lanes);
	tcase_add_test(t, every_code_point);
	suite_add_tcase(s, t);
	return suite_run(s);
}
