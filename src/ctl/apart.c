/* SPDX-License-Identifier: ISC */
/* The state is read as its owner, but what is made of it belongs to whoever runs the tool, in a
 * folder where the owner may have no say. To give up root's rights for good and still write as root
 * takes two processes: one reads, the other writes. */
#include "ctl/state.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

static int put_all(int fd, struct slice s)
{
	while (s.n != 0) {
		ssize_t put = write(fd, s.p, s.n);
		if (put < 0 && errno != EINTR)
			return ctl_fail("cannot hand on the result: %s", strerror(errno));
		if (put > 0)
			s = slice_from(s, (size_t)put);
	}
	return CTL_OK;
}

static int get_all(int fd, struct buf *out)
{
	for (;;) {
		uint8_t one, *to = &one;
		size_t room = buf_room(out) < CHUNK ? buf_room(out) : CHUNK;
		if (room != 0)
			to = buf_reserve(out, room);
		if (to == NULL)
			return ctl_fail("out of memory");
		ssize_t got = read(fd, to, room == 0 ? 1 : room);
		if (got == 0)
			return CTL_OK;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || room == 0)
			return ctl_fail("the result is not whole");
		buf_added(out, (size_t)got);
	}
}

static int produce_into(int fd, int (*produce)(void *ctx, struct buf *out), void *ctx, size_t cap)
{
	struct buf own = {.cap = cap};
	int result = produce(ctx, &own);

	if (result == CTL_OK)
		result = put_all(fd, buf_view(&own));
	buf_free(&own);
	return result;
}

int ctl_apart(int (*produce)(void *ctx, struct buf *out), void *ctx, struct buf *out)
{
	int ends[2], status = 0;

	if (pipe(ends) != 0)
		return ctl_fail("no pipe: %s", strerror(errno));
	(void)fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		_exit(produce_into(ends[1], produce, ctx, buf_room(out)));
	}
	(void)close(ends[1]);
	int result =
	    child < 0 ? ctl_fail("no process: %s", strerror(errno)) : get_all(ends[0], out);
	(void)close(ends[0]);
	if (child < 0)
		return result;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!WIFEXITED(status))
		return ctl_fail("the process that reads the state was killed");
	return WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : result;
}
