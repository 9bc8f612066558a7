/* SPDX-License-Identifier: ISC */
/* The log: one line an event, as logfmt or JSON on standard error or as fields in the journal, each
 * sent whole by one system call, from any thread. Untrusted text is escaped and cut. Never give it
 * a password, code, key or payload. */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include "base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Where lines go. AUTO: to the journal where standard error leads there anyway (JOURNAL_STREAM). */
enum log_to { LOG_TO_AUTO, LOG_TO_JOURNAL, LOG_TO_STDERR };

enum log_format { LOG_LOGFMT, LOG_JSON }; /* of what goes to standard error */

struct log_settings {
	enum log_level level;
	enum log_to to;
	enum log_format format;
	bool hash_client_ids;
};

/* Until then: info, logfmt on standard error. The main thread; others may log meanwhile. */
void log_configure(const struct log_settings *s);

/* Whether lines go to the journal. */
bool log_is_journal(void);

/* What is below the level is left out. Any thread. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
bool log_wanted(enum log_level level);

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);

/* Lines that the journal did not take in time: nobody waits for it. Any thread. */
uint64_t log_lost(void);

/* A line under construction, on the caller's stack. */
struct log_line {
	bool wanted;
	enum { LOG_LINE_LOGFMT, LOG_LINE_JSON, LOG_LINE_JOURNAL } kind;
	size_t len, fields_len;
	char text[2048];
	char fields[3072]; /* of the journal, in its form; text is then its MESSAGE */
};

/* The time, the level and the event (in the journal PRIORITY and MQSP_EVENT). Then fields, then
 * log_end(), which sends the line. A field that does not fit is cut. Keys are of a-z and _; in the
 * journal `client_id` is MQSP_CLIENT_ID. */
void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_text(struct log_line *l, const char *key, struct slice value); /* untrusted: escaped, cut at 200 bytes, quoted where needed */
void log_str(struct log_line *l, const char *key, const char *value);   /* the same for a C string; NULL: left out */
void log_number(struct log_line *l, const char *key, int64_t value);

/* `client_id`: as it is, or `#` and 16 hexadecimal digits of a hash of it under a key that is made
 * at start: the same for the same client as long as this process runs, and worth nothing outside. */
void log_client_id(struct log_line *l, struct slice client_id);

/* The same for other places than the log: into out, escaped and cut where it is not hashed. Returns out. */
char *log_client_id_text(struct slice client_id, char *out, size_t size);

void log_end(struct log_line *l);

/* A line with only a message: `… event=EVENT message="…"`. */
void log_say(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
