/* SPDX-License-Identifier: ISC */
/* Keep-alive is between client and broker, and PINGREQ passes. Two things are left to the proxy. A
 * client that has vanished is closed after twice its keep-alive, as a broker would have done
 * sooner. And a broker must not miss a client that speaks: where nothing of it goes up, since a
 * long message is still being taken whole, was dropped, or cannot be read, the proxy sends PINGREQ
 * in its stead and keeps the answer. Only times are noted here; the caller's timer comes when it
 * comes, early at worst. */
#include "proxy/stage.h"

void alive_begin(struct session *s, int64_t now_ms)
{
	s->alive.heard_ms = s->alive.up_ms = now_ms;
}

void session_heard(struct session *s, const struct session_env *env)
{
	s->alive.heard_ms = env->now.mono_ms;
}

void session_listens(struct session *s, const struct session_env *env, bool reads)
{
	struct alive *a = &s->alive;

	if (a->unread == !reads)
		return;
	a->unread = !reads;
	if (reads)
		a->heard_ms = env->now.mono_ms;
	if (!reads && a->held_ms == 0)
		a->held_ms = env->now.mono_ms;
	else if (reads && !a->waits)
		a->held_ms = 0;
}

void alive_relayed(struct session *s, int64_t now_ms, enum side from, bool went_up, bool left)
{
	struct alive *a = &s->alive;
	bool in_vain = from == SIDE_CLIENT && !went_up;

	if (from == SIDE_CLIENT)
		a->waits = left;
	if (went_up) {
		a->up_ms = now_ms;
		a->held_ms = 0;
	}
	if (a->held_ms == 0 && (in_vain || a->waits || a->unread))
		a->held_ms = now_ms;
}

void alive_pinged(struct session *s)
{
	if (s->alive.own == 0)
		s->alive.ahead++;
	else
		s->alive.behind++;
}

bool alive_keeps_answer(struct session *s)
{
	struct alive *a = &s->alive;

	if (a->ahead != 0 || a->own == 0) {
		a->ahead -= a->ahead != 0;
		return false;
	}
	if (--a->own == 0) {
		a->ahead = a->behind;
		a->behind = 0;
	}
	return true;
}

/* When the client has been silent for too long; 0 never. What cannot be read cannot be heard. */
static int64_t silent_at(const struct alive *a)
{
	return a->unread ? 0 : a->heard_ms + 2 * a->keep_ms;
}

/* When the broker has heard nothing for half the keep-alive, and the client does speak; 0 never. A
 * broker waits for one and a half of it, so what was held back just now may still go up first. */
static int64_t ping_at(const struct session *s)
{
	const struct alive *a = &s->alive;
	int64_t quiet = a->up_ms + a->keep_ms / 2, held = a->held_ms + a->keep_ms / 4;

	if (a->held_ms == 0 || own_ended(s, SIDE_BROKER))
		return 0;
	return quiet > held ? quiet : held;
}

int64_t alive_deadline(const struct session *s)
{
	if (s->state != SESSION_RELAYING || s->alive.keep_ms == 0)
		return 0;
	int64_t silent = silent_at(&s->alive), ping = ping_at(s);
	return silent == 0 || (ping != 0 && ping < silent) ? ping : silent;
}

static void ping(struct session *s, int64_t now_ms, struct session_step *step)
{
	static const uint8_t pingreq[] = {MQTT_PINGREQ << 4, 0};
	struct alive *a = &s->alive;

	/* Where it cannot be said now, the next time is soon enough. */
	a->up_ms = now_ms;
	a->held_ms = a->waits || a->unread ? now_ms : 0;
	if (a->behind != 0 || !own_idle(s, SIDE_BROKER) || !own_room(s, SIDE_BROKER, step))
		return;
	if (own_say(s, SIDE_BROKER, slice_of(pingreq, sizeof pingreq), step) == 0)
		a->own++;
}

void alive_timer(struct session *s, const struct session_env *env, struct session_step *step)
{
	int64_t now = env->now.mono_ms, silent = silent_at(&s->alive), ask = ping_at(s);

	if (silent != 0 && silent <= now)
		session_fail(s, SIDE_CLIENT, MQTT_KEEP_ALIVE_TIMEOUT,
		             "the client was silent for twice its keep-alive", step);
	else if (ask != 0 && ask <= now)
		ping(s, now, step);
}
