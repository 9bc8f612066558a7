/* SPDX-License-Identifier: ISC */
/* The state of one-time passwords (who there is, which codes are used up, how many guesses are left) and of bans. A thread of its own
 * owns the database; whoever asks gets the answer as mail, after the commit that made it durable. Many requests share a
 * commit. On any failure the answer is STORE_FAILED and nobody gets in. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/secret.h"
#include "base/slice.h"
#include "otp/credential.h"
#include "sys/mailbox.h"
#include "sys/metrics.h"

enum {
	STORE_USER_MAX = 256,               /* bytes of a user name; longer ones are unknown */
	STORE_BLOB_MAX = OTP_SECRET_MAX + 40, /* a sealed secret */
	STORE_LOGIN_MAX = OTP_LOGIN_MAX + 40, /* a sealed login for the broker */
	STORE_DRAWER = 32,                  /* bytes of what an injected credential is known by */
	STORE_SOURCES = 8,                  /* known-good sources a credential */
	STORE_SOURCE_SECONDS = 30 * 86400,  /* how long a success keeps a source known good */
	STORE_FAILURES = 64,                /* sources that failed lately, kept for a credential; the oldest goes */
	STORE_REPLAYS = 10,                 /* used codes that a source may send in a minute */
	STORE_DELAY_MAX = 3600,             /* seconds that a source waits after a failure, at most */
	STORE_REFILL_SECONDS = 30 * 86400,  /* in which an empty budget of guesses is full again */
	STORE_BAN_VALUE_MAX = 1024,         /* bytes of what is banned */
	STORE_BAN_REASON_MAX = 200
};

/* Who may not come in. The numbers stand in the database. */
enum store_ban_kind { STORE_BAN_ADDRESS = 1, STORE_BAN_USER = 2, STORE_BAN_CLIENT_ID = 3 };

struct store_ban {
	enum store_ban_kind kind;
	struct slice value;     /* what is banned, as whoever bans writes it; 1 to STORE_BAN_VALUE_MAX bytes */
	int64_t since, until;   /* seconds since the epoch; until 0: for ever */
	bool automatic;         /* not by hand */
	struct slice reason;    /* for people, may be empty */
};
typedef int store_ban_fn(void *ctx, const struct store_ban *ban);

enum store_verb {
	STORE_TAKE,    /* fetch a credential and, for a source not known to be good, take one guess */
	STORE_CONSUME, /* raise the mark, if it is still below; remember the source as good, which has not failed any more; give
	                * a taken guess back */
	STORE_SETTLE,  /* what else a verdict changes: give the guess back, set or forget the pending resync, count a failure */
	STORE_YIELD,   /* give up the turn that a TAKE was answered with: the same struct, its verb changed */
	STORE_DRAW,    /* take the code that goes to a broker next: never one that was sent, but see draw.c */
	STORE_DRAWN,   /* the broker's answer to a drawn HOTP code */
	STORE_BAN,     /* keep a ban, in the place of one of the same value; those that are over by now are forgotten */
	STORE_UNBAN,   /* forget the ban of that kind and value; UNKNOWN: there was none */
	STORE_TOUCH    /* write what is there already, which shows that writing works */
};

enum store_status {
	STORE_DONE,
	STORE_UNKNOWN,   /* no such user, or ban */
	STORE_STRANGER,  /* TAKE with `strangers`: there is and was no such user */
	STORE_DELAYED,   /* TAKE: the source failed, and has to wait: 2^(n-1) s after its n-th failure */
	STORE_REPLAYING, /* TAKE: the source sent too many used codes in the last minute */
	STORE_EXHAUSTED, /* TAKE: no guess left for an unknown source */
	STORE_LOCKED,    /* TAKE, CONSUME: by an administrator */
	STORE_EXPIRED,   /* TAKE, CONSUME: the user's time is over */
	STORE_STALE,     /* TAKE, CONSUME: the counter comes from an old copy, a resync is needed */
	STORE_CONFLICT,  /* CONSUME: the mark is not below the new one any more: the code was used meanwhile. Nothing has
	                  * changed: a guess that was taken is given back by a SETTLE, as for any replay */
	STORE_EARLY,     /* DRAW: no step is free yet; mark is the first step of now in which one is */
	STORE_FAILED     /* not durable, for the reason in err */
};

struct store_op;
struct store_turn {
	bool held;
	uint8_t tag[16];
	struct store_op *next;
	struct mail *waiting, **last;
};

/* One request. The caller fills the first part and keeps the struct until the mail is delivered; mail.deliver is the
 * caller's, run in the thread that drains reply_to. */
struct store_op {
	struct mail mail; /* first: deliver() casts back */
	struct mailbox *reply_to;
	enum store_verb verb;
	struct slice user;      /* TAKE; borrowed until the answer */
	uint8_t source[16];     /* where the attempt comes from: an address (IPv4-mapped), or the /64 of an IPv6 one */
	int64_t now;            /* seconds since the epoch */
	int64_t id;             /* CONSUME, SETTLE: the credential, as TAKE gave it */
	int64_t mark;           /* CONSUME: what the mark becomes */
	bool give_back;         /* CONSUME, SETTLE: a guess was taken and is to be given back */
	bool failed;            /* SETTLE: the source failed at this credential, once more */
	bool replayed;          /* SETTLE: the source sent a used code (a CONFLICT counts by itself) */
	bool forget_pending;    /* SETTLE (a CONSUME always forgets it) */
	int64_t pending;        /* SETTLE: the counter to keep as pending with now and source, -1 none; left out where the mark
	                         * has risen beyond it meanwhile */
	uint8_t drawer[STORE_DRAWER]; /* DRAW, DRAWN: whose codes, a hash that a replaced secret changes */
	enum otp_kind kind;     /* DRAW, DRAWN */
	/* mark: DRAW: TOTP, the step of now; answered with the step or counter to be sent. DRAWN: what DRAW answered */
	bool accepted;          /* DRAWN: the broker let it in; else it refused the login */
	struct store_ban ban;   /* BAN, UNBAN; what it points to is borrowed until the answer */
	bool strangers;         /* TAKE: users who never were are told from those who were removed, and wait for nothing */
	bool in_turn;           /* TAKE: wait until no other such TAKE of this user and source is under way. Where the answer is
	                         * DONE the struct is kept, unmoved, and given to YIELD after the SETTLE, if there is one */
	struct store_turn turn; /* the store's own, zeroed before TAKE */
	/* the answer */
	enum store_status status;
	struct err err;         /* STORE_FAILED */
	struct otp_params params;
	struct otp_state state;
	int64_t edition;        /* TAKE: raised by each change of an administrator */
	uint8_t blob[STORE_BLOB_MAX]; /* the secret, sealed (seal/atrest.h, field "secret") */
	size_t blob_len;
	uint8_t login[STORE_LOGIN_MAX]; /* TAKE: the login for the broker, sealed (field "login") */
	size_t login_len;       /* 0: there is none */
	bool guess_taken;       /* TAKE: a guess was taken for this attempt */
};

struct store;

/* How many users there are. A user is counted as the first that applies. */
struct store_census {
	uint64_t users, locked, expired, stale;
	uint64_t ahead; /* of all: TOTP marks beyond the window, which no code can pass: the clock was set back */
};

/* Told, in the store's thread, about users. The callbacks take a moment at most and do not use the store. */
struct store_watch {
	void *ctx;
	void (*revoked)(void *ctx, struct slice user); /* locked, removed, expired, stale from now on: live sessions end */
	void (*census)(void *ctx, const struct store_census *c);
	void (*failed)(void *ctx, const char *why); /* the state cannot be looked at; said once, until it can again */
};

/* Opens the state of that type ("sqlite" with its file, "memory" without), calls found (if not NULL) for each ban in it until
 * that returns not 0, which fails, and starts its thread. NULL and the reason. */
struct store *store_open(const char *type, const char *path, store_ban_fn *found, void *ctx, struct err *e);

/* Batches that were made durable, those that were not, and how long either took. Any thread. */
struct store_stats {
	uint64_t committed, failed;
	struct histogram_sum commit;
};
void store_stats(const struct store *s, struct store_stats *out);

/* Any thread. The answer comes to op->reply_to, also when it is a failure. */
void store_submit(struct store *s, struct store_op *op);

/* The same with all of these, which are mails of requests, in their order; they are taken. What comes together is made durable
 * together (up to 256), and wakes the thread of the store at most once. */
void store_submit_all(struct store *s, struct mails *ops);

/* Whether the thread has nothing to do, or has begun a batch since the last call: so that a thread that hangs is noticed. From
 * one thread, always the same. True for NULL. */
bool store_turned(struct store *s);

/* From now on the state is looked at every moment, whoever changes it: this daemon, another one, mqsecproxyctl. w is
 * borrowed until the store is closed. At most once. */
enum { STORE_LOOK_MS = 500, STORE_CENSUS_MS = 10000 };
void store_watch(struct store *s, const struct store_watch *w);

/* From now on replays, and failures at names that nobody has, are kept in the state, where it is a file, under that secret
 * key, which is copied; what is there already counts from now on. Where it cannot be read, those who watch are told. Does
 * nothing the second time. */
void store_keep_waits(struct store *s, const uint8_t key[SECRET_HASH_KEY_SIZE]);

/* Answers all that was submitted, then ends the thread. NULL-safe. */
void store_close(struct store *s);

/* Reads the state key (64 hexadecimal digits in a file that others cannot read) into key; a file that does not exist is made,
 * mode 0600, with a random key. 0 or -1. */
int store_key_load(const char *path, uint8_t key[32], struct err *e);

#endif
