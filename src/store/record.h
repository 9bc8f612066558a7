/* SPDX-License-Identifier: ISC */
/* What every database must agree on: which users may be stored, and how a budget of guesses fills.
 * Inside store/ only. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "store/backend.h"

/* Whether a user may be stored: name, blob and numbers within their ranges. 0 or -1. */
int store_user_check(const struct store_user *u, struct err *e);

/* "user \"NAME\" exists already", the name escaped. Returns -1. */
int store_user_exists(struct slice name, struct err *e);

/* Whether a source that failed so many times, and last at `last`, still has to wait at `now`. A
 * clock that was set back by more than a minute ends the delay: nobody waits for a year. */
bool store_delayed(int64_t failures, int64_t last, int64_t now);

/* Whether the source may show the one code that follows its resync: it does not wait for that, else
 * an owner who waited long enough to be out of the window would never get back into it. */
bool store_resyncs(const struct otp_state *s, const uint8_t source[16], int64_t now);

/* Whether such a user may try to log in at `now`: STORE_DONE, or why not. */
enum store_status store_user_admitted(bool locked, bool stale, int64_t expires, int64_t now);

/* The mark that a reset leaves. */
int64_t store_reset_mark(const struct otp_params *p, int64_t mark, int64_t now);

/* Counts a user. */
void store_census_add(struct store_census *c, const struct store_user *u, int64_t now);

/* Whether the login of such an edit may be stored. 0 or -1. */
int store_login_check(const struct store_edit *edit, struct err *e);

/* "the counter has moved on meanwhile". Returns -1. */
int store_edit_conflict(struct err *e);

/* Whether a ban may be stored: kind, lengths and times within their ranges. */
bool store_ban_valid(const struct store_ban *ban);

/* The operation failed for that reason. Always returns STORE_FAILED. */
enum store_status store_op_fail(struct store_op *op, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
