/* SPDX-License-Identifier: ISC */
/* Checked reading and writing of MQTT's wire types. A reader that runs out, or meets a broken value, turns bad
 * and yields zeros from then on; a writer that lacks room turns full and writes nothing more. So a run of
 * calls needs one check at its end. */
#ifndef MQTT_CURSOR_H
#define MQTT_CURSOR_H

#include "base/slice.h"

/* What a decoder answers. Mapped to reason codes in one place, mqtt_reason() in reply.h. */
enum mqtt_result {
	MQTT_OK,
	MQTT_MORE,       /* not all bytes are there yet */
	MQTT_MALFORMED,  /* 0x81: cannot be parsed */
	MQTT_PROTOCOL,   /* 0x82: parsed, but not allowed here */
	MQTT_TOO_LARGE,  /* 0x95 */
	MQTT_UNSUPPORTED /* 0x84: a protocol version that is not known or not allowed */
};

struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

struct writer {
	uint8_t *p;
	size_t len; /* bytes written */
	size_t cap; /* bytes that fit */
	bool full;  /* something did not fit */
};

static inline struct reader reader_of(struct slice s)
{
	return (struct reader){.p = s.p, .left = s.n, .bad = false};
}

/* The next n bytes, borrowed; an empty slice and a bad reader where there are fewer. */
static inline struct slice reader_bytes(struct reader *r, size_t n)
{
	if (r->bad || n > r->left) {
		r->bad = true;
		return slice_of(NULL, 0);
	}
	struct slice s = slice_of(r->p, n);
	if (n != 0)
		r->p += n;
	r->left -= n;
	return s;
}

static inline uint8_t reader_u8(struct reader *r)
{
	struct slice s = reader_bytes(r, 1);
	return s.n == 0 ? 0 : s.p[0];
}

static inline uint16_t reader_u16(struct reader *r)
{
	struct slice s = reader_bytes(r, 2);
	return s.n == 0 ? 0 : (uint16_t)((unsigned)s.p[0] << 8 | s.p[1]);
}

static inline uint32_t reader_u32(struct reader *r)
{
	uint32_t high = reader_u16(r);
	return high << 16 | reader_u16(r);
}

/* Binary data or a string: two bytes of length, then that many [MQTT 5.0, 1.5.4, 1.5.6]. No UTF-8 check. */
static inline struct slice reader_binary(struct reader *r)
{
	return reader_bytes(r, reader_u16(r));
}

/* A variable byte integer in its shortest form, at most 4 bytes [MQTT-1.5.5-1]. */
static inline uint32_t reader_varint(struct reader *r)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t b = reader_u8(r);
		value |= (uint32_t)(b & 0x7f) << shift;
		if ((b & 0x80) != 0)
			continue;
		if (b == 0 && shift != 0)
			r->bad = true;
		return r->bad ? 0 : value;
	}
	r->bad = true;
	return 0;
}

static inline size_t writer_room(const struct writer *w)
{
	return w->cap - w->len;
}

/* Where n bytes go that the caller writes itself; NULL and a full writer where they do not fit. */
static inline uint8_t *writer_space(struct writer *w, size_t n)
{
	if (w->full || n > w->cap - w->len) {
		w->full = true;
		return NULL;
	}
	uint8_t *at = w->p + w->len;
	w->len += n;
	return at;
}

static inline void writer_bytes(struct writer *w, struct slice s)
{
	uint8_t *at = writer_space(w, s.n);
	if (at != NULL && s.n != 0)
		memcpy(at, s.p, s.n);
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *at = writer_space(w, 1);
	if (at != NULL)
		at[0] = v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t *at = writer_space(w, 2);
	if (at != NULL) {
		at[0] = (uint8_t)(v >> 8);
		at[1] = (uint8_t)v;
	}
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	writer_u16(w, (uint16_t)(v >> 16));
	writer_u16(w, (uint16_t)v);
}

/* Two bytes of length, then the bytes; s.n is at most 65535, else the writer turns full. */
static inline void writer_binary(struct writer *w, struct slice s)
{
	if (s.n > UINT16_MAX) {
		w->full = true;
		return;
	}
	writer_u16(w, (uint16_t)s.n);
	writer_bytes(w, s);
}

enum { MQTT_VARINT_MAX = 268435455 };

/* Bytes that v (at most MQTT_VARINT_MAX) takes as a variable byte integer: 1 to 4. */
static inline size_t mqtt_varint_size(size_t v)
{
	return v < 128 ? 1 : v < 16384 ? 2 : v < 2097152 ? 3 : 4;
}

static inline void writer_varint(struct writer *w, size_t v)
{
	if (v > MQTT_VARINT_MAX) {
		w->full = true;
		return;
	}
	for (; v >= 128; v >>= 7)
		writer_u8(w, (uint8_t)((v & 0x7f) | 0x80));
	writer_u8(w, (uint8_t)v);
}

#endif
