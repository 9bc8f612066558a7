/* SPDX-License-Identifier: ISC */
/* The main thread: signals and the control socket, until it is time to stop. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "worker/pool.h"

/* What is the program's own doing. */
struct admin_hooks {
	void *ctx;
	/* Reads the configuration again. True where the new one is in force; what is to be told
	 * goes to `say`. */
	bool (*reload)(void *ctx, struct buf *say);
	/* The order to stop has come. */
	void (*stopping)(void *ctx);
	/* Called every so many milliseconds; 0 never. */
	void (*tick)(void *ctx);
	uint64_t tick_ms;
};

struct admin;

/* Takes over SIGHUP, SIGTERM and SIGINT of the process (before any thread is started) and listens
 * on the control socket and for HTTP (NULL: not). NULL and the reason. */
struct admin *admin_new(const char *socket_path, const char *http, struct err *e);

/* Serves until SIGTERM or SIGINT; a second one then ends the process at once. */
void admin_run(struct admin *a, struct pool *pool, const struct admin_hooks *hooks);

/* Removes the socket. NULL-safe. */
void admin_free(struct admin *a);

#endif
