/* SPDX-License-Identifier: ISC */
/* The engine: one MQTT session between a client and a broker, as a machine that reads bytes and
 * events and answers with bytes and wishes. It knows no descriptor, clock, thread or log, allocates
 * only the identity of the client and the little that its own answers need, and calls nobody back.
 *
 * How to drive it: make a session when the first bytes of a client arrive. Whenever bytes of a side
 * are there, give them to session_input() as one view that starts where the last call stopped; it
 * says how much it consumed, and what is left must be given again, from its start, with more behind
 * it or when outputs have room again. Bytes that it appended to an output go to that side in order.
 * After every call, of whatever kind: send the outputs, do what `ask` and `close` say, read the
 * wanted sides (session_wants()), and arm a timer for session_deadline(). Bytes that were not
 * consumed though nothing is missing are given again when the outputs have room: for
 * SESSION_WRITE_MAX bytes, a topic and SESSION_OWN_MAX more, in the end. */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include "base/secret.h"
#include "mqtt/alias.h"
#include "mqtt/connect.h"
#include "proxy/payload.h"
#include "proxy/policy.h"
#include "proxy/verdict.h"

/* The states of a session, in order. Entered through one door, session_enter() in session.c. */
enum session_state {
	SESSION_GREET,         /* waiting for a whole CONNECT */
	SESSION_JUDGING,       /* the credential was asked for (ASK_TAKE) */
	SESSION_DIALING,       /* a broker leg was asked for (ASK_DIAL) */
	SESSION_CONSUMING,     /* the mark was asked to be made durable (ASK_CONSUME) */
	SESSION_DRAWING,       /* a code to be added to the login was asked for (ASK_DRAW) */
	SESSION_FORWARDING,    /* all is settled: the client's next input writes the new CONNECT */
	SESSION_AWAIT_CONNACK, /* v5 AUTH passes both ways, everything else waits */
	SESSION_RELAYING,      /* the broker said yes */
	SESSION_REFUSING,      /* a refusal waits for its time; no broker leg any more */
	SESSION_DRAINING,      /* one side ended, the other is relayed out */
	SESSION_DEAD           /* both sides are closed or closing; nothing is answered any more */
};
const char *session_state_name(enum session_state s);

enum {
	SESSION_REFUSAL_MS =
	    1000, /* refusals of credentials leave this long after CONNECT came, whatever failed */
	SESSION_HALF_CLOSE_MS = 10000, /* how long one side may still talk after the other ended */
	SESSION_HEAD_MAX = 128 * 1024, /* bytes before the payload of a PUBLISH */
	SESSION_OWN_MAX = 4096,        /* bytes of own packets that wait for a frame boundary */
	/* The most that is written at once: the longest head, and behind it the longest payload
	 * that is taken whole, sealed anew with properties. */
	SESSION_WRITE_MAX = SESSION_HEAD_MAX + PAYLOAD_WHOLE + SEAL_PREFIX_MAX + 2 * SEAL_TAG
};

/* What the session wishes to be done; flags in session_step.ask, each said once. */
enum session_ask {
	ASK_TAKE = 1,    /* fetch the credential of session.user, then session_taken() */
	ASK_DIAL = 2,    /* connect to the broker, then session_dialled() */
	ASK_CONSUME = 4, /* make session.consume durable, then session_consumed() */
	ASK_SETTLE = 8,  /* tell the store session.settle; no answer is waited for */
	ASK_DRAW = 16, /* draw a code for the user session_user_up(), durably, then session_drawn();
	                  see session.fate */
	ASK_ADMIT = 32, /* may session.client_id, which the broker has just assigned, be here? At
	                  once, then session_admitted(), and the broker's bytes again */
	ASK_LEASE = 64  /* the password of session.extra and session.consume was accepted and may
	                   come again; then session_leased() */
};

/* Something that happened, for the log and the counters. */
enum note_kind {
	NOTE_VERDICT, /* the CONNECT's verdict; once a session. rule: what decided; code: reason
	                 code, of the broker if it refused */
	NOTE_CLOSED, /* the session ended by the proxy's will or by an error: why; code: reason code
	                told, 0 none */
	NOTE_PAYLOAD, /* a message was not passed on, since its payload could not be opened or was
	                 too large: error, topic, kid */
	NOTE_DENIED,  /* a list denied something else than the CONNECT: from, verb, topic, rule. Or,
	                 dry, would have, also the CONNECT */
	NOTE_DELAYED  /* a client publishes more than its limit and is not read for a while; or,
	                 dry, would not have been */
};

struct session_note {
	enum note_kind kind;
	enum verdict verdict;
	uint8_t code;
	const char *why;         /* a static phrase for people, or NULL */
	struct acl_verdict rule; /* what decided; file NULL: no rule */
	enum side from;          /* NOTE_VERDICT aside: the side that sent what failed */
	enum acl_verb verb; /* NOTE_DENIED: what was tried; a PUBLISH of the broker is denied by
	                       the rules on subscribing */
	bool dry;
	size_t more; /* NOTE_DENIED: so many other filters of the same SUBSCRIBE were denied too,
	                mostly by the same rule */
	enum seal_error error;
	uint8_t kid[4];
	bool has_kid;
	struct slice topic; /* or filter; borrowed: valid until the input view changes */
};

enum { SESSION_NOTES = 8 };

/* One call's answers. The caller lends the two outputs (NULL where that side has no leg), may set
 * `lends`, and zeroes the rest. */
struct session_step {
	struct writer *out[2]; /* by enum side */
	/* From the caller: the view is still there when it sends. So bytes that pass unchanged need
	 * not be copied: those in `through`, by enum side, a part of the view, go out behind what
	 * out[] holds. There is room for them in it. */
	bool lends;
	struct slice through[2];
	size_t consumed; /* of the bytes given */
	/* How many bytes must be there behind the consumed ones before it can go on. 0: nothing is
	 * missing; what is left waits for room, for the session, or, where something was consumed,
	 * just for the next call. */
	size_t want;
	unsigned ask;
	bool
	    shut[2]; /* send what is written, then shut this side's sending direction down (once) */
	bool close[2]; /* send what is written, then close this side (once) */
	size_t packets[2], sealed, opened, failed;
	size_t tolerated; /* payloads that passed in clear where an envelope is preferred */
	struct session_note notes[SESSION_NOTES];
	size_t n_notes;
};

/* What is to be made durable about a credential. */
struct session_consume {
	int64_t id, mark;
	bool guess_taken;
};

struct session_settle {
	int64_t id;
	bool give_back, forget_pending;
	bool failed;     /* an evaluated code was wrong: the source has to wait */
	bool replayed;   /* a used code came again */
	int64_t pending; /* -1 none */
};

/* What a client is let in by. */
enum session_login {
	LOGIN_OPEN,   /* nothing of this proxy's: no code is asked for */
	LOGIN_CODE,   /* a code, which is used up */
	LOGIN_LEASED, /* a password whose code was used up lately */
	LOGIN_PASSED  /* its user has no credential, and logs in at the broker as it came */
};

/* What became of a code that was drawn. */
enum session_fate {
	FATE_OPEN,     /* not known: not sent, not answered, or the broker was not available */
	FATE_ACCEPTED, /* the broker let the client in */
	FATE_REFUSED   /* it refused the login */
};

/* A PUBLISH that may not pass: what is answered for it. */
struct drop {
	uint8_t qos;
	bool dup; /* it was sent before, perhaps on another connection */
	uint16_t packet_id;
	enum mqtt_reason_code code;
};

/* One direction of the relay. */
struct flow {
	uint32_t left; /* bytes of a packet in passage that are still to come */
	bool skips;    /* they are thrown away, and `drop` is answered behind them */
	bool changes;  /* they are sealed or opened, as `changing` says */
	bool ended;    /* no more bytes will come from this side */
	bool parted;   /* its DISCONNECT went on: no packet may follow [MQTT-3.14.4-1] */
	union {
		struct drop drop;
		struct changing *changing; /* owned */
	};
};

/* Who was heard when, in monotonic ms; see alive.c. */
struct alive {
	int64_t keep_ms;  /* the client's keep-alive, or the broker's Server Keep Alive; 0 none */
	int64_t heard_ms; /* the client was read, or began to be read again */
	int64_t up_ms;    /* something went up */
	int64_t held_ms;  /* since then the client speaks and nothing goes up; 0 not so */
	bool unread;      /* nothing is read from the client now */
	bool waits;       /* bytes of the client are not worked on yet */
	/* PINGREQs without an answer, in order: the client's, the proxy's, the client's again. */
	uint32_t ahead, own, behind;
};

/* What only some logins need, until they are over. */
struct session_extra {
	bool may_lease; /* the password may come again: lease stands for it, lease.c */
	uint8_t lease[SECRET_HASH_SIZE];
	int64_t edition;               /* of the user, as the credential was asked for */
	uint8_t stored[OTP_LOGIN_MAX]; /* FORWARD_STORED: what goes up, packed */
	size_t stored_len;
};

/* Others may read what stands in the first part. */
struct session {
	enum session_state state;
	enum mqtt_version version;
	struct slice client_id, user; /* owned by identity */
	bool has_user;
	enum session_login login : 8; /* settled when JUDGING is left; not OPEN: refusals look
	                                 alike, and the user can be locked out */
	bool injects;                 /* a code was drawn for this login */
	uint8_t code_len;             /* see code */
	uint32_t connect_len; /* bytes of a whole CONNECT that is not consumed yet, else 0 */
	struct session_consume consume;
	struct session_settle settle;
	struct session_extra *extra;  /* NULL: this login needs nothing of it */
	uint8_t code[OTP_DIGITS_MAX]; /* the drawn code until it is written, then wiped */
	/* the engine's own */
	uint8_t *identity;
	struct acl_address address;
	uint8_t source[16];
	bool has_auth_method;
	bool was_accepted, stopping;
	bool expires; /* v5: CONNECT had a Session Expiry Interval other than 0 */
	enum otp_layout layout;
	enum policy_forward forward; /* of a login by code */
	uint8_t digits;              /* of the credential that was accepted */
	uint8_t refusal_code;        /* v5 code of a MALFORMED */
	bool silent;                 /* the refusal is not said */
	enum session_fate fate : 8;  /* of the drawn code; final when AWAIT_CONNACK is left */
	enum verdict refusal;
	bool unadmitted;        /* ASK_ADMIT waits for its answer, and CONNACK for that */
	int64_t connect_ms;     /* when CONNECT was whole */
	int64_t deadline;       /* monotonic ms; 0 none */
	uint32_t max_packet[2]; /* v5: the longest packet that the side takes, 0 any */
	uint32_t shown;         /* v5: the longest that the client was told to send, 0 any */
	bool raised;            /* v5: the broker was told of more than the client takes */
	struct mqtt_aliases aliases[2]; /* v5, by the side that sends them */
	struct alive alive;
	int64_t spent; /* of the limit on publishing, see base/rate.h; whoever carries it from
	                  one session of a client to the next may read and set it */
	int64_t held_back_ms; /* until then nothing is read from the client for that; 0 not so */
	struct flow flow[2];  /* by the side that the bytes come from */
	struct buf
	    own[2]; /* by the side that they go to: own packets that wait for a frame boundary */
	struct subscribing *subscribing; /* SUBSCRIBEs that went on without some of their filters */
	uint8_t *owned[2]; /* by the side that sent the PUBLISH: ids whose handshake is the proxy's;
	                      a bitmap or NULL */
};

/* `source` is what the store knows this peer by. NULL without memory. */
struct session *session_new(const struct acl_address *address, const uint8_t source[16]);
void session_free(struct session *s);

/* Bytes of one side. */
void session_input(struct session *s, const struct session_env *env, enum side from,
                   struct slice bytes, struct session_step *step);

/* Bytes of the client were read, whether they were given yet or not; and whether the client is read
 * at present: a keep-alive does not count against one that is not. */
void session_heard(struct session *s, const struct session_env *env);
void session_listens(struct session *s, const struct session_env *env, bool reads);

/* The store's answer to ASK_TAKE. `client` is the view of the client's bytes as session_input()
 * last left it (CONNECT first). found: cred is the opened credential and id its row. Not found: why
 * is USER_UNKNOWN, OTP_LOCKED or STORE_FAILED, and reason a static phrase for the log, or NULL;
 * stranger: there never was such a user. */
struct session_credential {
	bool found, stranger;
	enum verdict why;
	const char *reason;
	int64_t id, edition; /* edition: another one when anybody changed the user */
	bool guess_taken;
	bool leased; /* this login was accepted lately and holds a lease */
	const struct otp_credential *cred;
	struct slice login; /* found: what the state keeps for the broker, packed; empty: nothing */
};
void session_taken(struct session *s, const struct session_env *env, struct slice client,
                   const struct session_credential *answer, struct session_step *step);

/* The answer to ASK_LEASE: nothing of session.extra is needed any more. */
void session_leased(struct session *s);

/* The answer to ASK_DIAL. */
void session_dialled(struct session *s, const struct session_env *env, bool connected,
                     struct session_step *step);

/* The answer to ASK_CONSUME: ACCEPTED, OTP_REPLAYED (the mark was raised meanwhile), USER_UNKNOWN
 * (deleted meanwhile) or STORE_FAILED. */
void session_consumed(struct session *s, const struct session_env *env, enum verdict answer,
                      struct session_step *step);

/* The answer to ASK_DRAW: the code as digits, or empty where none could be drawn (whoever is asked
 * says why). */
void session_drawn(struct session *s, const struct session_env *env, struct slice code,
                   struct session_step *step);

/* The user name that the broker sees: the client's, the one that is kept or supplied for it; empty:
 * none. Borrowed from either, as long as the login is not written. */
struct slice session_user_up(const struct session *s, const struct policy *p);

/* The answer to ASK_ADMIT. */
void session_admitted(struct session *s, const struct session_env *env,
                      const struct session_word *word, struct session_step *step);

/* The side sent FIN: nothing more will be given from it (what was not consumed is given up). A
 * client that ends before it is relayed cancels everything. */
void session_ended(struct session *s, const struct session_env *env, enum side from,
                   struct session_step *step);

/* The side's connection broke (reset, time-out, write error): it is gone in both directions. */
void session_broke(struct session *s, const struct session_env *env, enum side from,
                   struct session_step *step);

/* What was relayed is still being sent, though a side ended: a half-closed session gets its time
 * anew. */
void session_flushing(struct session *s, const struct session_env *env);

/* session_deadline() has passed. */
void session_timer(struct session *s, const struct session_env *env, struct session_step *step);

/* The caller refuses or ends the session: before RELAYING the client is answered as the verdict
 * says. */
void session_refuse(struct session *s, const struct session_env *env,
                    const struct session_word *word, struct session_step *step);

/* Ends a session at the next frame boundary toward the client, with this v5 DISCONNECT code (0x8B
 * at a stop, 0x98 when kicked). A login under way is refused where the code is 0x8A (a ban) or 0x87
 * (the rules), else it just ends. */
void session_stop(struct session *s, const struct session_env *env, enum mqtt_reason_code code,
                  const char *why, struct session_step *step);

/* Judges the client by the connect rules of env's policy, at CONNECT and, by the caller, after a
 * reload: true if it may be here, also where the filter is but tried (then v->allow tells). Before
 * CONNECT was read there is nobody to judge: true. */
bool session_allowed(const struct session *s, const struct session_env *env, struct acl_verdict *v);

/* A new configuration: a client that was held back is looked at anew. True where one was. */
bool session_adopted(struct session *s);

/* Whether bytes of that side can be used now; else they are left unread. */
bool session_wants(const struct session *s, enum side from);

/* When session_timer() is to be called, in monotonic milliseconds; 0 never. */
int64_t session_deadline(const struct session *s);

#endif
