/* SPDX-License-Identifier: ISC */
/* A folder of a test's own, below $TMPDIR, gone with the test. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include "base/slice.h"

/* Checked fixtures: a new empty folder, and its end with all that is in it. Abort where that fails.
 */
void scratch_make(void);
void scratch_remove(void);

/* The folder, and the path of a name in it (static memory, eight at a time). */
const char *scratch_folder(void);
const char *scratch_path(const char *name);

/* A file of that content and mode. */
const char *scratch_file(const char *name, const char *content, unsigned mode);

/* How many names there are in the folder. */
unsigned scratch_count(void);

#endif
