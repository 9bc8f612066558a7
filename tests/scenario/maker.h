/* SPDX-License-Identifier: ISC */
/* What packet.c builds packets with: bytes, the words of the notation, and properties. */
#ifndef SCENARIO_MAKER_H
#define SCENARIO_MAKER_H

#include "tests/scenario/packet.h"

struct maker {
	const struct making *m;
	const struct words *words;
	struct packet *out;
	struct fault *f;
	bool ok;
	unsigned used; /* words that were read; the rest are mistakes */
	bool seen[SCENARIO_WORDS];
};

void maker_put(struct maker *k, const void *p, size_t n);
void maker_u8(struct maker *k, unsigned v);
void maker_u16(struct maker *k, unsigned v);
void maker_binary(struct maker *k, const void *p, size_t n);
void maker_text(struct maker *k, const char *s);

/* Returns the bytes written. */
size_t maker_varint(uint8_t out[4], size_t v);

/* A mistake in the notation. */
void maker_fail(struct maker *k, const char *what, const char *word);
bool maker_begins(const char *word, const char *prefix);

/* The value of the word NAME=VALUE; of the next one from *at on. NULL where there is none. */
const char *maker_value(struct maker *k, const char *name);
const char *maker_next_value(struct maker *k, const char *name, size_t *at);

/* "5", "0x86" or "4/0x86"; of a word with that name, or what it is otherwise. */
unsigned maker_parse(struct maker *k, const char *word);
unsigned maker_number(struct maker *k, const char *name, unsigned otherwise);

/* Text with "$..." replaced, "hex:..." or "fill:COUNT"; the caller frees it. maker_field() puts it,
 * length first. */
uint8_t *maker_bytes(struct maker *k, const char *word, size_t *n);
void maker_field(struct maker *k, const char *word);

/* A v5 property block of all words that begin so; nothing in 3.x. maker_block() is without its
 * length, for any version; packet_free() frees it. */
void maker_properties(struct maker *k, const char *prefix);
struct packet maker_block(struct maker *k, const char *prefix);
bool maker_any_property(const struct maker *k);

#endif
