/* SPDX-License-Identifier: ISC */
/* Who wants a code of one injected credential stands in line, in the whole process: codes that
 * arrive out of order are refused, so the next is drawn when the broker has answered the one
 * before. */
#ifndef WORKER_LINES_H
#define WORKER_LINES_H

#include "store/store.h"

/* One who stands in line; embedded in what waits. */
struct line_place {
	uint8_t key[STORE_DRAWER]; /* whose codes */
	struct mail *mail;         /* posted when its turn comes … */
	struct mailbox *to;        /* … to this one */
	struct line_place *ahead, *behind, *last, *next;
};

struct lines;
struct lines *lines_new(struct err *e);
void lines_free(struct lines *l); /* NULL-safe; nobody may stand in line */

/* Any thread. True: it is its turn at once. The place stays where it is until it has left. */
bool lines_join(struct lines *l, struct line_place *p);

/* Whose turn it was is done: the next one gets its mail. */
void lines_leave(struct lines *l, struct line_place *p);

/* Who still waits goes. False: its turn has come, and the mail is under way: it leaves then. */
bool lines_give_up(struct lines *l, struct line_place *p);

#endif
