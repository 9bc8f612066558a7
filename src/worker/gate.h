/* SPDX-License-Identifier: ISC */
/* The one book of counts for the whole process: who waits, who is connected, and how often who
 * came. A mutex, taken when a connection comes, when its CONNECT is judged, and when it goes; never
 * for a packet. Its memory is bounded: by the connections that there are, and, for what is
 * remembered of those that went, by tables that do not grow (tally.h). */
#ifndef WORKER_GATE_H
#define WORKER_GATE_H

#include "base/now.h"
#include "conf/conf.h"
#include "proxy/verdict.h"
#include "worker/bans.h"

struct gate;

struct gate_limits {
	size_t max_pending, max_pending_per_address, max_connections;
	const struct conf_filter *filter; /* the listener's, or NULL */
};

/* Who knocks. What is counted by address is counted by source: an IPv4 address, or the /64 of an
 * IPv6 one. Of a user name or client id that is empty nothing is counted. */
struct gate_who {
	uint8_t address[16], source[16];
	struct slice client_id, user;
};

/* What the gate says: VERDICT_ACCEPTED, or what is refused and why. */
struct gate_word {
	const char *why; /* a static phrase, or NULL */
	enum verdict verdict : 8;
	enum conf_limit limit : 8; /* of the filter, which says so */
	bool dry;                  /* it would be refused, but the filter is only tried */
	bool flood;                /* this source was told often enough: close it without a word */
};

struct gate *gate_new(size_t n_listeners, struct err *e);
void gate_free(struct gate *g);

/* A connection was accepted: bans and limits by address, before a byte is read. It counts as a
 * connect, unless it is refused. A source that is refused GATE_TOLD times in GATE_TOLD_MS may learn
 * it from the answer to its CONNECT, if the filter allows answers; what is more is flood. */
enum { GATE_TOLD = 20, GATE_TOLD_MS = 10000 };
struct gate_word gate_knock(struct gate *g, const struct gate_limits *limits,
                            const struct gate_who *who, struct now now);

/* It then waits for its CONNECT to be judged. */
enum gate_answer {
	GATE_OPEN,
	GATE_FULL, /* too many wait: one that waits longest may be closed for it, then ask again */
	GATE_ADDRESS /* too many wait from this source */
};
enum gate_answer gate_arrive(struct gate *g, size_t listener, const uint8_t source[16],
                             const struct gate_limits *limits);

/* It waits no more: it goes, or it is connected. */
void gate_depart(struct gate *g, size_t listener, const uint8_t source[16]);

/* Its CONNECT was read: bans, limits by user, and whether there is a place. It counts as a connect
 * of the user. */
struct gate_word gate_judge(struct gate *g, size_t listener, const struct gate_limits *limits,
                            const struct gate_who *who, struct now now);

/* It was given its client id after that: bans alone, and nothing is counted. */
struct gate_word gate_named(struct gate *g, const struct gate_limits *limits,
                            const struct gate_who *who, struct now now);

/* The places that a connection takes up, and what its client has spent of the limit on publishing,
 * here and before. */
struct gate_place {
	uint64_t keys[3]; /* of address, user and client; 0: not counted */
	int64_t spent;
};

/* Takes them, if they are there. */
struct gate_word gate_connect(struct gate *g, size_t listener, const struct gate_limits *limits,
                              const struct gate_who *who, struct now now, struct gate_place *place);

/* Takes them anew under other limits, whether they are there or not; spent stays. */
void gate_recount(struct gate *g, const struct gate_limits *limits, const struct gate_who *who,
                  struct gate_place *place);

/* Gives them back. */
void gate_disconnect(struct gate *g, size_t listener, const struct gate_place *place,
                     struct now now);

/* Bans, which hold for all listeners, whatever their filters. ban: -1 where it cannot be in force.
 * found() of gate_bans() may not call the gate. */
int gate_ban(struct gate *g, const struct store_ban *ban, struct now now, struct err *e);
bool gate_unban(struct gate *g, enum store_ban_kind kind, struct slice value);
void gate_bans(struct gate *g, struct now now, store_ban_fn *found, void *ctx);

/* A CONNECT of a source was refused for what it did. Where that is one too many within the filter's
 * time, the source is banned, or, if the filter is only tried, would be: *out says how. Refusals
 * are counted from the first one on, for the filter's time, then anew. */
struct gate_ban {
	struct store_ban ban; /* points into this struct */
	uint8_t value[BANS_ADDRESS_SIZE];
	char reason[112];
};
enum gate_sentence { GATE_COUNTS, GATE_BANS, GATE_WOULD_BAN, GATE_BAN_FAILED };
enum gate_sentence gate_refused(struct gate *g, const struct gate_limits *limits,
                                const struct gate_who *who, struct now now, struct gate_ban *out,
                                struct err *e);

/* Whether the ban was made by that filter (NULL: none). */
bool gate_made(const struct conf_filter *f, const struct store_ban *ban);

/* Counts now. */
size_t gate_pending(struct gate *g, size_t listener);
size_t gate_connected(struct gate *g, size_t listener);

#endif
