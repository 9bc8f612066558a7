/* SPDX-License-Identifier: ISC */
#include "mqtt/publish.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <stdlib.h>

struct row {
	const char *packet;
	enum mqtt_version version;
	bool dup, retain;
	uint8_t qos;
	uint16_t id;
	bool has_alias;
	uint16_t alias;
	bool utf8;
	const char *topic;
	size_t head, payload;
};

static const struct row rows[] = {
    {"30 08 0003 612f62 686579", MQTT_311, false, false, 0, 0, false, 0, false, "a/b", 7, 3},
    {"31 05 0003 612f62", MQTT_31, false, true, 0, 0, false, 0, false, "a/b", 7, 0},
    {"32 07 0003 612f62 1234", MQTT_311, false, false, 1, 0x1234, false, 0, false, "a/b", 9, 0},
    {"3d 0a 0003 612f62 ffff 686579", MQTT_311, true, true, 2, 0xffff, false, 0, false, "a/b", 9,
     3},
    {"30 06 0003 612f62 00", MQTT_5, false, false, 0, 0, false, 0, false, "a/b", 8, 0},
    {"32 0e 0003 612f62 0001 05 0101 230007 78", MQTT_5, false, false, 1, 1, true, 7, true, "a/b",
     15, 1},
    {"30 07 0000 03 230009 78", MQTT_5, false, false, 0, 0, true, 9, false, "", 8, 1},
    {"30 07 0001 61 03 230000", MQTT_5, false, false, 0, 0, true, 0, false, "a", 9, 0},
    {"30 06 0001 61 02 0100", MQTT_5, false, false, 0, 0, false, 0, false, "a", 8, 0},
};

static struct mqtt_frame frame_of(struct slice packet)
{
	struct mqtt_frame f;

	ck_assert_int_eq(mqtt_frame_next(packet, &f), MQTT_OK);
	return f;
}

START_TEST(fields)
{
	const struct row *row = &rows[_i];
	struct slice in = guard_copy(unhex(row->packet));
	struct mqtt_frame f = frame_of(in);
	struct mqtt_publish p;

	ck_assert_int_eq(mqtt_publish_get(in, &f, row->version, true, 64, &p), MQTT_OK);
	ck_assert(p.dup == row->dup && p.retain == row->retain && p.qos == row->qos);
	ck_assert_uint_eq(p.packet_id, row->id);
	ck_assert(p.has_alias == row->has_alias && p.alias == row->alias && p.utf8 == row->utf8);
	expect_bytes(p.topic, slice_str(row->topic), "topic");
	ck_assert_uint_eq(p.head, row->head);
	ck_assert_uint_eq(p.payload, row->payload);
	ck_assert_uint_eq(p.head + p.payload, in.n);
	guard_free(in);
}
END_TEST

struct plain_row {
	const char *packets;
	enum mqtt_version version;
	size_t n, size;
};

static const struct plain_row plain_rows[] = {
    {"30 08 0003 612f62 686579", MQTT_311, 1, 10},
    {"31 05 0003 612f62 32 07 0003 612f62 1234 30 05 0003 612f62", MQTT_311, 3, 23},
    {"30 06 0003 612f62 00 3a 0a 0003 612f62 1234 00 7878", MQTT_5, 2, 20},
    {"30 05 0003 612f62 30 ff7f 0003 612f62", MQTT_31, 2, 7 + 3 + 16383}, /* the last goes on */
    {"30 05 0003 612f62 30 ff7f 0003 612f", MQTT_31, 1, 7},
    {"30 05 0003 612f62 c0 00", MQTT_311, 1, 7},
    {"c0 00 30 05 0003 612f62", MQTT_311, 0, 0},
    {"34 07 0003 612f62 1234", MQTT_311, 0, 0},  /* QoS 2 */
    {"36 07 0003 612f62 1234", MQTT_311, 0, 0},  /* QoS 3 */
    {"38 05 0003 612f62", MQTT_311, 0, 0},       /* DUP with QoS 0 */
    {"32 07 0003 612f62 0000", MQTT_311, 0, 0},  /* packet id 0 */
    {"30 02 0000", MQTT_311, 0, 0},              /* no topic */
    {"30 05 0003 612f23", MQTT_311, 0, 0},       /* a wildcard */
    {"30 05 0003 612fc3", MQTT_311, 0, 0},       /* no UTF-8 */
    {"30 04 0003 612f62", MQTT_311, 0, 0},       /* the topic is longer than the packet */
    {"30 8500 0003 612f62", MQTT_311, 0, 0},     /* a length longer than it must be */
    {"30 08 0003 612f62 02 0100", MQTT_5, 0, 0}, /* properties */
    {"30 05 0003 612f62 00", MQTT_5, 0, 0},      /* their length is behind the packet */
    {"30 06 0003 612f62", MQTT_5, 0, 0},         /* or not there yet */
    {"30 3e 003b 612f62", MQTT_311, 0, 0},       /* like the topic */
    {"30", MQTT_311, 0, 0},
    {"30 05", MQTT_311, 0, 0},
    {"30 05 00", MQTT_311, 0, 0},
};

START_TEST(rows_of_plain)
{
	const struct plain_row *row = &plain_rows[_i];
	struct slice in = guard_copy(unhex(row->packets));
	size_t n;

	ck_assert_uint_eq(mqtt_publish_row(in, row->version, 64, &n), row->size);
	ck_assert_uint_eq(n, row->n);
	/* No head of them is that short. */
	ck_assert_uint_eq(mqtt_publish_row(in, row->version, 6, &n), 0);
	ck_assert_uint_eq(n, 0);
	guard_free(in);
}
END_TEST

/* Before the head is whole: MORE. From there on: the answer, payload or not. */
START_TEST(prefixes)
{
	const struct row *row = &rows[_i];
	struct slice all = unhex(row->packet);
	struct mqtt_frame f = frame_of(all);
	struct mqtt_publish p;

	for (size_t n = f.head; n <= all.n; n++) {
		struct slice in = guard_copy(slice_of(all.p, n));
		ck_assert_int_eq(mqtt_publish_get(in, &f, row->version, true, 64, &p),
		                 n < row->head ? MQTT_MORE : MQTT_OK);
		guard_free(in);
	}
}
END_TEST

START_TEST(head_limit)
{
	const struct row *row = &rows[_i];
	struct slice all = unhex(row->packet);
	struct mqtt_frame f = frame_of(all);
	struct mqtt_publish p;

	ck_assert_int_eq(mqtt_publish_get(all, &f, row->version, true, row->head, &p), MQTT_OK);
	for (size_t max = 0; max < row->head; max++)
		ck_assert_int_eq(mqtt_publish_get(all, &f, row->version, true, max, &p),
		                 MQTT_TOO_LARGE);
}
END_TEST

START_TEST(round_trip)
{
	const struct row *row = &rows[_i];
	struct slice all = unhex(row->packet);
	struct mqtt_frame f = frame_of(all);
	struct mqtt_publish p;
	uint8_t out[64];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_int_eq(mqtt_publish_get(all, &f, row->version, true, 64, &p), MQTT_OK);
	ck_assert_uint_eq(mqtt_publish_size(&p, row->version, NULL, p.payload), row->head);
	mqtt_publish_put(&w, &p, row->version, NULL, p.payload);
	ck_assert(!w.full);
	expect_bytes(slice_of(out, w.len), slice_of(all.p, row->head), "head");
	for (size_t cap = 0; cap < row->head; cap++) {
		w = (struct writer){.p = out, .cap = cap};
		mqtt_publish_put(&w, &p, row->version, NULL, p.payload);
		ck_assert(w.full && w.len == 0);
	}
}
END_TEST

/* The limit is known from the lengths alone: nothing has to be collected to say no. */
START_TEST(limit_is_early)
{
	struct slice in = unhex("30 ff7f 4000");
	struct mqtt_frame f = frame_of(in);
	struct mqtt_publish p;

	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_311, true, 1024, &p), MQTT_MALFORMED);
	in = unhex("30 ffffff7f 4000");
	f = frame_of(in);
	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_311, true, 1024, &p), MQTT_TOO_LARGE);
	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_311, true, 65536, &p), MQTT_MORE);
	in = unhex("30 ffffff7f 0001 61 ffff03");
	f = frame_of(in);
	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_5, true, 1024, &p), MQTT_TOO_LARGE);
	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_5, true, 70000, &p), MQTT_MORE);
}
END_TEST

/* The property length alone, while it comes byte by byte. */
struct length_row {
	const char *packet;
	enum mqtt_result result;
};

static const struct length_row lengths[] = {
    {"30 7f 0001 61", MQTT_MORE},
    {"30 7f 0001 61 80", MQTT_MORE},
    {"30 ff7f 0001 61 80", MQTT_MORE},
    {"30 7f 0001 61 8080", MQTT_MORE},
    {"30 7f 0001 61 808080", MQTT_MORE},
    {"30 7f 0001 61 80808080", MQTT_MALFORMED},
    {"30 7f 0001 61 8000", MQTT_MALFORMED},
    {"30 7f 0001 61 808000", MQTT_MALFORMED},
    {"30 7f 0001 61 8001", MQTT_MALFORMED},
    {"30 7f 0001 61 7b", MQTT_MORE},
    {"30 7f 0001 61 7c", MQTT_MALFORMED},
    {"30 04 0001 61 80", MQTT_MALFORMED},
    {"30 05 0001 61 80 80", MQTT_MALFORMED},
};

START_TEST(property_length)
{
	struct slice in = guard_copy(unhex(lengths[_i].packet));
	struct mqtt_frame f = frame_of(in);
	struct mqtt_publish p;

	ck_assert_msg(mqtt_publish_get(in, &f, MQTT_5, true, 65536, &p) == lengths[_i].result, "%s",
	              lengths[_i].packet);
	guard_free(in);
}
END_TEST

/* Bytes of the next packet are none of this one's business. */
START_TEST(stays_inside)
{
	struct slice in = unhex("30 04 0005 6162 636465");
	struct mqtt_frame f = frame_of(in);
	struct mqtt_publish p;

	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_311, true, 64, &p), MQTT_MALFORMED);
	/* The property length would go on in the next packet. */
	in = unhex("30 04 0001 61 80 01 00 00");
	f = frame_of(in);
	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_5, true, 64, &p), MQTT_MALFORMED);
}
END_TEST

START_TEST(edited)
{
	struct slice in = unhex("32 0e 0003 612f62 0001 05 0101 230007 78");
	struct mqtt_frame f = frame_of(in);
	struct mqtt_publish p;
	const struct mqtt_props_edit edit = {.drop = MQTT_PROP_BIT(MQTT_TOPIC_ALIAS),
	                                     .append = unhex("03 0001 74")};
	uint8_t out[64];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_int_eq(mqtt_publish_get(in, &f, MQTT_5, true, 64, &p), MQTT_OK);
	mqtt_publish_put(&w, &p, MQTT_5, &edit, 300);
	expect_bytes(slice_of(out, w.len), unhex("32 ba02 0003 612f62 0001 06 0101 03000174"),
	             "edited");
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_5, &edit, 300), w.len);
	p.topic = slice_str("other/topic");
	w = (struct writer){.p = out, .cap = sizeof out};
	mqtt_publish_put(&w, &p, MQTT_311, NULL, 0);
	expect_bytes(slice_of(out, w.len), unhex("32 0f 000b 6f746865722f746f706963 0001"),
	             "re-topiced");
}
END_TEST

/* The size of the fixed header where the remaining length gains a byte, and the end of the
 * protocol's range. */
START_TEST(limits)
{
	struct mqtt_publish p = {.topic = slice_str("a")};
	uint8_t *big = malloc(65536);
	uint8_t out[8];
	struct writer w = {.p = out, .cap = sizeof out};

	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 124), 5);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 125), 6);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 16380), 6);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 16381), 7);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 2097148), 7);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 2097149), 8);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, MQTT_VARINT_MAX - 3), 8);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, MQTT_VARINT_MAX - 2), 0);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, SIZE_MAX), 0);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_5, NULL, MQTT_VARINT_MAX - 3), 0);
	mqtt_publish_put(&w, &p, MQTT_311, NULL, SIZE_MAX);
	ck_assert(w.full && w.len == 0);
	ck_assert_ptr_nonnull(big);
	memset(big, 'a', 65536);
	p.topic = slice_of(big, 65535);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 0), 65537 + 4);
	p.topic = slice_of(big, 65536);
	ck_assert_uint_eq(mqtt_publish_size(&p, MQTT_311, NULL, 0), 0);
	free(big);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("publish");
	TCase *t = tcase_create("publish");

	tcase_add_loop_test(t, fields, 0, ROWS(rows));
	tcase_add_loop_test(t, rows_of_plain, 0, ROWS(plain_rows));
	tcase_add_loop_test(t, prefixes, 0, ROWS(rows));
	tcase_add_loop_test(t, head_limit, 0, ROWS(rows));
	tcase_add_loop_test(t, round_trip, 0, ROWS(rows));
	tcase_add_test(t, limit_is_early);
	tcase_add_loop_test(t, property_length, 0, ROWS(lengths));
	tcase_add_test(t, stays_inside);
	tcase_add_test(t, edited);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
