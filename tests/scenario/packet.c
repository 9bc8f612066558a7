/* SPDX-License-Identifier: ISC */
/* A body is written into a buffer first, the fixed header is laid before it at the end. */
#include "tests/scenario/packet.h"

#include "base/secret.h"
#include "base/text.h"
#include "tests/scenario/maker.h"

#include <stdlib.h>

enum { HEAD_ROOM = 5 };

/* -- envelopes -- */

static uint8_t seal_flags(struct maker *k, const char *letters)
{
	uint8_t flags = 0;

	for (; *letters != '\0'; letters++) {
		static const char all[] = "URWNP";
		const char *at = strchr(all, *letters);
		if (at == NULL)
			maker_fail(k, "no flag", letters);
		else
			flags |= (uint8_t)(1u << (at - all));
	}
	return flags;
}

/* Seals as if it were `age` milliseconds ago: with a session key of its own, since the numbers of
 * one only rise. */
static enum seal_error seal_aged(const struct maker *k, size_t key, const struct seal_message *m,
                                 long age, uint8_t *out)
{
	uint8_t salt[SEAL_SALT_SIZE];
	struct err e;
	struct sealer *s = sealer_new(&k->m->world->ring.keys[key], &e);
	enum seal_error error = SEAL_E_INTERNAL;

	secret_random(salt, sizeof salt);
	if (s != NULL && sealer_renew(s, salt, k->m->now, &e) == 0)
		error =
		    seal_message_numbered(s, m, (uint64_t)(k->m->now.real_us - age * 1000), out);
	sealer_free(s);
	return error;
}

static void add_hole(struct maker *k, const struct seal_message *m, size_t key, size_t n)
{
	struct hole *h = &k->out->holes[k->out->n_holes++];
	uint8_t *copy = take(m->topic.n + m->payload.n + m->props.n);

	*h = (struct hole){.at = k->out->n, .n = n, .key = (uint16_t)key};
	h->flags = (uint8_t)(m->flags | (m->has_props ? SEAL_PROPS : 0) |
	                     (m->pad_to != 0 ? SEAL_PADDED : 0));
	h->topic = slice_of(copy, m->topic.n);
	memcpy(copy, m->topic.p, m->topic.n);
	copy += m->topic.n;
	h->plain = slice_of(copy, m->payload.n);
	memcpy(copy, m->payload.p, m->payload.n);
	copy += m->payload.n;
	h->props = slice_of(copy, m->props.n);
	if (m->props.n != 0)
		memcpy(copy, m->props.p, m->props.n);
}

/* `how` is KEY or KEY/FLAGS. The envelope is made here; where the packet is expected, its bytes are
 * not looked at. */
static void put_envelope(struct maker *k, const char *how, struct seal_message m)
{
	bool will = (m.flags & SEAL_WILL) != 0, fits;
	struct packet inside = maker_block(k, will ? "wip:" : "ip:");
	const char *age = maker_value(k, "age");
	size_t key = (size_t)(how[1] - '1');

	if (how[0] != 'k' || key >= WORLD_KEYS || k->out->n_holes == 2) {
		maker_fail(k, "no key", how);
		packet_free(&inside);
		return;
	}
	if (how[2] == '/')
		m.flags = seal_flags(k, how + 3);
	m.pad_to = maker_number(k, will ? "will-pad" : "pad", 0);
	m.has_props = inside.n != 0 || (m.flags & SEAL_PROPS) != 0;
	m.props = slice_of(inside.p, inside.n);
	m.flags &= (uint8_t)~SEAL_PROPS;
	size_t n = envelope_size(seal_inner_size(&m, &fits));
	uint8_t *bytes = take(n);
	enum seal_error e = age == NULL
	                        ? seal_message(k->m->world->sealers[key], &m, k->m->now, bytes)
	                        : seal_aged(k, key, &m, strtol(age, NULL, 10), bytes);
	if (!fits || e != SEAL_OK)
		maker_fail(k, "cannot seal", how);
	add_hole(k, &m, key, n);
	maker_put(k, bytes, n);
	free(bytes);
	packet_free(&inside);
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
		size_t at = k->out->n;
		maker_u16(k, 0);
		put_envelope(k, sealed,
		             (struct seal_message){
		                 .flags = (uint8_t)(SEAL_WILL | (retain ? SEAL_RETAIN : 0)),
		                 .topic = slice_str(topic),
		                 .payload = slice_of(p, n)});
		size_t size = k->out->n - at - 2;
		k->out->p[at] = (uint8_t)(size >> 8);
		k->out->p[at + 1] = (uint8_t)size;
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
		put_envelope(
		    k, sealed,
		    (struct seal_message){.flags = retain != 0 ? SEAL_RETAIN : 0,
		                          .topic = slice_str(bound != NULL ? bound : topic),
		                          .payload = slice_of(p, n)});
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
