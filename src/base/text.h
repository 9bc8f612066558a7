/* SPDX-License-Identifier: ISC */
/* Small strict readers of words, and the safe writer of untrusted text. A reader takes the whole word or
 * refuses it: no sign, no blank, no tail, no silent overflow. All return 0, or -1 with the reason in e
 * (the bad text quoted, the range named). */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/err.h"
#include "base/slice.h"

/* A decimal number from min to max. */
int text_number(struct slice word, uint64_t min, uint64_t max, uint64_t *out, struct err *e);

/* A duration of milliseconds: a number and one of ms, s, m, h, d ("500ms", "10s"). The unit may not be left out. */
int text_duration(struct slice word, uint64_t min_ms, uint64_t max_ms, uint64_t *out_ms, struct err *e);

/* A size in bytes: a number, or a number and one of k, M, G, powers of 1024 ("4096", "64k"). */
int text_size(struct slice word, uint64_t min, uint64_t max, uint64_t *out, struct err *e);

/* Hexadecimal digits of both cases into exactly n bytes. */
int text_unhex(struct slice word, uint8_t *out, size_t n, struct err *e);

/* 2·n lower-case digits and a NUL into out. */
void text_hex(const uint8_t *p, size_t n, char *out);

/* Writes `s` into out (size bytes, NUL included) so that a terminal, a log reader and a logfmt parser are safe
 * from it: control bytes, quotes, backslashes and everything that is not valid UTF-8 become \xNN or \" or \\;
 * what does not fit is cut at a whole character and marked with "…". Returns out. */
char *text_escape(struct slice s, char *out, size_t size);

/* The same as the inside of a JSON string: \u00NN in place of \xNN. */
char *text_json(struct slice s, char *out, size_t size);

#endif
