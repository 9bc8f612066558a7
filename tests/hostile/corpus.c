/* SPDX-License-Identifier: ISC */
/* The reader of the corpus. Any mistake in the text ends the program: no stream is ever left out
 * for want of understanding. */
#include "tests/hostile/corpus.h"

#include "mqtt/frame.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 6 };

static _Noreturn void oops(const char *file, unsigned line, const char *what, const char *text)
{
	fprintf(stderr, "%s:%u: %s: %s\n", file, line, what, text);
	exit(99);
}

/* -- bytes -- */

struct parser {
	const char *text, *at;
	enum mqtt_version version;
	struct hostile_bytes *out;
};

static _Noreturn void bad_text(const struct parser *p)
{
	oops(p->text, (unsigned)(p->at - p->text), "what is this", p->at);
}

static void put(struct hostile_bytes *b, const void *p, size_t n)
{
	if (n > b->size - b->n) {
		b->size = 2 * (b->n + n);
		b->p = realloc(b->p, b->size);
		if (b->p == NULL)
			abort();
	}
	if (n != 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

/* Puts the length of what was written since `start` before it. */
static void prefix(struct hostile_bytes *b, size_t start, bool varint)
{
	size_t n = b->n - start;
	uint8_t head[4];
	struct writer w = {.p = head, .cap = sizeof head};

	if (varint)
		writer_varint(&w, n);
	else
		writer_u16(&w, (uint16_t)n);
	put(b, head, w.len);
	memmove(b->p + start + w.len, b->p + start, n);
	memcpy(b->p + start, head, w.len);
}

static void parse(struct parser *p, char end);

static void inside(struct parser *p, char end)
{
	p->at++;
	parse(p, end);
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void hexadecimal(struct parser *p)
{
	if (!isxdigit((unsigned char)p->at[1]))
		bad_text(p);
	uint8_t byte = (uint8_t)(digit(p->at[0]) << 4 | digit(p->at[1]));
	put(p->out, &byte, 1);
	p->at += 2;
	if (*p->at != '(')
		return;
	size_t start = p->out->n;
	inside(p, ')');
	prefix(p->out, start, true);
}

static void quoted(struct parser *p, char quote)
{
	const char *end = strchr(p->at + 1, quote);
	size_t start = p->out->n;

	if (end == NULL)
		bad_text(p);
	put(p->out, p->at + 1, (size_t)(end - p->at) - 1);
	if (quote == '"')
		prefix(p->out, start, false);
	p->at = end + 1;
}

/* {34 …}, and [ … ] for 5.0. */
static void conditional(struct parser *p, bool applies, char end)
{
	size_t start = p->out->n, good = p->out->good;

	parse(p, end);
	if (applies && end == ']')
		prefix(p->out, start, true);
	if (applies)
		return;
	p->out->n = start;
	p->out->good = good;
}

static void versions(struct parser *p)
{
	bool applies = false;

	for (p->at++; isdigit((unsigned char)*p->at); p->at++)
		applies |= *p->at - '0' == (int)p->version;
	conditional(p, applies, '}');
}

static void repeated(struct parser *p)
{
	char *end;
	unsigned long times = strtoul(p->at + 1, &end, 10);
	size_t start = p->out->n;

	if (*end != '(' || times == 0)
		bad_text(p);
	p->at = end;
	inside(p, ')');
	size_t n = p->out->n - start;
	uint8_t *once = take(n);
	memcpy(once, p->out->p + start, n);
	for (unsigned long i = 1; i < times; i++)
		put(p->out, once, n);
	free(once);
}

static const char *const names[][2] = {
    {"$proto", "{3 \"MQIsdp\" 03} {4 \"MQTT\" 04} {5 \"MQTT\" 05}"},
    {"$connect", "10( $proto 02 003c [ 22 0005 ] \"hostile\" )"},
    {"$connack", "20( 0000 [ 22 0005 ] )"},
};

static void named(struct parser *p)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t n = strlen(names[i][0]);
		if (strncmp(p->at, names[i][0], n) != 0)
			continue;
		const char *after = p->at + n;
		p->at = names[i][1];
		parse(p, '\0');
		p->at = after;
		return;
	}
	bad_text(p);
}

static void one(struct parser *p)
{
	size_t start = p->out->n;

	switch (*p->at) {
	case '\'':
	case '"':
		quoted(p, *p->at);
		break;
	case '<':
		inside(p, '>');
		prefix(p->out, start, false);
		break;
	case '[':
		p->at++;
		conditional(p, p->version == MQTT_5, ']');
		break;
	case '{':
		versions(p);
		break;
	case '*':
		repeated(p);
		break;
	case '$':
		named(p);
		break;
	case '|':
		p->out->good = p->out->n;
		p->at++;
		break;
	default:
		if (!isxdigit((unsigned char)*p->at))
			bad_text(p);
		hexadecimal(p);
	}
}

static void parse(struct parser *p, char end)
{
	for (;;) {
		while (*p->at == ' ' || *p->at == '\t')
			p->at++;
		if (*p->at == end)
			break;
		one(p);
	}
	if (end != '\0')
		p->at++;
}

struct hostile_bytes hostile_text(const char *text, enum mqtt_version version)
{
	struct hostile_bytes out = {0};
	struct parser p = {.text = text, .at = text, .version = version, .out = &out};

	parse(&p, '\0');
	return out;
}

struct hostile_bytes hostile_make(const struct hostile *h, enum mqtt_version version)
{
	return hostile_text(h->text, version);
}

struct hostile_bytes hostile_connect(const struct hostile *h, enum mqtt_version version)
{
	return hostile_text(
	    h->phase == HOSTILE_AUTH ? "10( $proto 02 003c [ 15 \"M\" ] \"hostile\" )" : "$connect",
	    version);
}

struct hostile_bytes hostile_connack(enum mqtt_version version)
{
	return hostile_text("$connack", version);
}

/* -- lines -- */

static char *word_of(char **rest)
{
	char *start = *rest + strspn(*rest, " \t");

	*rest = start + strcspn(start, " \t");
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return start;
}

static bool outcome_of(const char *text, struct hostile_outcome *o)
{
	static const char *const words[] = {"pass", "hold", "close", "refuse"};
	char *end;

	*o = (struct hostile_outcome){.end = HOSTILE_CLOSE};
	for (int i = 0; i <= HOSTILE_REFUSE; i++) {
		o->end = (enum hostile_end)i;
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	o->end = HOSTILE_CLOSE;
	if (strncmp(text, "say=", 4) == 0) {
		o->say = text + 4;
		return strlen(o->say) != 0 && strlen(o->say) <= 2 * (size_t)HOSTILE_SAY;
	}
	o->late = strchr(text, '/') != NULL;
	if (o->late) {
		o->code3 = (int)strtol(text, &end, 10);
		text = end + 1;
	}
	o->code5 = (int)strtol(text, &end, 16);
	return *end == '\0' && o->code5 >= 0x80;
}

static bool outcomes_of(struct hostile *h, char *text)
{
	char *comma = strstr(text, ",rules=");

	if (comma != NULL)
		*comma = '\0';
	if (!outcome_of(text, &h->plain))
		return false;
	h->rules = h->plain;
	return comma == NULL || outcome_of(comma + 7, &h->rules);
}

static bool phase_of(const char *text, enum hostile_phase *phase)
{
	static const char *const words[] = {"greet", "wait", "auth", "on"};

	for (int i = 0; i <= HOSTILE_ON; i++) {
		*phase = (enum hostile_phase)i;
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool versions_of(const char *text, uint8_t *versions)
{
	*versions = 0;
	for (; *text >= '3' && *text <= '5'; text++)
		*versions |= (uint8_t)(1u << (*text - '0'));
	return *text == '\0' && *versions != 0;
}

static struct hostile line_of(const char *file, unsigned line, char *text)
{
	struct hostile h = {.file = file, .line = line};
	char *f[FIELDS];

	for (int i = 0; i < FIELDS; i++)
		f[i] = word_of(&text);
	h.id = f[0];
	h.clause = f[5];
	h.text = text;
	h.side = strcmp(f[2], "client") == 0 ? SIDE_CLIENT : SIDE_BROKER;
	if (*h.clause == '\0' || !versions_of(f[1], &h.versions))
		oops(file, line, "no such line", f[0]);
	if (h.side == SIDE_BROKER && strcmp(f[2], "broker") != 0)
		oops(file, line, "no such side", f[2]);
	if (!phase_of(f[3], &h.phase) || !outcomes_of(&h, f[4]))
		oops(file, line, "no such phase or outcome", f[4]);
	return h;
}

void hostile_read(struct hostile_corpus *c, const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (in == NULL)
		oops(path, 0, "cannot be read", "");
	for (unsigned n = 1; getline(&line, &size, in) > 0; n++) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[strspn(line, " \t")] == '\0')
			continue;
		c->all = realloc(c->all, (c->n + 1) * sizeof *c->all);
		if (c->all == NULL)
			abort();
		c->all[c->n++] = line_of(path, n, strdup(line));
	}
	free(line);
	(void)fclose(in);
}

/* -- what must come of it -- */

struct slice hostile_told(const struct hostile *h, const struct hostile_outcome *o,
                          enum mqtt_version version, uint8_t say[HOSTILE_SAY])
{
	int code = version == MQTT_5 ? o->code5 : o->code3;
	char text[64];

	if (o->say == NULL && code == 0)
		return slice_of(NULL, 0);
	if (o->say != NULL)
		(void)snprintf(text, sizeof text, "%s", o->say);
	else if (h->phase == HOSTILE_ON)
		(void)snprintf(text, sizeof text, "e0(%02x)", (unsigned)code);
	else
		(void)snprintf(text, sizeof text, "20( 00%02x [] )", (unsigned)code);
	struct hostile_bytes b = hostile_text(text, version);
	size_t n = b.n;
	memcpy(say, b.p, n);
	free(b.p);
	return slice_of(say, n);
}

struct slice hostile_passed(const struct hostile_outcome *o, const struct hostile_bytes *bytes)
{
	bool all = o->end == HOSTILE_PASS || o->end == HOSTILE_REFUSE;

	return slice_of(bytes->p, all ? bytes->n : bytes->good);
}

/* Bytes of the first packet; 0 where it is not whole. */
static size_t packet_at(struct slice s, uint8_t *type)
{
	struct mqtt_frame f;

	*type = s.n == 0 ? 0 : s.p[0] >> 4;
	if (mqtt_frame_next(s, &f) != MQTT_OK || f.remaining > s.n - f.head)
		return 0;
	return f.head + (size_t)f.remaining;
}

bool hostile_at_boundary(struct slice s)
{
	uint8_t type;
	size_t n;

	while (s.n != 0 && (n = packet_at(s, &type)) != 0)
		s = slice_from(s, n);
	return s.n == 0;
}

bool hostile_disconnects(struct slice s)
{
	uint8_t type;
	size_t n;

	while ((n = packet_at(s, &type)) != 0 && type != MQTT_DISCONNECT)
		s = slice_from(s, n);
	return n != 0;
}

static bool same_changed(struct slice got, struct slice want, struct fault *f)
{
	uint8_t type, wanted;
	size_t n, w;

	while ((w = packet_at(want, &wanted)) != 0) {
		n = packet_at(got, &type);
		if (n == 0 || type != wanted)
			return fault_set(f, "not each packet went on");
		bool may_change =
		    type == MQTT_PUBLISH || type == MQTT_CONNECT || type == MQTT_CONNACK;
		if (!may_change && !slice_eq(slice_of(got.p, n), slice_of(want.p, w)))
			return fault_set(f, "a packet went on altered");
		got = slice_from(got, n);
		want = slice_from(want, w);
	}
	/* What is not whole waits, where it may have to be changed. */
	return got.n == 0 || slice_eq(got, want) || fault_set(f, "more went on than came");
}

bool hostile_same(struct slice got, struct slice want, bool rules, struct fault *f)
{
	if (rules)
		return same_changed(got, want, f);
	for (size_t i = 0; i < got.n && i < want.n; i++) {
		if (got.p[i] != want.p[i])
			return fault_set(f, "byte %zu is %02x, not %02x", i, got.p[i], want.p[i]);
	}
	return got.n == want.n || fault_set(f, "%zu bytes, not %zu", got.n, want.n);
}

/* -- the count -- */

struct key {
	struct hostile_bytes bytes;
	enum mqtt_version version;
	enum side side;
};

static int order(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	if (x->bytes.n != y->bytes.n)
		return x->bytes.n < y->bytes.n ? -1 : 1;
	return x->bytes.n == 0 ? 0 : memcmp(x->bytes.p, y->bytes.p, x->bytes.n);
}

size_t hostile_count(const struct hostile_corpus *c)
{
	struct key *keys = calloc(3 * c->n + 1, sizeof *keys);
	size_t n = 0, unique = 0;

	if (keys == NULL)
		abort();
	for (size_t i = 0; i < c->n; i++) {
		for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
			if ((c->all[i].versions & 1u << v) != 0)
				keys[n++] = (struct key){.bytes = hostile_make(&c->all[i], v),
				                         .version = v,
				                         .side = c->all[i].side};
		}
	}
	qsort(keys, n, sizeof *keys, order);
	for (size_t i = 0; i < n; i++)
		unique += i == 0 || order(&keys[i - 1], &keys[i]) != 0;
	for (size_t i = 0; i < n; i++)
		free(keys[i].bytes.p);
	free(keys);
	return unique;
}
