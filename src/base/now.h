/* SPDX-License-Identifier: ISC */
/* The time as the pure wing gets it: an argument, read once a batch by whoever calls. */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>

struct now {
	int64_t mono_ms; /* CLOCK_MONOTONIC, milliseconds: for timers */
	int64_t real_us; /* CLOCK_REALTIME, microseconds since the epoch: for OTP steps and message numbers */
};

#endif
