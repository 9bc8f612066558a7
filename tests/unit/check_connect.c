/* SPDX-License-Identifier: ISC */
#include "mqtt/connect.h"
#include "mqtt/frame.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <stdlib.h>

static struct vectors vs;

static bool is_packet(const struct vector *v, uint8_t type, const char *from, struct slice *packet,
                      struct mqtt_frame *f)
{
	*packet = unhex(vector_need(v, "packet"));
	return strcmp(vector_need(v, "result"), "ok") == 0 &&
	       strcmp(vector_need(v, "from"), from) == 0 &&
	       mqtt_frame_next(*packet, f) == MQTT_OK && f->type == type;
}

/* Every valid CONNECT comes out as it went in, and in no less room. */
START_TEST(connect_round_trip)
{
	struct mqtt_connect c;
	struct mqtt_frame f;
	struct slice packet;
	uint8_t out[512];

	if (!is_packet(&vs.v[_i], MQTT_CONNECT, "client", &packet, &f))
		return;
	struct slice body = guard_copy(slice_from(packet, f.head));
	ck_assert_int_eq(mqtt_connect_get(body, f.minimal, &c), MQTT_OK);
	ck_assert_int_eq((int)c.version, vector_need(&vs.v[_i], "version")[0] - '0');
	struct writer w = {.p = out, .cap = sizeof out};
	mqtt_connect_put(&w, &c, NULL, NULL);
	ck_assert(!w.full);
	expect_bytes(slice_of(out + w.len - body.n, body.n), body, vector_need(&vs.v[_i], "name"));
	for (size_t cap = 0; cap < w.len; cap++) {
		struct writer narrow = {.p = out, .cap = cap};
		mqtt_connect_put(&narrow, &c, NULL, NULL);
		ck_assert(narrow.full);
	}
	guard_free(body);
}
END_TEST

START_TEST(connack_round_trip)
{
	struct mqtt_connack a;
	struct mqtt_frame f;
	struct slice packet;
	uint8_t out[256];
	struct writer w = {.p = out, .cap = sizeof out};

	if (!is_packet(&vs.v[_i], MQTT_CONNACK, "broker", &packet, &f))
		return;
	enum mqtt_version version = (enum mqtt_version)(vector_need(&vs.v[_i], "version")[0] - '0');
	struct slice body = guard_copy(slice_from(packet, f.head));
	ck_assert_int_eq(mqtt_connack_get(body, version, &a), MQTT_OK);
	mqtt_connack_put(&w, version, &a, NULL);
	expect_bytes(slice_of(out, w.len), packet, vector_need(&vs.v[_i], "name"));
	guard_free(body);
}
END_TEST

START_TEST(all_fields)
{
	struct mqtt_connect c;
	struct slice body = unhex("0004 4d515454 05 ee 1234 05 1100000009 0002 6964"
	                          "05 1800000005 0003 772f74 0002 ff00 0001 75 0002 ff01");

	ck_assert_int_eq(mqtt_connect_get(body, true, &c), MQTT_OK);
	ck_assert_int_eq(c.version, MQTT_5);
	ck_assert(!c.bridge && !c.reserved && c.clean && c.has_will && c.will_retain);
	ck_assert(c.has_user && c.has_password && !c.user_flag_only && !c.password_flag_only);
	ck_assert_uint_eq(c.will_qos, 1);
	ck_assert_uint_eq(c.keep_alive, 0x1234);
	expect_bytes(c.client_id, slice_str("id"), "client id");
	expect_bytes(c.will_topic, slice_str("w/t"), "Will topic");
	expect_bytes(c.will_payload, unhex("ff00"), "Will payload");
	expect_bytes(c.user, slice_str("u"), "user");
	expect_bytes(c.password, unhex("ff01"), "password");
	expect_bytes(c.props, unhex("1100000009"), "properties");
	expect_bytes(c.will_props, unhex("1800000005"), "Will properties");
	ck_assert_uint_eq(c.props_seen, MQTT_PROP_BIT(MQTT_SESSION_EXPIRY_INTERVAL));
	ck_assert_uint_eq(c.will_props_seen, MQTT_PROP_BIT(MQTT_WILL_DELAY_INTERVAL));
}
END_TEST

/* A body that ends anywhere before its end is malformed; no byte beyond it is read. */
START_TEST(cut_anywhere)
{
	struct mqtt_connect c;
	struct slice body = unhex("0004 4d515454 05 ee 1234 05 1100000009 0002 6964"
	                          "05 1800000005 0003 772f74 0002 ff00 0001 75 0002 ff01");

	for (size_t n = 0; n < body.n; n++) {
		struct slice in = guard_copy(slice_of(body.p, n));
		ck_assert_msg(mqtt_connect_get(in, true, &c) == MQTT_MALFORMED, "%zu bytes", n);
		ck_assert_int_eq(c.version, n < 7 ? MQTT_311 : MQTT_5);
		guard_free(in);
	}
}
END_TEST

/* What an answer looks like is known as soon as the level is. */
struct version_row {
	const char *body;
	enum mqtt_result result;
	enum mqtt_version version;
	bool bridge;
};

static const struct version_row versions[] = {
    {"", MQTT_MALFORMED, MQTT_311, false},
    {"0004 4d515454", MQTT_MALFORMED, MQTT_311, false},
    {"0006 4d5149736470 03", MQTT_MALFORMED, MQTT_31, false},
    {"0006 4d5149736470 83", MQTT_MALFORMED, MQTT_31, true},
    {"0004 4d515454 04", MQTT_MALFORMED, MQTT_311, false},
    {"0004 4d515454 84", MQTT_MALFORMED, MQTT_311, true},
    {"0004 4d515454 05", MQTT_MALFORMED, MQTT_5, false},
    {"0004 4d515454 06", MQTT_UNSUPPORTED, MQTT_5, false},
    {"0004 4d515454 7f", MQTT_UNSUPPORTED, MQTT_5, false},
    {"0004 4d515454 03", MQTT_UNSUPPORTED, MQTT_311, false},
    {"0004 4d515454 00", MQTT_UNSUPPORTED, MQTT_311, false},
    {"0006 4d5149736470 04", MQTT_UNSUPPORTED, MQTT_311, false},
    {"0006 4d5149736470 05", MQTT_UNSUPPORTED, MQTT_311, false},
    {"0006 4d5149736470 06", MQTT_UNSUPPORTED, MQTT_311, false},
    {"0000 04", MQTT_UNSUPPORTED, MQTT_311, false},
};

START_TEST(version)
{
	const struct version_row *row = &versions[_i];
	struct slice in = guard_copy(unhex(row->body));
	struct mqtt_connect c;

	ck_assert_int_eq(mqtt_connect_get(in, true, &c), row->result);
	ck_assert_int_eq(c.version, row->version);
	ck_assert(c.bridge == row->bridge);
	guard_free(in);
}
END_TEST

START_TEST(minimal_is_asked_in_5_only)
{
	struct mqtt_connect c;

	ck_assert_int_eq(mqtt_connect_get(unhex("0004 4d515454 04 02 000a 0001 70"), false, &c),
	                 MQTT_OK);
	ck_assert_int_eq(mqtt_connect_get(unhex("0004 4d515454 05 02 000a 00 0001 70"), true, &c),
	                 MQTT_OK);
	ck_assert_int_eq(mqtt_connect_get(unhex("0004 4d515454 05 02 000a 00 0001 70"), false, &c),
	                 MQTT_MALFORMED);
	ck_assert_int_eq(c.version, MQTT_5);
}
END_TEST

/* 3.1: announced, but not there. */
struct missing_row {
	const char *body;
	bool user, password, user_only, password_only;
};

static const struct missing_row missings[] = {
    {"0006 4d5149736470 03 82 000a 0001 70", false, false, true, false},
    {"0006 4d5149736470 03 c2 000a 0001 70", false, false, true, true},
    {"0006 4d5149736470 03 c2 000a 0001 70 0001 75", true, false, false, true},
    {"0006 4d5149736470 03 c2 000a 0001 70 0001 75 0000", true, true, false, false},
};

START_TEST(missing)
{
	const struct missing_row *row = &missings[_i];
	struct mqtt_connect c;

	ck_assert_int_eq(mqtt_connect_get(unhex(row->body), true, &c), MQTT_OK);
	ck_assert(c.has_user == row->user && c.has_password == row->password);
	ck_assert(c.user_flag_only == row->user_only && c.password_flag_only == row->password_only);
}
END_TEST

static struct slice put(struct writer *w, const struct mqtt_connect *c)
{
	w->len = 0;
	w->full = false;
	mqtt_connect_put(w, c, NULL, NULL);
	return slice_of(w->p, w->len);
}

/* Credentials given to a client that came with flags only, and taken from one that had them. */
START_TEST(credentials_changed)
{
	struct mqtt_connect c;
	uint8_t out[64];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_int_eq(mqtt_connect_get(unhex(missings[1].body), true, &c), MQTT_OK);
	c.has_password = true;
	c.password = slice_str("p");
	(void)put(&w, &c);
	ck_assert(w.full);
	c.has_user = true;
	c.user = slice_str("u");
	expect_bytes(put(&w, &c),
	             unhex("10 15 0006 4d5149736470 03 c2 000a 0001 70 0001 75 0001 70"),
	             "both given");
	ck_assert(!w.full);
	c.has_user = c.has_password = c.user_flag_only = c.password_flag_only = false;
	expect_bytes(put(&w, &c), unhex("10 0f 0006 4d5149736470 03 02 000a 0001 70"),
	             "both taken");
	c.version = MQTT_311;
	c.user_flag_only = true;
	(void)put(&w, &c);
	ck_assert(w.full);
}
END_TEST

START_TEST(edited)
{
	struct mqtt_connect c;
	struct slice body = unhex("0004 4d515454 05 06 000a 0a 2100ff 2700000100 1701 0001 70"
	                          "02 0101 0001 77 0001 6d");
	const struct mqtt_props_edit edit = {.drop = MQTT_PROP_BIT(MQTT_MAXIMUM_PACKET_SIZE),
	                                     .append = unhex("27000000ff")};
	const struct mqtt_props_edit will = {.drop = MQTT_PROP_BIT(MQTT_PAYLOAD_FORMAT_INDICATOR)};
	uint8_t out[64];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_int_eq(mqtt_connect_get(body, true, &c), MQTT_OK);
	c.will_payload = slice_str("sealed");
	mqtt_connect_put(&w, &c, &edit, &will);
	ck_assert(!w.full);
	expect_bytes(slice_of(out, w.len),
	             unhex("10 24 0004 4d515454 05 06 000a 0a 2100ff 1701 27000000ff 0001 70"
	                   "00 0001 77 0006 7365616c6564"),
	             "edited");
}
END_TEST

START_TEST(field_too_long)
{
	uint8_t *big = malloc(65536), *out = malloc(140000);
	struct mqtt_connect c = {
	    .version = MQTT_311, .client_id = slice_str("c"), .has_user = true};
	struct writer w = {.p = out, .cap = 140000};

	ck_assert(big != NULL && out != NULL);
	memset(big, 'a', 65536);
	c.user = slice_of(big, 65535);
	ck_assert_uint_eq(put(&w, &c).n, 4 + 10 + 3 + 65537);
	ck_assert(!w.full);
	c.user = slice_of(big, 65536);
	(void)put(&w, &c);
	ck_assert(w.full);
	free(big);
	free(out);
}
END_TEST

START_TEST(connack_edited)
{
	struct mqtt_connack a;
	const struct mqtt_props_edit edit = {.drop = MQTT_PROP_BIT(MQTT_TOPIC_ALIAS_MAXIMUM)};
	uint8_t out[32];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_int_eq(mqtt_connack_get(unhex("01 00 06 22000a 210014"), MQTT_5, &a), MQTT_OK);
	ck_assert(a.session_present && a.code == 0);
	mqtt_connack_put(&w, MQTT_5, &a, &edit);
	expect_bytes(slice_of(out, w.len), unhex("20 06 01 00 03 210014"), "edited");
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	vs = vectors_read("mqtt-frames.txt");
	Suite *s = suite_create("connect");
	TCase *t = tcase_create("connect");

	tcase_add_loop_test(t, connect_round_trip, 0, (int)vs.n);
	tcase_add_loop_test(t, connack_round_trip, 0, (int)vs.n);
	tcase_add_test(t, all_fields);
	tcase_add_test(t, cut_anywhere);
	tcase_add_loop_test(t, version, 0, ROWS(versions));
	tcase_add_test(t, minimal_is_asked_in_5_only);
	tcase_add_loop_test(t, missing, 0, ROWS(missings));
	tcase_add_test(t, credentials_changed);
	tcase_add_test(t, edited);
	tcase_add_test(t, field_too_long);
	tcase_add_test(t, connack_edited);
	suite_add_tcase(s, t);
	int status = suite_run(s);
	vectors_free(&vs);
	return status;
}
