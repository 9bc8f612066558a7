/* SPDX-License-Identifier: ISC */
/* Input laid against a page that may not be read: one byte too far is a crash, not luck. */
#ifndef SUPPORT_GUARD_H
#define SUPPORT_GUARD_H

#include "base/slice.h"

/* A copy of s whose last byte is the last before an unreadable page. Aborts without memory. */
struct slice guard_copy(struct slice s);

/* The same for what is written: n zero bytes. */
uint8_t *guard_room(size_t n);

/* Gives either back. */
void guard_free(struct slice s);

#endif
