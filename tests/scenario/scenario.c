/* SPDX-License-Identifier: ISC */
/* Reads .scn files. Strict: a word that is not known is an error that names its line, so a slip of
 * the pen in a scenario cannot make it check less than it says. */
#include "tests/scenario/scenario.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BIT(v) ((uint8_t)(1u << (v)))

enum { ALL_VERSIONS = 1 << MQTT_31 | 1 << MQTT_311 | 1 << MQTT_5 };

/* Where args is -1 the words behind are the packet; else so many words follow. */
static const struct {
	const char *text; /* "SIDE word" has the side first */
	enum step_kind kind;
	int args;
	bool sided, sim_only;
} scenario_steps[] = {
    {"sends", STEP_SENDS, -1, true, false},
    {"gets", STEP_GETS, -1, true, false},
    {"ends", STEP_ENDS, 0, true, false},
    {"breaks", STEP_BREAKS, 0, true, false},
    {"closed", STEP_CLOSED, 0, true, false},
    {"shut", STEP_SHUT, 0, true, false},
    {"unread", STEP_UNREAD, 0, true, true},
    {"read", STEP_READ, 0, true, true},
    {"unasked", STEP_NO_LEG, 0, true, false},
    {"after", STEP_AFTER, 1, false, true},
    {"store", STEP_STORE, 1, false, true},
    {"dial", STEP_DIAL, 1, false, false},
    {"hold", STEP_HOLD, 1, false, true},
    {"release", STEP_RELEASE, 0, false, true},
    {"stop", STEP_STOP, 1, false, true},
    {"refuse", STEP_REFUSE, 1, false, true},
    {"again", STEP_AGAIN, 0, false, false},
    {"verdict", STEP_VERDICT, 1, false, false},
    {"noted", STEP_NOTED, 1, false, false},
    {"state", STEP_STATE, 1, false, false},
    {"denied", STEP_DENIED, 1, false, false},
    {"tried", STEP_TRIED, 1, false, false},
    {"tolerated", STEP_TOLERATED, 1, false, false},
};

struct reading {
	struct script *script;
	const char *path;
	unsigned line;
};

void *take(size_t n)
{
	void *p = calloc(1, n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	return p;
}

bool fault_set(struct fault *f, const char *format, ...)
{
	va_list args;

	if (f->text[0] != '\0')
		return false;
	va_start(args, format);
	(void)vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
	return false;
}

static _Noreturn __attribute__((format(printf, 2, 3))) void bad(const struct reading *r,
                                                                const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", r->path, r->line);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(99);
}

const char *version_name(enum mqtt_version v)
{
	return v == MQTT_31 ? "3.1" : v == MQTT_311 ? "3.1.1" : "5.0";
}

/* Words live as long as the process. */
static char *keep(const char *s)
{
	static struct kept {
		struct kept *next;
		char text[];
	} * all;
	struct kept *k = take(sizeof *k + strlen(s) + 1);

	k->next = all;
	all = k;
	return memcpy(k->text, s, strlen(s) + 1);
}

static struct words split(const struct reading *r, char *line)
{
	struct words words = {.n = 0};

	for (char *w = strtok(line, " \t\n"); w != NULL; w = strtok(NULL, " \t\n")) {
		if (words.n == SCENARIO_WORDS)
			bad(r, "too many words");
		words.w[words.n++] = keep(w);
	}
	return words;
}

static struct words behind(const struct words *w, size_t n)
{
	struct words rest = {.n = 0};

	for (size_t i = n; i < w->n; i++)
		rest.w[rest.n++] = w->w[i];
	return rest;
}

static uint8_t version_bits(const struct reading *r, const char *word)
{
	if (strcmp(word, "3.x") == 0)
		return BIT(MQTT_31) | BIT(MQTT_311);
	if (strcmp(word, "5") == 0)
		return BIT(MQTT_5);
	for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
		if (strcmp(word, version_name(v)) == 0)
			return BIT(v);
	}
	bad(r, "no version: %s", word);
}

static void *grow(void *p, size_t n, size_t size)
{
	void *bigger = reallocarray(p, n + 1, size);

	if (bigger == NULL)
		abort();
	memset((char *)bigger + n * size, 0, size);
	return bigger;
}

static struct step *add_step(struct scene *scene)
{
	scene->steps = grow(scene->steps, scene->n, sizeof *scene->steps);
	return &scene->steps[scene->n++];
}

/* One step from its words. */
static void read_step(const struct reading *r, struct scene *scene, struct words w,
                      uint8_t versions)
{
	enum side side = SIDE_CLIENT;
	bool sided = false;

	if (strcmp(w.w[0], "client") == 0 || strcmp(w.w[0], "broker") == 0) {
		side = w.w[0][0] == 'c' ? SIDE_CLIENT : SIDE_BROKER;
		sided = true;
		w = behind(&w, 1);
	}
	for (size_t i = 0; w.n != 0 && i < sizeof scenario_steps / sizeof scenario_steps[0]; i++) {
		if (sided != scenario_steps[i].sided || strcmp(w.w[0], scenario_steps[i].text) != 0)
			continue;
		struct words args = behind(&w, 1);
		if (scenario_steps[i].args < 0 ? args.n == 0
		                               : args.n != (size_t)scenario_steps[i].args)
			bad(r, "wrong number of words behind %s", w.w[0]);
		struct step *s = add_step(scene);
		*s = (struct step){.line = r->line,
		                   .versions = versions,
		                   .kind = scenario_steps[i].kind,
		                   .side = side,
		                   .args = args};
		if (s->kind == STEP_GETS && strcmp(args.w[0], "nothing") == 0)
			s->kind = STEP_NOTHING;
		if (scenario_steps[i].sim_only)
			scene->wire = false;
		return;
	}
	bad(r, "no such step");
}

/* "connected WORD…": a whole handshake; the words go into the CONNECT on both legs. */
static void read_connected(const struct reading *r, struct scene *scene, struct words w,
                           uint8_t versions)
{
	static const char *const steps[][3] = {{"client", "sends", "connect"},
	                                       {"broker", "gets", "connect"},
	                                       {"broker", "sends", "connack"},
	                                       {"client", "gets", "connack"}};

	for (size_t i = 0; i < 4; i++) {
		struct words s = {.n = 0};
		for (size_t k = 0; k < 3; k++)
			s.w[s.n++] = steps[i][k];
		for (size_t k = 1; i < 2 && k < w.n; k++)
			s.w[s.n++] = w.w[k];
		read_step(r, scene, s, versions);
	}
}

/* "both closed" */
static void read_both(const struct reading *r, struct scene *scene, struct words w,
                      uint8_t versions)
{
	w.w[0] = "client";
	read_step(r, scene, w, versions);
	w.w[0] = "broker";
	read_step(r, scene, w, versions);
}

static bool read_head(const struct reading *r, struct scene *scene, const struct words *w)
{
	if (strcmp(w->w[0], "tags") == 0)
		return true;
	if (strcmp(w->w[0], "versions") == 0) {
		scene->versions = 0;
		for (size_t i = 1; i < w->n; i++)
			scene->versions |= version_bits(r, w->w[i]);
		return true;
	}
	if (strcmp(w->w[0], "modes") == 0) {
		scene->sim = scene->wire = scene->whole = false;
		for (size_t i = 1; i < w->n; i++) {
			scene->sim |= strcmp(w->w[i], "sim") == 0;
			scene->wire |= strcmp(w->w[i], "wire") == 0;
			scene->whole |= strcmp(w->w[i], "whole") == 0;
		}
		return true;
	}
	if (strcmp(w->w[0], "use") != 0)
		return false;
	for (size_t i = 1; i < w->n; i++) {
		if (scene->n_use == SCENARIO_POLICIES)
			bad(r, "too many policies");
		scene->use[scene->n_use++] = w->w[i];
	}
	return true;
}

static void begin_scene(const struct reading *r, const struct words *w)
{
	struct script *s = r->script;

	if (w->n != 2)
		bad(r, "scene NAME");
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->scenes[i].name, w->w[1]) == 0)
			bad(r, "there is a scene %s already", w->w[1]);
	}
	s->scenes = grow(s->scenes, s->n, sizeof *s->scenes);
	s->scenes[s->n++] = (struct scene){.file = r->path,
	                                   .line = r->line,
	                                   .name = w->w[1],
	                                   .versions = ALL_VERSIONS,
	                                   .sim = true,
	                                   .wire = true};
}

static void read_line(const struct reading *r, char *line)
{
	struct words w = split(r, line);
	uint8_t versions = ALL_VERSIONS;
	struct script *s = r->script;

	if (w.n == 0)
		return;
	if (strcmp(w.w[0], "scene") == 0) {
		begin_scene(r, &w);
		return;
	}
	if (strcmp(w.w[0], "policy") == 0) {
		s->policies = grow(s->policies, s->n_policies, sizeof *s->policies);
		s->policies[s->n_policies++] =
		    (struct named_policy){.name = w.w[1], .words = behind(&w, 2)};
		return;
	}
	if (s->n == 0)
		bad(r, "outside a scene");
	struct scene *scene = &s->scenes[s->n - 1];
	if (w.w[0][0] == '[') {
		char *name = keep(w.w[0] + 1);
		name[strcspn(name, "]")] = '\0';
		versions = version_bits(r, name);
		w = behind(&w, 1);
	}
	if (read_head(r, scene, &w))
		return;
	if (strcmp(w.w[0], "connected") == 0)
		read_connected(r, scene, w, versions);
	else if (strcmp(w.w[0], "both") == 0)
		read_both(r, scene, w, versions);
	else
		read_step(r, scene, w, versions);
}

void script_read(struct script *s, const char *path)
{
	struct reading r = {.script = s, .path = keep(path)};
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0, before = s->n;

	if (f == NULL) {
		perror(path);
		exit(99);
	}
	while (getline(&line, &size, f) > 0) {
		r.line++;
		if (line[0] != '#')
			read_line(&r, line);
	}
	free(line);
	(void)fclose(f);
	for (size_t i = before; i < s->n; i++) {
		if (s->scenes[i].n_use == 0)
			s->scenes[i].use[s->scenes[i].n_use++] = "plain";
	}
}

const struct named_policy *script_policy(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->n_policies; i++) {
		if (strcmp(s->policies[i].name, name) == 0)
			return &s->policies[i];
	}
	return NULL;
}
