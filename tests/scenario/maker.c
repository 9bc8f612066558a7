/* SPDX-License-Identifier: ISC */
/* Written apart from src/mqtt on purpose: what the proxy's codec believes is not asked of that
 * codec. */
#include "tests/scenario/maker.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>

void maker_put(struct maker *k, const void *p, size_t n)
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

void maker_u8(struct maker *k, unsigned v)
{
	uint8_t b = (uint8_t)v;
	maker_put(k, &b, 1);
}

void maker_u16(struct maker *k, unsigned v)
{
	maker_u8(k, v >> 8);
	maker_u8(k, v);
}

size_t maker_varint(uint8_t out[4], size_t v)
{
	size_t n = 0;

	do {
		out[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
		n++;
	} while (v != 0 && n < 4);
	return n;
}

void maker_binary(struct maker *k, const void *p, size_t n)
{
	maker_u16(k, (unsigned)n);
	maker_put(k, p, n);
}

void maker_text(struct maker *k, const char *s)
{
	maker_binary(k, s, strlen(s));
}

/* -- words -- */

void maker_fail(struct maker *k, const char *what, const char *word)
{
	k->ok = false;
	(void)fault_set(k->f, "notation: %s: %s", what, word);
}

bool maker_begins(const char *word, const char *prefix)
{
	return strncmp(word, prefix, strlen(prefix)) == 0;
}

/* The value of the next word NAME=VALUE from *at on; NULL at the end. */
const char *maker_next_value(struct maker *k, const char *name, size_t *at)
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

const char *maker_value(struct maker *k, const char *name)
{
	size_t at = 1;
	return maker_next_value(k, name, &at);
}

/* "5", "0x86" or "4/0x86". */
unsigned maker_parse(struct maker *k, const char *word)
{
	char *end = NULL;
	unsigned long v = strtoul(word, &end, 0);

	if (*end == '/') {
		unsigned long five = strtoul(end + 1, &end, 0);
		v = k->m->version == MQTT_5 ? five : v;
	}
	if (*end != '\0' || end == word)
		maker_fail(k, "no number", word);
	return (unsigned)v;
}

unsigned maker_number(struct maker *k, const char *name, unsigned otherwise)
{
	const char *word = maker_value(k, name);
	return word == NULL ? otherwise : maker_parse(k, word);
}

/* Text with "$…" replaced, "hex:…", "fill:COUNT" of any bytes, "lead:COUNT:HEX" of others before
 * these, or "text:COUNT" of letters. Given back by free(). */
uint8_t *maker_bytes(struct maker *k, const char *word, size_t *n)
{
	if (maker_begins(word, "hex:")) {
		*n = strlen(word + 4) / 2;
		uint8_t *p = take(*n);
		if (text_unhex(slice_str(word + 4), p, *n, NULL) != 0)
			maker_fail(k, "no hexadecimal", word);
		return p;
	}
	if (maker_begins(word, "fill:")) {
		*n = maker_parse(k, word + 5);
		uint8_t *p = take(*n);
		for (size_t i = 0; i < *n; i++)
			p[i] = (uint8_t)(i * 7 + (i >> 8));
		return p;
	}
	if (maker_begins(word, "lead:")) {
		const char *hex = strchr(word + 5, ':');
		size_t lead = strtoul(word + 5, NULL, 10);
		if (hex == NULL) {
			maker_fail(k, "lead:COUNT:HEX", word);
			hex = word + strlen(word) - 1;
		}
		*n = lead + strlen(hex + 1) / 2;
		uint8_t *p = memset(take(*n), 0x5c, *n);
		if (text_unhex(slice_str(hex + 1), p + lead, *n - lead, NULL) != 0)
			maker_fail(k, "no hexadecimal", word);
		return p;
	}
	if (maker_begins(word, "text:")) {
		*n = maker_parse(k, word + 5);
		return memset(take(*n + 1), 'x', *n);
	}
	size_t size = strlen(word) + 64;
	char *text = take(size);
	if (!world_expand(&k->m->expanding, word, text, size))
		maker_fail(k, "cannot expand", word);
	*n = strlen(text);
	return (uint8_t *)text;
}

void maker_field(struct maker *k, const char *word)
{
	size_t n;
	uint8_t *p = maker_bytes(k, word, &n);

	maker_binary(k, p, n);
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
		maker_fail(k, "no pair", value);
		return;
	}
	maker_binary(k, value, (size_t)(colon - value));
	maker_text(k, colon + 1);
}

static void put_property_value(struct maker *k, enum mqtt_prop_type type, const char *value)
{
	uint8_t varint[4];

	switch (type) {
	case MQTT_BYTE:
		maker_u8(k, maker_parse(k, value));
		break;
	case MQTT_U16:
		maker_u16(k, maker_parse(k, value));
		break;
	case MQTT_U32:
		maker_u16(k, maker_parse(k, value) >> 16);
		maker_u16(k, maker_parse(k, value));
		break;
	case MQTT_VARINT:
		maker_put(k, varint, maker_varint(varint, maker_parse(k, value)));
		break;
	case MQTT_STRING:
	case MQTT_BINARY:
		maker_field(k, value);
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
		maker_u8(k, properties[i].id);
		put_property_value(k, properties[i].type, eq + 1);
		return;
	}
	maker_fail(k, "no such property", word);
}

struct packet maker_block(struct maker *k, const char *prefix)
{
	struct packet block = {0}, *real = k->out;

	k->out = &block;
	for (size_t i = 1; i < k->words->n; i++) {
		if (!maker_begins(k->words->w[i], prefix))
			continue;
		k->seen[i] = true;
		put_property(k, k->words->w[i] + strlen(prefix));
	}
	k->out = real;
	return block;
}

void maker_properties(struct maker *k, const char *prefix)
{
	struct packet block = maker_block(k, prefix);
	uint8_t varint[4];

	if (k->m->version == MQTT_5) {
		maker_put(k, varint, maker_varint(varint, block.n));
		maker_put(k, block.p, block.n);
	}
	free(block.p);
}

bool maker_any_property(const struct maker *k)
{
	for (size_t i = 1; i < k->words->n; i++) {
		if (maker_begins(k->words->w[i], "p:"))
			return true;
	}
	return false;
}
