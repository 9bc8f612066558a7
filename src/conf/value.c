/* SPDX-License-Identifier: ISC */
/* Values of one word, in both directions. Defaults come through here as text too, so a default that
 * is out of its own range cannot hide. */
#include "base/text.h"
#include "conf/conf.h"
#include "conf/schema.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUOTE_SIZE = 80, RATE_MAX = 1000000 };

/* Where a value stands in the struct of its block. Never used for what is not stored. */
static void *member(const struct conf_directive *d, void *base)
{
	return (char *)base + d->offset;
}

static const void *const_member(const struct conf_directive *d, const void *base)
{
	return (const char *)base + d->offset;
}

static bool is_special(const struct conf_directive *d, const char *text)
{
	return d->special != NULL && strcmp(text, d->special) == 0;
}

/* The number behind a text, of whatever unit. */
static int parse_number(const struct conf_directive *d, const char *text, uint64_t *value,
                        struct err *e)
{
	struct slice word = slice_str(text);

	if (d->type == CONF_T_SIZE)
		return text_size(word, d->min, d->max, value, e);
	if (d->type == CONF_T_DURATION)
		return text_duration(word, d->min, d->max, value, e);
	if (d->type != CONF_T_SECONDS)
		return text_number(word, d->min, d->max, value, e);
	if (text_duration(word, d->min, d->max, value, e) != 0)
		return -1;
	if (*value % 1000 != 0)
		return err_set(e, "only whole seconds are possible here");
	*value /= 1000;
	return 0;
}

static int set_number(const struct conf_directive *d, void *base, const char *text, struct err *e)
{
	uint64_t value = 0;

	if (!is_special(d, text) && parse_number(d, text, &value, e) != 0) {
		/* The special word is named only where there is one. */
		if (e != NULL && d->special != NULL) {
			size_t n = strlen(e->text);
			(void)snprintf(e->text + n, sizeof e->text - n, ", or %s", d->special);
		}
		return -1;
	}
	if (d->type == CONF_T_SMALL)
		*(unsigned *)member(d, base) = (unsigned)value;
	else if (d->type == CONF_T_NUMBER || d->type == CONF_T_SIZE)
		*(size_t *)member(d, base) = (size_t)value;
	else
		*(uint64_t *)member(d, base) = value;
	return 0;
}

static int choice_error(const struct conf_directive *d, const char *text, struct err *e)
{
	char quote[QUOTE_SIZE], near[QUOTE_SIZE];
	const char *nearest = conf_nearest(text, d->choices, near, sizeof near);

	text_escape(slice_str(text), quote, sizeof quote);
	if (nearest != NULL)
		return err_set(e, "\"%s\" is not known here: did you mean \"%s\"?", quote, nearest);
	return err_set(e, "\"%s\" is not known here: it is \"%s %s\"", quote, d->name, d->argument);
}

static int replace_text(char **to, const char *text, struct err *e)
{
	char *copy = text == NULL ? NULL : strdup(text);

	if (text != NULL && copy == NULL)
		return err_set(e, "no memory");
	free(*to);
	*to = copy;
	return 0;
}

static int set_choice(const struct conf_directive *d, void *base, const char *text, struct err *e)
{
	int index = conf_choice(text, d->choices);

	if (index < 0)
		return choice_error(d, text, e);
	if (d->offset == CONF_NOT_STORED)
		return 0;
	if (d->type == CONF_T_WORD)
		return replace_text(member(d, base), text, e);
	if (d->type == CONF_T_YESNO)
		*(bool *)member(d, base) = index == 0;
	else
		*(int *)member(d, base) = index;
	return 0;
}

/* "N per DURATION", as one text. */
static int set_rate(const struct conf_directive *d, void *base, const char *text, struct err *e)
{
	static const char per[] = " per ";
	char quote[QUOTE_SIZE];
	struct conf_rate rate = {0};
	const char *at = strstr(text, per);
	uint64_t n = 0;

	if (!is_special(d, text) && at == NULL)
		return err_set(e, "\"%s\" is not \"%s\"",
		               text_escape(slice_str(text), quote, sizeof quote), d->argument);
	if (at != NULL &&
	    (text_number(slice_of(text, (size_t)(at - text)), 1, RATE_MAX, &n, e) != 0 ||
	     text_duration(slice_str(at + sizeof per - 1), d->min, d->max, &rate.per_ms, e) != 0))
		return -1;
	rate.n = (size_t)n;
	*(struct conf_rate *)member(d, base) = rate;
	return 0;
}

static int set_path(const struct conf_directive *d, void *base, const char *text, struct err *e)
{
	if (is_special(d, text))
		return replace_text(member(d, base), NULL, e);
	if (text[0] == '\0')
		return err_set(e, "the path is empty");
	if (strlen(text) > d->max)
		return err_set(e, "the path is longer than the %llu bytes that are possible here",
		               (unsigned long long)d->max);
	return replace_text(member(d, base), text, e);
}

static int set_text(const struct conf_directive *d, void *base, const char *text, struct err *e)
{
	struct slice s = slice_str(text);

	if (s.n == 0 || s.n > d->max || !utf8_valid(s))
		return err_set(e, "1 to %llu bytes of UTF-8 without control characters are wanted",
		               (unsigned long long)d->max);
	return replace_text(member(d, base), text, e);
}

int conf_value_set(const struct conf_directive *d, void *base, const char *text, struct err *e)
{
	switch (d->type) {
	case CONF_T_NUMBER:
	case CONF_T_SMALL:
	case CONF_T_SIZE:
	case CONF_T_DURATION:
	case CONF_T_SECONDS:
		return set_number(d, base, text, e);
	case CONF_T_CHOICE:
	case CONF_T_WORD:
	case CONF_T_YESNO:
		return set_choice(d, base, text, e);
	case CONF_T_TEXT:
		return set_text(d, base, text, e);
	case CONF_T_SECRET:
	case CONF_T_PATH:
		return set_path(d, base, text, e);
	case CONF_T_LOOPBACK:
		return replace_text(member(d, base), is_special(d, text) ? NULL : text, e);
	case CONF_T_RATE:
		return set_rate(d, base, text, e);
	default:
		return err_set(e, "\"%s\" is no directive of one word", d->name);
	}
}

/* A word of a list by its index. */
static const char *choice_text(const char *choices, int index, char *out, size_t size)
{
	for (; index > 0; index--)
		choices += strcspn(choices, "|") + 1;
	(void)snprintf(out, size, "%.*s", (int)strcspn(choices, "|"), choices);
	return out;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}};
static const struct unit time_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

/* With the largest unit that divides the value; one minute is 60s and one hour 60m, as people say
 * it. */
static const char *unit_text(uint64_t value, const struct unit *units, char *out, size_t size)
{
	/* Nothing is 0 bytes, but 0 seconds. */
	size_t i = value != 0 ? 0 : units == time_units ? 2 : 3;

	for (; i < 3 && value != 0; i++) {
		bool few = units == time_units && i < 2 && value < 2 * units[i].factor;
		if (value % units[i].factor == 0 && !few)
			break;
	}
	(void)snprintf(out, size, "%llu%s", (unsigned long long)(value / units[i].factor),
	               units[i].name);
	return out;
}

const char *conf_value_text(const struct conf_directive *d, const void *base, char *out,
                            size_t size)
{
	const void *p = d->offset == CONF_NOT_STORED ? NULL : const_member(d, base);
	uint64_t value = 0;

	if (p == NULL)
		return choice_text(d->choices, 0, out, size);
	if (d->type == CONF_T_SMALL)
		value = *(const unsigned *)p;
	else if (d->type == CONF_T_NUMBER || d->type == CONF_T_SIZE)
		value = *(const size_t *)p;
	else if (d->type == CONF_T_DURATION)
		value = *(const uint64_t *)p;
	else if (d->type == CONF_T_SECONDS)
		value = *(const uint64_t *)p * 1000;
	if (value == 0 && d->special != NULL && d->type < CONF_T_PATH)
		return d->special;
	switch (d->type) {
	case CONF_T_SIZE:
		return unit_text(value, size_units, out, size);
	case CONF_T_DURATION:
	case CONF_T_SECONDS:
		return unit_text(value, time_units, out, size);
	case CONF_T_YESNO:
		return choice_text(d->choices, *(const bool *)p ? 0 : 1, out, size);
	case CONF_T_CHOICE:
		return choice_text(d->choices, *(const int *)p, out, size);
	case CONF_T_WORD:
	case CONF_T_TEXT:
	case CONF_T_SECRET:
	case CONF_T_PATH:
	case CONF_T_LOOPBACK:
		return *(char *const *)p != NULL ? *(char *const *)p : d->special;
	default:
		(void)snprintf(out, size, "%llu", (unsigned long long)value);
		return out;
	}
}
