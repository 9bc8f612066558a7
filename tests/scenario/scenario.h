/* SPDX-License-Identifier: ISC */
/* A scenario as it stands in a .scn file. The grammar, a line each:
 *
 *   policy NAME WORD…       what sessions are judged by, see world.h
 *   scene NAME              begins a scenario; the lines up to the next one are its own:
 *   tags WORD…              clauses of the design, or of a specification: [MQTT-x.y.z-n] without
 *                           brackets, @3.1.1 or @5.0 behind it where it means that version only;
 *                           see clauses.txt and tests/lint/clauses.py
 *   versions 3.1 3.1.1 5.0  those it runs for; without the line, all
 *   modes sim wire          where it makes sense; without the line, both
 *   modes sim wire whole    the same, but not where every envelope is opened segment by segment
 *   use POLICY…             it runs once under each; without the line, under `plain`
 *   STEP                    see scenario_steps in scenario.c; "[3.x]" or "[5]" before it: for
 *                           these versions only
 *
 * "#" at the start of a line begins a comment. */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include "mqtt/names.h"
#include "proxy/policy.h"

enum { SCENARIO_WORDS = 48, SCENARIO_POLICIES = 8 };

struct words {
	const char *w[SCENARIO_WORDS];
	size_t n;
};

enum step_kind {
	STEP_SENDS,   /* SIDE sends PACKET: one segment with the sends right behind it */
	STEP_GETS,    /* SIDE gets PACKET, or SIDE gets at MS PACKET: so long after its CONNECT, not
	                 before */
	STEP_NOTHING, /* SIDE gets nothing (more, so far) */
	STEP_ENDS,    /* SIDE ends: sends FIN, still reads */
	STEP_BREAKS,  /* SIDE breaks: reset */
	STEP_CLOSED,  /* SIDE closed: the proxy has closed this side */
	STEP_SHUT,    /* SIDE shut: the proxy has sent FIN to this side */
	STEP_UNREAD,  /* SIDE unread: what it sends is not read for now; SIDE read: it is again */
	STEP_READ,
	STEP_NO_LEG, /* broker unasked: no broker leg was opened */
	STEP_AFTER,  /* after MS: so much time passes */
	STEP_STORE,  /* store fails|locked|removed|raised|deleted: its next answer;
	              * store marked|unmarked|balanced: a code was used up, none was, no guess is out
	              */
	STEP_DIAL,   /* dial fails: the next one does; dial again: it does not any more */
	STEP_HOLD,   /* hold take|dial|consume: not answered until "release" */
	STEP_RELEASE,
	STEP_STOP,      /* stop CODE */
	STEP_REFUSE,    /* refuse VERDICT: the caller does */
	STEP_AGAIN,     /* again: a new client, the same users */
	STEP_VERDICT,   /* verdict NAME: what was noted */
	STEP_NOTED,     /* noted E_AUTH: a payload's failure was noted */
	STEP_DENIED, /* denied N, tried N: what the lists denied, or would have, all told (sim) */
	STEP_TRIED,
	STEP_TOLERATED, /* tolerated N: payloads that passed in clear under `prefer`, all told */
	STEP_STATE      /* state NAME */
};

struct step {
	unsigned line;
	uint8_t versions; /* bit 1 << enum mqtt_version */
	enum step_kind kind;
	enum side side;
	struct words args;
};

struct scene {
	const char *file, *name;
	unsigned line;
	uint8_t versions;
	bool sim, wire;
	bool whole; /* holds only where short envelopes are opened whole */
	const char *use[SCENARIO_POLICIES];
	size_t n_use;
	struct step *steps;
	size_t n;
};

struct named_policy {
	const char *name;
	struct words words;
};

struct script {
	struct scene *scenes;
	size_t n;
	struct named_policy *policies;
	size_t n_policies;
};

/* Reads one file and adds what it holds. Exits with a message on any mistake: a test never passes
 * for want of its text. Memory is given back by the end of the process only. */
void script_read(struct script *s, const char *path);

const struct named_policy *script_policy(const struct script *s, const char *name);

const char *version_name(enum mqtt_version v);

/* Everything that a failure can say, up to a line; the first one stays. Returns false. */
struct fault {
	char text[600];
};
bool fault_set(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* malloc() that does not fail. */
void *take(size_t n);

#endif
