/* SPDX-License-Identifier: ISC */
/* What every database of the state must do, as one table of scenarios. */
#ifndef UNIT_STORE_BEHAVIOUR_H
#define UNIT_STORE_BEHAVIOUR_H

#include "store/backend.h"
#include "tests/support/suite.h"

/* Adds the tests to a case; `open` gives a new, empty database. */
void store_behaviour_add(TCase *t, struct store_backend *(*open)(void));

/* Adds a user of that name with a budget of 5 guesses, made at 1000: HOTP where the mark is not
 * below 0, else TOTP. */
void store_behaviour_user(struct store_backend *b, const char *name, int64_t mark);

/* For revoked(): appends the name and a blank to a text of 64 bytes. */
void store_behaviour_name(void *names, struct slice name);

/* One request in a batch of its own; aborts the test where the batch fails. */
void store_behaviour_run(struct store_backend *b, struct store_op *op);

#endif
