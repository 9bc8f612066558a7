/* SPDX-License-Identifier: ISC */
/* The one place where the time is read, so that everything else can be given any. */
#include "sys/clock.h"

#include <sys/timex.h>
#include <unistd.h>

#define TIMESYNC "/run/systemd/timesync"

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

int64_t clock_mono_us(void)
{
	struct timespec t = {0, 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void clock_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(c, &attr);
	(void)pthread_condattr_destroy(&attr);
}

struct timespec clock_after_ms(int64_t ms)
{
	int64_t us = clock_mono_us() + ms * 1000;

	return (struct timespec){.tv_sec = (time_t)(us / 1000000),
	                         .tv_nsec = (long)(us % 1000000 * 1000)};
}

enum clock_sync clock_sync(void)
{
	struct timex t = {.modes = 0}; /* only asks */

	if (adjtimex(&t) >= 0)
		return (t.status & STA_UNSYNC) != 0 ? CLOCK_UNSYNCHRONISED : CLOCK_SYNCHRONISED;
	/* A sandbox that forbids to set the clock forbids to ask. systemd-timesyncd leaves a sign:
	 * its folder is there while it runs, and the file in it since the clock was right. */
	if (access(TIMESYNC "/synchronized", F_OK) == 0)
		return CLOCK_SYNCHRONISED;
	return access(TIMESYNC, F_OK) == 0 ? CLOCK_UNSYNCHRONISED : CLOCK_UNKNOWN;
}
