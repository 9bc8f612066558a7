/* SPDX-License-Identifier: ISC */
/* HOTP [RFC 4226] over HMAC-SHA-1, -256, -512; TOTP [RFC 6238] is HOTP of the step number. */
#ifndef OTP_HOTP_H
#define OTP_HOTP_H

#include "base/err.h"
#include "base/slice.h"
#include "otp/credential.h"

/* HMAC contexts, fetched once and kept: one a thread (making them costs more than using them). */
struct hotp;
struct hotp *hotp_new(struct err *e);
void hotp_free(struct hotp *h);

/* The HMAC of a message, from which a code is cut. Returns its length (20, 32 or 64), 0 where libcrypto failed. */
enum { HOTP_MAC_MAX = 64 };
size_t hotp_mac(struct hotp *h, enum otp_algorithm algorithm, struct slice secret, struct slice message,
    uint8_t out[HOTP_MAC_MAX]);

/* The code of a counter, RFC 4226 section 5.3, as a number below 10^digits. 0, or -1 where libcrypto failed. */
int hotp_code(struct hotp *h, enum otp_algorithm algorithm, struct slice secret, uint64_t counter, unsigned digits,
    uint32_t *out);

/* The same for the secret of the call before with this algorithm, which is cheaper: half of the work is about the secret
 * alone. -1 where there was none since hotp_forget(). */
int hotp_another(struct hotp *h, enum otp_algorithm algorithm, uint64_t counter, unsigned digits, uint32_t *out);

/* Replaces what the contexts keep of the last secret by a public value. otp_judge() does so itself; whoever
 * calls hotp_code() for a secret that is not to stay calls it after the last code. */
void hotp_forget(struct hotp *h);

/* The code as text: `digits` characters with leading zeros, and a NUL. out holds at least OTP_DIGITS_MAX + 1. */
void hotp_text(uint32_t code, unsigned digits, char *out);

/* The TOTP step of a time (seconds since the epoch): floor(time / step); -1 for a step of 0. */
int64_t totp_step(int64_t time, unsigned step);

#endif
