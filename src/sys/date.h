/* SPDX-License-Identifier: ISC */
/* A time as people and programs read it. */
#ifndef SYS_DATE_H
#define SYS_DATE_H

#include <stdint.h>

enum { DATE_TEXT = 64 };

/* Milliseconds since the epoch as 2026-01-31T23:59:59.999Z into out (DATE_TEXT bytes); what is
 * before the epoch is the epoch. Returns out. */
const char *date_text(int64_t ms, char *out);

#endif
