/* SPDX-License-Identifier: ISC */
/* Messages of which a later segment proved bad when earlier ones had been released. They come again, since nobody
 * acknowledged them; then nothing of them may be released. */
#ifndef SEAL_SPOILED_H
#define SEAL_SPOILED_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SPOILED_ID = 23,    /* KID || SALT || NUM: what stands behind the first byte of an envelope */
	SPOILED_KEPT = 1024 /* so many, then the oldest is forgotten */
};

struct spoiled;

/* One for all threads of a process, which outlives every configuration. NULL without memory. */
struct spoiled *spoiled_new(void);
void spoiled_free(struct spoiled *s); /* NULL-safe */

/* Any thread, without a lock. Only for a message whose first tag was good, so strangers cannot fill it. */
void spoiled_add(struct spoiled *s, const uint8_t id[SPOILED_ID]);
bool spoiled_has(const struct spoiled *s, const uint8_t id[SPOILED_ID]);

#endif
