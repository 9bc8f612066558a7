/* SPDX-License-Identifier: ISC */
#include "mqtt/cursor.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

START_TEST(reads_in_order)
{
	struct slice in = guard_copy(unhex("01 0203 04050607 0002 6162 ff7f"));
	struct reader r = reader_of(in);

	ck_assert_uint_eq(reader_u8(&r), 1);
	ck_assert_uint_eq(reader_u16(&r), 0x0203);
	ck_assert_uint_eq(reader_u32(&r), 0x04050607);
	expect_bytes(reader_binary(&r), slice_str("ab"), "binary");
	ck_assert_uint_eq(reader_varint(&r), 16383);
	ck_assert(!r.bad);
	ck_assert_uint_eq(r.left, 0);
	guard_free(in);
}
END_TEST

/* Every reader that lacks bytes yields zero, turns bad and stays so. */
START_TEST(runs_out)
{
	for (int kind = 0; kind < 6; kind++) {
		struct slice in = guard_copy(unhex(kind == 5   ? "80"
		                                   : kind == 4 ? "0003 6162"
		                                               : "7f"));
		struct reader r = reader_of(kind == 0 ? slice_of(in.p + in.n, 0) : in);
		uint32_t got = kind == 0   ? reader_u8(&r)
		               : kind == 1 ? reader_u16(&r)
		               : kind == 2 ? reader_u32(&r)
		               : kind == 3 ? (uint32_t)reader_bytes(&r, 2).n
		               : kind == 4 ? (uint32_t)reader_binary(&r).n
		                           : reader_varint(&r);
		ck_assert_msg(got == 0 && r.bad, "kind %d", kind);
		ck_assert_uint_eq(reader_u8(&r), 0);
		ck_assert_uint_eq(reader_bytes(&r, 0).n, 0);
		ck_assert_ptr_null(reader_bytes(&r, 0).p);
		ck_assert(r.bad);
		guard_free(in);
	}
}
END_TEST

START_TEST(huge_length_is_no_overflow)
{
	struct slice in = guard_copy(unhex("ffff 00"));
	struct reader r = reader_of(in);

	ck_assert_uint_eq(reader_binary(&r).n, 0);
	ck_assert(r.bad);
	r = reader_of(in);
	ck_assert_uint_eq(reader_bytes(&r, SIZE_MAX).n, 0);
	ck_assert(r.bad);
	guard_free(in);
}
END_TEST

START_TEST(empty_reads)
{
	struct reader r = reader_of(slice_of(NULL, 0));

	ck_assert_uint_eq(reader_bytes(&r, 0).n, 0);
	ck_assert(!r.bad);
	(void)reader_u8(&r);
	ck_assert(r.bad);
}
END_TEST

struct varint_row {
	const char *bytes;
	uint32_t value;
	bool bad;
};

static const struct varint_row varints[] = {
    {"00", 0, false},
    {"01", 1, false},
    {"7f", 127, false},
    {"8001", 128, false},
    {"ff7f", 16383, false},
    {"808001", 16384, false},
    {"ffff7f", 2097151, false},
    {"80808001", 2097152, false},
    {"ffffff7f", 268435455, false},
    {"8000", 0, true},
    {"8100", 0, true},
    {"ffff00", 0, true},
    {"80808000", 0, true},
    {"8080808001", 0, true},
    {"ffffffff", 0, true},
    {"80", 0, true},
    {"ffffff", 0, true},
    {"", 0, true},
};

START_TEST(varint)
{
	const struct varint_row *row = &varints[_i];
	struct slice in = guard_copy(unhex(row->bytes));
	struct reader r = reader_of(in);
	uint8_t out[4];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_uint_eq(reader_varint(&r), row->value);
	ck_assert(r.bad == row->bad);
	if (!row->bad) {
		writer_varint(&w, row->value);
		expect_bytes(slice_of(out, w.len), in, "written");
		ck_assert_uint_eq(mqtt_varint_size(row->value), in.n);
	}
	guard_free(in);
}
END_TEST

START_TEST(writes_in_order)
{
	uint8_t out[16];
	struct writer w = {.p = out, .cap = sizeof out};

	writer_u8(&w, 1);
	writer_u16(&w, 0x0203);
	writer_u32(&w, 0x04050607);
	writer_binary(&w, slice_str("ab"));
	writer_bytes(&w, slice_of(NULL, 0));
	writer_varint(&w, 128);
	expect_bytes(slice_of(out, w.len), unhex("01 0203 04050607 0002 6162 8001"), "written");
	ck_assert(!w.full);
	ck_assert_uint_eq(writer_room(&w), 3);
}
END_TEST

START_TEST(full_stays_full)
{
	uint8_t out[4] = {9, 9, 9, 9};
	struct writer w = {.p = out, .cap = 3};

	writer_u16(&w, 1);
	writer_u16(&w, 2);
	ck_assert(w.full);
	ck_assert_uint_eq(w.len, 2);
	writer_u8(&w, 3);
	ck_assert_uint_eq(w.len, 2);
	ck_assert_ptr_null(writer_space(&w, 0));
	ck_assert_uint_eq(out[2], 9);
	ck_assert_uint_eq(out[3], 9);
}
END_TEST

START_TEST(too_long_to_say)
{
	static uint8_t big[65536];
	static uint8_t out[65540];
	struct writer w = {.p = out, .cap = sizeof out};

	writer_binary(&w, slice_of(big, 65535));
	ck_assert(!w.full);
	ck_assert_uint_eq(w.len, 65537);
	w = (struct writer){.p = out, .cap = sizeof out};
	writer_binary(&w, slice_of(big, 65536));
	ck_assert(w.full);
	w = (struct writer){.p = out, .cap = sizeof out};
	writer_varint(&w, MQTT_VARINT_MAX);
	ck_assert(!w.full && w.len == 4);
	writer_varint(&w, MQTT_VARINT_MAX + (size_t)1);
	ck_assert(w.full && w.len == 4);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("cursor");
	TCase *t = tcase_create("cursor");

	tcase_add_test(t, reads_in_order);
	tcase_add_test(t, runs_out);
	tcase_add_test(t, huge_length_is_no_overflow);
	tcase_add_test(t, empty_reads);
	tcase_add_loop_test(t, varint, 0, ROWS(varints));
	tcase_add_test(t, writes_in_order);
	tcase_add_test(t, full_stays_full);
	tcase_add_test(t, too_long_to_say);
	suite_add_tcase(s, t);
	return suite_run(s);
}
