/* SPDX-License-Identifier: ISC */
/* The verdict on one code: pure, from record, code and time. */
#ifndef OTP_JUDGE_H
#define OTP_JUDGE_H

#include "otp/hotp.h"

enum otp_verdict {
	OTP_ACCEPT, /* new_mark is to be made durable before anything else happens */
	OTP_REPLAY, /* a code at or below the mark: used before */
	OTP_RESYNC, /* HOTP: far ahead; refused, but the following code will be accepted (pending) */
	OTP_BAD,
	OTP_ERROR /* libcrypto failed, or a record that cannot be: refuse */
};

struct otp_judgement {
	enum otp_verdict verdict;
	int64_t new_mark;      /* ACCEPT: what the mark becomes (TOTP: the step; HOTP: counter + 1) */
	bool forget_pending;   /* the pending resync counter is to be cleared (before new_pending is set) */
	int64_t new_pending;   /* RESYNC: the counter to be kept as pending, else -1 */
};

/* Judges `code` (ASCII digits) at `time` (seconds since the epoch), coming from `source` (16 bytes, see struct otp_state).
 * All candidates are computed and compared in constant time, no early exit; only beyond the window of HOTP none is looked at
 * for a code that was found in it. TOTP: the lowest matching step above the mark
 * inside the window is accepted, a match in the window at or below it is REPLAY. HOTP: next … next+window-1 accepted; next-1
 * REPLAY; up to next+resync-1 RESYNC; a pending counter that is younger than OTP_PENDING_SECONDS is accepted alone,
 * and forgotten after an attempt from the same source that is not it. No code but one of exactly params.digits digits
 * matches. */
struct otp_judgement otp_judge(struct hotp *h, const struct otp_credential *c, struct slice code, int64_t time,
    const uint8_t source[16]);

#endif
