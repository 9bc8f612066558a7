/* SPDX-License-Identifier: ISC */
#include "mqtt/props.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

struct property {
	const char *name;
	uint8_t id;
	enum mqtt_prop_type type;
	uint32_t packets;
};

/* The table that the code is built from, here to be compared with what was read from the
 * specification below. */
static const struct property all[] = {
#define X(symbol, id, type, packets) {#symbol, id, MQTT_##type, packets},
    MQTT_PROPERTIES(X)
#undef X
};

enum { N_ALL = sizeof all / sizeof all[0] };

/* A value that is right for the type and for every property of it, NULL-free and short. */
static const char *good_value(const struct property *p)
{
	switch (p->type) {
	case MQTT_BYTE:
		return "01";
	case MQTT_U16:
		return "0001";
	case MQTT_U32:
		return "00000001";
	case MQTT_VARINT:
		return "01";
	case MQTT_PAIR:
		return "0001 6b 0001 76";
	default:
		return "0001 78";
	}
}

static struct slice block_of(uint8_t id, const char *value, unsigned times)
{
	static uint8_t bytes[64];
	struct slice v = unhex(value);
	size_t n = 0;

	for (unsigned i = 0; i < times; i++) {
		bytes[n++] = id;
		memcpy(bytes + n, v.p, v.n);
		n += v.n;
	}
	return slice_of(bytes, n);
}

/* The letters of table 2-4 of MQTT 5.0: which packets have the property. C CONNECT, c CONNACK, P
 * PUBLISH, w Will, a the four acknowledgements, S SUBSCRIBE, s SUBACK, U UNSUBSCRIBE, u UNSUBACK, D
 * DISCONNECT, A AUTH. */
static const struct {
	uint8_t id;
	const char *where;
} places[] = {
    {0x01, "Pw"},  {0x02, "Pw"}, {0x03, "Pw"}, {0x08, "Pw"},  {0x09, "Pw"},          {0x0B, "PS"},
    {0x11, "CcD"}, {0x12, "c"},  {0x13, "c"},  {0x15, "CcA"}, {0x16, "CcA"},         {0x17, "C"},
    {0x18, "w"},   {0x19, "C"},  {0x1A, "c"},  {0x1C, "cD"},  {0x1F, "casuDA"},      {0x21, "Cc"},
    {0x22, "Cc"},  {0x23, "P"},  {0x24, "c"},  {0x25, "c"},   {0x26, "CcPwaSsUuDA"}, {0x27, "Cc"},
    {0x28, "c"},   {0x29, "c"},  {0x2A, "c"},
};

static const struct {
	char letter;
	uint32_t in;
} letters[] = {
    {'C', MQTT_IN(CONNECT)},    {'c', MQTT_IN(CONNACK)},     {'P', MQTT_IN(PUBLISH)},
    {'w', MQTT_IN_WILL},        {'a', MQTT_IN(PUBACK)},      {'a', MQTT_IN(PUBREC)},
    {'a', MQTT_IN(PUBREL)},     {'a', MQTT_IN(PUBCOMP)},     {'S', MQTT_IN(SUBSCRIBE)},
    {'s', MQTT_IN(SUBACK)},     {'U', MQTT_IN(UNSUBSCRIBE)}, {'u', MQTT_IN(UNSUBACK)},
    {'D', MQTT_IN(DISCONNECT)}, {'A', MQTT_IN(AUTH)},        {'-', MQTT_IN(PINGREQ)},
};

START_TEST(placed)
{
	const struct property *p = &all[_i];
	struct slice one = block_of(p->id, good_value(p), 1);

	ck_assert_uint_eq(sizeof places / sizeof places[0], N_ALL);
	ck_assert_uint_eq(places[_i].id, p->id);
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
		uint64_t seen = 0;
		bool there = strchr(places[_i].where, letters[i].letter) != NULL;
		/* Authentication Data alone is an error of its own. */
		bool ok = there && p->id != MQTT_AUTHENTICATION_DATA;
		ck_assert_msg(mqtt_props_check(one, letters[i].in, &seen) ==
		                  (ok ? MQTT_OK : MQTT_PROTOCOL),
		              "%s in %c", p->name, letters[i].letter);
		ck_assert_uint_eq(seen, ok ? MQTT_PROP_BIT(p->id) : 0);
	}
}
END_TEST

/* One value only, cut off at every byte: malformed. */
START_TEST(cut)
{
	const struct property *p = &all[_i];
	struct slice one = block_of(p->id, good_value(p), 1);

	for (size_t n = 1; n < one.n; n++) {
		struct slice in = guard_copy(slice_of(one.p, n));
		for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
			ck_assert_msg(mqtt_props_check(in, letters[i].in, NULL) == MQTT_MALFORMED,
			              "%s, %zu bytes", p->name, n);
		guard_free(in);
	}
}
END_TEST

START_TEST(twice)
{
	const struct property *p = &all[_i];
	struct slice two = block_of(p->id, good_value(p), 2);

	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
		if ((p->packets & letters[i].in) == 0)
			continue;
		bool may = p->id == MQTT_USER_PROPERTY ||
		           (p->id == MQTT_SUBSCRIPTION_IDENTIFIER && letters[i].letter == 'P');
		ck_assert_msg(mqtt_props_check(two, letters[i].in, NULL) ==
		                  (may ? MQTT_OK : MQTT_PROTOCOL),
		              "%s twice in %c", p->name, letters[i].letter);
	}
}
END_TEST

START_TEST(next_reads)
{
	const struct property *p = &all[_i];
	struct slice one = guard_copy(block_of(p->id, good_value(p), 1));
	struct reader r = reader_of(one);
	struct mqtt_prop out;
	bool number = p->type <= MQTT_VARINT;

	ck_assert(mqtt_props_next(&r, &out));
	ck_assert_uint_eq(out.id, p->id);
	ck_assert_uint_eq(out.number, number ? 1 : 0);
	expect_bytes(out.whole, one, "whole");
	expect_bytes(out.text, slice_str(number ? "" : p->type == MQTT_PAIR ? "k" : "x"), "text");
	expect_bytes(out.value, slice_str(p->type == MQTT_PAIR ? "v" : ""), "value");
	ck_assert(!mqtt_props_next(&r, &out));
	ck_assert(!r.bad);
	guard_free(one);
}
END_TEST

/* Every identifier that does not exist, in every packet. */
START_TEST(unknown)
{
	for (unsigned id = 0; id < 256; id++) {
		bool known = false;
		for (size_t i = 0; i < N_ALL; i++)
			known = known || all[i].id == id;
		uint8_t bytes[] = {(uint8_t)id, 1, 1, 1, 1, 1};
		if (!known)
			ck_assert_msg(mqtt_props_check(slice_of(bytes, 2), MQTT_IN(CONNECT),
			                               NULL) == MQTT_MALFORMED,
			              "id %u", id);
	}
}
END_TEST

struct value_row {
	uint32_t in;
	const char *block;
	enum mqtt_result result;
};

#define PUB MQTT_IN(PUBLISH)
#define CON MQTT_IN(CONNECT)
#define ACK MQTT_IN(CONNACK)

static const struct value_row values[] = {
    {PUB, "", MQTT_OK},
    {PUB, "01 00", MQTT_OK},
    {PUB, "01 02", MQTT_PROTOCOL},
    {PUB, "02 00000000", MQTT_OK},
    {PUB, "02 ffffffff", MQTT_OK},
    {PUB, "03 0000", MQTT_OK},
    {PUB, "03 0001 ff", MQTT_MALFORMED},
    {PUB, "03 0001 00", MQTT_MALFORMED},
    {PUB, "08 0000", MQTT_PROTOCOL},
    {PUB, "08 0003 612f2b", MQTT_PROTOCOL},
    {PUB, "08 0001 23", MQTT_PROTOCOL},
    {PUB, "08 0003 612f62", MQTT_OK},
    {PUB, "09 0000", MQTT_OK},
    {PUB, "09 0002 ff00", MQTT_OK},
    {PUB, "0b ffffff7f", MQTT_OK},
    {PUB, "0b 00", MQTT_PROTOCOL},
    {PUB, "0b 8000", MQTT_MALFORMED},
    {PUB, "0b ffffffff7f", MQTT_MALFORMED},
    {PUB, "23 0000", MQTT_OK},
    {PUB, "23 ffff", MQTT_OK},
    {PUB, "26 0000 0000", MQTT_OK},
    {PUB, "26 0001 ff 0000", MQTT_MALFORMED},
    {PUB, "26 0000 0001 ff", MQTT_MALFORMED},
    {PUB, "26 0001 61", MQTT_MALFORMED},
    {CON, "11 00000000", MQTT_OK},
    {CON, "21 0000", MQTT_PROTOCOL},
    {CON, "21 0001", MQTT_OK},
    {CON, "22 0000", MQTT_OK},
    {CON, "27 00000000", MQTT_PROTOCOL},
    {CON, "27 00000001", MQTT_OK},
    {CON, "17 00", MQTT_OK},
    {CON, "17 02", MQTT_PROTOCOL},
    {CON, "19 02", MQTT_PROTOCOL},
    {CON, "15 0000", MQTT_OK},
    {CON, "16 0000", MQTT_PROTOCOL},
    {CON, "16 0000 15 0001 6d", MQTT_OK},
    {CON, "15 0001 6d 16 0000", MQTT_OK},
    {ACK, "13 0000", MQTT_OK},
    {ACK, "24 00", MQTT_OK},
    {ACK, "24 02", MQTT_PROTOCOL},
    {ACK, "25 02", MQTT_PROTOCOL},
    {ACK, "28 02", MQTT_PROTOCOL},
    {ACK, "29 02", MQTT_PROTOCOL},
    {ACK, "2a ff", MQTT_PROTOCOL},
    {ACK, "12 0000", MQTT_OK},
    /* What cannot be parsed goes before what is not allowed. */
    {PUB, "01 02 02 00", MQTT_MALFORMED},
    {PUB, "11 00000001 7f", MQTT_MALFORMED},
    {PUB, "01 02 03 0001 ff", MQTT_MALFORMED},
    {PUB, "01 02 01 00", MQTT_PROTOCOL},
};

START_TEST(value)
{
	const struct value_row *row = &values[_i];
	struct slice in = guard_copy(unhex(row->block));

	ck_assert_msg(mqtt_props_check(in, row->in, NULL) == row->result, "%s", row->block);
	guard_free(in);
}
END_TEST

START_TEST(find)
{
	struct slice in = unhex("23 0007 26 0001 61 0001 62 26 0001 63 0001 64 01 01");
	struct mqtt_prop p;

	ck_assert(mqtt_props_find(in, MQTT_TOPIC_ALIAS, &p));
	ck_assert_uint_eq(p.number, 7);
	ck_assert(mqtt_props_find(in, MQTT_USER_PROPERTY, &p));
	expect_bytes(p.text, slice_str("a"), "first");
	ck_assert(mqtt_props_find(in, MQTT_PAYLOAD_FORMAT_INDICATOR, &p));
	ck_assert_uint_eq(p.number, 1);
	ck_assert(!mqtt_props_find(in, MQTT_CONTENT_TYPE, &p));
	ck_assert(!mqtt_props_find(slice_of(NULL, 0), MQTT_CONTENT_TYPE, &p));
}
END_TEST

struct edit_row {
	const char *block;
	uint64_t drop;
	const char *append, *out; /* out without its length */
};

#define BIT(p) MQTT_PROP_BIT(MQTT_##p)

static const struct edit_row edits[] = {
    {"", 0, "", ""},
    {"", BIT(TOPIC_ALIAS), "0101", "0101"},
    {"0101", 0, "", "0101"},
    {"0101", BIT(PAYLOAD_FORMAT_INDICATOR), "", ""},
    {"0101 230001 03000178", BIT(TOPIC_ALIAS), "", "0101 03000178"},
    {"0101 230001 03000178", BIT(PAYLOAD_FORMAT_INDICATOR), "", "230001 03000178"},
    {"0101 230001 03000178", BIT(CONTENT_TYPE), "", "0101 230001"},
    {"0101 230001 03000178", BIT(CONTENT_TYPE) | BIT(PAYLOAD_FORMAT_INDICATOR), "", "230001"},
    {"0101 230001 03000178", UINT64_MAX, "0100", "0100"},
    {"0101 230001", BIT(PAYLOAD_FORMAT_INDICATOR), "0100", "230001 0100"},
    {"2600016100016226000163000164 0101", BIT(USER_PROPERTY), "", "0101"},
    {"0101 2600016100016226000163000164", BIT(USER_PROPERTY), "230009", "0101 230009"},
    {"0101 230001", BIT(CONTENT_TYPE), "", "0101 230001"},
};

START_TEST(edit)
{
	const struct edit_row *row = &edits[_i];
	const struct mqtt_props_edit e = {.drop = row->drop, .append = unhex(row->append)};
	struct slice block = guard_copy(unhex(row->block)), want = unhex(row->out);
	uint8_t out[64];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_uint_eq(mqtt_props_size(block, &e), want.n);
	mqtt_props_put(&w, block, &e);
	ck_assert(!w.full);
	ck_assert_uint_eq(out[0], want.n);
	expect_bytes(slice_of(out + 1, w.len - 1), want, row->block);
	for (size_t cap = 0; cap < w.len; cap++) {
		struct writer narrow = {.p = out, .cap = cap};
		mqtt_props_put(&narrow, block, &e);
		ck_assert(narrow.full && narrow.len <= cap);
	}
	guard_free(block);
}
END_TEST

START_TEST(no_edit)
{
	static uint8_t out[300];
	uint8_t block[200];
	struct writer w = {.p = out, .cap = sizeof out};

	memset(block, 0, sizeof block);
	block[0] = MQTT_CORRELATION_DATA;
	block[2] = 197;
	ck_assert_int_eq(mqtt_props_check(slice_of(block, sizeof block), PUB, NULL), MQTT_OK);
	mqtt_props_put(&w, slice_of(block, sizeof block), NULL);
	ck_assert_uint_eq(mqtt_props_size(slice_of(block, sizeof block), NULL), 200);
	ck_assert_uint_eq(w.len, 202);
	expect_bytes(slice_of(out, 2), unhex("c801"), "length");
	expect_bytes(slice_of(out + 2, 200), slice_of(block, 200), "block");
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("props");
	TCase *t = tcase_create("props");

	tcase_add_loop_test(t, placed, 0, N_ALL);
	tcase_add_loop_test(t, cut, 0, N_ALL);
	tcase_add_loop_test(t, twice, 0, N_ALL);
	tcase_add_loop_test(t, next_reads, 0, N_ALL);
	tcase_add_test(t, unknown);
	tcase_add_loop_test(t, value, 0, ROWS(values));
	tcase_add_test(t, find);
	tcase_add_loop_test(t, edit, 0, ROWS(edits));
	tcase_add_test(t, no_edit);
	suite_add_tcase(s, t);
	return suite_run(s);
}
