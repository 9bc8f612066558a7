/* SPDX-License-Identifier: ISC */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/now.h"

#include <pthread.h>
#include <time.h>

/* Both clocks, read now. */
struct now clock_now(void);

/* The monotonic clock alone, in microseconds: for durations. */
int64_t clock_mono_us(void);

/* A condition whose waits end by the monotonic clock, which nobody sets: for pthread_cond_timedwait()
 * until clock_after_ms() from now. */
void clock_cond_init(pthread_cond_t *c);
struct timespec clock_after_ms(int64_t ms);

/* Whether something (NTP) keeps the real-time clock right, as far as the kernel knows. */
enum clock_sync { CLOCK_SYNCHRONISED, CLOCK_UNSYNCHRONISED, CLOCK_UNKNOWN };
enum clock_sync clock_sync(void);

#endif
