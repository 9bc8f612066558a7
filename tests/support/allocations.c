/* SPDX-License-Identifier: ISC */
#include "tests/support/allocations.h"

#include <openssl/crypto.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static struct allocations made;

void *__wrap_malloc(size_t n)
{
	made.ours++;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	made.ours++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	made.ours++;
	return __real_realloc(p, n);
}

static void *crypto_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	made.theirs++;
	return __real_malloc(n);
}

static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	made.theirs++;
	return __real_realloc(p, n);
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

bool allocations_watch(void)
{
	return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}

struct allocations allocations_now(void)
{
	return made;
}
