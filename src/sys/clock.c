/* SPDX-License-Identifier: ISC */
/* The one place where the time is read, so that everything else can be given any. */
#include "sys/clock.h"

#include <time.h>

struct now clock_now(void)
{
	struct timespec mono = {0, 0}, real = {0, 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	(void)clock_gettime(CLOCK_REALTIME, &real);
	return (struct now){
	    .mono_ms = (int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
	    .real_us = (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000,
	};
}
