/* SPDX-License-Identifier: ISC */
/* The corpus of hostile streams, *.txt: what one side sends, and what must come of it. A line each:
 *
 *   ID VERSIONS SIDE PHASE OUTCOME[,rules=OUTCOME] CLAUSE BYTES
 *
 * VERSIONS  digits of 3 (3.1), 4 (3.1.1) and 5 (5.0)
 * PHASE     greet: the client's first bytes; wait: CONNECT went up and CONNACK is due; auth: the
 *           same, where CONNECT named an authentication method; on: established
 * OUTCOME   pass    goes on byte for byte, and the session lives
 *           hold    what stands behind "|" goes nowhere and no further, the session lives
 *           close   both sides are closed without a word
 *           refuse  goes on byte for byte, then both sides are closed
 *           81      a 5.0 client is told that reason code, by CONNACK before the session is
 *                   established, then by DISCONNECT; a 3.x client nothing; both sides are closed
 *           3/88    the same with a CONNACK for 3.x too, a second after CONNECT
 *           say=HEX the client is sent this, and closed
 *           What stands before "|" is good: whatever the outcome, it goes on first.
 *           rules=…: where payload rules hold, if that differs.
 * CLAUSE    of the specification of the version, [MQTT-x.y.z-n] without brackets, or its section;
 *           "disputed:" before it where src/mqtt/disputed.h tells more
 * BYTES     30 00 0161     hexadecimal
 *           'text'         these characters; "text": their length in two bytes first; <…> the same
 *                          for whatever stands inside
 *           60( … )        a packet: its first byte, the length of the inside, the inside
 *           [ … ]          a property block, length first; nothing at all before 5.0
 *           {34 … }        for these versions only
 *           *100( … )      so many times
 *           $proto         protocol name and level; $connect, $connack: those of the session
 *
 * "#" at the start of a line begins a comment. */
#ifndef HOSTILE_CORPUS_H
#define HOSTILE_CORPUS_H

#include "tests/scenario/scenario.h"

enum hostile_phase { HOSTILE_GREET, HOSTILE_WAIT, HOSTILE_AUTH, HOSTILE_ON };

enum hostile_end { HOSTILE_PASS, HOSTILE_HOLD, HOSTILE_CLOSE, HOSTILE_REFUSE };

struct hostile_outcome {
	enum hostile_end end;
	int code3, code5; /* told before a close; 0 nothing */
	bool late;        /* a second after CONNECT */
	const char *say;  /* hexadecimal, or NULL */
};

struct hostile {
	const char *file, *id, *clause, *text;
	unsigned line;
	uint8_t versions;
	enum side side;
	enum hostile_phase phase;
	struct hostile_outcome plain, rules;
};

struct hostile_corpus {
	struct hostile *all;
	size_t n;
};

struct hostile_bytes {
	uint8_t *p;
	size_t n, size;
	size_t good; /* bytes before "|" */
};

/* Reads one file and adds what it holds; exits with a message on any mistake. */
void hostile_read(struct hostile_corpus *c, const char *path);

/* The bytes of a line, or of any such text, for one version. The caller frees p. */
struct hostile_bytes hostile_make(const struct hostile *h, enum mqtt_version version);
struct hostile_bytes hostile_text(const char *text, enum mqtt_version version);

/* CONNECT and CONNACK of the session that a stream belongs to. */
struct hostile_bytes hostile_connect(const struct hostile *h, enum mqtt_version version);
struct hostile_bytes hostile_connack(enum mqtt_version version);

/* What the client is to be told, and what is to go on to the other side. Borrowed from `bytes` but
 * for the former, which is at most HOSTILE_SAY bytes at `say`. */
enum { HOSTILE_SAY = 16 };
struct slice hostile_told(const struct hostile *h, const struct hostile_outcome *o,
                          enum mqtt_version version, uint8_t say[HOSTILE_SAY]);
struct slice hostile_passed(const struct hostile_outcome *o, const struct hostile_bytes *bytes);

/* Whether `got` is what must go on. Under rules a PUBLISH, and the Will in a CONNECT, change: they
 * must be there, and whole; all else is the same byte for byte. */
bool hostile_same(struct slice got, struct slice want, bool rules, struct fault *f);

/* Whether the stream ends where a packet ends. */
bool hostile_at_boundary(struct slice stream);

/* Whether there is a DISCONNECT in it, behind which a side is silent. */
bool hostile_disconnects(struct slice stream);

/* How many streams differ by bytes, version or side. */
size_t hostile_count(const struct hostile_corpus *c);

#endif
