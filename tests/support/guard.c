/* SPDX-License-Identifier: ISC */
#include "tests/support/guard.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t mapped(size_t n, size_t page)
{
	return (n + page - 1) / page * page + page;
}

uint8_t *guard_room(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = mapped(n, page);
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + size - page, page, PROT_NONE) != 0)
		abort();
	return p + size - page - n;
}

struct slice guard_copy(struct slice s)
{
	uint8_t *at = guard_room(s.n);

	if (s.n != 0)
		memcpy(at, s.p, s.n);
	return slice_of(at, s.n);
}

void guard_free(struct slice s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = mapped(s.n, page);
	uint8_t *end = (uint8_t *)(uintptr_t)s.p + s.n;

	(void)munmap(end + page - size, size);
}
