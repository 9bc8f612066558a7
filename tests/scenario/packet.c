/* SPDX-License-Identifier: ISC */
/* Written apart from src/mqtt on purpose: what the proxy's codec believes is not asked of that
 * codec. A body is written into a buffer first, the fixed header is laid before it at the end. */
#include "tests/scenario/packet.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEAD_ROOM = 5 };

struct maker {
	const struct making *m;
	const struct words *words;
	struct packet *out;
	struct fault *f;
	bool ok;
	unsigned used; /* words that were read; the rest are mistakes */
	bool seen[SCENARIO_WORDS];
};

/* -- bytes -- */

static void put(struct maker *k, const void *p, size_t n)
{
	struct packet *o = k->out;

	if (n > o->size - o->n) {
		o->size = 2 * (o->n + n);
		o->p = realloc(o->p, o->size);
		if (o->p == NULL)
			abort();
	}
	if (n != 0)
		memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void put_u8(struct maker *k, unsigned v)
{
	uint8_t b = (uint8_t)v;
	put(k, &b, 1);
}

static void put_u16(struct maker *k, unsigned v)
{
	put_u8(k, v >> 8);
	put_u8(k, v);
}

static size_t put_varint(uint8_t out[4], size_t v)
{
	size_t n = 0;

	do {
		out[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
		n++;
	} while (v != 0 && n < 4);
	return n;
}

static void put_binary(struct maker *k, const void *p, size_t n)
{
	put_u16(k, (unsigned)n);
	put(k, p, n);
}

static void put_text(struct maker *k, const char *s)
{
	put_binary(k, s, strlen(s));
}

/* -- words -- */

static void fail(struct maker *k, const char *what, const char *word)
{
	k->ok = false;
	(void)fault_set(k->f, "notation: %s: %s", what, word);
}

static bool begins(const char *word, const char *prefix)
{
	return strncmp(word, prefix, strlen(prefix)) == 0;
}

/* The value of the next word NAME=VALUE from *at on; NULL at the end. */
static const char *next_value(struct maker *k, const char *name, size_t *at)
{
	size_t n = strlen(name);

	for (size_t i = *at; i < k->words->n; i++) {
		if (strncmp(k->words->w[i], name, n) != 0 || k->words->w[i][n] != '=')
			continue;
		k->seen[i] = true;
		*at = i + 1;
		return k->words->w[i] + n + 1;
	}
	return NULL;
}

static const char *value_of(struct maker *k, const char *name)
{
	size_t at = 1;
	return next_value(k, name, &at);
}

/* "5", "0x86" or "4/0x86". */
static unsigned parse_number(struct maker *k, const char *word)
{
	char *end = NULL;
	unsigned long v = strtoul(word, &end, 0);

	if (*end == '/') {
		unsigned long five = strtoul(end + 1, &end, 0);
		v = k->m->version == MQTT_5 ? five : v;
	}
	if (*end != '\0' || end == word)
		fail(k, "no number", word);
	return (unsigned)v;
}

static unsigned number_of(struct maker *k, const char *name, unsigned otherwise)
{
	const char *word = value_of(k, name);
	return word == NULL ? otherwise : parse_number(k, word);
}

/* Text with "$…" replaced, "hex:…" or "fill:COUNT". Given back by free(). */
static uint8_t *bytes_of(struct maker *k, const char *word, size_t *n)
{
	if (begins(word, "hex:")) {
		*n = strlen(word + 4) / 2;
		uint8_t *p = take(*n);
		if (text_unhex(slice_str(word + 4), p, *n, NULL) != 0)
			fail(k, "no hexadecimal", word);
		return p;
	}
	if (begins(word, "fill:")) {
		*n = parse_number(k, word + 5);
		uint8_t *p = take(*n);
		for (size_t i = 0; i < *n; i++)
			p[i] = (uint8_t)(i * 7 + (i >> 8));
		return p;
	}
	size_t size = strlen(word) + 64;
	char *text = take(size);
	if (!world_expand(&k->m->expanding, word, text, size))
		fail(k, "cannot expand", word);
	*n = strlen(text);
	return (uint8_t *)text;
}

static void put_field(struct maker *k, const char *word)
{
	size_t n;
	uint8_t *p = bytes_of(k, word, &n);

	put_binary(k, p, n);
	free(p);
}

/* -- properties -- */

static const struct {
	const char *symbol;
	uint8_t id;
	enum mqtt_prop_type type;
} properties[] = {
#define X(symbol, id, type, packets) {#symbol, id, MQTT_##type},
    MQTT_PROPERTIES(X)
#undef X
};

static bool same_name(const char *symbol, const char *word, size_t n)
{
	if (strlen(symbol) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int c = word[i] == '-' ? '_' : toupper((unsigned char)word[i]);
		if (c != symbol[i])
			return false;
	}
	return true;
}

static void put_pair(struct maker *k, const char *value)
{
	const char *colon = strchr(value, ':');

	if (colon == NULL) {
		fail(k, "no pair", value);
		return;
	}
	put_binary(k, value, (size_t)(colon - value));
	put_text(k, colon + 1);
}

static void put_property_value(struct maker *k, enum mqtt_prop_type type, const char *value)
{
	uint8_t varint[4];

	switch (type) {
	case MQTT_BYTE:
		put_u8(k, parse_number(k, value));
		break;
	case MQTT_U16:
		put_u16(k, parse_number(k, value));
		break;
	case MQTT_U32:
		put_u16(k, parse_number(k, value) >> 16);
		put_u16(k, parse_number(k, value));
		break;
	case MQTT_VARINT:
		put(k, varint, put_varint(varint, parse_number(k, value)));
		break;
	case MQTT_STRING:
	case MQTT_BINARY:
		put_field(k, value);
		break;
	case MQTT_PAIR:
		put_pair(k, value);
		break;
	}
}

static void put_property(struct maker *k, const char *word)
{
	const char *eq = strchr(word, '=');

	for (size_t i = 0; eq != NULL && i < sizeof properties / sizeof properties[0]; i++) {
		if (!same_name(properties[i].symbol, word, (size_t)(eq - word)))
			continue;
		put_u8(k, properties[i].id);
		put_property_value(k, properties[i].type, eq + 1);
		return;
	}
	fail(k, "no such property", word);
}

/* A v5 property block of all words that begin so; nothing in 3.x. */
static void put_properties(struct maker *k, const char *prefix)
{
	struct packet block = {0}, *real = k->out;
	uint8_t varint[4];

	k->out = &block;
	for (size_t i = 1; i < k->words->n; i++) {
		if (!begins(k->words->w[i], prefix))
			continue;
		k->seen[i] = true;
		put_property(k, k->words->w[i] + strlen(prefix));
	}
	k->out = real;
	if (k->m->version == MQTT_5) {
		put(k, varint, put_varint(varint, block.n));
		put(k, block.p, block.n);
	}
	free(block.p);
}

static bool any_property(const struct maker *k)
{
	for (size_t i = 1; i < k->words->n; i++) {
		if (begins(k->words->w[i], "p:"))
			return true;
	}
	return false;
}

/* -- envelopes -- */

static uint8_t seal_flags(struct maker *k, const char *letters)
{
	uint8_t flags = 0;

	for (; *letters != '\0'; letters++) {
		static const char all[] = "URWN";
		const char *at = strchr(all, *letters);
		if (at == NULL)
			fail(k, "no flag", letters);
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
		fail(k, "no key", how);
		free(bytes);
		return;
	}
	if (how[2] == '/')
		flags = seal_flags(k, how + 3);
	struct seal_message m = {.flags = flags, .topic = topic, .payload = plain};
	if (seal_message(k->m->world->sealers[key], &m, k->m->now, bytes) != SEAL_OK)
		fail(k, "cannot seal", how);
	struct hole *h = &o->holes[o->n_holes++];
	*h = (struct hole){.at = o->n, .n = n, .flags = flags, .key = (uint16_t)key};
	uint8_t *copy = take(topic.n + plain.n);
	memcpy(copy, topic.p, topic.n);
	memcpy(copy + topic.n, plain.p, plain.n);
	h->topic = slice_of(copy, topic.n);
	h->plain = slice_of(copy + topic.n, plain.n);
	put(k, bytes, n);
	free(bytes);
}

/* -- packets -- */

static void put_will(struct maker *k, const char *topic)
{
	const char *sealed = value_of(k, "will-sealed"), *payload = value_of(k, "will-payload");
	bool retain = number_of(k, "will-retain", 0) != 0;
	size_t n;
	uint8_t *p = bytes_of(k, payload == NULL ? "" : payload, &n);

	put_properties(k, "wp:");
	put_text(k, topic);
	if (sealed == NULL) {
		put_binary(k, p, n);
	} else {
		put_u16(k, (unsigned)envelope_size(n));
		put_envelope(k, sealed, (uint8_t)(SEAL_WILL | (retain ? SEAL_RETAIN : 0)),
		             slice_str(topic), slice_of(p, n));
	}
	free(p);
}

static unsigned make_connect(struct maker *k)
{
	static const char *const names[] = {"MQIsdp", "MQTT", "MQTT"};
	const char *proto = value_of(k, "proto"), *id = value_of(k, "id"),
	           *user = value_of(k, "user"), *pass = value_of(k, "pass"),
	           *will = value_of(k, "will-topic");
	unsigned flags = number_of(k, "clean", 1) << 1;

	if (will != NULL)
		flags |=
		    0x04 | number_of(k, "will-qos", 0) << 3 | number_of(k, "will-retain", 0) << 5;
	flags |= user == NULL ? 0 : 0x80;
	flags |= pass == NULL ? 0 : 0x40;
	put_text(k, proto == NULL ? names[k->m->version - MQTT_31] : proto);
	put_u8(k, number_of(k, "level", k->m->version));
	put_u8(k, number_of(k, "flags", flags));
	put_u16(k, number_of(k, "keep", 60));
	put_properties(k, "p:");
	put_field(k, id == NULL ? "" : id);
	if (will != NULL)
		put_will(k, will);
	if (user != NULL)
		put_field(k, user);
	if (pass != NULL)
		put_field(k, pass);
	return 0x10;
}

static unsigned make_connack(struct maker *k)
{
	put_u8(k, number_of(k, "sp", 0));
	put_u8(k, number_of(k, "code", 0));
	put_properties(k, "p:");
	return 0x20;
}

static unsigned make_publish(struct maker *k)
{
	unsigned qos = number_of(k, "qos", 0), retain = number_of(k, "retain", 0), spoil = 0;
	const char *topic = value_of(k, "topic"), *payload = value_of(k, "payload"),
	           *sealed = value_of(k, "sealed"), *bound = value_of(k, "bound"),
	           *at = value_of(k, "spoil");
	size_t n;
	uint8_t *p = bytes_of(k, payload == NULL ? "" : payload, &n);

	put_field(k, topic == NULL ? "" : topic);
	if (qos != 0)
		put_u16(k, number_of(k, "pid", 1));
	put_properties(k, "p:");
	size_t start = k->out->n;
	if (sealed == NULL)
		put(k, p, n);
	else
		put_envelope(k, sealed, retain != 0 ? SEAL_RETAIN : 0,
		             slice_str(bound != NULL ? bound : topic), slice_of(p, n));
	free(p);
	if (at != NULL && (spoil = parse_number(k, at)) < k->out->n - start)
		k->out->p[start + spoil] ^= 1;
	return 0x30 | number_of(k, "dup", 0) << 3 | qos << 1 | retain;
}

/* PUBACK and its like: the short form where there is neither a code nor a property. */
static unsigned make_ack(struct maker *k, unsigned first)
{
	const char *code = value_of(k, "code");

	put_u16(k, number_of(k, "pid", 1));
	if (k->m->version == MQTT_5 && (code != NULL || any_property(k)))
		put_u8(k, number_of(k, "code", 0));
	if (any_property(k))
		put_properties(k, "p:");
	return first | number_of(k, "dup", 0) << 3;
}

static unsigned make_subscribe(struct maker *k)
{
	const char *word;
	size_t at = 1;

	put_u16(k, number_of(k, "pid", 1));
	put_properties(k, "p:");
	while ((word = next_value(k, "filter", &at)) != NULL) {
		const char *colon = strrchr(word, ':');
		if (colon == NULL)
			colon = word + strlen(word);
		put_binary(k, word, (size_t)(colon - word));
		put_u8(k, *colon == '\0' ? 0 : parse_number(k, colon + 1));
	}
	return 0x82 | number_of(k, "dup", 0) << 3;
}

static unsigned make_unsubscribe(struct maker *k)
{
	const char *word;
	size_t at = 1;

	put_u16(k, number_of(k, "pid", 1));
	put_properties(k, "p:");
	while ((word = next_value(k, "filter", &at)) != NULL)
		put_text(k, word);
	return 0xa2 | number_of(k, "dup", 0) << 3;
}

static unsigned make_suback(struct maker *k, unsigned first)
{
	const char *word;
	size_t at = 1;

	put_u16(k, number_of(k, "pid", 1));
	put_properties(k, "p:");
	while ((word = next_value(k, "code", &at)) != NULL) {
		unsigned code = parse_number(k, word);
		if (first == 0x90 || k->m->version == MQTT_5)
			put_u8(k, code);
	}
	return first;
}

/* DISCONNECT and AUTH. */
static unsigned make_bare(struct maker *k, unsigned first)
{
	const char *code = value_of(k, "code");

	if (code != NULL)
		put_u8(k, parse_number(k, code));
	if (any_property(k))
		put_properties(k, "p:");
	return first;
}

static void make_raw(struct maker *k)
{
	for (size_t i = 1; i < k->words->n; i++) {
		size_t n = strlen(k->words->w[i]) / 2;
		uint8_t *p = take(n);
		if (text_unhex(slice_str(k->words->w[i]), p, n, NULL) != 0)
			fail(k, "no hexadecimal", k->words->w[i]);
		put(k, p, n);
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
	fail(k, "no such packet", name);
	return 0;
}

/* Lays the fixed header before the body, which begins at HEAD_ROOM. */
static void set_header(struct packet *o, unsigned first)
{
	uint8_t head[HEAD_ROOM];
	size_t n = 0;

	if (first != 0) {
		head[0] = (uint8_t)first;
		n = 1 + put_varint(head + 1, o->n - HEAD_ROOM);
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
	put(&k, room, sizeof room);
	unsigned first = make_body(&k);
	set_header(out, first);
	for (size_t i = 1; i < words->n && k.ok; i++) {
		/* Will properties are left out in 3.x with the Will's other words in place. */
		if (!k.seen[i])
			fail(&k, "word without use", words->w[i]);
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

static bool match_hole(const struct making *m, const struct hole *h, struct slice got,
                       struct fault *f)
{
	struct seal_demand demand = {.keys = &h->key,
	                             .n_keys = 1,
	                             .retain = (h->flags & SEAL_RETAIN) != 0,
	                             .unbound_ok = true};
	struct seal_opened opened;
	uint8_t *inner = take(got.n);
	enum seal_error e = seal_open(m->world->kit.opener, &demand, h->topic,
	                              slice_of(got.p + h->at, h->n), m->now, inner, &opened);
	bool ok = true;

	if (e != SEAL_OK)
		ok = fault_set(f, "the envelope does not open: %s", seal_error_name(e));
	else if (opened.flags != h->flags)
		ok = fault_set(f, "the envelope has flags %02x, not %02x", opened.flags, h->flags);
	else if (!slice_eq(opened.payload, h->plain))
		ok = fault_set(f, "the envelope holds another payload");
	free(inner);
	return ok;
}

static bool in_hole(const struct packet *p, size_t at)
{
	for (size_t i = 0; i < p->n_holes; i++) {
		if (at >= p->holes[i].at && at - p->holes[i].at < p->holes[i].n)
			return true;
	}
	return false;
}

bool packet_match(const struct making *m, const struct packet *want, struct slice got,
                  struct fault *f)
{
	char g[97], w[97];

	for (size_t i = 0; i < want->n; i++) {
		if (got.p[i] == want->p[i] || in_hole(want, i))
			continue;
		size_t from = i < 12 ? 0 : i - 12, n = want->n - from < 48 ? want->n - from : 48;
		text_hex(got.p + from, n, g);
		text_hex(want->p + from, n, w);
		return fault_set(f, "byte %zu: got …%s want …%s", i, g, w);
	}
	for (size_t i = 0; i < want->n_holes; i++) {
		if (!match_hole(m, &want->holes[i], got, f))
			return false;
	}
	return true;
}
