/* SPDX-License-Identifier: ISC */
#ifndef OTP_URI_H
#define OTP_URI_H

#include "base/buf.h"
#include "base/err.h"
#include "otp/credential.h"

enum { OTP_URI_USER_MAX = 256 };

/* Appends the otpauth URI by which authenticators take a credential over: issuer "mqsecproxy", the
 * user name percent-encoded, the secret in base32, and of the parameters only those that are not
 * the default there (SHA1, 6 digits, 30 s); HOTP has its counter always. It holds the secret: the
 * caller wipes out. 0, or -1 where out lacks room. */
int otp_uri(struct slice user, const struct otp_params *params, int64_t counter,
            struct slice secret, struct buf *out);

/* Appends a login for the broker to such a URI, which is then of use to this program alone. As
 * above. */
int otp_uri_login(const struct otp_login *login, struct buf *out);

/* How a user stands, beside what an authenticator needs. What is 0 or false is said by nothing. */
struct otp_uri_standing {
	bool locked;
	bool stale;      /* HOTP: the counter comes from an old copy of the state */
	int64_t expires; /* seconds since the epoch; 0: never */
	int64_t mark;    /* TOTP: the last step of which a code was accepted; 0: none is known */
};

/* Appends how the user stands, in parameters of our own. As above. */
int otp_uri_stand(const struct otp_uri_standing *standing, struct buf *out);

/* What such a URI says. It holds the secret: the caller wipes it. */
struct otp_uri_content {
	uint8_t user[OTP_URI_USER_MAX]; /* the label without the issuer before it */
	size_t user_len;
	struct otp_params params; /* windows as otp_params_windows() */
	int64_t counter;          /* HOTP: the next one */
	uint8_t secret[OTP_SECRET_MAX];
	size_t secret_len;
	/* the login for the broker: both or neither */
	uint8_t broker_user[OTP_LOGIN_MAX], broker_password[OTP_LOGIN_MAX];
	size_t broker_user_len, broker_password_len;
	struct otp_uri_standing standing;
};

/* A parameter of a URI by its value, decoded, of at most OTP_LOGIN_MAX bytes; a list of users has
 * them in columns. 0, or -1 with the reason, in which nothing of the secret stands. */
enum otp_uri_parameter {
	OTP_URI_SECRET, /* base32 */
	OTP_URI_ALGORITHM,
	OTP_URI_DIGITS,
	OTP_URI_PERIOD,
	OTP_URI_COUNTER,
	OTP_URI_BROKER_USER,
	OTP_URI_BROKER_PASSWORD,
	OTP_URI_LOCKED, /* 0 or 1 */
	OTP_URI_STALE,
	OTP_URI_EXPIRES,
	OTP_URI_MARK,
	OTP_URI_PARAMETERS
};
int otp_uri_take(enum otp_uri_parameter which, struct slice s, struct otp_uri_content *out,
                 struct err *e);

/* Reads a URI of any issuer; parameters that are not known are left alone. 0, or -1 with the
 * reason, in which nothing of the secret stands; out is then wiped. */
int otp_uri_parse(struct slice uri, struct otp_uri_content *out, struct err *e);

#endif
