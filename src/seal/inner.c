/* SPDX-License-Identifier: ISC */
/* What is inside is authentic, but whoever holds the key may be wrong or bad, and its properties go
 * into a packet of ours: so they are checked here as strictly as if they had come from the wire.
 * The few rules needed stand here in full, since this room knows nothing of MQTT's codec. */
#include "seal/inner.h"

#include "base/utf8.h"

bool inner_make(struct inner *in, const struct slice *props, size_t pad_to, struct slice payload)
{
	static const uint8_t zeros[INNER_PAD_MAX];
	size_t prefix = 0, fill = 0;

	in->n = 0;
	if (pad_to != 0 && (pad_to < INNER_PAD_MIN || pad_to > INNER_PAD_MAX))
		return false;
	if (props != NULL) {
		if (props->n > SEAL_PREFIX_MAX)
			return false;
		size_t n = 0, left = props->n;
		do {
			in->varint[n++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
			left >>= 7;
		} while (left != 0);
		in->piece[in->n++] = slice_of(in->varint, n);
		in->piece[in->n++] = *props;
		prefix = n + props->n;
	}
	if (payload.n > UINT32_MAX - SEAL_PREFIX_MAX)
		return false;
	if (pad_to != 0) {
		prefix += sizeof in->fill;
		size_t over = (prefix + payload.n) % pad_to;
		fill = over == 0 ? 0 : pad_to - over;
		in->fill[0] = (uint8_t)(fill >> 8);
		in->fill[1] = (uint8_t)fill;
		in->piece[in->n++] = slice_of(in->fill, sizeof in->fill);
		in->piece[in->n++] = slice_of(zeros, fill);
		prefix += fill;
	}
	in->piece[in->n++] = payload;
	in->size = prefix + payload.n;
	return prefix <= SEAL_PREFIX_MAX;
}

static bool is_topic_name(struct slice s)
{
	return s.n != 0 && memchr(s.p, '+', s.n) == NULL && memchr(s.p, '#', s.n) == NULL &&
	       utf8_valid(s);
}

/* Takes a string or binary field: two bytes of length, then that many. */
static bool take_field(struct slice *s, struct slice *out)
{
	if (s->n < 2)
		return false;
	size_t n = (size_t)s->p[0] << 8 | s->p[1];
	if (n > s->n - 2)
		return false;
	*out = slice_of(s->p + 2, n);
	*s = slice_from(*s, 2 + n);
	return true;
}

enum { CONTENT_TYPE = 0x03, RESPONSE_TOPIC = 0x08, CORRELATION_DATA = 0x09, USER_PROPERTY = 0x26 };

/* Takes one property; those that may stand once are marked in seen. */
static bool take_property(struct slice *s, uint32_t *seen)
{
	uint8_t id = s->p[0];
	struct slice value, second;

	*s = slice_from(*s, 1);
	if (!take_field(s, &value))
		return false;
	if (id == USER_PROPERTY)
		return take_field(s, &second) && utf8_valid(value) && utf8_valid(second);
	if (id > CORRELATION_DATA || (*seen & 1u << id) != 0)
		return false;
	*seen |= 1u << id;
	return (id == CONTENT_TYPE && utf8_valid(value)) ||
	       (id == RESPONSE_TOPIC && is_topic_name(value)) || id == CORRELATION_DATA;
}

/* Takes the P block off the front. */
static bool take_props(struct slice *m, struct slice *props)
{
	size_t n = 0, at = 0;
	uint32_t seen = 0;

	do {
		if (at == 4 || at >= m->n)
			return false;
		n |= (size_t)(m->p[at] & 0x7f) << (7 * at);
	} while ((m->p[at++] & 0x80) != 0);
	if ((at > 1 && m->p[at - 1] == 0) || n > m->n - at)
		return false;
	*props = slice_of(m->p + at, n);
	*m = slice_from(*m, at + n);
	for (struct slice left = *props; left.n != 0;) {
		if (!take_property(&left, &seen))
			return false;
	}
	return true;
}

/* Takes the Z block off the front; its fill must be zero, so it is no hidden channel. */
static bool take_padding(struct slice *m)
{
	struct slice fill;
	uint8_t any = 0;

	if (!take_field(m, &fill))
		return false;
	for (size_t i = 0; i < fill.n; i++)
		any |= fill.p[i];
	return any == 0;
}

enum seal_error inner_get(struct slice m, uint8_t flags, struct slice *props, struct slice *payload)
{
	size_t size = m.n;
	const uint8_t *end = m.p == NULL ? NULL : m.p + size;

	*props = slice_of(NULL, 0);
	if ((flags & SEAL_PROPS) != 0 && !take_props(&m, props))
		return SEAL_E_INNER;
	if ((flags & SEAL_PADDED) != 0 && !take_padding(&m))
		return SEAL_E_INNER;
	if (size - m.n > SEAL_PREFIX_MAX)
		return SEAL_E_INNER;
	*payload = m.n == 0 ? slice_of(end, 0) : m;
	return SEAL_OK;
}
