/* SPDX-License-Identifier: ISC */
#include "mqtt/connect.h"
#include "mqtt/control.h"
#include "mqtt/publish.h"
#include "tests/support/guard.h"
#include "tests/support/splitter.h"
#include "tests/support/suite.h"
#include "tests/support/vectors.h"

#include <stdlib.h>

static const char *const results[] = {"ok",       "more",      "malformed",
                                      "protocol", "too-large", "unsupported"};

/* What the engine would do with the first packet of `in`; CONNECT and CONNACK are taken as the
 * first of their side. */
static enum mqtt_result judge(struct slice in, enum mqtt_version version, bool from_client)
{
	struct mqtt_connect c;
	struct mqtt_connack a;
	struct mqtt_publish p;
	struct mqtt_frame f;
	enum mqtt_result r = mqtt_frame_next(in, &f);

	if (r != MQTT_OK)
		return r;
	bool whole = f.remaining <= in.n - f.head;
	struct slice body = slice_of(in.p + f.head, whole ? f.remaining : 0);
	if (f.type == MQTT_CONNECT && from_client)
		return whole ? mqtt_connect_get(body, f.minimal, &c) : MQTT_MORE;
	if (f.type == MQTT_CONNACK && !from_client)
		return whole ? mqtt_connack_get(body, version, &a) : MQTT_MORE;
	r = mqtt_frame_check(&f, version, from_client);
	if (r != MQTT_OK)
		return r;
	if (f.type == MQTT_PUBLISH)
		return mqtt_publish_get(in, &f, version, from_client, 65536, &p);
	return whole ? mqtt_control_check(&f, body, version) : MQTT_MORE;
}

static struct vectors vs;

struct packet {
	const char *name, *want;
	enum mqtt_version version;
	bool from_client;
	struct slice bytes; /* malloc'ed */
};

static struct packet packet_of(const struct vector *v)
{
	return (struct packet){
	    .name = vector_need(v, "name"),
	    .want = vector_need(v, "result"),
	    .version = (enum mqtt_version)(vector_need(v, "version")[0] - '0'),
	    .from_client = strcmp(vector_need(v, "from"), "client") == 0,
	    .bytes = unhex(vector_need(v, "packet")),
	};
}

START_TEST(clause)
{
	struct packet p = packet_of(&vs.v[_i]);
	struct slice in = guard_copy(p.bytes);
	enum mqtt_result r = judge(in, p.version, p.from_client);

	ck_assert_msg(strcmp(results[r], p.want) == 0, "%s [%s], 3.1.x/5 level %d: got %s, want %s",
	              p.name, vector_need(&vs.v[_i], "clause"), (int)p.version, results[r], p.want);
	guard_free(in);
}
END_TEST

/* A valid packet that has not arrived in full is never refused, nor taken before its head is there.
 */
START_TEST(prefix_of_valid)
{
	struct packet p = packet_of(&vs.v[_i]);

	if (strcmp(p.want, "ok") != 0)
		return;
	bool is_publish = p.bytes.p[0] >> 4 == MQTT_PUBLISH;
	for (size_t n = 0; n < p.bytes.n; n++) {
		struct slice in = guard_copy(slice_of(p.bytes.p, n));
		enum mqtt_result r = judge(in, p.version, p.from_client);
		ck_assert_msg(r == MQTT_MORE || (is_publish && r == MQTT_OK), "%s: %s at %zu",
		              p.name, results[r], n);
		guard_free(in);
	}
}
END_TEST

struct walk {
	enum mqtt_version version;
	bool from_client;
	size_t packets; /* in the stream */
};

/* The engine's loop over bytes that come in pieces. */
static void walk(void *ctx, struct slice stream, const size_t *cuts, size_t n_cuts)
{
	const struct walk *w = ctx;
	size_t at = 0, packets = 0;

	for (size_t piece = 0; piece <= n_cuts; piece++) {
		size_t have = piece < n_cuts ? cuts[piece] : stream.n;
		struct mqtt_frame f;
		for (;;) {
			struct slice in = slice_of(stream.p + at, have - at);
			enum mqtt_result r = mqtt_frame_next(in, &f);
			if (r == MQTT_MORE || (r == MQTT_OK && f.remaining > in.n - f.head))
				break;
			ck_assert_int_eq(judge(in, w->version, w->from_client), MQTT_OK);
			at += f.head + (size_t)f.remaining;
			packets++;
		}
	}
	ck_assert_uint_eq(at, stream.n);
	ck_assert_uint_eq(packets, w->packets);
}

/* All valid packets of one side and version behind each other, cut everywhere. */
START_TEST(stream)
{
	struct walk w = {.version = (enum mqtt_version)(MQTT_31 + _i / 2),
	                 .from_client = _i % 2 == 0};
	uint8_t *all = malloc(65536);
	size_t n = 0;

	ck_assert_ptr_nonnull(all);
	for (size_t i = 0; i < vs.n; i++) {
		struct packet p = packet_of(&vs.v[i]);
		if (strcmp(p.want, "ok") != 0 || p.version != w.version ||
		    p.from_client != w.from_client)
			continue;
		ck_assert_uint_le(n + p.bytes.n, 65536);
		memcpy(all + n, p.bytes.p, p.bytes.n);
		n += p.bytes.n;
		w.packets++;
	}
	ck_assert_uint_gt(w.packets, 1);
	splitter_run(slice_of(all, n), walk, &w);
	free(all);
}
END_TEST

int main(void)
{
	vs = vectors_read("mqtt-frames.txt");
	int n = (int)vs.n;
	Suite *s = suite_create("mqtt packets");
	TCase *t = tcase_create("mqtt packets");

	if (n == 0 || vectors_count(&vs, "packet") != vs.n)
		return 99;
	tcase_add_loop_test(t, clause, 0, n);
	tcase_add_loop_test(t, prefix_of_valid, 0, n);
	tcase_add_loop_test(t, stream, 0, 6);
	suite_add_tcase(s, t);
	int status = suite_run(s);
	vectors_free(&vs);
	return status;
}
