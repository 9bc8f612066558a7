/* SPDX-License-Identifier: ISC */
/* Every reader quotes the bad text through text_escape(), since words come from files that others may have
 * written, and names what it would have taken. */
#include "base/text.h"

#include "base/utf8.h"

#include <stdio.h>

enum { QUOTE_SIZE = 80 };

/* Digits at the start of a word. Returns how many there are, 0 where there is none or the number overflows. */
static size_t leading_number(struct slice word, uint64_t *out)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < word.n && word.p[i] >= '0' && word.p[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(word.p[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return 0;
		value = value * 10 + digit;
	}
	*out = value;
	return i;
}

int text_number(struct slice word, uint64_t min, uint64_t max, uint64_t *out, struct err *e)
{
	char quote[QUOTE_SIZE];
	uint64_t value = 0;
	size_t digits = leading_number(word, &value);

	if (digits == 0 || digits != word.n || value < min || value > max)
		return err_set(e, "\"%s\" is not a number from %llu to %llu", text_escape(word, quote, sizeof quote),
		    (unsigned long long)min, (unsigned long long)max);
	*out = value;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1}, {"k", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}, {NULL, 0}};

/* A number with a unit of the table, overflow refused. */
static int with_unit(struct slice word, const struct unit *units, uint64_t *out)
{
	uint64_t value = 0;
	size_t digits = leading_number(word, &value);

	if (digits == 0)
		return -1;
	struct slice name = slice_of(word.p + digits, word.n - digits);
	for (; units->name != NULL; units++) {
		if (!slice_eq(name, slice_str(units->name)))
			continue;
		if (value > UINT64_MAX / units->factor)
			return -1;
		*out = value * units->factor;
		return 0;
	}
	return -1;
}

/* The largest unit that divides the value, so that a range reads as people write it. */
static const char *unit_text(uint64_t value, const struct unit *units, char *out, size_t size)
{
	const struct unit *best = units;

	for (; units->name != NULL; units++) {
		if (value != 0 && value % units->factor == 0)
			best = units;
	}
	(void)snprintf(out, size, "%llu%s", (unsigned long long)(value / best->factor), best->name);
	return out;
}

static int ranged_unit(struct slice word, const struct unit *units, const char *what, uint64_t min, uint64_t max,
    uint64_t *out, struct err *e)
{
	char quote[QUOTE_SIZE], low[32], high[32];
	uint64_t value = 0;

	if (with_unit(word, units, &value) != 0 || value < min || value > max)
		return err_set(e, "\"%s\" is not a %s from %s to %s", text_escape(word, quote, sizeof quote), what,
		    unit_text(min, units, low, sizeof low), unit_text(max, units, high, sizeof high));
	*out = value;
	return 0;
}

int text_duration(struct slice word, uint64_t min_ms, uint64_t max_ms, uint64_t *out_ms, struct err *e)
{
	return ranged_unit(word, duration_units, "duration (500ms, 10s, 5m, 2h, 7d)", min_ms, max_ms, out_ms, e);
}

int text_size(struct slice word, uint64_t min, uint64_t max, uint64_t *out, struct err *e)
{
	return ranged_unit(word, size_units, "size (4096, 64k, 2M)", min, max, out, e);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The text itself is not quoted: hexadecimal words are often keys. */
int text_unhex(struct slice word, uint8_t *out, size_t n, struct err *e)
{
	if (word.n != 2 * n)
		return err_set(e, "%zu hexadecimal digits are needed, there are %zu", 2 * n, word.n);
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(word.p[2 * i]), low = hex_digit(word.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return err_set(e, "only hexadecimal digits are allowed here");
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

void text_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

/* The length of the printable character at the start of s, or 0. U+0080 to U+009F are controls; U+2028 to U+202E
 * and U+2066 to U+2069 reorder or break lines. */
static size_t printable(struct slice s)
{
	const uint8_t *p = s.p;
	size_t n = utf8_character(s);

	if (n == 1)
		return p[0] >= 0x20 && p[0] != 0x7f && p[0] != '"' && p[0] != '\\' ? 1 : 0;
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	if (n == 3 && p[0] == 0xe2 &&
	    ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)))
		return 0;
	return n;
}

static char *escape(struct slice s, char *out, size_t size, bool json)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	size_t at = 0, safe = 0, i = 0; /* safe: the last place where the ellipsis would still fit */

	if (size == 0)
		return out;
	while (i < s.n) {
		char piece[8];
		size_t took = printable(slice_of(s.p + i, s.n - i)), put;
		if (took != 0) {
			put = took;
			memcpy(piece, s.p + i, took);
		} else {
			took = 1;
			const char *prefix = s.p[i] == '"' || s.p[i] == '\\' ? NULL : json ? "u00" : "x";
			put = prefix == NULL
			          ? (size_t)snprintf(piece, sizeof piece, "\\%c", s.p[i])
			          : (size_t)snprintf(piece, sizeof piece, "\\%s%02x", prefix, s.p[i]);
		}
		if (at + put >= size)
			break;
		memcpy(out + at, piece, put);
		at += put;
		i += took;
		if (at + sizeof ellipsis <= size)
			safe = at;
	}
	if (i < s.n) {
		at = safe;
		if (sizeof ellipsis <= size) {
			memcpy(out + at, ellipsis, sizeof ellipsis - 1);
			at += sizeof ellipsis - 1;
		}
	}
	out[at] = '\0';
	return out;
}

char *text_escape(struct slice s, char *out, size_t size)
{
	return escape(s, out, size, false);
}

char *text_json(struct slice s, char *out, size_t size)
{
	return escape(s, out, size, true);
}
