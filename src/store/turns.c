/* SPDX-License-Identifier: ISC */
/* Who holds a turn carries those who wait for it, so a turn costs no memory of its own, and to hand
 * it on moves the line to the next. */
#include "store/turns.h"

static struct store_op **bucket(struct turns *t, const struct store_op *op)
{
	return &t->holders[(op->turn.tag[0] | (size_t)op->turn.tag[1] << 8) % TURNS_BUCKETS];
}

static struct store_op *holder(struct turns *t, const struct store_op *op)
{
	struct store_op *o = *bucket(t, op);

	while (o != NULL && memcmp(o->turn.tag, op->turn.tag, sizeof op->turn.tag) != 0)
		o = o->turn.next;
	return o;
}

static void hold(struct turns *t, struct store_op *op, struct mail *waiting, struct mail **last)
{
	struct store_op **at = bucket(t, op);

	op->turn.waiting = waiting;
	op->turn.last = waiting == NULL ? &op->turn.waiting : last;
	op->turn.held = true;
	op->turn.next = *at;
	*at = op;
}

bool turns_begin(struct turns *t, struct store_op *op)
{
	if (op->turn.held)
		return true;
	struct store_op *o = holder(t, op);
	if (o == NULL) {
		hold(t, op, NULL, NULL);
		return true;
	}
	op->mail.next = NULL;
	*o->turn.last = &op->mail;
	o->turn.last = &op->mail.next;
	return false;
}

struct store_op *turns_end(struct turns *t, struct store_op *op)
{
	struct store_op **at = bucket(t, op);

	if (!op->turn.held)
		return NULL;
	while (*at != op)
		at = &(*at)->turn.next;
	*at = op->turn.next;
	op->turn.held = false;
	struct store_op *next = (struct store_op *)op->turn.waiting;
	if (next != NULL)
		hold(t, next, next->mail.next, op->turn.last);
	return next;
}

struct store_op *turns_abandon(struct turns *t)
{
	for (size_t i = 0; i < TURNS_BUCKETS; i++) {
		for (struct store_op *o = t->holders[i]; o != NULL; o = o->turn.next) {
			struct mail *first = o->turn.waiting;
			if (first == NULL)
				continue;
			o->turn.waiting = first->next;
			return (struct store_op *)first;
		}
	}
	return NULL;
}
