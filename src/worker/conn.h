/* SPDX-License-Identifier: ISC */
/* One connection of a client: a session run on two legs. It moves bytes between legs and session,
 * carries out what the session wishes, and decides nothing itself. All on its worker's thread. */
#ifndef WORKER_CONN_H
#define WORKER_CONN_H

#include "net/addr.h"
#include "net/leg.h"
#include "proxy/session.h"
#include "worker/closed.h"
#include "worker/deadlines.h"
#include "worker/gate.h"
#include "worker/inject.h"
#include "worker/login.h"

/* What it has from being let in on: its places in the gate, and the way to its broker. */
struct upstream {
	struct leg leg;
	struct gate_place place;        /* counted as connected in the gate, so */
	size_t dial_next;               /* index of the broker's address to try next */
	int64_t dial_until, dial_began; /* monotonic ms, 0 none */
	int64_t full_since;             /* monotonic ms; 0: no side is behind */
	struct draw *draw;              /* a code that is awaited, or sent and not answered */
	bool dialling;                  /* the leg's descriptor is not connected yet */
	bool connected;                 /* it is, at once, and the session is still to be told */
};

/* Anybody can have as many of it as may wait, so what only who was let in needs is elsewhere. */
struct conn {
	struct deadline deadline; /* first; monotonic ms, in the worker's */
	struct worker *worker;
	struct conn *next, *prev; /* all of the worker's: first those that wait, the oldest first */
	int64_t accepted_ms;      /* monotonic */
	uint8_t address[16];
	uint32_t listener; /* its number in the process */
	uint16_t port;
	bool waits;       /* counted as pending in the gate, and among the waiting in the list */
	bool admitted;    /* the gate has nothing against its CONNECT */
	bool blamed;      /* its refusal, or what would be one, was counted for a ban */
	bool refusing;    /* counted among the worker's refusals that wait for their time */
	bool dial_failed; /* no address is left to try */
	bool broken[2];   /* the leg is gone, which is still to be told */
	enum closed closed : 8; /* why it ends */

	struct gate_word due;    /* what its CONNECT is to be refused for, known since accept */
	size_t buffered;         /* counted in the worker's bytes, and in those of the waiting */
	struct session *session; /* NULL until the first byte came */
	struct tap *tap;         /* it is watched */
	struct login *login;     /* a request to the store that is under way */
	struct upstream *up;     /* NULL: it is not let in yet */
	struct leg client;
};

/* Takes an accepted descriptor; closes it where the gate does not let it in. */
void conn_accept(struct worker *w, size_t listener, int fd, const struct net_addr *peer);

/* Its deadline has come: what is due of what it waits for. */
void conn_due(struct conn *c);

/* The store's answers. */
void conn_taken(struct conn *c, const struct session_credential *answer);
void conn_drawn(struct conn *c, struct slice code); /* see session_drawn() */
void conn_consumed(struct conn *c, enum verdict answer);

/* A new snapshot: buffers may grow to what it allows. */
void conn_adopt(struct conn *c);

/* Ends the session at the next frame boundary with this v5 code, the reason logged, and the rule or
 * limit that it is for (NULL: none), which counts it. */
void conn_stop(struct conn *c, enum mqtt_reason_code code, const char *why,
               const struct acl_verdict *rule);

/* Judges the client by the connect rules now in force and cuts it where they refuse it. */
void conn_judge_again(struct conn *c);

/* Ends at once, whatever was not sent. The connection is freed. */
void conn_abort(struct conn *c);

/* Shared by conn.c, conn_turn.c, conn_io.c, conn_dial.c and conn_time.c. */

/* One call to the session: time, policy and outputs made ready, and its answers carried out. */
struct turn {
	struct conn *conn;
	enum session_state before;
	struct session_env env;
	struct writer w[2];
	struct session_step step;
};
void turn_begin(struct turn *t, struct conn *c);
void turn_end(struct turn *t);

/* A side takes nothing any more. It may have said something before it went: that is still read,
 * where the session reads. */
void conn_write_failed(struct conn *c, enum side side, struct leg *l);

/* Goes on as far as it can: pending bytes, ends, broken legs; then registers for what is awaited,
 * or frees the connection. The last thing that every entry does. */
void conn_settle(struct conn *c);

/* The leg of a side, with a descriptor or without; NULL where there is none yet. */
static inline struct leg *conn_side(struct conn *c, enum side side)
{
	if (side == SIDE_CLIENT)
		return &c->client;
	return c->up == NULL ? NULL : &c->up->leg;
}

/* The same, and NULL where it has no descriptor. */
static inline struct leg *conn_leg(struct conn *c, enum side side)
{
	struct leg *l = conn_side(c, side);
	return l != NULL && l->fd >= 0 ? l : NULL;
}

const struct conf_listener *conn_conf(const struct conn *c);

/* Who it is to the gate, and what the gate is to count it by. */
struct gate_who conn_who(const struct conn *c);
const struct gate_limits *conn_limits(const struct conn *c);

/* The gate refuses the CONNECT: a turn of its own. */
void conn_refuse(struct conn *c, const struct gate_word *word);

/* Is no more among the waiting, nor in the gate's count of them. */
void conn_waits_no_more(struct conn *c);

/* Counts what the waiting connection holds; the oldest go where that is too much. False: this one
 * must go itself. */
bool conn_count_waiting(struct conn *c);

/* conn_dial.c: dials the broker's next address, or sets dial_failed; and the end of a connect that
 * was under way. */
void conn_dial(struct conn *c);
void conn_dialled(struct conn *c);

/* A leg is ready: the events' callbacks. */
void conn_client_ready(evutil_socket_t fd, short what, void *arg);
void conn_broker_ready(evutil_socket_t fd, short what, void *arg);

/* Why it ends: what is said first. */
static inline void conn_closes(struct conn *c, enum closed why)
{
	if (c->closed == CLOSED_OTHER)
		c->closed = why;
}

/* Counts the bytes that wait in its buffers, and for how long a side that takes too little held up
 * the other. */
void conn_account(struct conn *c);

/* conn_time.c: sets the deadline for whatever comes first. */
void conn_arm(struct conn *c);

/* The time to send CONNECT is over. */
void conn_greet_timeout(struct conn *c);

#endif
