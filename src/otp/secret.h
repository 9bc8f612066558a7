/* SPDX-License-Identifier: ISC */
/* The files that an edge keeps its secrets in. */
#ifndef OTP_SECRET_H
#define OTP_SECRET_H

#include "base/err.h"
#include "base/slice.h"
#include "otp/credential.h"

/* What stands for the secret in a file: without white space around it, and without the "secret "
 * before it, as `user add` prints it. */
struct slice otp_secret_text(struct slice file);

/* Reads the text of a secret file, base32 with what otp_secret_text() takes away, into out. Returns
 * the number of bytes, OTP_SECRET_MIN to OTP_SECRET_MAX, or -1 and the reason, which tells nothing
 * of the secret. */
int otp_secret_parse(struct slice text, uint8_t out[OTP_SECRET_MAX], struct err *e);

/* Whether each user name has a file of its own: the path holds %u. */
bool otp_secret_per_user(const char *path);

/* The path of a user's file, with the name in place of each %u, and a NUL, into out. 0, or -1 and
 * the reason where the name could lead elsewhere or would not be one part of a path: it is empty,
 * ".", or "..", holds "..", "/" or NUL, makes a "@" the first character (a credential), or the path
 * gets too long. */
int otp_secret_path(const char *path, struct slice user, char *out, size_t size, struct err *e);

#endif
