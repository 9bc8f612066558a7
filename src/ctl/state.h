/* SPDX-License-Identifier: ISC */
/* What the commands share that work on the state itself, whether the daemon runs or not. */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include "ctl/ctl.h"
#include "seal/atrest.h"
#include "store/backend.h"

enum { CTL_NAME_TEXT = 4 * STORE_USER_MAX + 8, CTL_DATE_TEXT = 32 };

struct ctl_state {
	struct conf *conf;
	struct store_backend *db;
	uint8_t *key; /* locked memory, or NULL */
};

enum ctl_key {
	CTL_KEY_NONE,
	CTL_KEY_THERE, /* it must be there */
	CTL_KEY_MADE   /* it is made where it is missing */
};

/* Reads the configuration, becomes the owner of the state's folder where root runs this, so that no
 * file is left behind that the service could not write, and opens the state, which is made where it
 * is missing. CTL_OK, or the exit status, reported, with nothing to be closed. */
int ctl_state_open(const struct ctl *ctl, enum ctl_key key, struct ctl_state *s);
void ctl_state_close(struct ctl_state *s);

/* The two halves of it, for what has to be done in between: after the first the state is not open
 * yet (a ctl_state_close() is due), the second closes all where it fails. */
int ctl_state_prepare(const struct ctl *ctl, struct ctl_state *s);
int ctl_state_begin(struct ctl_state *s, enum ctl_key key);

/* Where root runs this, and the configuration has a state: becomes the owner of its folder, so that
 * what cannot be read is seen as the service would see it. Where that fails nothing changes. */
void ctl_become_reader(const struct ctl *ctl);

/* Seals a secret into blob, which the user then borrows, and gives the user a full budget. 0 or -1.
 */
int ctl_seal_user(const uint8_t *key, struct store_user *user, struct slice secret,
                  uint8_t blob[STORE_BLOB_MAX]);

/* Opens the secret of a user into a credential, which the caller wipes. 0 or -1. */
int ctl_open_user(const uint8_t *key, const struct store_user *user, struct otp_credential *out);

/* user_login.c: the login that the broker is shown in place of the user's own. */
struct ctl_login {
	uint8_t *packed; /* locked memory, or NULL */
	size_t n;        /* 0: there is none */
};

/* From its parts, or from --broker-password-file and --broker-user (`name` by default); none where
 * they are not given. CTL_OK, or the exit status, reported, with nothing to be freed. */
int ctl_login_pack(struct slice user, struct slice password, struct ctl_login *out);
int ctl_login_read(const struct ctl *ctl, const struct ctl_args *args, const char *name,
                   struct ctl_login *out);
void ctl_login_free(struct ctl_login *login);

/* Seals it into blob, which `sealed` borrows; opens a user's. No login is an empty one. 0 or -1. */
int ctl_login_seal(const uint8_t *key, struct slice name, const struct ctl_login *login,
                   uint8_t blob[STORE_LOGIN_MAX], struct slice *sealed);
int ctl_login_open(const uint8_t *key, const struct store_user *user, struct ctl_login *out);

/* user_edit.c: changes a user. CTL_OK, or CTL_FAILED, reported. ctl_done() says in JSON that it is
 * done. Returns CTL_OK. */
int ctl_state_edit(const struct ctl_state *state, struct slice name, const struct store_edit *edit);
int ctl_done(const struct ctl *ctl, const char *what);

/* A name that a terminal and a log can show: others could not be typed to remove them. */
bool ctl_name_ok(struct slice name);

/* Reports that there is no such user. Returns CTL_FAILED. */
int ctl_no_user(struct slice name);

/* "2026-11-22T20:00:00Z" into out, which is returned. */
const char *ctl_date(int64_t seconds, char out[CTL_DATE_TEXT]);

const char *ctl_algorithm(enum otp_algorithm a);

/* Reads n codes of digits from standard input, parted by white space, each 1 to OTP_DIGITS_MAX
 * long; asks for them where that is a terminal. CTL_OK or CTL_FAILED, reported. */
int ctl_read_codes(size_t n, char codes[][OTP_DIGITS_MAX + 1]);

/* qr.c. Appends a QR code of the text, in half blocks, two modules a character; colours: for a
 * terminal, black on white whatever its own. CTL_OK, or CTL_FAILED, reported. */
bool ctl_qr_built(void);
int ctl_qr(struct slice text, bool colours, struct buf *out);

/* apart.c. Runs produce() in a process of its own, which may become somebody else, and appends to
 * out what it appended to its buffer of the same cap. Returns what produce() returned. */
int ctl_apart(int (*produce)(void *ctx, struct buf *out), void *ctx, struct buf *out);

/* Lines "NAME VALUE", or members of a JSON object. */
struct ctl_pairs {
	bool json, any;
};
void ctl_pair(struct ctl_pairs *p, const char *name, struct slice value);
void ctl_pair_text(struct ctl_pairs *p, const char *name, const char *value);
void ctl_pair_number(struct ctl_pairs *p, const char *name, int64_t value);
void ctl_pair_date(struct ctl_pairs *p, const char *name, int64_t seconds, const char *zero);
void ctl_pairs_end(struct ctl_pairs *p);

#endif
