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

/* The same where an unescaped `%u` in the pattern stands for the user's name, literally, which is
 * not empty. */
bool acl_glob_match_user(struct slice pattern, struct slice user, struct slice text);

/* Whether `%` and the letter stand in the pattern without a backslash before them. */
bool acl_glob_has_name(struct slice pattern, char letter);

#endif
