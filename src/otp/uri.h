/* SPDX-License-Identifier: ISC */
#ifndef OTP_URI_H
#define OTP_URI_H

#include "base/buf.h"
#include "otp/credential.h"

/* Appends the otpauth URI by which authenticators take a credential over: issuer "mqsecproxy", the
 * user name percent-encoded, the secret in base32, and of the parameters only those that are not
 * the default there (SHA1, 6 digits, 30 s); HOTP has its counter always. It holds the secret: the
 * caller wipes out. 0, or -1 where out lacks room. */
int otp_uri(struct slice user, const struct otp_params *params, int64_t counter,
            struct slice secret, struct buf *out);

#endif
