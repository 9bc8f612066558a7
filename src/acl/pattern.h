/* SPDX-License-Identifier: ISC */
#ifndef ACL_PATTERN_H
#define ACL_PATTERN_H

#include "base/err.h"
#include "base/slice.h"

/* Globs for client ids and user names: `*` any run, `?` one character (a whole UTF-8 character), `\` takes the next
 * character literally; no classes; case-sensitive. Linear in pattern times text, never exponential. */
bool acl_glob_match(struct slice pattern, struct slice text);

/* 0, or -1 for a pattern that ends in a lone `\` or is not valid UTF-8. */
int acl_glob_check(struct slice pattern, struct err *e);

#endif
