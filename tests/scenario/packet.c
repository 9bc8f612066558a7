/* SPDX-License-Identifier: ISC */
/* A body is written into a buffer first, the fixed header is laid before it at the end. */
#include "tests/scenario/packet.h"

#include "base/text.h"
#include "tests/scenario/maker.h"

#include <stdlib.h>

enum { HEAD_ROOM = 5 };

/* -- envelopes -- */

static uint8_t seal_flags(struct maker *k, const char *letters)
{
	uint8_t flags = 0;

	for (; *letters != '\0'; letters++) {
		static const char all[] = "URWN";
		const char *at = strchr(all, *letters);
		if (at == NULL)
			maker_fail(k, "no flag", letters);
		else
			flags |= (uint8_t)(1u << (at - all));
	}
	return flags;
}

/* `how` is KEY or KEY/FLAGS. The envelope is made here; where the packet is expected, its bytes are
 * not looked at. */
static void put_envelope(struct maker *k, const char *how, uint8_t flags, struct slice topic,
                         struct slice plain)
{
	size_t key = (size_t)(how[1] - '1'), n = envelope_size(plain.n);
	struct packet *o = k->out;
	uint8_t *bytes = take(n);

	if (how[0] != 'k' || key >= WORLD_KEYS || o->n_holes == 2) {
		maker_fail(k, "no key", how);
		free(bytes);
		return;
	}
	if (how[2] == '/')
		flags = seal_flags(k, how + 3);
	struct seal_message m = {.flags = flags, .topic = topic, .payload = plain};
	if (seal_message(k->m->world->sealers[key], &m, k->m->now, bytes) != SEAL_OK)
		maker_fail(k, "cannot seal", how);
	struct hole *h = &o->holes[o->n_holes++];
	*h = (struct hole){.at = o->n, .n = n, .flags = flags, .key = (uint16_t)key};
	uint8_t *copy = take(topic.n + plain.n);
	memcpy(copy, topic.p, topic.n);
	memcpy(copy + topic.n, plain.p, plain.n);
	h->topic = slice_of(copy, topic.n);
	h->plain = slice_of(copy + topic.n, plain.n);
	maker_put(k, bytes, n);
	free(bytes);
}

/* -- packets -- */

static void put_will(struct maker *k, const char *topic)
{
	const char *sealed = maker_value(k, "will-sealed"),
	           *payload = maker_value(k, "will-payload");
	bool retain = maker_number(k, "will-retain", 0) != 0;
	size_t n;
	uint8_t *p = maker_bytes(k, payload == NULL ? "" : payload, &n);

	maker_properties(k, "wp:");
	maker_text(k, topic);
	if (sealed == NULL) {
		maker_binary(k, p, n);
	} else {
		maker_u16(k, (unsigned)envelope_size(n));
		put_envelope(k, sealed, (uint8_t)(SEAL_WILL | (retain ? SEAL_RETAIN : 0)),
		             slice_str(topic), slice_of(p, n));
	}
	free(p);
}

static unsigned make_connect(struct maker *k)
{
	static const char *const names[] = {"MQIsdp", "MQTT", "MQTT"};
	const char *proto = maker_value(k, "proto"), *id = maker_value(k, "id"),
	           *user = maker_value(k, "user"), *pass = maker_value(k, "pass"),
	           *will = maker_value(k, "will-topic");
	unsigned flags = maker_number(k, "clean", 1) << 1;

	if (will != NULL)
		flags |= 0x04 | maker_number(k, "will-qos", 0) << 3 |
		         maker_number(k, "will-retain", 0) << 5;
	flags |= user == NULL ? 0 : 0x80;
	flags |= pass == NULL ? 0 : 0x40;
	maker_text(k, proto == NULL ? names[k->m->version - MQTT_31] : proto);
	maker_u8(k, maker_number(k, "level", k->m->version));
	maker_u8(k, maker_number(k, "flags", flags));
	maker_u16(k, maker_number(k, "keep", 60));
	maker_properties(k, "p:");
	maker_field(k, id == NULL ? "" : id);
	if (will != NULL)
		put_will(k, will);
	if (user != NULL)
		maker_field(k, user);
	if (pass != NULL)
		maker_field(k, pass);
	return 0x10;
}

static unsigned make_connack(struct maker *k)
{
	maker_u8(k, maker_number(k, "sp", 0));
	maker_u8(k, maker_number(k, "code", 0));
	maker_properties(k, "p:");
	return 0x20;
}

static unsigned make_publish(struct maker *k)
{
	unsigned qos = maker_number(k, "qos", 0), retain = maker_number(k, "retain", 0), spoil = 0;
	const char *topic = maker_value(k, "topic"), *payload = maker_value(k, "payload"),
	           *sealed = maker_value(k, "sealed"), *bound = maker_value(k, "bound"),
	           *at = maker_value(k, "spoil");
	size_t n;
	uint8_t *p = maker_bytes(k, payload == NULL ? "" : payload, &n);

	maker_field(k, topic == NULL ? "" : topic);
	if (qos != 0)
		maker_u16(k, maker_number(k, "pid", 1));
	maker_properties(k, "p:");
	size_t start = k->out->n;
	if (sealed == NULL)
		maker_put(k, p, n);
	else
		put_envelope(k, sealed, retain != 0 ? SEAL_RETAIN : 0,
		             slice_str(bound != NULL ? bound : topic), slice_of(p, n));
	free(p);
	if (at != NULL && (spoil = maker_parse(k, at)) < k->out->n - start)
		k->out->p[start + spoil] ^= 1;
	return 0x30 | maker_number(k, "dup", 0) << 3 | qos << 1 | retain;
}

/* PUBACK and its like: the short form where there is neither a code nor a property. */
static unsigned make_ack(struct maker *k, unsigned first)
{
	const char *code = maker_value(k, "code");

	maker_u16(k, maker_number(k, "pid", 1));
	if (k->m->version == MQTT_5 && (code != NULL || maker_any_property(k)))
		maker_u8(k, maker_number(k, "code", 0));
	if (maker_any_property(k))
		maker_properties(k, "p:");
	return first | maker_number(k, "dup", 0) << 3;
}

static unsigned make_subscribe(struct maker *k)
{
	const char *word;
	size_t at = 1;

	maker_u16(k, maker_number(k, "pid", 1));
	maker_properties(k, "p:");
	while ((word = maker_next_value(k, "filter", &at)) != NULL) {
		const char *colon = strrchr(word, ':');
		if (colon == NULL)
			colon = word + strlen(word);
		maker_binary(k, word, (size_t)(colon - word));
		maker_u8(k, *colon == '\0' ? 0 : maker_parse(k, colon + 1));
	}
	return 0x82 | maker_number(k, "dup", 0) << 3;
}

static unsigned make_unsubscribe(struct maker *k)
{
	const char *word;
	size_t at = 1;

	maker_u16(k, maker_number(k, "pid", 1));
	maker_properties(k, "p:");
	while ((word = maker_next_value(k, "filter", &at)) != NULL)
		maker_text(k, word);
	return 0xa2 | maker_number(k, "dup", 0) << 3;
}

static unsigned make_suback(struct maker *k, unsigned first)
{
	const char *word;
	size_t at = 1;

	maker_u16(k, maker_number(k, "pid", 1));
	maker_properties(k, "p:");
	while ((word = maker_next_value(k, "code", &at)) != NULL) {
		unsigned code = maker_parse(k, word);
		if (first == 0x90 || k->m->version == MQTT_5)
			maker_u8(k, code);
	}
	return first;
}

/* DISCONNECT and AUTH. */
static unsigned make_bare(struct maker *k, unsigned first)
{
	const char *code = maker_value(k, "code");

	if (code != NULL)
		maker_u8(k, maker_parse(k, code));
	if (maker_any_property(k))
		maker_properties(k, "p:");
	return first;
}

static void make_raw(struct maker *k)
{
	for (size_t i = 1; i < k->words->n; i++) {
		size_t n = strlen(k->words->w[i]) / 2;
		uint8_t *p = take(n);
		if (text_unhex(slice_str(k->words->w[i]), p, n, NULL) != 0)
			maker_fail(k, "no hexadecimal", k->words->w[i]);
		maker_put(k, p, n);
		free(p);
		k->seen[i] = true;
	}
}

/* The first byte, with the body written. 0 for raw bytes. */
static unsigned make_body(struct maker *k)
{
	static const struct {
		const char *name;
		unsigned (*make)(struct maker *k);
	} alone[] = {{"connect", make_connect},
	             {"connack", make_connack},
	             {"publish", make_publish},
	             {"subscribe", make_subscribe},
	             {"unsubscribe", make_unsubscribe}};
	static const struct {
		const char *name;
		unsigned (*make)(struct maker *k, unsigned first);
		unsigned first;
	} shared[] = {{"puback", make_ack, 0x40},      {"pubrec", make_ack, 0x50},
	              {"pubrel", make_ack, 0x62},      {"pubcomp", make_ack, 0x70},
	              {"suback", make_suback, 0x90},   {"unsuback", make_suback, 0xb0},
	              {"pingreq", make_bare, 0xc0},    {"pingresp", make_bare, 0xd0},
	              {"disconnect", make_bare, 0xe0}, {"auth", make_bare, 0xf0}};
	const char *name = k->words->w[0];

	if (strcmp(name, "raw") == 0) {
		make_raw(k);
		return 0;
	}
	for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
		if (strcmp(name, alone[i].name) == 0)
			return alone[i].make(k);
	}
	for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
		if (strcmp(name, shared[i].name) == 0)
			return shared[i].make(k, shared[i].first);
	}
	maker_fail(k, "no such packet", name);
	return 0;
}

/* Lays the fixed header before the body, which begins at HEAD_ROOM. */
static void set_header(struct packet *o, unsigned first)
{
	uint8_t head[HEAD_ROOM];
	size_t n = 0;

	if (first != 0) {
		head[0] = (uint8_t)first;
		n = 1 + maker_varint(head + 1, o->n - HEAD_ROOM);
	}
	size_t skip = HEAD_ROOM - n;
	memmove(o->p, o->p + skip, o->n - skip);
	memcpy(o->p, head, n);
	o->n -= skip;
	for (size_t i = 0; i < o->n_holes; i++)
		o->holes[i].at -= skip;
}

bool packet_make(const struct making *m, const struct words *words, struct packet *out,
                 struct fault *f)
{
	static const uint8_t room[HEAD_ROOM];
	struct maker k = {.m = m, .words = words, .out = out, .f = f, .ok = true};

	*out = (struct packet){0};
	maker_put(&k, room, sizeof room);
	unsigned first = make_body(&k);
	set_header(out, first);
	for (size_t i = 1; i < words->n && k.ok; i++) {
		/* Will properties are left out in 3.x with the Will's other words in place. */
		if (!k.seen[i])
			maker_fail(&k, "word without use", words->w[i]);
	}
	return k.ok;
}

void packet_free(struct packet *p)
{
	for (size_t i = 0; i < p->n_holes; i++)
		free((void *)(uintptr_t)p->holes[i].topic.p);
	free(p->p);
	*p = (struct packet){0};
}
