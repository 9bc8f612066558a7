/* SPDX-License-Identifier: ISC */
#include "seal/inner.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

struct row {
	const char *m; /* hexadecimal */
	uint8_t flags;
	const char *props, *payload; /* NULL: E_INNER */
};

enum { P = SEAL_PROPS, Z = SEAL_PADDED };

static const struct row rows[] = {
    {"", 0, "", ""},
    {"0102", 0, "", "0102"},
    {"00", P, "", ""},
    {"00 aa", P, "", "aa"},
    {"0000", Z, "", ""},
    {"0000 aa", Z, "", "aa"},
    {"0002 0000 aa", Z, "", "aa"},
    {"0002 0000", Z, "", ""},
    {"00 0001 00 bb", P | Z, "", "bb"},
    /* Z */
    {"", Z, NULL, NULL},
    {"00", Z, NULL, NULL},
    {"0001", Z, NULL, NULL},
    {"0002 00", Z, NULL, NULL},
    {"0002 0001 aa", Z, NULL, NULL},
    {"0002 8000 aa", Z, NULL, NULL},
    {"0100 00", Z, NULL, NULL},
    {"00 00", P | Z, NULL, NULL},
    /* the varint of P */
    {"", P, NULL, NULL},
    {"80", P, NULL, NULL},
    {"8000", P, NULL, NULL},
    {"80808000", P, NULL, NULL},
    {"8080808000", P, NULL, NULL},
    {"8180808001", P, NULL, NULL},
    {"ffffff7f 00", P, NULL, NULL},
    {"01", P, NULL, NULL},
    {"04 03 0000", P, NULL, NULL},
    /* each property */
    {"03 03 0000 aa", P, "03 0000", "aa"},
    {"04 03 0001 61", P, "03 0001 61", ""},
    {"04 08 0001 61", P, "08 0001 61", ""},
    {"05 09 0002 00ff", P, "09 0002 00ff", ""},
    {"03 09 0000", P, "09 0000", ""},
    {"05 26 0000 0000", P, "26 0000 0000", ""},
    {"0e 26 0001 61 0001 62 26 0001 61 0001 62", P, "26 0001 61 0001 62 26 0001 61 0001 62", ""},
    {"0c 03 0001 61 08 0001 62 09 0001 00", P, "03 0001 61 08 0001 62 09 0001 00", ""},
    {"08 03 0001 61 03 0001 61", P, NULL, NULL},
    {"08 08 0001 61 08 0001 61", P, NULL, NULL},
    {"08 09 0001 61 09 0001 61", P, NULL, NULL},
    {"08 03 0001 61 08 0001 2b", P, NULL, NULL},
    {"04 08 0001 23", P, NULL, NULL}, /* # */
    {"05 08 0002 612b", P, NULL, NULL},
    {"03 08 0000", P, NULL, NULL}, /* empty topic */
    {"02 01 01", P, NULL, NULL},
    {"03 23 0001", P, NULL, NULL},
    {"05 02 00000001", P, NULL, NULL},
    {"04 02 0001 61", P, NULL, NULL},
    {"04 00 0001 61", P, NULL, NULL},
    {"04 07 0001 61", P, NULL, NULL},
    {"04 0b 0001 61", P, NULL, NULL},
    {"04 1f 0001 61", P, NULL, NULL},
    {"04 83 0001 61", P, NULL, NULL},
    {"04 23 0001 61", P, NULL, NULL},
    /* lengths inside */
    {"01 03", P, NULL, NULL},
    {"02 03 00", P, NULL, NULL},
    {"03 03 0001", P, NULL, NULL},
    {"03 03 0001 61", P, NULL, NULL}, /* it would be there, but outside the block */
    {"04 26 0001 61", P, NULL, NULL},
    {"06 26 0001 61 0001", P, NULL, NULL},
    {"06 26 0001 61 0001 62", P, NULL, NULL},
    /* UTF-8 */
    {"05 03 0002 c3bc", P, "03 0002 c3bc", ""},
    {"06 03 0003 e282ac", P, "03 0003 e282ac", ""},
    {"07 03 0004 f09f9880", P, "03 0004 f09f9880", ""},
    {"07 03 0004 f48fbfbf", P, "03 0004 f48fbfbf", ""},
    {"04 03 0001 00", P, NULL, NULL},
    {"04 03 0001 ff", P, NULL, NULL},
    {"04 03 0001 80", P, NULL, NULL},
    {"04 03 0001 c3", P, NULL, NULL},
    {"05 03 0002 c0af", P, NULL, NULL},
    {"05 03 0002 c328", P, NULL, NULL},
    {"06 03 0003 e08080", P, NULL, NULL},
    {"06 03 0003 eda080", P, NULL, NULL},
    {"07 03 0004 f0808080", P, NULL, NULL},
    {"07 03 0004 f4908080", P, NULL, NULL},
    {"05 08 0002 61ff", P, NULL, NULL},
    {"07 26 0001 ff 0001 62", P, NULL, NULL},
    {"07 26 0001 61 0001 00", P, NULL, NULL},
};

START_TEST(get)
{
	const struct row *row = &rows[_i];
	struct slice m = guard_copy(unhex(row->m)), props, payload;
	enum seal_error e = inner_get(m, row->flags, &props, &payload);

	ck_assert_str_eq(seal_error_name(e), row->payload == NULL ? "E_INNER" : "OK");
	if (row->payload != NULL) {
		expect_bytes(props, unhex(row->props), "properties");
		expect_bytes(payload, unhex(row->payload), "payload");
		ck_assert_ptr_eq(payload.p + payload.n, m.p + m.n);
	}
	guard_free(m);
}
END_TEST

struct make_row {
	bool has_props;
	size_t props, pad_to, payload;
	bool good;
	size_t size;
};

static const struct make_row makes[] = {
    {false, 0, 0, 0, true, 0},
    {false, 0, 0, 5, true, 5},
    {true, 0, 0, 5, true, 6},
    {true, 127, 0, 5, true, 133},
    {true, 128, 0, 5, true, 135},
    {true, 16382, 0, 5, true, 16389},
    {true, 16383, 0, 5, false, 0},
    {true, 16384, 0, 5, false, 0},
    {true, SIZE_MAX, 0, 5, false, 0},
    {false, 0, 16, 0, true, 16},
    {false, 0, 16, 14, true, 16},
    {false, 0, 16, 15, true, 32},
    {false, 0, 17, 15, true, 17},
    {false, 0, 1024, 1023, true, 2048},
    {false, 0, 1024, 20000, true, 20480},
    {false, 0, 15, 1, false, 0},
    {false, 0, 1025, 1, false, 0},
    {false, 0, SIZE_MAX, 1, false, 0},
    {true, 16380, 16, 0, true, 16384}, /* exactly the most, fill 0 */
    {true, 16380, 16, 1, false, 0},    /* the fill passes it */
    {true, 16379, 0, 1, true, 16382},
    {false, 0, 0, (size_t)UINT32_MAX - SEAL_PREFIX_MAX, true, (size_t)UINT32_MAX - SEAL_PREFIX_MAX},
    {false, 0, 0, (size_t)UINT32_MAX - SEAL_PREFIX_MAX + 1, false, 0},
    {false, 0, 0, SIZE_MAX, false, 0},
};

START_TEST(make)
{
	const struct make_row *row = &makes[_i];
	static const uint8_t bytes[20480];
	struct inner in;
	struct slice props = slice_of(bytes, row->props);
	bool good = inner_make(&in, row->has_props ? &props : NULL, row->pad_to,
	                       slice_of(bytes, row->payload));
	size_t sum = 0;

	ck_assert_int_eq(good, row->good);
	if (!good)
		return;
	ck_assert_uint_eq(in.size, row->size);
	for (size_t i = 0; i < in.n; i++)
		sum += in.piece[i].n;
	ck_assert_uint_eq(sum, in.size);
}
END_TEST

/* What is made is read back; a prefix of one byte too many is not. */
START_TEST(prefix_limit)
{
	enum { FILL = SEAL_PREFIX_MAX - 2 };
	uint8_t *m = calloc(1, 2 + FILL + 1);
	struct slice props, payload;

	ck_assert_ptr_nonnull(m);
	m[0] = FILL >> 8;
	m[1] = FILL & 0xff;
	ck_assert_int_eq(inner_get(slice_of(m, 2 + FILL + 1), Z, &props, &payload), SEAL_OK);
	ck_assert_uint_eq(payload.n, 1);
	m[1]++;
	ck_assert_int_eq(inner_get(slice_of(m, 2 + FILL + 1), Z, &props, &payload), SEAL_E_INNER);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inner");
	TCase *t = tcase_create("inner");

	tcase_add_loop_test(t, get, 0, ROWS(rows));
	tcase_add_loop_test(t, make, 0, ROWS(makes));
	tcase_add_test(t, prefix_limit);
	suite_add_tcase(s, t);
	return suite_run(s);
}
