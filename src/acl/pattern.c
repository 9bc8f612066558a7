/* SPDX-License-Identifier: ISC */
/* Only the last `*` is ever taken back: whatever an earlier one swallowed, the shortest run that
 * let the rest match so far is as good as any other. So the work is pattern times text and no input
 * can make it explode. Characters are compared whole, or `*?` could match the half of one. */
#include "acl/pattern.h"

#include "base/text.h"
#include "base/utf8.h"

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

/* What moves while a pattern is matched. */
struct matching {
	struct slice pattern, text;
	const struct slice *user; /* what `%u` stands for; NULL: nothing */
	size_t p, t;
};

static bool match_user(struct matching *m)
{
	if (m->user->n > m->text.n - m->t || memcmp(m->text.p + m->t, m->user->p, m->user->n) != 0)
		return false;
	m->p += 2;
	m->t += m->user->n;
	return true;
}

static bool is_name(struct slice pattern, size_t i, char letter)
{
	return pattern.n - i >= 2 && pattern.p[i] == '%' && pattern.p[i + 1] == letter;
}

/* One element of the pattern, not a `*`, against the text. Both places move on a match. */
static bool match_one(struct matching *m)
{
	size_t taken = character(m->text, m->t), at = m->p;

	if (m->user != NULL && is_name(m->pattern, at, 'u'))
		return match_user(m);
	if (m->pattern.p[at] == '?') {
		m->p = at + 1;
		m->t += taken;
		return true;
	}
	if (m->pattern.p[at] == '\\' && at + 1 < m->pattern.n)
		at++;
	size_t wanted = character(m->pattern, at);
	if (wanted != taken || memcmp(m->pattern.p + at, m->text.p + m->t, taken) != 0)
		return false;
	m->p = at + wanted;
	m->t += taken;
	return true;
}

static bool match(struct matching *m)
{
	size_t star_p = 0, star_t = 0;
	bool star = false;

	while (m->t < m->text.n) {
		if (m->p < m->pattern.n && m->pattern.p[m->p] == '*') {
			star = true;
			star_p = ++m->p;
			star_t = m->t;
		} else if (m->p < m->pattern.n && match_one(m)) {
			continue;
		} else if (star) {
			star_t += character(m->text, star_t);
			m->t = star_t;
			m->p = star_p;
		} else {
			return false;
		}
	}
	while (m->p < m->pattern.n && m->pattern.p[m->p] == '*')
		m->p++;
	return m->p == m->pattern.n;
}

bool acl_glob_match(struct slice pattern, struct slice text)
{
	struct matching m = {.pattern = pattern, .text = text};

	return match(&m);
}

bool acl_glob_match_user(struct slice pattern, struct slice user, struct slice text)
{
	struct matching m = {.pattern = pattern, .text = text, .user = &user};

	return match(&m);
}

bool acl_glob_has_name(struct slice pattern, char letter)
{
	for (size_t i = 0; i < pattern.n; i++) {
		if (is_name(pattern, i, letter))
			return true;
		if (pattern.p[i] == '\\')
			i++;
	}
	return false;
}

int acl_glob_check(struct slice pattern, struct err *e)
{
	char quote[QUOTE_SIZE];
	bool escaped = false;

	if (!utf8_valid(pattern))
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
