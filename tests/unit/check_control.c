/* SPDX-License-Identifier: ISC */
#include "mqtt/control.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

static enum mqtt_result check_body(uint8_t type, uint8_t flags, struct slice body,
                                   enum mqtt_version version)
{
	struct slice in = guard_copy(body);
	struct mqtt_frame f = {type, flags, 2, true, (uint32_t)body.n};
	enum mqtt_result r = mqtt_control_check(&f, in, version);

	guard_free(in);
	return r;
}

/* Every code in every place where one may stand, against the sentence of 2.4: each type has codes
 * of its own. */
struct place_row {
	uint8_t type;
	const char *before, *behind;
};

static const struct place_row places[] = {
    {MQTT_PUBACK, "0001", ""},       {MQTT_PUBREC, "0001", ""},        {MQTT_PUBREL, "0001", ""},
    {MQTT_PUBCOMP, "0001", ""},      {MQTT_PUBACK, "0001", "00"},      {MQTT_SUBACK, "0001 00", ""},
    {MQTT_SUBACK, "0001 00 00", ""}, {MQTT_UNSUBACK, "0001 00", ""},   {MQTT_DISCONNECT, "", ""},
    {MQTT_DISCONNECT, "", "00"},     {MQTT_AUTH, "", "04 15 0001 6d"},
};

START_TEST(codes)
{
	const struct place_row *row = &places[_i];
	struct slice before = unhex(row->before), behind = unhex(row->behind);

	for (unsigned code = 0; code < 256; code++) {
		uint8_t body[32];
		memcpy(body, before.p, before.n);
		body[before.n] = (uint8_t)code;
		memcpy(body + before.n + 1, behind.p, behind.n);
		bool ok = mqtt_reason_valid(row->type, (uint8_t)code);
		ck_assert_msg(check_body(row->type, 0, slice_of(body, before.n + 1 + behind.n),
		                         MQTT_5) == (ok ? MQTT_OK : MQTT_PROTOCOL),
		              "type %u, code %02x", row->type, code);
	}
}
END_TEST

START_TEST(suback_codes_of_3)
{
	for (unsigned code = 0; code < 256; code++) {
		uint8_t body[] = {0, 1, 0, (uint8_t)code};
		ck_assert_int_eq(check_body(MQTT_SUBACK, 0, slice_of(body, 4), MQTT_31),
		                 code <= 2 || code == 0x80 ? MQTT_OK : MQTT_PROTOCOL);
		ck_assert_int_eq(check_body(MQTT_SUBACK, 0, slice_of(body, 4), MQTT_311),
		                 code <= 2 || code == 0x80 ? MQTT_OK : MQTT_PROTOCOL);
	}
}
END_TEST

static enum mqtt_result want_option(unsigned v, bool shared)
{
	if ((v & 3) == 3 || (v & 0xc0) != 0)
		return MQTT_MALFORMED;
	return (v & 0x30) == 0x30 || (shared && (v & 4) != 0) ? MQTT_PROTOCOL : MQTT_OK;
}

START_TEST(options)
{
	struct slice plain = unhex("0001 00 0001 61 00"),
	             shared = unhex("0001 00 000a 2473686172652f672f61 00");
	struct slice three = unhex("0001 0001 61 00");
	uint8_t body[32];

	for (unsigned v = 0; v < 256; v++) {
		memcpy(body, plain.p, plain.n);
		body[plain.n - 1] = (uint8_t)v;
		ck_assert_msg(check_body(MQTT_SUBSCRIBE, 2, slice_of(body, plain.n), MQTT_5) ==
		                  want_option(v, false),
		              "options %02x", v);
		memcpy(body, shared.p, shared.n);
		body[shared.n - 1] = (uint8_t)v;
		ck_assert_msg(check_body(MQTT_SUBSCRIBE, 2, slice_of(body, shared.n), MQTT_5) ==
		                  want_option(v, true),
		              "options %02x, shared", v);
		memcpy(body, three.p, three.n);
		body[three.n - 1] = (uint8_t)v;
		ck_assert_int_eq(check_body(MQTT_SUBSCRIBE, 2, slice_of(body, three.n), MQTT_311),
		                 v <= 2 ? MQTT_OK : MQTT_MALFORMED);
	}
}
END_TEST

/* Bodies that end too early, at every byte where that is no valid end. */
struct whole_row {
	uint8_t type;
	enum mqtt_version version;
	const char *body;
	uint32_t ends; /* a bit for each shorter length that is valid too */
};

static const struct whole_row wholes[] = {
    {MQTT_PUBACK, MQTT_5, "0001 10 05 1f 0002 6869", 1 << 2 | 1 << 3},
    {MQTT_PUBREL, MQTT_5, "0001 92 07 26 0001 61 0001 62", 1 << 2 | 1 << 3},
    {MQTT_SUBSCRIBE, MQTT_311, "0001 0001 61 00 0002 6162 02", 1 << 6},
    {MQTT_SUBSCRIBE, MQTT_5, "0001 02 0b07 0001 61 00 0002 6162 02", 1 << 9},
    {MQTT_UNSUBSCRIBE, MQTT_311, "0001 0001 61 0002 6162", 1 << 5},
    {MQTT_UNSUBSCRIBE, MQTT_5, "0001 00 0001 61 0002 6162", 1 << 6},
    {MQTT_SUBACK, MQTT_311, "0001 00 01 80", 1 << 3 | 1 << 4},
    {MQTT_SUBACK, MQTT_5, "0001 00 00 01", 1 << 4},
    {MQTT_UNSUBACK, MQTT_311, "0001", 0},
    {MQTT_UNSUBACK, MQTT_5, "0001 00 00 11", 1 << 4},
    {MQTT_DISCONNECT, MQTT_5, "04 05 1100000009", 1 << 0 | 1 << 1},
    {MQTT_AUTH, MQTT_5, "18 04 15 0001 6d", 1 << 0},
    {MQTT_PINGREQ, MQTT_311, "", 0},
};

START_TEST(cut)
{
	const struct whole_row *row = &wholes[_i];
	struct slice body = unhex(row->body);

	ck_assert_int_eq(check_body(row->type, 0, body, row->version), MQTT_OK);
	for (size_t n = 0; n < body.n; n++) {
		enum mqtt_result r = check_body(row->type, 0, slice_of(body.p, n), row->version);
		ck_assert_msg((r == MQTT_OK) == ((row->ends >> n & 1) != 0), "type %u at %zu: %d",
		              row->type, n, (int)r);
	}
}
END_TEST

/* A byte too many, where no list goes on with it. */
START_TEST(long_by_one)
{
	const struct whole_row *row = &wholes[_i];
	struct slice body = unhex(row->body);
	uint8_t longer[32] = {0};

	if (row->type == MQTT_SUBACK || (row->type == MQTT_UNSUBACK && row->version == MQTT_5))
		return;
	memcpy(longer, body.p, body.n);
	ck_assert_int_eq(check_body(row->type, 0, slice_of(longer, body.n + 1), row->version),
	                 MQTT_MALFORMED);
}
END_TEST

START_TEST(not_for_here)
{
	ck_assert_int_eq(check_body(MQTT_CONNECT, 0, unhex("00"), MQTT_5), MQTT_PROTOCOL);
	ck_assert_int_eq(check_body(MQTT_CONNACK, 0, unhex("0000"), MQTT_311), MQTT_PROTOCOL);
	ck_assert_int_eq(check_body(MQTT_PUBLISH, 0, unhex("0001 61"), MQTT_311), MQTT_PROTOCOL);
}
END_TEST

/* Written with Reason String (1f) and User Property (26) taken out; the same packet where there is
 * none. */
static const struct edit_row {
	uint8_t type;
	const char *body, *edited;
	size_t props; /* bytes of the block */
} edits[] = {
    {MQTT_PUBACK, "0001", "40 02 0001", 0},
    {MQTT_PUBACK, "0001 10", "40 03 0001 10", 0},
    {MQTT_PUBACK, "0001 10 00", "40 04 0001 10 00", 0},
    {MQTT_PUBREC, "0001 80 05 1f 0002 6e6f", "50 04 0001 80 00", 5},
    {MQTT_SUBACK, "0001 0c 1f 0002 6e6f 26 0001 61 0001 62 01 02", "90 05 0001 00 01 02", 12},
    {MQTT_UNSUBACK, "0001 00 00", "b0 04 0001 00 00", 0},
    {MQTT_DISCONNECT, "", "e0 00", 0},
    {MQTT_DISCONNECT, "9c", "e0 01 9c", 0},
    {MQTT_DISCONNECT, "9c 0a 1f 0002 6e6f 1c 0002 7878", "e0 07 9c 05 1c 0002 7878", 10},
    {MQTT_AUTH, "18 0b 26 0001 61 0001 62 15 0001 6d", "f0 06 18 04 15 0001 6d", 11},
};

START_TEST(edited)
{
	const struct edit_row *row = &edits[_i];
	const struct mqtt_props_edit edit = {.drop = MQTT_PROP_BIT(MQTT_REASON_STRING) |
	                                             MQTT_PROP_BIT(MQTT_USER_PROPERTY)};
	struct slice body = guard_copy(unhex(row->body));
	struct mqtt_frame f = {row->type, 0, 2, true, (uint32_t)body.n};
	uint8_t out[64];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_int_eq(mqtt_control_check(&f, body, MQTT_5), MQTT_OK);
	ck_assert_uint_eq(mqtt_control_props(row->type, body).n, row->props);
	mqtt_control_put(&w, &f, body, &edit);
	guard_free(body);
	struct slice want = unhex(row->edited);
	ck_assert_uint_eq(w.len, want.n);
	ck_assert_mem_eq(out, want.p, want.n);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("control");
	TCase *t = tcase_create("control");

	tcase_add_loop_test(t, codes, 0, ROWS(places));
	tcase_add_test(t, suback_codes_of_3);
	tcase_add_test(t, options);
	tcase_add_loop_test(t, cut, 0, ROWS(wholes));
	tcase_add_loop_test(t, long_by_one, 0, ROWS(wholes));
	tcase_add_test(t, not_for_here);
	tcase_add_loop_test(t, edited, 0, ROWS(edits));
	suite_add_tcase(s, t);
	return suite_run(s);
}
