/* SPDX-License-Identifier: ISC */
#include "mqtt/connect.h"
#include "mqtt/control.h"
#include "mqtt/reply.h"
#include "tests/support/suite.h"

struct refusal_row {
	enum mqtt_version version;
	enum mqtt_connack3_code code3;
	enum mqtt_reason_code code5;
	const char *bytes;
};

static const struct refusal_row refusals[] = {
    {MQTT_31, MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, "20 02 00 04"},
    {MQTT_311, MQTT3_NOT_AUTHORIZED, MQTT_BANNED, "20 02 00 05"},
    {MQTT_311, MQTT3_UNACCEPTABLE_VERSION, MQTT_UNSUPPORTED_VERSION, "20 02 00 01"},
    {MQTT_5, MQTT3_BAD_CREDENTIALS, MQTT_BAD_CREDENTIALS, "20 03 00 86 00"},
    {MQTT_5, MQTT3_SERVER_UNAVAILABLE, MQTT_CONNECTION_RATE_EXCEEDED, "20 03 00 9f 00"},
};

START_TEST(refusal)
{
	const struct refusal_row *row = &refusals[_i];
	uint8_t out[MQTT_REPLY_MAX];
	struct writer w = {.p = out, .cap = sizeof out};
	struct mqtt_connack a;

	mqtt_reply_refusal(&w, row->version, row->code3, row->code5);
	ck_assert(!w.full);
	expect_bytes(slice_of(out, w.len), unhex(row->bytes), "refusal");
	ck_assert_int_eq(mqtt_connack_get(slice_of(out + 2, w.len - 2), row->version, &a), MQTT_OK);
}
END_TEST

START_TEST(disconnect)
{
	uint8_t out[MQTT_REPLY_MAX];
	struct writer w = {.p = out, .cap = sizeof out};

	mqtt_reply_disconnect(&w, MQTT_31, MQTT_MALFORMED_PACKET);
	mqtt_reply_disconnect(&w, MQTT_311, MQTT_MALFORMED_PACKET);
	ck_assert_uint_eq(w.len, 0);
	mqtt_reply_disconnect(&w, MQTT_5, MQTT_PROTOCOL_ERROR);
	expect_bytes(slice_of(out, w.len), unhex("e0 01 82"), "disconnect");
	w = (struct writer){.p = out, .cap = 2};
	mqtt_reply_disconnect(&w, MQTT_5, MQTT_PROTOCOL_ERROR);
	ck_assert(w.full && w.len == 0);
}
END_TEST

static const struct ack_row {
	enum mqtt_version version;
	enum mqtt_type type;
	uint16_t packet_id;
	enum mqtt_reason_code code;
	const char *bytes;
} acks[] = {
    {MQTT_31, MQTT_PUBACK, 1, MQTT_PAYLOAD_FORMAT_INVALID, "40 02 00 01"},
    {MQTT_311, MQTT_PUBREC, 0xfffe, MQTT_PAYLOAD_FORMAT_INVALID, "50 02 ff fe"},
    {MQTT_311, MQTT_PUBCOMP, 256, MQTT_SUCCESS, "70 02 01 00"},
    {MQTT_5, MQTT_PUBACK, 1, MQTT_SUCCESS, "40 02 00 01"},
    {MQTT_5, MQTT_PUBACK, 1, MQTT_PAYLOAD_FORMAT_INVALID, "40 03 00 01 99"},
    {MQTT_5, MQTT_PUBREC, 0x1234, MQTT_PAYLOAD_FORMAT_INVALID, "50 03 12 34 99"},
    {MQTT_5, MQTT_PUBCOMP, 0x1234, MQTT_SUCCESS, "70 02 12 34"},
};

START_TEST(ack)
{
	const struct ack_row *row = &acks[_i];
	uint8_t out[MQTT_REPLY_MAX];
	struct writer w = {.p = out, .cap = sizeof out};
	struct mqtt_frame f;

	mqtt_reply_ack(&w, row->version, row->type, row->packet_id, row->code);
	ck_assert(!w.full);
	expect_bytes(slice_of(out, w.len), unhex(row->bytes), "ack");
	ck_assert_int_eq(mqtt_frame_next(slice_of(out, w.len), &f), MQTT_OK);
	ck_assert_int_eq(mqtt_frame_check(&f, row->version, row->type == MQTT_PUBREL), MQTT_OK);
	ck_assert_int_eq(mqtt_control_check(&f, slice_of(out + f.head, f.remaining), row->version),
	                 MQTT_OK);
}
END_TEST

START_TEST(reason)
{
	ck_assert_int_eq(mqtt_reason(MQTT_OK), 0x00);
	ck_assert_int_eq(mqtt_reason(MQTT_MALFORMED), 0x81);
	ck_assert_int_eq(mqtt_reason(MQTT_PROTOCOL), 0x82);
	ck_assert_int_eq(mqtt_reason(MQTT_TOO_LARGE), 0x95);
	ck_assert_int_eq(mqtt_reason(MQTT_UNSUPPORTED), 0x84);
	ck_assert_int_eq(mqtt_reason(MQTT_MORE), 0x80);
}
END_TEST

/* How many codes each type has, by table 2-6 of MQTT 5.0: a slip of the table's rows shows here. */
static const unsigned codes[16] = {[MQTT_CONNACK] = 22, [MQTT_PUBACK] = 9,      [MQTT_PUBREC] = 9,
                                   [MQTT_PUBREL] = 2,   [MQTT_PUBCOMP] = 2,     [MQTT_SUBACK] = 12,
                                   [MQTT_UNSUBACK] = 7, [MQTT_DISCONNECT] = 30, [MQTT_AUTH] = 3};

START_TEST(reason_codes)
{
	unsigned n = 0;

	for (unsigned code = 0; code < 256; code++)
		n += mqtt_reason_valid((uint8_t)_i, (uint8_t)code);
	ck_assert_uint_eq(n, codes[_i]);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("reply");
	TCase *t = tcase_create("reply");

	tcase_add_loop_test(t, refusal, 0, ROWS(refusals));
	tcase_add_test(t, disconnect);
	tcase_add_loop_test(t, ack, 0, ROWS(acks));
	tcase_add_test(t, reason);
	tcase_add_loop_test(t, reason_codes, 0, 16);
	suite_add_tcase(s, t);
	return suite_run(s);
}
