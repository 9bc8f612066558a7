/* SPDX-License-Identifier: ISC */
/* How one thread hands something to another: an intrusive queue and an eventfd that an event loop can wait for. */
#ifndef SYS_MAILBOX_H
#define SYS_MAILBOX_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>

/* Embedded in what is sent; deliver() runs in the thread that drains the box and owns the mail from then on. */
struct mail {
	struct mail *next;
	void (*deliver)(struct mail *self);
};

/* Mail in a row, of one thread or under a lock. */
struct mails {
	struct mail *first, **end; /* end: where the next one is put */
};

static inline void mails_init(struct mails *q)
{
	q->first = NULL;
	q->end = &q->first;
}

static inline void mails_add(struct mails *q, struct mail *m)
{
	m->next = NULL;
	*q->end = m;
	q->end = &m->next;
}

/* Puts all of `from` behind what is there. */
static inline void mails_move(struct mails *q, struct mails *from)
{
	if (from->first == NULL)
		return;
	*q->end = from->first;
	q->end = from->end;
	mails_init(from);
}

/* The first one, taken from it; NULL: none. */
static inline struct mail *mails_take(struct mails *q)
{
	struct mail *m = q->first;

	if (m != NULL)
		q->first = m->next;
	if (q->first == NULL)
		q->end = &q->first;
	return m;
}

struct mailbox {
	pthread_mutex_t lock;
	struct mails waiting;
	int fd; /* readable while mail may wait; for the owner's event loop */
};

/* The caller's storage. 0 or -1. */
int mailbox_init(struct mailbox *b, struct err *e);

/* Any thread. Mail is delivered in the order in which it was posted. Never fails, never blocks for long. */
void mailbox_post(struct mailbox *b, struct mail *m);

/* The same with all that are there, which wakes the owner at most once. They are taken. */
void mailbox_post_all(struct mailbox *b, struct mails *all);

/* The owner's thread: takes all that is there and delivers it; deliver() may post. */
void mailbox_drain(struct mailbox *b);

/* Nothing may be posted any more; what still waits is delivered first. */
void mailbox_fini(struct mailbox *b);

#endif
