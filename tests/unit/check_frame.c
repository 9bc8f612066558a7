/* SPDX-License-Identifier: ISC */
#include "mqtt/frame.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

struct header_row {
	const char *bytes;
	enum mqtt_result result;
	struct mqtt_frame frame;
};

static const struct header_row headers[] = {
    {"", MQTT_MORE, {0}},
    {"10", MQTT_MORE, {0}},
    {"00", MQTT_PROTOCOL, {0}},
    {"0f 00", MQTT_PROTOCOL, {0}},
    {"3d 00", MQTT_OK, {3, 13, 2, true, 0}},
    {"f0 7f", MQTT_OK, {15, 0, 2, true, 127}},
    {"10 80", MQTT_MORE, {0}},
    {"10 80 01", MQTT_OK, {1, 0, 3, true, 128}},
    {"10 ff 7f aa", MQTT_OK, {1, 0, 3, true, 16383}},
    {"10 80 80 01", MQTT_OK, {1, 0, 4, true, 16384}},
    {"10 ff ff 7f", MQTT_OK, {1, 0, 4, true, 2097151}},
    {"10 80 80 80", MQTT_MORE, {0}},
    {"10 80 80 80 01", MQTT_OK, {1, 0, 5, true, 2097152}},
    {"10 ff ff ff 7f", MQTT_OK, {1, 0, 5, true, 268435455}},
    {"10 80 80 80 80", MQTT_MALFORMED, {0}},
    {"10 ff ff ff ff 00", MQTT_MALFORMED, {0}},
    {"10 80 00", MQTT_OK, {1, 0, 3, false, 0}},
    {"10 81 80 00", MQTT_OK, {1, 0, 4, false, 1}},
    {"10 80 80 80 00", MQTT_OK, {1, 0, 5, false, 0}},
};

START_TEST(header)
{
	const struct header_row *row = &headers[_i];
	struct slice in = guard_copy(unhex(row->bytes));
	struct mqtt_frame f = {0};

	ck_assert_int_eq(mqtt_frame_next(in, &f), row->result);
	ck_assert_uint_eq(f.type, row->frame.type);
	ck_assert_uint_eq(f.flags, row->frame.flags);
	ck_assert_uint_eq(f.head, row->frame.head);
	ck_assert(f.minimal == row->frame.minimal);
	ck_assert_uint_eq(f.remaining, row->frame.remaining);
	guard_free(in);
}
END_TEST

/* Who may send what, type by type: c client, b broker, in 3.1, 3.1.1 and 5.0 alike but for the last
 * two. */
struct direction_row {
	uint8_t type, flags;
	uint32_t remaining;
	bool client3, broker3, client5, broker5;
};

static const struct direction_row directions[] = {
    {MQTT_CONNECT, 0, 20, false, false, false, false},
    {MQTT_CONNACK, 0, 3, false, false, false, false},
    {MQTT_PUBLISH, 0, 9, true, true, true, true},
    {MQTT_PUBACK, 0, 2, true, true, true, true},
    {MQTT_PUBREC, 0, 2, true, true, true, true},
    {MQTT_PUBREL, 2, 2, true, true, true, true},
    {MQTT_PUBCOMP, 0, 2, true, true, true, true},
    {MQTT_SUBSCRIBE, 2, 9, true, false, true, false},
    {MQTT_SUBACK, 0, 4, false, true, false, true},
    {MQTT_UNSUBSCRIBE, 2, 9, true, false, true, false},
    {MQTT_UNSUBACK, 0, 2, false, true, false, false},
    {MQTT_UNSUBACK, 0, 4, false, false, false, true},
    {MQTT_PINGREQ, 0, 0, true, false, true, false},
    {MQTT_PINGRESP, 0, 0, false, true, false, true},
    {MQTT_DISCONNECT, 0, 0, true, false, true, true},
    {MQTT_AUTH, 0, 0, false, false, true, true},
};

START_TEST(direction)
{
	const struct direction_row *row = &directions[_i];
	struct mqtt_frame f = {row->type, row->flags, 2, true, row->remaining};

	ck_assert((mqtt_frame_check(&f, MQTT_31, true) == MQTT_OK) == row->client3);
	ck_assert((mqtt_frame_check(&f, MQTT_311, true) == MQTT_OK) == row->client3);
	ck_assert((mqtt_frame_check(&f, MQTT_31, false) == MQTT_OK) == row->broker3);
	ck_assert((mqtt_frame_check(&f, MQTT_311, false) == MQTT_OK) == row->broker3);
	ck_assert((mqtt_frame_check(&f, MQTT_5, true) == MQTT_OK) == row->client5);
	ck_assert((mqtt_frame_check(&f, MQTT_5, false) == MQTT_OK) == row->broker5);
}
END_TEST

/* Of all sixteen flags only the named ones pass; in 3.1 all but QoS 3. */
struct flags_row {
	uint8_t type;
	bool from_client;
	uint32_t remaining;
	uint16_t allowed; /* a bit each value of the flags */
};

enum { PUBLISH_FLAGS = 0x3C3F, /* 0 to 5, 10 to 13 */ NO_QOS3 = 0x3F3F };

static const struct flags_row flags_rows[] = {
    {MQTT_PUBLISH, true, 9, PUBLISH_FLAGS},
    {MQTT_PUBACK, true, 2, 1},
    {MQTT_PUBREC, false, 2, 1},
    {MQTT_PUBREL, true, 2, 1 << 2},
    {MQTT_PUBCOMP, true, 2, 1},
    {MQTT_SUBSCRIBE, true, 9, 1 << 2},
    {MQTT_SUBACK, false, 4, 1},
    {MQTT_UNSUBSCRIBE, true, 9, 1 << 2},
    {MQTT_PINGREQ, true, 0, 1},
    {MQTT_PINGRESP, false, 0, 1},
    {MQTT_DISCONNECT, true, 0, 1},
};

START_TEST(flags)
{
	const struct flags_row *row = &flags_rows[_i];
	unsigned allowed31 = row->type == MQTT_PUBLISH ? NO_QOS3 : UINT16_MAX;

	for (uint8_t v = 0; v < 16; v++) {
		struct mqtt_frame f = {row->type, v, 2, true, row->remaining};
		enum mqtt_result want = (row->allowed >> v & 1) != 0 ? MQTT_OK : MQTT_MALFORMED;
		enum mqtt_result want31 = (allowed31 >> v & 1) != 0 ? MQTT_OK : MQTT_MALFORMED;
		ck_assert_msg(mqtt_frame_check(&f, MQTT_5, row->from_client) == want,
		              "5: type %u flags %u", row->type, v);
		ck_assert_msg(mqtt_frame_check(&f, MQTT_311, row->from_client) == want,
		              "3.1.1: type %u flags %u", row->type, v);
		ck_assert_msg(mqtt_frame_check(&f, MQTT_31, row->from_client) == want31,
		              "3.1: type %u flags %u", row->type, v);
	}
}
END_TEST

/* Remaining lengths: least and most of each version; -1 is no upper limit. */
struct length_row {
	uint8_t type, flags;
	bool from_client;
	int min3, max3, min5, max5;
};

static const struct length_row lengths[] = {
    {MQTT_PUBLISH, 0, true, 2, -1, 3, -1},     {MQTT_PUBLISH, 2, true, 4, -1, 5, -1},
    {MQTT_PUBACK, 0, true, 2, 2, 2, -1},       {MQTT_PUBREC, 0, true, 2, 2, 2, -1},
    {MQTT_PUBREL, 2, true, 2, 2, 2, -1},       {MQTT_PUBCOMP, 0, true, 2, 2, 2, -1},
    {MQTT_SUBSCRIBE, 2, true, 2, -1, 3, -1},   {MQTT_SUBACK, 0, false, 2, -1, 3, -1},
    {MQTT_UNSUBSCRIBE, 2, true, 2, -1, 3, -1}, {MQTT_UNSUBACK, 0, false, 2, 2, 3, -1},
    {MQTT_PINGREQ, 0, true, 0, 0, 0, 0},       {MQTT_PINGRESP, 0, false, 0, 0, 0, 0},
    {MQTT_DISCONNECT, 0, true, 0, 0, 0, -1},
};

static void try_length(const struct length_row *row, enum mqtt_version version, int min, int max)
{
	for (int n = 0; n <= 8; n++) {
		struct mqtt_frame f = {row->type, row->flags, 2, true, (uint32_t)n};
		bool ok = n >= min && (max < 0 || n <= max);
		ck_assert_msg(mqtt_frame_check(&f, version, row->from_client) ==
		                  (ok ? MQTT_OK : MQTT_MALFORMED),
		              "type %u, level %d, %d bytes", row->type, (int)version, n);
	}
	struct mqtt_frame f = {row->type, row->flags, 5, true, MQTT_VARINT_MAX};
	ck_assert_int_eq(mqtt_frame_check(&f, version, row->from_client),
	                 max < 0 ? MQTT_OK : MQTT_MALFORMED);
}

START_TEST(length)
{
	const struct length_row *row = &lengths[_i];

	try_length(row, MQTT_31, row->min3, row->max3);
	try_length(row, MQTT_311, row->min3, row->max3);
	try_length(row, MQTT_5, row->min5, row->max5);
}
END_TEST

START_TEST(longer_form)
{
	struct mqtt_frame f = {MQTT_PUBLISH, 0, 3, false, 9};

	ck_assert_int_eq(mqtt_frame_check(&f, MQTT_31, true), MQTT_OK);
	ck_assert_int_eq(mqtt_frame_check(&f, MQTT_311, true), MQTT_OK);
	ck_assert_int_eq(mqtt_frame_check(&f, MQTT_5, true), MQTT_MALFORMED);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(mqtt_type_name(0), "RESERVED");
	ck_assert_str_eq(mqtt_type_name(MQTT_CONNECT), "CONNECT");
	ck_assert_str_eq(mqtt_type_name(MQTT_PUBLISH), "PUBLISH");
	ck_assert_str_eq(mqtt_type_name(MQTT_UNSUBSCRIBE), "UNSUBSCRIBE");
	ck_assert_str_eq(mqtt_type_name(MQTT_DISCONNECT), "DISCONNECT");
	ck_assert_str_eq(mqtt_type_name(MQTT_AUTH), "AUTH");
	ck_assert_str_eq(mqtt_type_name(16), "RESERVED");
	ck_assert_str_eq(mqtt_type_name(255), "RESERVED");
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("frame");
	TCase *t = tcase_create("frame");

	tcase_add_loop_test(t, header, 0, ROWS(headers));
	tcase_add_loop_test(t, direction, 0, ROWS(directions));
	tcase_add_loop_test(t, flags, 0, ROWS(flags_rows));
	tcase_add_loop_test(t, length, 0, ROWS(lengths));
	tcase_add_test(t, longer_form);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	return suite_run(s);
}
