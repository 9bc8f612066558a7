/* SPDX-License-Identifier: ISC */
/* The log: one line an event, logfmt on standard error, each written whole by one system call, from any thread. Untrusted
 * text is escaped and cut. Never give it a password, code, key or payload. */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include "base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is below the level is left out; the start value is info. Any thread. */
void log_set_level(enum log_level level);
bool log_wanted(enum log_level level);

/* A line under construction, on the caller's stack. */
struct log_line {
	bool wanted;
	size_t len;
	char text[2048];
};

/* `time=… level=… event=EVENT`. Then fields, then log_end(), which writes the line. A field that does not fit is cut. */
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_text(struct log_line *l, const char *key, struct slice value); /* untrusted: escaped, cut at 200 bytes, quoted where needed */
void log_str(struct log_line *l, const char *key, const char *value);   /* the same for a C string; NULL: left out */
void log_number(struct log_line *l, const char *key, int64_t value);
void log_end(struct log_line *l);

/* A line with only a message: `… event=EVENT message="…"`. */
void log_say(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
