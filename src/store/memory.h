/* SPDX-License-Identifier: ISC */
/* What the parts of the state in memory share: memory.c answers requests, memory_user.c is the
 * administrator's. Inside store/ only. */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "store/memory_ban.h"
#include "store/memory_draw.h"
#include "store/record.h"

struct good_source {
	uint8_t source[16];
	int64_t last_success;
};

struct failed_source {
	uint8_t source[16];
	int64_t failures, last;
};

/* What a batch can change. */
struct changing {
	struct otp_state state;
	double guesses;
	int64_t guesses_at;
	struct good_source good[STORE_SOURCES];
	size_t n_good;
	struct failed_source failed[STORE_FAILURES];
	size_t n_failed;
	int64_t last_login;
};

struct memory_user {
	int64_t id, edition;
	struct otp_params params;
	unsigned budget;
	int64_t created, expires;
	bool locked, stale;
	size_t name_len, blob_len, login_len;
	uint8_t name[STORE_USER_MAX];
	uint8_t blob[STORE_BLOB_MAX];
	uint8_t login[STORE_LOGIN_MAX];
	uint64_t touched; /* the batch that saved `before` */
	uint64_t added;   /* the batch after or in which it came */
	struct changing now, before;
};

struct removed_user {
	size_t n;
	uint8_t name[STORE_USER_MAX];
};

struct memory {
	struct store_backend base; /* first: its address is the backend's */
	struct memory_user **users;
	size_t n, size;
	struct memory_draws draws;
	int64_t last_id;
	uint64_t batch;
	bool in_batch;
	struct memory_user *revoked; /* what is left of those whom revoked() has to name */
	size_t n_revoked;
	struct removed_user *removed; /* who was removed since it was opened, also who is back */
	size_t n_removed;
	int64_t watched_at;
	struct memory_bans bans, bans_before; /* before: as the batch found them, where it … */
	bool bans_touched;                    /* … changes them */
};

static inline struct memory *memory_of(struct store_backend *b)
{
	return (struct memory *)b;
}

static inline struct slice memory_name(const struct memory_user *u)
{
	return slice_of(u->name, u->name_len);
}

/* Where the name is, or where it would go. */
size_t memory_position(const struct memory *m, struct slice name, bool *there);

/* Where the name stands among those who were removed; n_removed: it does not. */
size_t memory_removed(const struct memory *m, struct slice name);

/* Frees a user. */
void memory_drop(struct memory *m, size_t at);

/* The administrator's operations, as backend.h has them. */
int memory_user_add(struct store_backend *b, const struct store_user *u, struct err *e);
int memory_user_remove(struct store_backend *b, struct slice name, struct err *e);
int memory_user_forget(struct store_backend *b, struct slice name, struct err *e);
int memory_user_edit(struct store_backend *b, struct slice name, const struct store_edit *edit,
                     struct err *e);
int memory_user_each(struct store_backend *b, int (*found)(void *ctx, const struct store_user *u),
                     void *ctx, struct err *e);
int memory_user_find(struct store_backend *b, struct slice name,
                     int (*found)(void *ctx, const struct store_user *u), void *ctx, struct err *e);
int memory_user_sources(struct store_backend *b, struct slice name,
                        int (*found)(void *ctx, const uint8_t source[16], int64_t last_success),
                        void *ctx, struct err *e);
int memory_revoked(struct store_backend *b, int64_t now,
                   void (*found)(void *ctx, struct slice name), void *ctx, struct err *e);
int memory_census(struct store_backend *b, int64_t now, struct store_census *out, struct err *e);
int memory_each_ban(struct store_backend *b, store_ban_fn *found, void *ctx, struct err *e);

#endif
