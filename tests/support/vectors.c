/* SPDX-License-Identifier: ISC */
#include "tests/support/vectors.h"

#include <stdio.h>
#include <stdlib.h>

static void *grow(void *p, size_t n, size_t size)
{
	/* Doubles at powers of two. */
	if (n != 0 && (n & (n - 1)) != 0)
		return p;
	void *bigger = realloc(p, (n == 0 ? 1 : 2 * n) * size);
	if (bigger == NULL)
		abort();
	return bigger;
}

static char *copy(const char *s)
{
	char *c = strdup(s);

	if (c == NULL)
		abort();
	return c;
}

static void add_field(struct vector *v, char *line)
{
	char *eq = strstr(line, " =");

	if (eq == NULL) {
		fprintf(stderr, "vectors: no \" =\" in \"%s\"\n", line);
		abort();
	}
	*eq = '\0';
	char *value = eq + 2;
	if (*value == ' ')
		value++;
	v->fields = grow(v->fields, v->n, sizeof *v->fields);
	v->fields[v->n++] = (struct vector_field){.name = copy(line), .value = copy(value)};
}

struct vectors vectors_read(const char *name)
{
	struct vectors vs = {0};
	char path[4096], *line = NULL;
	size_t size = 0;
	ssize_t n;
	unsigned number = 0;
	const char *top = getenv("top_srcdir");

	(void)snprintf(path, sizeof path, "%s/tests/vectors/%s", top == NULL ? "." : top, name);
	FILE *f = fopen(path, "r");
	if (f == NULL) {
		perror(path);
		abort();
	}
	while ((n = getline(&line, &size, f)) > 0) {
		number++;
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (line[0] == '[') {
			line[strcspn(line, "]")] = '\0';
			vs.v = grow(vs.v, vs.n, sizeof *vs.v);
			vs.v[vs.n++] = (struct vector){.kind = copy(line + 1), .line = number};
		} else if (vs.n != 0) {
			add_field(&vs.v[vs.n - 1], line);
		}
	}
	free(line);
	(void)fclose(f);
	return vs;
}

void vectors_free(struct vectors *vs)
{
	for (size_t i = 0; i < vs->n; i++) {
		for (size_t k = 0; k < vs->v[i].n; k++) {
			free(vs->v[i].fields[k].name);
			free(vs->v[i].fields[k].value);
		}
		free(vs->v[i].fields);
		free(vs->v[i].kind);
	}
	free(vs->v);
	*vs = (struct vectors){0};
}

const char *vector_get(const struct vector *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++) {
		if (strcmp(v->fields[i].name, name) == 0)
			return v->fields[i].value;
	}
	return NULL;
}

const char *vector_need(const struct vector *v, const char *name)
{
	const char *value = vector_get(v, name);

	if (value == NULL) {
		fprintf(stderr, "vectors: record [%s] at line %u lacks \"%s\"\n", v->kind, v->line, name);
		abort();
	}
	return value;
}

size_t vectors_count(const struct vectors *vs, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < vs->n; i++)
		n += strcmp(vs->v[i].kind, kind) == 0;
	return n;
}
