/* SPDX-License-Identifier: ISC */
/* The metrics: every family that there is, under its name. Never a label by client id, user or
 * topic: how many series there are is the configuration's to say, not a client's. */
#ifndef ADMIN_EXPOSITION_H
#define ADMIN_EXPOSITION_H

#include "admin/facts.h"
#include "base/buf.h"

/* Appends all. 0, or -1 where there is no room or memory. May wait for brokers that have to be
 * looked for. */
int exposition_write(struct facts *facts, struct buf *out);

#endif
