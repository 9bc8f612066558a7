/* SPDX-License-Identifier: ISC */
/* How things stand in numbers: the tiles of the status page. */
#ifndef ADMIN_TILES_H
#define ADMIN_TILES_H

#include "admin/facts.h"
#include "admin/history.h"
#include "admin/html.h"

/* All that one page is made from. */
struct view {
	struct html html;
	struct facts *facts;
	struct snapshot *snapshot;
	struct sample now, hour, rate; /* rate: over the last few seconds */
	size_t pending, connected, limit;
	bool has_users;
	struct store_census users;
	bool *broker_up; /* by index in conf */
	const struct history *history;
};

/* Writes them, those of the brokers and keys included; without memory the page has failed. */
void tiles_put(struct view *v);

#endif
