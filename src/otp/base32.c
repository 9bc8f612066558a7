/* SPDX-License-Identifier: ISC */
/* Secrets are read as people and other programs write them, but a text that no encoder makes (an
 * impossible length, bits left over, too much padding) is refused: it was cut or mistyped, and
 * every code of it would be wrong. Digits are computed, not looked up, since a table index would be
 * secret. */
#include "otp/base32.h"

#include "base/secret.h"

static int digit_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bits {
	uint32_t value;
	unsigned n;
	size_t digits, pads;
};

/* Takes one character in; false where it cannot stand there. */
static bool take(struct bits *b, uint8_t c)
{
	if (is_blank(c))
		return true;
	if (c == '=') {
		b->pads++;
		return true;
	}
	int value = digit_value(c);
	if (value < 0 || b->pads != 0)
		return false;
	b->value = (b->value << 5 | (uint32_t)value) & 0xfff;
	b->n += 5;
	b->digits++;
	return true;
}

static bool ends_well(const struct bits *b)
{
	size_t rest = b->digits % 8;

	if (rest == 1 || rest == 3 || rest == 6)
		return false;
	if (b->pads > (8 - rest) % 8)
		return false;
	return (b->value & ((1u << b->n) - 1)) == 0;
}

int base32_decode(struct slice text, uint8_t *out, size_t size)
{
	struct bits b = {0};
	size_t n = 0;
	bool good = true;

	for (size_t i = 0; i < text.n && good; i++) {
		good = take(&b, text.p[i]);
		if (!good || b.n < 8)
			continue;
		b.n -= 8;
		good = n < size && n < INT32_MAX;
		if (good)
			out[n++] = (uint8_t)(b.value >> b.n);
	}
	good = good && ends_well(&b);
	secret_wipe(&b, sizeof b);
	if (good)
		return (int)n;
	secret_wipe(out, n);
	return -1;
}

static char digit_char(uint32_t value)
{
	return (char)(value < 26 ? 'A' + value : '2' + value - 26);
}

void base32_encode(const uint8_t *p, size_t n, char *out)
{
	uint32_t bits = 0;
	unsigned left = 0;

	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | p[i]) & 0xfff;
		left += 8;
		while (left >= 5) {
			left -= 5;
			*out++ = digit_char(bits >> left & 31);
		}
	}
	if (left != 0)
		*out++ = digit_char(bits << (5 - left) & 31);
	*out = '\0';
}
