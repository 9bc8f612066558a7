/* SPDX-License-Identifier: ISC */
/* The descriptor is readable exactly while the queue is not empty: both change under the lock. So a
 * burst of mail costs one system call, and whoever drained the last mail may close the box at once,
 * since no poster still means to write to it. */
#include "sys/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *b, struct err *e)
{
	mails_init(&b->waiting);
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->fd < 0)
		return err_errno(e, "cannot make an eventfd");
	int why = pthread_mutex_init(&b->lock, NULL);
	if (why != 0) {
		(void)close(b->fd);
		b->fd = -1;
		errno = why;
		return err_errno(e, "cannot make a mutex");
	}
	return 0;
}

/* Neither call can fail on an eventfd that holds 0 or 1, but for a signal. */
static void wake(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
		;
}

static void unwake(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
		;
}

void mailbox_post_all(struct mailbox *b, struct mails *all)
{
	(void)pthread_mutex_lock(&b->lock);
	bool wakes = b->waiting.first == NULL && all->first != NULL;
	mails_move(&b->waiting, all);
	if (wakes)
		wake(b->fd);
	(void)pthread_mutex_unlock(&b->lock);
}

void mailbox_post(struct mailbox *b, struct mail *m)
{
	struct mails one;

	mails_init(&one);
	mails_add(&one, m);
	mailbox_post_all(b, &one);
}

static struct mail *take_all(struct mailbox *b)
{
	(void)pthread_mutex_lock(&b->lock);
	struct mail *m = b->waiting.first;
	if (m != NULL) {
		mails_init(&b->waiting);
		unwake(b->fd);
	}
	(void)pthread_mutex_unlock(&b->lock);
	return m;
}

static void deliver_all(struct mail *m)
{
	while (m != NULL) {
		struct mail *next = m->next; /* deliver() may free its mail */
		m->deliver(m);
		m = next;
	}
}

void mailbox_drain(struct mailbox *b)
{
	deliver_all(take_all(b));
}

void mailbox_fini(struct mailbox *b)
{
	struct mail *m;

	while ((m = take_all(b)) != NULL)
		deliver_all(m);
	(void)pthread_mutex_destroy(&b->lock);
	(void)close(b->fd);
	b->fd = -1;
}
