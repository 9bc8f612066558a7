/* SPDX-License-Identifier: ISC */
/* A PUBLISH, after one byte for version and sender and one for the longest head that is taken.
 * Whatever part of it has arrived, the answer is MORE or the final one; what is accepted is written
 * again as it was. */
#include "mqtt/publish.h"
#include "mqtt/topic.h"
#include "tests/fuzz/fuzz.h"

struct side {
	enum mqtt_version version;
	bool from_client;
	size_t max_head;
};

static bool same(const struct mqtt_publish *a, const struct mqtt_publish *b)
{
	return a->dup == b->dup && a->retain == b->retain && a->qos == b->qos &&
	       a->packet_id == b->packet_id && a->alias == b->alias &&
	       a->has_alias == b->has_alias && a->utf8 == b->utf8 && slice_eq(a->topic, b->topic) &&
	       slice_eq(a->props, b->props) && a->props_seen == b->props_seen &&
	       a->head == b->head && a->payload == b->payload;
}

static enum mqtt_result by_prefixes(struct slice in, const struct mqtt_frame *f,
                                    const struct side *s, struct mqtt_publish *out)
{
	enum mqtt_result whole =
	    mqtt_publish_get(in, f, s->version, s->from_client, s->max_head, out);
	bool settled = false;

	for (size_t n = 0; n <= in.n; n++) {
		struct mqtt_publish p;
		enum mqtt_result r = mqtt_publish_get(slice_of(in.p, n), f, s->version,
		                                      s->from_client, s->max_head, &p);
		FUZZ_CHECK(r != MQTT_MORE || !settled);
		settled = r != MQTT_MORE;
		FUZZ_CHECK(!settled || r == whole);
		FUZZ_CHECK(r != MQTT_OK || (n >= p.head && same(&p, out)));
	}
	return whole;
}

static void write_again(struct slice in, const struct mqtt_frame *f, const struct side *s,
                        const struct mqtt_publish *p)
{
	size_t size = mqtt_publish_size(p, s->version, NULL, p->payload);
	struct writer w = {.p = malloc(size + 1), .cap = size};

	if (w.p == NULL)
		abort();
	mqtt_publish_put(&w, p, s->version, NULL, p->payload);
	FUZZ_CHECK(!w.full && w.len == size && size <= p->head);
	FUZZ_CHECK((size == p->head) == f->minimal);
	if (f->minimal)
		FUZZ_CHECK(memcmp(w.p, in.p, size) == 0);
	w = (struct writer){.p = w.p, .cap = size - 1};
	mqtt_publish_put(&w, p, s->version, NULL, p->payload);
	FUZZ_CHECK(w.full && w.len < size);
	free(w.p);
}

/* Other properties, another payload: what was not touched is still there. */
static void write_edited(const struct side *s, const struct mqtt_publish *p, uint64_t drop)
{
	static const uint8_t extra[] = {MQTT_USER_PROPERTY, 0, 1, 'k', 0, 1, 'v'};
	const struct mqtt_props_edit edit = {.drop = drop, .append = slice_of(extra, sizeof extra)};
	size_t payload = p->payload + 40, size = mqtt_publish_size(p, s->version, &edit, payload);
	struct writer w = {.p = malloc(size + 1), .cap = size};
	struct mqtt_frame f;
	struct mqtt_publish q;

	if (w.p == NULL)
		abort();
	if (size != 0) {
		mqtt_publish_put(&w, p, s->version, &edit, payload);
		struct slice head = slice_of(w.p, w.len);
		FUZZ_CHECK(!w.full && w.len == size && mqtt_frame_next(head, &f) == MQTT_OK);
		enum mqtt_result r =
		    mqtt_publish_get(head, &f, s->version, s->from_client, size, &q);
		/* Without its alias a PUBLISH may have no name left. */
		FUZZ_CHECK(r == MQTT_OK || (r == MQTT_PROTOCOL && p->topic.n == 0));
		if (r == MQTT_OK) {
			FUZZ_CHECK(slice_eq(q.topic, p->topic) && q.packet_id == p->packet_id);
			FUZZ_CHECK(q.head == size && q.payload == payload && q.qos == p->qos);
			FUZZ_CHECK((q.props_seen & drop & ~MQTT_PROP_BIT(MQTT_USER_PROPERTY)) == 0);
		}
	}
	free(w.p);
}

/* What is taken for granted of a row is what the careful way says of each, and ASCII is all it asks
 * beside what it promises, and no DUP with QoS 0, which 3.1 allows. */
static void check_row(struct slice in, const struct side *s)
{
	size_t n, left = mqtt_publish_row(in, s->version, s->max_head, &n);
	struct mqtt_frame f;
	struct mqtt_publish p;

	FUZZ_CHECK((n == 0) == (left == 0));
	for (;; n--) {
		bool good = mqtt_frame_next(in, &f) == MQTT_OK && f.type == MQTT_PUBLISH &&
		            mqtt_frame_check(&f, s->version, s->from_client) == MQTT_OK &&
		            mqtt_publish_get(in, &f, s->version, s->from_client, s->max_head, &p) ==
		                MQTT_OK;
		bool plain =
		    good && p.qos < 2 && !(p.dup && p.qos == 0) && p.props.n == 0 && f.minimal;
		if (n == 0) {
			FUZZ_CHECK(!plain || !mqtt_topic_plain(p.topic));
			return;
		}
		FUZZ_CHECK(plain);
		size_t total = f.head + (size_t)f.remaining;
		FUZZ_CHECK(left >= total && (n == 1) == (left == total));
		left -= total;
		in = slice_from(in, total);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mqtt_version versions[] = {MQTT_31, MQTT_311, MQTT_5, MQTT_5};
	struct mqtt_frame f;
	struct mqtt_publish p;

	if (size < 2 || size > 4096)
		return 0;
	const struct side s = {.version = versions[data[0] & 3],
	                       .from_client = (data[0] & 4) != 0,
	                       .max_head = data[1] == 0xff ? 65536 : data[1]};
	struct slice in = slice_of(data + 2, size - 2);
	check_row(in, &s);
	if (mqtt_frame_next(in, &f) != MQTT_OK || f.type != MQTT_PUBLISH)
		return 0;
	if (by_prefixes(in, &f, &s, &p) != MQTT_OK)
		return 0;
	FUZZ_CHECK(p.head <= s.max_head && p.head + p.payload == f.head + (size_t)f.remaining);
	FUZZ_CHECK((p.qos == 0) == (p.packet_id == 0));
	write_again(in, &f, &s, &p);
	write_edited(&s, &p, 0);
	write_edited(&s, &p, UINT64_MAX);
	write_edited(&s, &p, MQTT_PROP_BIT(MQTT_PAYLOAD_FORMAT_INDICATOR));
	return 0;
}
