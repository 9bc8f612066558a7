/* SPDX-License-Identifier: ISC */
/* What every unit test needs: Check, one main, hexadecimal input. */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include "base/slice.h"

#include <check.h>

/* Runs one suite and prints TAP. Returns the exit status for main(). Prepares libsodium first. */
int suite_run(Suite *s);

/* n zeroed bytes, and one to spare, that are kept until the program ends, so that no leak checker counts them. */
uint8_t *kept_bytes(size_t n);

/* Decodes hexadecimal text (blanks allowed) into memory that is kept until the program ends; aborts on a bad digit. */
struct slice unhex(const char *text);

/* Fails the running test with both sides in hexadecimal (cut) where the bytes differ. */
void expect_bytes(struct slice got, struct slice want, const char *what);

#endif
