/* SPDX-License-Identifier: ISC */
/* The host of a session in sim mode: what worker/ is in the daemon, with a made-up clock, store and
 * broker. */
#ifndef SCENARIO_SIM_HOST_H
#define SCENARIO_SIM_HOST_H

#include "proxy/session.h"
#include "tests/scenario/sim.h"

enum { SIM_ACCOUNTS = 4 };

/* Bytes with a position to read from. */
struct stream {
	uint8_t *p;
	size_t n, size, at;
};

struct account {
	char name[64];
	struct otp_state state;
	int taken; /* guesses out */
};

/* See sim_ledger.c. */
struct ledger {
	size_t in[2], out[2]; /* bytes of the streams that were walked */
	uint64_t due[2];      /* by the side that is to be answered */
	uint32_t known[2];    /* by the side that knows them: topic aliases, bit 0 is 1 */
};

struct host {
	const struct world *world;
	const struct sim_way *way;
	struct fault *fault;
	struct session *s;
	struct session_env env;
	struct policy streaming; /* the world's, where the way says so */
	enum session_state last;
	struct stream in[2];  /* sent by a side, not consumed */
	struct stream out[2]; /* to a side */
	size_t frame_left[2]; /* of the packet under way in out */
	size_t walked[2];     /* bytes of out that were walked */
	bool ended[2], shut[2], closed[2], unread[2];
	bool shut_seen[2], closed_seen[2];
	bool asked_leg, leg;       /* a broker leg was asked for; is there */
	bool consumed;             /* the client's code was used up */
	bool forwarding;           /* CONNECT may go up */
	unsigned said, open, held; /* asks: said ever, not answered yet, not to be answered */
	bool dial_fails;
	const char *store_says;
	struct slice marker; /* bytes that may never stand in an output; empty: none */
	size_t room, want[2];
	int64_t connect_at, answered_at;
	struct ledger ledger;
	size_t failed; /* payloads that may not pass, all told */
	size_t notes;  /* and those that were noted */
	size_t tolerated, denied, tried;
	struct account accounts[SIM_ACCOUNTS];
	size_t n_accounts, marks;
	uint8_t lease[SECRET_HASH_SIZE]; /* the last that was granted … */
	int64_t lease_at;                /* … in monotonic ms; 0: none */
	int64_t draws;                   /* codes that were drawn for the broker */
	bool has_verdict, has_error;
	enum verdict verdict;
	enum seal_error error;
};

void host_init(struct host *h, const struct world *world, const struct sim_way *way,
               struct fault *fault);
void host_fini(struct host *h);

/* A new client; users and clock stay. */
void host_again(struct host *h);

/* Bytes from a side; what was asked is answered and everything that can move moves. All false where
 * an invariant broke. */
bool host_send(struct host *h, enum side from, struct slice bytes);
bool host_end(struct host *h, enum side from, bool broke);
bool host_read(struct host *h, enum side from, bool reads);
bool host_release(struct host *h);
bool host_after(struct host *h, int64_t ms);
bool host_stop(struct host *h, enum mqtt_reason_code code);
bool host_refuse(struct host *h, enum verdict v);

void stream_add(struct stream *s, struct slice bytes);

#endif
