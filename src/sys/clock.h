/* SPDX-License-Identifier: ISC */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/now.h"

/* Both clocks, read now. */
struct now clock_now(void);

#endif
