/* SPDX-License-Identifier: ISC */
#include "sys/mailbox.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct letter {
	struct mail mail; /* first */
	int sender, number;
	struct letter *reply; /* posted on delivery */
	struct mailbox *box;
};

static int last[4], delivered;

static void forget(void)
{
	memset(last, 0, sizeof last);
	delivered = 0;
}

static void deliver(struct mail *m)
{
	struct letter *l = (struct letter *)m;

	ck_assert_int_eq(l->number, last[l->sender] + 1);
	last[l->sender] = l->number;
	delivered++;
	if (l->reply != NULL)
		mailbox_post(l->box, &l->reply->mail);
	free(l);
}

static struct letter *letter(struct mailbox *b, int sender, int number)
{
	struct letter *l = calloc(1, sizeof *l);

	ck_assert_ptr_nonnull(l);
	l->mail.deliver = deliver;
	l->sender = sender;
	l->number = number;
	l->box = b;
	return l;
}

static bool readable(const struct mailbox *b)
{
	struct pollfd p = {.fd = b->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

START_TEST(in_order_and_readable_while_waiting)
{
	struct mailbox b;

	ck_assert_int_eq(mailbox_init(&b, NULL), 0);
	ck_assert(!readable(&b));
	mailbox_drain(&b);
	for (int round = 0; round < 3; round++) {
		for (int i = 1; i <= 5; i++) {
			mailbox_post(&b, &letter(&b, 0, round * 5 + i)->mail);
			ck_assert(readable(&b));
		}
		mailbox_drain(&b);
		ck_assert_int_eq(delivered, (round + 1) * 5);
		ck_assert(!readable(&b));
	}
	mailbox_fini(&b);
}
END_TEST

/* What deliver() posts waits for the next turn, so an event loop is never kept from its other work.
 */
START_TEST(deliver_may_post)
{
	struct mailbox b;

	ck_assert_int_eq(mailbox_init(&b, NULL), 0);
	struct letter *first = letter(&b, 0, 1);
	first->reply = letter(&b, 0, 2);
	mailbox_post(&b, &first->mail);
	mailbox_drain(&b);
	ck_assert_int_eq(delivered, 1);
	ck_assert(readable(&b));
	mailbox_drain(&b);
	ck_assert_int_eq(delivered, 2);
	ck_assert(!readable(&b));
	mailbox_fini(&b);
}
END_TEST

/* What is posted together comes behind what waits, in its order, and wakes but once. */
START_TEST(posted_together)
{
	struct mails all;
	struct mailbox b;
	uint64_t wakes;

	ck_assert_int_eq(mailbox_init(&b, NULL), 0);
	mails_init(&all);
	ck_assert_ptr_null(mails_take(&all));
	mailbox_post_all(&b, &all);
	ck_assert(!readable(&b));
	for (int i = 2; i <= 4; i++)
		mails_add(&all, &letter(&b, 0, i)->mail);
	mailbox_post(&b, &letter(&b, 0, 1)->mail);
	mailbox_post_all(&b, &all);
	ck_assert_ptr_null(all.first);
	mails_add(&all, &letter(&b, 0, 5)->mail);
	mailbox_post_all(&b, &all);
	ck_assert_int_eq(read(b.fd, &wakes, sizeof wakes), sizeof wakes);
	ck_assert_uint_eq(wakes, 1);
	ck_assert_int_eq(write(b.fd, &wakes, sizeof wakes), sizeof wakes);
	mailbox_drain(&b);
	ck_assert_int_eq(delivered, 5);
	ck_assert(!readable(&b));
	mailbox_fini(&b);
}
END_TEST

START_TEST(fini_delivers_the_rest)
{
	struct mailbox b;

	ck_assert_int_eq(mailbox_init(&b, NULL), 0);
	struct letter *first = letter(&b, 0, 1);
	first->reply = letter(&b, 0, 2);
	mailbox_post(&b, &first->mail);
	mailbox_fini(&b);
	ck_assert_int_eq(delivered, 2);
}
END_TEST

enum { SENDERS = 4, LETTERS = 5000 };

struct sender {
	struct mailbox *box;
	int number;
};

static void *post_many(void *ctx)
{
	const struct sender *s = ctx;

	for (int i = 1; i <= LETTERS; i++) {
		struct letter *l = calloc(1, sizeof *l);
		if (l == NULL)
			abort();
		l->mail.deliver = deliver;
		l->sender = s->number;
		l->number = i;
		mailbox_post(s->box, &l->mail);
	}
	return NULL;
}

START_TEST(many_senders)
{
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	struct mailbox b;

	ck_assert_int_eq(mailbox_init(&b, NULL), 0);
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){.box = &b, .number = i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, &senders[i]), 0);
	}
	while (delivered < SENDERS * LETTERS) {
		struct pollfd p = {.fd = b.fd, .events = POLLIN};
		ck_assert_int_eq(poll(&p, 1, 20000), 1); /* a lost wake-up ends here */
		mailbox_drain(&b);
	}
	for (int i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert(!readable(&b));
	mailbox_fini(&b);
	ck_assert_int_eq(delivered, SENDERS * LETTERS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mailbox");
	TCase *t = tcase_create("mailbox");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, forget, NULL);
	tcase_add_test(t, in_order_and_readable_while_waiting);
	tcase_add_test(t, deliver_may_post);
	tcase_add_test(t, posted_together);
	tcase_add_test(t, fini_delivers_the_rest);
	tcase_add_test(t, many_senders);
	suite_add_tcase(s, t);
	return suite_run(s);
}
