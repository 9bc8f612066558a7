/* SPDX-License-Identifier: ISC */
/* The code inside the CONNECT password. */
#ifndef OTP_EMBED_H
#define OTP_EMBED_H

#include "base/slice.h"

enum otp_layout { OTP_PASSWORD_THEN_OTP, OTP_OTP_THEN_PASSWORD, OTP_OTP_ONLY };

/* Splits a CONNECT password into its static part and its code of `digits` decimal digits; both are borrowed from it.
 * False where it is too short, the code's place holds anything but ASCII digits, or, for OTP_OTP_ONLY, where the length is
 * not exactly `digits`. */
bool otp_split(struct slice password, enum otp_layout layout, unsigned digits, struct slice *fixed, struct slice *code);

/* The reverse, without a copy: the parts of a password in their order, the second possibly empty. OTP_OTP_ONLY leaves the
 * static part out. */
void otp_join(struct slice fixed, enum otp_layout layout, struct slice code, struct slice part[2]);

#endif
