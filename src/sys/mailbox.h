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

struct mailbox {
	pthread_mutex_t lock;
	struct mail *head, **tail;
	int fd; /* readable while mail may wait; for the owner's event loop */
};

/* The caller's storage. 0 or -1. */
int mailbox_init(struct mailbox *b, struct err *e);

/* Any thread. Mail is delivered in the order in which it was posted. Never fails, never blocks for long. */
void mailbox_post(struct mailbox *b, struct mail *m);

/* The owner's thread: takes all that is there and delivers it; deliver() may post. */
void mailbox_drain(struct mailbox *b);

/* Nothing may be posted any more; what still waits is delivered first. */
void mailbox_fini(struct mailbox *b);

#endif
