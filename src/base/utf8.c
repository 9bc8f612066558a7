/* SPDX-License-Identifier: ISC */
/* Every topic passes here, and nearly every topic is ASCII: eight bytes a step while that holds,
 * then one character at a time. The ranges are those of Unicode's table 3-7, which leaves out
 * overlong forms, surrogates and what lies above U+10FFFF without decoding anything. */
#include "base/utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

static bool is_tail(uint8_t b)
{
	return (b & 0xC0) == 0x80;
}

size_t utf8_character(struct slice s)
{
	const uint8_t *p = s.p;
	size_t left = s.n;
	uint8_t first = left == 0 ? 0 : p[0];

	if (first < 0x80)
		return first != 0;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	if (first < 0xE0)
		return left >= 2 && is_tail(p[1]) ? 2 : 0;
	if (first < 0xF0) {
		uint8_t low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
		return left >= 3 && p[1] >= low && p[1] <= high && is_tail(p[2]) ? 3 : 0;
	}
	uint8_t low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
	return left >= 4 && p[1] >= low && p[1] <= high && is_tail(p[2]) && is_tail(p[3]) ? 4 : 0;
}

bool utf8_valid(struct slice s)
{
	const uint8_t *p = s.p;
	size_t left = s.n;

	while (left != 0) {
		if (left >= 8) {
			uint64_t v;
			memcpy(&v, p, 8);
			/* A zero byte borrows, a byte above 0x7F shows itself. */
			if ((((v - ONES) | v) & HIGH) == 0) {
				p += 8;
				left -= 8;
				continue;
			}
		}
		size_t n = utf8_character(slice_of(p, left));
		if (n == 0)
			return false;
		p += n;
		left -= n;
	}
	return true;
}
