/* SPDX-License-Identifier: ISC */
/* A stream of packets, after one byte that says the version and who sends. However little of a
 * header has arrived, the answer must be MORE or the one that the whole gives; bodies that are
 * there go through the checks of their type. */
#include "mqtt/control.h"
#include "tests/fuzz/fuzz.h"

static void header_by_bytes(struct slice in, enum mqtt_result whole, const struct mqtt_frame *f)
{
	bool settled = false;

	for (size_t n = 0; n <= in.n && n <= 6; n++) {
		struct mqtt_frame part = {0};
		enum mqtt_result r = mqtt_frame_next(slice_of(in.p, n), &part);
		if (r == MQTT_MORE) {
			FUZZ_CHECK(!settled);
			continue;
		}
		settled = true;
		FUZZ_CHECK(r == whole);
		if (r != MQTT_OK)
			continue;
		FUZZ_CHECK(part.type == f->type && part.flags == f->flags && part.head == f->head);
		FUZZ_CHECK(part.minimal == f->minimal && part.remaining == f->remaining);
	}
	FUZZ_CHECK(settled == (whole != MQTT_MORE));
}

/* The header written anew is the one that was read, where that was the shortest. */
static void header_again(struct slice in, const struct mqtt_frame *f)
{
	uint8_t again[5];
	struct writer w = {.p = again, .cap = sizeof again};

	FUZZ_CHECK(f->type >= MQTT_CONNECT && f->type <= MQTT_AUTH);
	FUZZ_CHECK(f->head >= 2 && f->head <= 5 && f->head <= in.n);
	writer_u8(&w, (uint8_t)(f->type << 4 | f->flags));
	writer_varint(&w, f->remaining);
	FUZZ_CHECK(!w.full && w.len <= f->head && (w.len == f->head) == f->minimal);
	if (f->minimal)
		FUZZ_CHECK(memcmp(again, in.p, w.len) == 0);
}

static void check_body(struct slice body, const struct mqtt_frame *f, enum mqtt_version version)
{
	enum mqtt_result r = mqtt_control_check(f, body, version);

	FUZZ_CHECK(r == MQTT_OK || r == MQTT_MALFORMED || r == MQTT_PROTOCOL);
	/* A valid body with a byte too many is never valid, but for codes and acknowledgements,
	 * which may go on. */
	if (r == MQTT_OK && (f->type == MQTT_PINGREQ || f->type == MQTT_PINGRESP))
		FUZZ_CHECK(body.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mqtt_version versions[] = {MQTT_31, MQTT_311, MQTT_5, MQTT_5};

	if (size == 0)
		return 0;
	enum mqtt_version version = versions[data[0] & 3];
	bool from_client = (data[0] & 4) != 0;
	struct slice in = slice_of(data + 1, size - 1);
	for (;;) {
		struct mqtt_frame f = {0};
		enum mqtt_result r = mqtt_frame_next(in, &f);
		header_by_bytes(in, r, &f);
		if (r != MQTT_OK)
			return 0;
		header_again(in, &f);
		r = mqtt_frame_check(&f, version, from_client);
		FUZZ_CHECK(r == MQTT_OK || r == MQTT_MALFORMED || r == MQTT_PROTOCOL);
		if (f.remaining > in.n - f.head)
			return 0;
		if (r == MQTT_OK && f.type != MQTT_PUBLISH)
			check_body(slice_of(in.p + f.head, f.remaining), &f, version);
		in = slice_from(in, f.head + (size_t)f.remaining);
	}
}
