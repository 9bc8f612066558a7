/* SPDX-License-Identifier: ISC */
/* What is known of one user's one-time password: parameters, mark and secret. Plain data; the store keeps it with the
 * secret sealed, the judge sees it opened. */
#ifndef OTP_CREDENTIAL_H
#define OTP_CREDENTIAL_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum otp_kind { OTP_HOTP = 1, OTP_TOTP = 2 };
enum otp_algorithm { OTP_SHA1 = 1, OTP_SHA256 = 2, OTP_SHA512 = 3 };

enum { OTP_SECRET_MAX = 128, OTP_SECRET_MIN = 16, OTP_DIGITS_MIN = 6, OTP_DIGITS_MAX = 8, OTP_PENDING_SECONDS = 600 };

struct otp_params {
	enum otp_kind kind;
	enum otp_algorithm algorithm;
	unsigned digits;
	unsigned step;      /* TOTP: seconds of a step */
	unsigned back, fwd; /* TOTP: steps accepted before and after now */
	unsigned window;    /* HOTP: counters accepted from next on */
	unsigned resync;    /* HOTP: counters searched from next on, window included */
};

/* The mark only ever rises. TOTP: the highest accepted step, -1 before the first. HOTP: the next counter that is accepted.
 * A login raises it, and for HOTP a mark of m+1 is what accepting counter m stores. */
struct otp_state {
	int64_t mark;
	int64_t pending;    /* HOTP: the only counter accepted after a RESYNC verdict, -1 none */
	int64_t pending_at; /* seconds since the epoch when it was set; void after OTP_PENDING_SECONDS */
	uint8_t pending_source[16]; /* whose attempt set it; only a miss from there forgets it */
};

struct otp_credential {
	struct otp_params params;
	struct otp_state state;
	uint8_t secret[OTP_SECRET_MAX]; /* wiped by whoever holds it, otp_credential_wipe() */
	size_t secret_len;
};

struct otp_profile {
	const char *name; /* "people", "machine-totp", "machine-hotp" */
	struct otp_params params;
	size_t secret_len; /* bytes of a secret that is made */
};

/* The profile of that name, or NULL. Immutable, static. */
const struct otp_profile *otp_profile_find(const char *name);

/* Windows for parameters that come from elsewhere: those of the profile that is most like them. */
void otp_params_windows(struct otp_params *p);

/* Steps or counters that one guess may hit: back + 1 + fwd, or the window. */
unsigned otp_window_size(const struct otp_params *p);

/* The guesses that a credential's budget holds: clamp(10^digits / (16384 · w), 5, 100), refilled over 30 days. */
unsigned otp_guess_budget(const struct otp_params *p);

void otp_credential_wipe(struct otp_credential *c);

/* The login that a broker is shown in place of the user's own. Both are there, and together with
 * OTP_LOGIN_OVERHEAD no longer than OTP_LOGIN_MAX. Borrowed. */
enum { OTP_LOGIN_MAX = 1024, OTP_LOGIN_OVERHEAD = 2 };
struct otp_login {
	struct slice user, password;
};

/* As one run of bytes, to be sealed and opened: their number, or 0 where it is none or too long. */
size_t otp_login_pack(const struct otp_login *login, uint8_t out[OTP_LOGIN_MAX]);

/* The parts of it, borrowed from there. False where it is none. */
bool otp_login_unpack(struct slice packed, struct otp_login *out);

#endif
