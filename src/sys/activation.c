/* SPDX-License-Identifier: ISC */
/* What the service manager says in the environment, believed only where it is meant for this
 * process. */
#include "sys/activation.h"

#include "base/text.h"

#include <stdlib.h>
#include <unistd.h>

/* Cuts the names, NAME:NAME:…, apart in place. 0, or -1 where there are more or fewer than sockets.
 */
static int split_names(struct activation *a)
{
	char *at = a->names;

	for (size_t i = 0; i < a->n; i++) {
		if (at == NULL)
			return -1;
		a->name[i] = strsep(&at, ":");
	}
	return at == NULL ? 0 : -1;
}

int activation_read(struct activation *a, struct err *e)
{
	const char *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	const char *pid = getenv("LISTEN_PID");
	uint64_t n = 0, whose = 0;

	*a = (struct activation){0};
	if (count == NULL || pid == NULL)
		return 0;
	if (text_number(slice_str(pid), 1, INT32_MAX, &whose, e) != 0)
		return err_set(e, "LISTEN_PID is no process id");
	if (whose != (uint64_t)getpid())
		return 0;
	if (text_number(slice_str(count), 0, ACTIVATION_MAX, &n, e) != 0)
		return err_set(e, "LISTEN_FDS is not a number from 0 to %d", ACTIVATION_MAX);
	a->n = (size_t)n;
	for (size_t i = 0; i < a->n; i++)
		a->name[i] = "unknown";
	if (names == NULL || a->n == 0)
		return 0;
	a->names = strdup(names);
	if (a->names == NULL)
		return err_set(e, "out of memory");
	if (split_names(a) == 0)
		return 0;
	activation_fini(a);
	return err_set(e, "LISTEN_FDNAMES does not have as many names as LISTEN_FDS has sockets");
}

void activation_fini(struct activation *a)
{
	free(a->names);
	*a = (struct activation){0};
}
