/* SPDX-License-Identifier: ISC */
#include "tests/support/suite.h"
#include "worker/lines.h"

#include <pthread.h>
#include <stdlib.h>

enum { MANY = 60, THREADS = 4, ROUNDS = 1000 };

struct waiting {
	struct mail mail; /* first */
	struct line_place place;
	int *called;           /* counts */
	struct waiting **seen; /* the last that was called; or NULL */
};

static void called(struct mail *m)
{
	struct waiting *w = (struct waiting *)m;

	++*w->called;
	if (w->seen != NULL)
		*w->seen = w;
}

static void waiting_init(struct waiting *w, struct mailbox *box, uint8_t key, int *count,
                         struct waiting **seen)
{
	*w = (struct waiting){.mail = {.deliver = called}, .called = count, .seen = seen};
	w->place.key[0] = key;
	w->place.mail = &w->mail;
	w->place.to = box;
}

static void setup(struct lines **l, struct mailbox *box)
{
	*l = lines_new(NULL);
	ck_assert_ptr_nonnull(*l);
	ck_assert_int_eq(mailbox_init(box, NULL), 0);
}

START_TEST(in_order)
{
	struct waiting w[MANY];
	struct mailbox box;
	struct lines *l;
	struct waiting *last_called = NULL;
	int n = 0;

	setup(&l, &box);
	for (int i = 0; i < MANY; i++) {
		waiting_init(&w[i], &box, (uint8_t)(i % 3), &n, &last_called);
		ck_assert_int_eq(lines_join(l, &w[i].place), i < 3);
	}
	for (int i = 0; i < MANY; i++) {
		last_called = NULL;
		ck_assert(!lines_give_up(l, &w[i].place));
		lines_leave(l, &w[i].place);
		mailbox_drain(&box);
		ck_assert_ptr_eq(last_called, i + 3 < MANY ? &w[i + 3] : NULL);
	}
	ck_assert_int_eq(n, MANY - 3);
	ck_assert(lines_join(l, &w[0].place));
	lines_leave(l, &w[0].place);
	mailbox_fini(&box);
	lines_free(l);
}
END_TEST

/* The first of a line, one in its middle and the last go; another line in the same bucket stays. */
START_TEST(give_up)
{
	struct waiting w[7];
	struct mailbox box;
	struct lines *l;
	struct waiting *last_called = NULL;
	int n = 0;

	setup(&l, &box);
	for (int i = 0; i < 7; i++)
		waiting_init(&w[i], &box, 5, &n, &last_called);
	w[5].place.key[9] = w[6].place.key[9] = 1;
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(lines_join(l, &w[i].place), i == 0 || i == 5);
	ck_assert(lines_give_up(l, &w[4].place));
	ck_assert(lines_give_up(l, &w[2].place));
	ck_assert(!lines_join(l, &w[4].place)); /* behind w[3] */
	ck_assert(lines_give_up(l, &w[1].place));
	lines_leave(l, &w[0].place);
	ck_assert(!lines_give_up(l, &w[3].place)); /* its mail is under way */
	mailbox_drain(&box);
	ck_assert_ptr_eq(last_called, &w[3]);
	lines_leave(l, &w[3].place);
	mailbox_drain(&box);
	ck_assert_ptr_eq(last_called, &w[4]);
	lines_leave(l, &w[4].place);
	lines_leave(l, &w[5].place);
	mailbox_drain(&box);
	ck_assert_ptr_eq(last_called, &w[6]);
	lines_leave(l, &w[6].place);
	ck_assert_int_eq(n, 3);
	mailbox_fini(&box);
	lines_free(l);
}
END_TEST

/* Threads that take turns: never two at once, each as often as it wants. */
struct racer {
	pthread_t thread;
	struct lines *lines;
	struct mailbox box;
	int called;
	int *inside, *total; /* of whose turn it is */
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct waiting w;

	for (int i = 0; i < ROUNDS; i++) {
		int before = r->called;
		waiting_init(&w, &r->box, 1, &r->called, NULL);
		if (!lines_join(r->lines, &w.place)) {
			if (i % 5 == 0 && lines_give_up(r->lines, &w.place))
				continue;
			while (r->called == before)
				mailbox_drain(&r->box);
		}
		if (++*r->inside != 1)
			abort();
		++*r->total;
		--*r->inside;
		lines_leave(r->lines, &w.place);
	}
	return NULL;
}

START_TEST(among_threads)
{
	struct racer racers[THREADS];
	struct lines *l = lines_new(NULL);
	int inside = 0, total = 0;

	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.lines = l, .inside = &inside, .total = &total};
		ck_assert_int_eq(mailbox_init(&racers[i].box, NULL), 0);
	}
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(racers[i].thread, NULL), 0);
	ck_assert_int_ge(total, THREADS * ROUNDS * 4 / 5);
	for (int i = 0; i < THREADS; i++)
		mailbox_fini(&racers[i].box);
	lines_free(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lines");
	TCase *t = tcase_create("lines");

	tcase_add_test(t, in_order);
	tcase_add_test(t, give_up);
	tcase_add_test(t, among_threads);
	suite_add_tcase(s, t);
	return suite_run(s);
}
