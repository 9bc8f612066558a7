/* SPDX-License-Identifier: ISC */
/* What the main thread knows and the thread of HTTP tells. */
#ifndef ADMIN_FACTS_H
#define ADMIN_FACTS_H

#include "worker/pool.h"

#include <stdatomic.h>

struct facts {
	struct pool *pool;
	int64_t started_us;         /* of the wall clock, like the next */
	_Atomic int64_t loaded_us;  /* when the configuration in force was loaded */
	atomic_bool reload_refused; /* the last reload */
};

#endif
