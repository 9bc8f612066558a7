/* SPDX-License-Identifier: ISC */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/now.h"

/* Both clocks, read now. */
struct now clock_now(void);

/* The monotonic clock alone, in microseconds: for durations. */
int64_t clock_mono_us(void);

/* Whether something (NTP) keeps the real-time clock right, as far as the kernel knows. */
enum clock_sync { CLOCK_SYNCHRONISED, CLOCK_UNSYNCHRONISED, CLOCK_UNKNOWN };
enum clock_sync clock_sync(void);

#endif
