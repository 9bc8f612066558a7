/* SPDX-License-Identifier: ISC */
/* The body of a CONNECT or CONNACK, after one byte that says which, the version of a CONNACK, and
 * whether the remaining length was minimal. What is accepted is written and read again: the same
 * bytes, the same meaning; then once more without its properties. A writer with too little room
 * must say so. */
#include "mqtt/connect.h"
#include "mqtt/frame.h"
#include "tests/fuzz/fuzz.h"

static bool same_connect(const struct mqtt_connect *a, const struct mqtt_connect *b)
{
	return a->version == b->version && a->bridge == b->bridge && a->reserved == b->reserved &&
	       a->clean == b->clean && a->has_will == b->has_will &&
	       a->will_retain == b->will_retain && a->will_qos == b->will_qos &&
	       a->has_user == b->has_user && a->has_password == b->has_password &&
	       a->user_flag_only == b->user_flag_only &&
	       a->password_flag_only == b->password_flag_only && a->keep_alive == b->keep_alive &&
	       slice_eq(a->client_id, b->client_id) && slice_eq(a->user, b->user) &&
	       slice_eq(a->password, b->password) && slice_eq(a->will_topic, b->will_topic) &&
	       slice_eq(a->will_payload, b->will_payload) && slice_eq(a->props, b->props) &&
	       slice_eq(a->will_props, b->will_props) && a->props_seen == b->props_seen &&
	       a->will_props_seen == b->will_props_seen;
}

/* The packet behind its fixed header, which must be right. */
static struct slice body_of(const struct writer *w, uint8_t type)
{
	struct mqtt_frame f;
	struct slice packet = slice_of(w->p, w->len);

	FUZZ_CHECK(!w->full);
	FUZZ_CHECK(mqtt_frame_next(packet, &f) == MQTT_OK);
	FUZZ_CHECK(f.type == type && f.flags == 0 && f.minimal &&
	           f.head + (size_t)f.remaining == w->len);
	return slice_from(packet, f.head);
}

static struct writer writer_new(size_t cap)
{
	uint8_t *p = malloc(cap + 1);

	if (p == NULL)
		abort();
	return (struct writer){.p = p, .cap = cap};
}

/* Every property that was seen is found, and no other. */
static void check_seen(struct slice block, uint64_t seen)
{
	struct mqtt_prop p;

	for (uint8_t id = 0; id < 64; id++)
		FUZZ_CHECK(mqtt_props_find(block, id, &p) == ((seen & MQTT_PROP_BIT(id)) != 0));
}

static void connect_without_props(const struct mqtt_connect *c, size_t room)
{
	static const uint8_t extra[] = {MQTT_USER_PROPERTY, 0, 1, 'k', 0, 1, 'v'};
	const struct mqtt_props_edit edit = {.drop = UINT64_MAX,
	                                     .append = slice_of(extra, sizeof extra)};
	struct writer w = writer_new(room + 2 * sizeof extra + 8);
	struct mqtt_connect again;

	mqtt_connect_put(&w, c, &edit, &edit);
	FUZZ_CHECK(mqtt_connect_get(body_of(&w, MQTT_CONNECT), true, &again) == MQTT_OK);
	if (c->version == MQTT_5) {
		FUZZ_CHECK(slice_eq(again.props, edit.append));
		FUZZ_CHECK(!c->has_will || slice_eq(again.will_props, edit.append));
	}
	FUZZ_CHECK(slice_eq(again.client_id, c->client_id) &&
	           slice_eq(again.password, c->password));
	free(w.p);
}

static void connect_short_of_room(const struct mqtt_connect *c, size_t size)
{
	for (size_t cap = 0; cap < size; cap += 1 + size / 16) {
		struct writer w = writer_new(cap);
		mqtt_connect_put(&w, c, NULL, NULL);
		FUZZ_CHECK(w.full && w.len <= cap);
		free(w.p);
	}
}

static void try_connect(struct slice body, bool minimal)
{
	struct mqtt_connect c, again;

	if (mqtt_connect_get(body, minimal, &c) != MQTT_OK) {
		FUZZ_CHECK(c.version >= MQTT_31 && c.version <= MQTT_5);
		return;
	}
	check_seen(c.props, c.props_seen);
	check_seen(c.will_props, c.will_props_seen);
	struct writer w = writer_new(body.n + 5);
	mqtt_connect_put(&w, &c, NULL, NULL);
	struct slice written = body_of(&w, MQTT_CONNECT);
	FUZZ_CHECK(slice_eq(written, body));
	FUZZ_CHECK(mqtt_connect_get(written, true, &again) == MQTT_OK);
	FUZZ_CHECK(same_connect(&c, &again));
	connect_without_props(&c, w.len);
	connect_short_of_room(&c, w.len);
	free(w.p);
}

static void try_connack(struct slice body, enum mqtt_version version)
{
	struct mqtt_connack a, again;
	const struct mqtt_props_edit edit = {.drop = MQTT_PROP_BIT(MQTT_TOPIC_ALIAS_MAXIMUM)};
	struct mqtt_prop p;

	if (mqtt_connack_get(body, version, &a) != MQTT_OK)
		return;
	check_seen(a.props, a.props_seen);
	struct writer w = writer_new(body.n + 6);
	mqtt_connack_put(&w, version, &a, NULL);
	struct slice written = body_of(&w, MQTT_CONNACK);
	/* A refusal in the old form may gain its empty property block. */
	FUZZ_CHECK(slice_eq(written, body) || (body.n == 2 && written.n == 3));
	FUZZ_CHECK(mqtt_connack_get(written, version, &again) == MQTT_OK);
	FUZZ_CHECK(a.code == again.code && a.session_present == again.session_present);
	FUZZ_CHECK(slice_eq(a.props, again.props) && a.props_seen == again.props_seen);
	w.len = 0;
	mqtt_connack_put(&w, version, &a, &edit);
	FUZZ_CHECK(mqtt_connack_get(body_of(&w, MQTT_CONNACK), version, &again) == MQTT_OK);
	FUZZ_CHECK(!mqtt_props_find(again.props, MQTT_TOPIC_ALIAS_MAXIMUM, &p));
	FUZZ_CHECK((again.props_seen | (a.props_seen & edit.drop)) == a.props_seen);
	free(w.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mqtt_version versions[] = {MQTT_31, MQTT_311, MQTT_5, MQTT_5};

	if (size == 0)
		return 0;
	struct slice body = slice_of(data + 1, size - 1);
	if ((data[0] & 2) != 0)
		try_connack(body, versions[data[0] >> 2 & 3]);
	else
		try_connect(body, (data[0] & 1) != 0);
	return 0;
}
