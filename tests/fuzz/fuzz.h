/* SPDX-License-Identifier: ISC */
/* What libFuzzer and replay.c call. A target checks real invariants and calls abort() where one is
 * broken. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* One input; data may be NULL when size is 0. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: called once before the first input. Returns 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ_CHECK(condition) ((condition) ? (void)0 : abort())

#endif
