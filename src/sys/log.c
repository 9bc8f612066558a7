/* SPDX-License-Identifier: ISC */
/* A line is put together on the caller's stack and sent by one system call: lines of several
 * threads never mix, nothing is allocated, and no lock is held. Room for what closes a line is kept
 * back at every step, so a line that is full is still a whole line. How a line is written is
 * settled when it begins: a change of the settings never makes a mixture. */
#include "sys/log.h"

#include "base/secret.h"
#include "base/text.h"
#include "sys/clock.h"
#include "sys/date.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	VALUE_MAX = 200,
	MESSAGE_MAX = 1000,
	TAIL = 3,            /* the end of an object, the line feed, and a NUL of text_escape() */
	KEY_AND_LITTLE = 36, /* what has to be left besides a key for a field to be worth it */
	HASH_SHOWN = 8,      /* bytes */
	JOURNAL_BUFFER = 8 << 20
};

static _Atomic int threshold = LOG_LEVEL_INFO;
static _Atomic int kind = LOG_LINE_LOGFMT;
static _Atomic int journal = -1; /* its socket, once it was wanted */
static atomic_bool hashed;
static atomic_ulong lost;
static uint8_t hash_key[SECRET_HASH_KEY_SIZE]; /* made before `hashed` is first set */

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
	return (enum log_level)atomic_load_explicit(&threshold, memory_order_relaxed);
}

bool log_wanted(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

uint64_t log_lost(void)
{
	return atomic_load_explicit(&lost, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	return (size_t)level < sizeof names / sizeof names[0] ? names[level] : "error";
}

/* Whether standard error is the stream that the service manager connected to the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char text[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	(void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, text) == 0;
}

static bool open_journal(void)
{
	const int size = JOURNAL_BUFFER;
	int fd = atomic_load(&journal);

	if (fd >= 0)
		return true;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	atomic_store(&journal, fd);
	return true;
}

void log_configure(const struct log_settings *s)
{
	static bool keyed;
	bool to_journal = s->to == LOG_TO_JOURNAL || (s->to == LOG_TO_AUTO && stderr_is_journal());

	if (!keyed)
		secret_random(hash_key, sizeof hash_key);
	keyed = true;
	log_set_level(s->level);
	atomic_store(&hashed, s->hash_client_ids);
	atomic_store(&kind, to_journal && open_journal() ? LOG_LINE_JOURNAL
	                    : s->format == LOG_JSON      ? LOG_LINE_JSON
	                                                 : LOG_LINE_LOGFMT);
}

bool log_is_journal(void)
{
	return atomic_load(&kind) == LOG_LINE_JOURNAL;
}

static size_t room(const struct log_line *l)
{
	return sizeof l->text - TAIL - l->len;
}

/* Appends a piece if it fits whole, the tail kept back. */
static void put(struct log_line *l, const char *piece, size_t n)
{
	if (n > room(l))
		return;
	memcpy(l->text + l->len, piece, n);
	l->len += n;
}

static void put_str(struct log_line *l, const char *piece)
{
	put(l, piece, strlen(piece));
}

/* " key=" or ",\"key\":", or false where not even a short value would fit behind it. */
static bool put_key(struct log_line *l, const char *key)
{
	bool json = l->kind == LOG_LINE_JSON;
	size_t n = strlen(key);

	if (n > sizeof l->text || n + KEY_AND_LITTLE > room(l))
		return false;
	if (l->len != 0)
		put_str(l, json ? "," : " ");
	if (json)
		put_str(l, "\"");
	put(l, key, n);
	put_str(l, json ? "\":" : "=");
	return true;
}

/* A field of the journal: MQSP_KEY=value. The value is escaped, so it has no line feed. */
static void put_field(struct log_line *l, const char *key, struct slice value, size_t most)
{
	size_t n = strlen(key), left = sizeof l->fields - l->fields_len;
	static const char prefix[] = "MQSP_";

	if (n + sizeof prefix + KEY_AND_LITTLE > left)
		return;
	char *to = l->fields + l->fields_len;
	memcpy(to, prefix, sizeof prefix - 1);
	to += sizeof prefix - 1;
	for (size_t i = 0; i < n; i++)
		*to++ = (char)(key[i] >= 'a' && key[i] <= 'z' ? key[i] - 'a' + 'A' : key[i]);
	*to++ = '=';
	left -= sizeof prefix + n + 1; /* the line feed */
	(void)text_escape(value, to, most + 1 < left ? most + 1 : left);
	to += strlen(to);
	*to++ = '\n';
	l->fields_len = (size_t)(to - l->fields);
}

static void put_stamp(struct log_line *l, enum log_level level)
{
	char stamp[DATE_TEXT];
	bool json = l->kind == LOG_LINE_JSON;

	put_str(l, json ? "{\"time\":\"" : "time=");
	put_str(l, date_text(clock_now().real_us / 1000, stamp));
	put_str(l, json ? "\",\"level\":\"" : " level=");
	put_str(l, log_level_name(level));
	put_str(l, json ? "\"" : "");
}

static void put_priority(struct log_line *l, enum log_level level)
{
	static const char priorities[] = {'3', '4', '6', '7'}; /* syslog(3) */
	int n = snprintf(l->fields, sizeof l->fields, "PRIORITY=%c\nSYSLOG_IDENTIFIER=mqsecproxy\n",
	                 priorities[level]);

	l->fields_len = n < 0 ? 0 : (size_t)n;
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	l->len = l->fields_len = 0;
	l->wanted = log_wanted(level);
	if (!l->wanted)
		return;
	l->kind = (unsigned)atomic_load_explicit(&kind, memory_order_relaxed);
	if (l->kind == LOG_LINE_JOURNAL)
		put_priority(l, level);
	else
		put_stamp(l, level);
	log_str(l, "event", event);
}

/* What needs neither quotes nor escapes in logfmt. */
static bool is_token(struct slice s)
{
	static const char plain[] = "-._:/+@,[]%~*#";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool alnum =
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (c == '\0' || strchr(plain, c) == NULL))
			return false;
	}
	return s.n != 0;
}

static void field(struct log_line *l, const char *key, struct slice value, size_t most)
{
	if (!l->wanted)
		return;
	if (l->kind == LOG_LINE_JOURNAL)
		put_field(l, key, value, most);
	if (!put_key(l, key))
		return;
	size_t left = room(l) - 2; /* the quotes */
	if (most > left)
		most = left;
	if (l->kind != LOG_LINE_JSON && value.n <= most && is_token(value)) {
		put(l, (const char *)value.p, value.n);
		return;
	}
	put_str(l, "\"");
	if (l->kind == LOG_LINE_JSON)
		(void)text_json(value, l->text + l->len, most + 1);
	else
		(void)text_escape(value, l->text + l->len, most + 1);
	l->len += strlen(l->text + l->len);
	put_str(l, "\"");
}

void log_text(struct log_line *l, const char *key, struct slice value)
{
	field(l, key, value, VALUE_MAX);
}

void log_str(struct log_line *l, const char *key, const char *value)
{
	if (value != NULL)
		log_text(l, key, slice_str(value));
}

void log_number(struct log_line *l, const char *key, int64_t value)
{
	char digits[24];

	if (!l->wanted)
		return;
	(void)snprintf(digits, sizeof digits, "%" PRId64, value);
	if (l->kind == LOG_LINE_JOURNAL)
		put_field(l, key, slice_str(digits), sizeof digits);
	if (put_key(l, key))
		put_str(l, digits);
}

char *log_client_id_text(struct slice client_id, char *out, size_t size)
{
	uint8_t hash[SECRET_HASH_SIZE];
	char text[1 + 2 * HASH_SHOWN + 1] = "#";

	if (!atomic_load_explicit(&hashed, memory_order_acquire))
		return text_escape(client_id, out, size);
	secret_hash(hash_key, client_id, hash);
	text_hex(hash, HASH_SHOWN, text + 1);
	return text_escape(slice_str(text), out, size);
}

void log_client_id(struct log_line *l, struct slice client_id)
{
	char text[1 + 2 * HASH_SHOWN + 1];

	if (atomic_load_explicit(&hashed, memory_order_acquire))
		log_str(l, "client_id", log_client_id_text(client_id, text, sizeof text));
	else
		log_text(l, "client_id", client_id);
}

/* Best effort: where it fails nobody could be told. */
static void write_stderr(struct log_line *l)
{
	l->text[l->len++] = '\n';
	while (write(STDERR_FILENO, l->text, l->len) < 0 && errno == EINTR)
		;
}

/* A journal that is busy costs the line, since waiting would cost every client; one that is not
 * there costs nothing: standard error is. */
static void send_journal(struct log_line *l)
{
	static char message[] = "MESSAGE=", end[] = "\n";
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	struct iovec parts[] = {{l->fields, l->fields_len},
	                        {message, sizeof message - 1},
	                        {l->text, l->len},
	                        {end, sizeof end - 1}};
	const struct msghdr m = {
	    .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts, .msg_iovlen = 4};

	if (sendmsg(atomic_load(&journal), &m, MSG_NOSIGNAL) >= 0)
		return;
	if (errno == EAGAIN || errno == ENOBUFS)
		(void)atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
	else
		write_stderr(l);
}

void log_end(struct log_line *l)
{
	int saved = errno;

	if (!l->wanted)
		return;
	if (l->kind == LOG_LINE_JSON)
		l->text[l->len++] = '}';
	if (l->kind == LOG_LINE_JOURNAL)
		send_journal(l);
	else
		write_stderr(l);
	l->wanted = false; /* a line is written once */
	errno = saved;
}

void log_say(enum log_level level, const char *event, const char *format, ...)
{
	char message[MESSAGE_MAX + 1];
	struct log_line l;
	va_list ap;

	if (!log_wanted(level))
		return;
	va_start(ap, format);
	int n = vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	log_begin(&l, level, event);
	if (n >= 0)
		field(&l, "message", slice_str(message), MESSAGE_MAX);
	log_end(&l);
}
