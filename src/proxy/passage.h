/* SPDX-License-Identifier: ISC */
/* Which packets pass: a walk over what a session consumed of one side's bytes, for whoever watches.
 */
#ifndef PROXY_PASSAGE_H
#define PROXY_PASSAGE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one direction. left: bytes that are still to come of a packet that has begun; 0 to start with
 * at a frame boundary. */
struct passage {
	uint32_t left;
};

/* A packet that begins. */
struct passing {
	const char *type; /* "PUBLISH" */
	size_t size;      /* header included */
	unsigned qos;     /* of a PUBLISH, like the rest */
	bool retain;
	struct slice topic; /* borrowed from the view; n 0 where it is not there */
};

/* Goes on to the next packet that begins within the first *consumed bytes of *view, both of which
 * it takes off as far as it got. False: there is none. */
bool passage_next(struct passage *p, struct slice *view, size_t *consumed, struct passing *out);

#endif
