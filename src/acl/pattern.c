/* SPDX-License-Identifier: ISC */
/* Only the last `*` is ever taken back: whatever an earlier one swallowed, the shortest run that
 * let the rest match so far is as good as any other. So the work is pattern times text and no input
 * can make it explode. Characters are compared whole, or `*?` could match the half of one. */
#include "acl/pattern.h"

#include "base/text.h"
#include "mqtt/utf8.h"

enum { QUOTE_SIZE = 100 };

/* The bytes of the character at i. A byte that begins no character counts as one: any text is safe.
 */
static size_t character(struct slice s, size_t i)
{
	uint8_t c = s.p[i];
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

	if (n > s.n - i)
		return 1;
	for (size_t k = 1; k < n; k++) {
		if ((s.p[i + k] & 0xc0) != 0x80)
			return 1;
	}
	return n;
}

/* One element of the pattern, not a `*`, against the character at t. Both indexes move on a match.
 */
static bool match_one(struct slice pattern, size_t *p, struct slice text, size_t *t)
{
	size_t taken = character(text, *t), at = *p;

	if (pattern.p[at] == '?') {
		*p = at + 1;
		*t += taken;
		return true;
	}
	if (pattern.p[at] == '\\' && at + 1 < pattern.n)
		at++;
	size_t wanted = character(pattern, at);
	if (wanted != taken || memcmp(pattern.p + at, text.p + *t, taken) != 0)
		return false;
	*p = at + wanted;
	*t += taken;
	return true;
}

bool acl_glob_match(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star_p = 0, star_t = 0;
	bool star = false;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = true;
			star_p = ++p;
			star_t = t;
		} else if (p < pattern.n && match_one(pattern, &p, text, &t)) {
			continue;
		} else if (star) {
			star_t += character(text, star_t);
			t = star_t;
			p = star_p;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

int acl_glob_check(struct slice pattern, struct err *e)
{
	char quote[QUOTE_SIZE];
	bool escaped = false;

	if (!mqtt_utf8_valid(pattern))
		return err_set(e, "\"%s\" is not valid UTF-8",
		               text_escape(pattern, quote, sizeof quote));
	for (size_t i = 0; i < pattern.n; i++)
		escaped = !escaped && pattern.p[i] == '\\';
	if (escaped)
		return err_set(e,
		               "\"%s\" ends in a lone backslash: write two for one that is meant",
		               text_escape(pattern, quote, sizeof quote));
	return 0;
}
