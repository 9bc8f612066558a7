/* SPDX-License-Identifier: ISC */
/* How bytes move: read in bulk into the worker's one buffer, worked on in place, written straight
 * from the worker's write buffers. Only what is left over is copied to a leg. When the unsent bytes
 * toward one side pass the high mark, nothing more is read for it, nor from it, until they fall
 * below the low one; so memory is bounded by max-buffer whatever the peers do. */
#include "base/secret.h"
#include "sys/clock.h"
#include "worker/conn.h"
#include "worker/trace.h"
#include "worker/worker.h"

#include <sys/socket.h>

enum {
	STIRS = EV_READ | EV_CLOSED | EV_ET, /* what has been looked at once does not call again */
	GREET_READ = 16 * 1024,              /* one read before the session relays */
	RELAY_SAMPLE = 16,                   /* of so many reads one is timed */
	LINGER_MS =
	    1000 /* how long the last bytes to a client may take to be read before the close */
};

/* Whether bytes from `from` may be worked on: neither side has too much that it does not take. */
static bool may_flow(struct conn *c, enum side from)
{
	const struct leg *l = conn_leg(c, from), *to = conn_leg(c, side_other(from));

	return (l == NULL || !l->full) && (to == NULL || !to->full);
}

/* Gives the session what a side sent, as often as it gets on with it. Returns how much it consumed.
 */
static size_t feed(struct conn *c, enum side from, struct slice view)
{
	size_t consumed = 0, n;
	struct leg *l = conn_side(c, from);
	struct turn t;

	do {
		turn_begin(&t, c);
		t.step.lends = true;
		session_input(c->session, &t.env, from, slice_from(view, consumed), &t.step);
		n = t.step.consumed;
		if (c->tap != NULL)
			trace_bytes(c, from, slice_from(view, consumed), n);
		consumed += n;
		l->want = t.step.want;
		turn_end(&t);
	} while ((n != 0 || (t.step.ask & ASK_ADMIT) != 0) && consumed < view.n &&
	         session_wants(c->session, from) && may_flow(c, from));
	return consumed;
}

/* The same; each so many times the clock is looked at, which costs no system call. */
static size_t feed_timed(struct conn *c, enum side from, struct slice view)
{
	struct worker *w = c->worker;

	if (w->reads++ % RELAY_SAMPLE != 0)
		return feed(c, from, view);
	int64_t began = clock_mono_us();
	size_t consumed = feed(c, from, view);
	histogram_add(&w->relay_time, clock_mono_us() - began);
	return consumed;
}

/* Whether what a leg holds is known to be the beginning of something longer. */
static bool needs_bytes(const struct leg *l)
{
	return l->want > l->in.len;
}

/* Works on what a leg holds. True where there is something to look at again. */
static bool pump(struct conn *c, enum side from)
{
	struct leg *l = conn_side(c, from);

	if (c->session == NULL || l == NULL || l->in.len == 0 || needs_bytes(l))
		return false;
	bool forwards = from == SIDE_CLIENT && c->session->state == SESSION_FORWARDING;
	if (!forwards && (!session_wants(c->session, from) || !may_flow(c, from)))
		return false;
	size_t n = feed(c, from, buf_view(&l->in));
	buf_consume(&l->in, n);
	/* An end that waited for these bytes may be told now. */
	return n != 0 || (l->eof && needs_bytes(l));
}

static size_t read_size(struct conn *c, enum side from)
{
	const struct leg *to = conn_leg(c, side_other(from));

	if (c->session == NULL || c->session->state < SESSION_RELAYING)
		return GREET_READ;
	/* What a slow side does not take is kept: little at a time. */
	return c->worker->n_conns > 2 || (to != NULL && to->out.len != 0) ? WORKER_READ_SHARE
	                                                                  : WORKER_READ_MAX;
}

static void count_read(struct worker *w, enum side from, size_t n)
{
	metrics_add(&w->metrics,
	            from == SIDE_CLIENT ? METRIC_BYTES_FROM_CLIENTS : METRIC_BYTES_FROM_BROKERS, n);
}

/* What was left over goes before what is read, in the worker's buffer; what is left over then goes
 * back to the leg. */
static enum leg_result read_shared(struct conn *c, enum side from, struct leg *l)
{
	struct worker *w = c->worker;
	size_t have = l->in.len, size = read_size(c, from), room = buf_room(&l->in), n;

	/* No more than the leg could keep, were nothing of it used. */
	if (room == 0)
		return LEG_BROKEN;
	enum leg_result r = leg_read(l, w->read_buffer + have, size < room ? size : room, &n);
	if (r != LEG_OK)
		return r;
	count_read(w, from, n);
	bool secret = c->session->state < SESSION_RELAYING;
	if (have != 0) {
		memcpy(w->read_buffer, buf_view(&l->in).p, have);
		buf_free(&l->in);
	}
	struct slice all = slice_of(w->read_buffer, have + n);
	/* Events while the session is fed look for the client's bytes in the leg, so before it
	 * relays they are put there first. */
	if (secret) {
		r = buf_append(&l->in, all) == 0 ? LEG_OK : LEG_BROKEN;
		secret_wipe(w->read_buffer, all.n);
		return r;
	}
	struct slice rest = slice_from(all, feed_timed(c, from, all));
	return conn_leg(c, from) == NULL || buf_append(&l->in, rest) == 0 ? LEG_OK : LEG_BROKEN;
}

/* A long message that is awaited whole is read to where it is kept. */
static enum leg_result read_long(struct conn *c, enum side from, struct leg *l)
{
	size_t missing = l->want > l->in.len ? l->want - l->in.len : 0, size = read_size(c, from),
	       n;

	if (missing != 0 && missing < size)
		size = missing;
	uint8_t *to = buf_reserve(&l->in, size);
	if (to == NULL) {
		size = buf_room(&l->in);
		to = size == 0 ? NULL : buf_reserve(&l->in, size);
	}
	if (to == NULL)
		return LEG_BROKEN;
	enum leg_result r = leg_read(l, to, size, &n);
	if (r == LEG_OK) {
		buf_added(&l->in, n);
		count_read(c->worker, from, n);
	}
	return r;
}

/* A session is made for the first bytes. */
static bool ensure_session(struct conn *c)
{
	struct gate_who who = conn_who(c);
	struct acl_address address;

	if (c->session != NULL)
		return true;
	memcpy(address.b, who.address, sizeof address.b);
	c->session = session_new(&address, who.source);
	return c->session != NULL;
}

static void read_leg(struct conn *c, enum side from)
{
	struct leg *l = conn_leg(c, from);

	if (l == NULL || !ensure_session(c)) {
		c->broken[from] = true;
		return;
	}
	enum leg_result r =
	    l->in.len > WORKER_READ_SHARE ? read_long(c, from, l) : read_shared(c, from, l);
	if (r == LEG_OK && from == SIDE_CLIENT)
		session_heard(c->session, &(struct session_env){.now = c->worker->now});
	if (r == LEG_BROKEN || (from == SIDE_CLIENT && !conn_count_waiting(c)))
		c->broken[from] = true;
}

/* While a login is under way, or a client has to wait, nothing is read; one that leaves must still
 * be noticed, also where bytes that it sent before stand unread. One that only shut its sending
 * direction behind a whole session is let go on; behind messages that wait, that is read later. */
static void client_stirred(struct conn *c)
{
	uint8_t byte;
	int error = 0;
	socklen_t len = sizeof error;

	if (c->client.awaits == EV_READ)
		leg_await(&c->client, STIRS);
	if (getsockopt(c->client.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
		c->broken[SIDE_CLIENT] = true;
	if (c->session->held_back_ms != 0 ||
	    recv(c->client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
		return;
	if (c->session->state == SESSION_REFUSING || c->client.in.len <= c->session->connect_len)
		c->client.eof = true;
}

/* The last bytes were sent and the direction shut; whatever still comes is not looked at, but read,
 * since a close over unread bytes would make the kernel take the last ones back. */
static void drain_lingering(struct conn *c, struct leg *l)
{
	size_t n;
	enum leg_result r = leg_read(l, c->worker->read_buffer, WORKER_READ_SHARE, &n);

	if (r == LEG_EOF || r == LEG_BROKEN)
		leg_close(l);
}

static void leg_ready(struct conn *c, enum side side, short what)
{
	struct leg *l = conn_leg(c, side);

	c->worker->now = clock_now();
	if (l == NULL)
		return;
	if (l->linger_until != 0) {
		drain_lingering(c, l);
		conn_settle(c);
		return;
	}
	if ((what & EV_WRITE) != 0 && leg_flush(l, c->worker->now.mono_ms) != LEG_OK)
		conn_write_failed(c, side, l);
	if ((what & (EV_READ | EV_CLOSED)) != 0 && !c->broken[side]) {
		if (c->session == NULL || session_wants(c->session, side))
			read_leg(c, side);
		else if (side == SIDE_CLIENT)
			client_stirred(c);
	}
	conn_settle(c);
}

void conn_client_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	leg_ready(arg, SIDE_CLIENT, what);
}

void conn_broker_ready(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (!c->up->dialling) {
		leg_ready(c, SIDE_BROKER, what);
		return;
	}
	c->worker->now = clock_now();
	conn_dialled(c);
	conn_settle(c);
}

/* A broker that closes behind the client's DISCONNECT does what it was told. */
static void side_went(struct conn *c, enum side side)
{
	bool parted = c->session->flow[SIDE_CLIENT].parted;

	conn_closes(c, side == SIDE_CLIENT || parted ? CLOSED_CLIENT : CLOSED_BROKER);
}

/* Whether a dial that began in this turn has ended in it. */
static bool dial_ended(const struct conn *c)
{
	return c->dial_failed || (c->up != NULL && c->up->connected);
}

/* One event that waits to be told to the session. True where there was one. */
static bool tell(struct conn *c)
{
	struct turn t;

	if (c->up != NULL && c->up->connected) {
		conn_dialled(c);
		return true;
	}
	turn_begin(&t, c);
	if (c->dial_failed) {
		c->dial_failed = false;
		session_dialled(c->session, &t.env, false, &t.step);
		turn_end(&t);
		return true;
	}
	for (enum side side = SIDE_CLIENT; side <= SIDE_BROKER; side++) {
		struct leg *l = conn_side(c, side);
		if (c->broken[side]) {
			c->broken[side] = false;
			side_went(c, side);
			if (l != NULL)
				leg_close(l);
			t.step.out[side] = NULL;
			session_broke(c->session, &t.env, side, &t.step);
			turn_end(&t);
			return true;
		}
		/* What came before the end is used first, unless it can only wait for what will not
		 * come. */
		if (l != NULL && l->eof && !c->session->flow[side].ended &&
		    (l->in.len == 0 || !session_wants(c->session, side) || needs_bytes(l))) {
			l->eof = false;
			side_went(c, side);
			session_ended(c->session, &t.env, side, &t.step);
			turn_end(&t);
			return true;
		}
	}
	return false;
}

/* A leg that is to be closed: when all is sent. It lingers a moment, since a close over bytes that
 * were not read would make the kernel take back what it has not delivered. */
static void end_leg(struct conn *c, enum side side)
{
	struct leg *l = conn_leg(c, side);

	/* What waits to be sent is sent when the leg is ready; here it is only shut behind that. */
	if (l == NULL || l->out.len != 0)
		return;
	/* The close is the FIN. */
	if (l->close_wanted && (l->unheard || c->session->flow[side].ended)) {
		leg_close(l);
		return;
	}
	(void)leg_flush(l, c->worker->now.mono_ms);
	if (!l->close_wanted || l->linger_until != 0)
		return;
	buf_free(&l->in);
	l->linger_until = c->worker->now.mono_ms + LINGER_MS;
}

static short wanted_events(struct conn *c, enum side side, const struct leg *l)
{
	short what = l->out.len != 0 ? EV_WRITE : 0;

	if (l->linger_until != 0)
		return EV_READ;
	if (side == SIDE_BROKER && c->up->dialling)
		return EV_WRITE;
	if (l->close_wanted || l->eof)
		return what;
	if (c->session == NULL)
		return EV_READ;
	if (session_wants(c->session, side))
		return may_flow(c, side) && (l->in.len == 0 || needs_bytes(l)) ? what | EV_READ
		                                                               : what;
	/* Most clients are silent until they are answered: reading that was awaited before stays so
	 * until it calls, which spares four system calls a login. */
	if (side == SIDE_CLIENT &&
	    (c->session->state < SESSION_RELAYING || c->session->state == SESSION_REFUSING ||
	     c->session->held_back_ms != 0))
		return l->awaits == EV_READ && what == 0 ? EV_READ : what | STIRS;
	return what;
}

void conn_settle(struct conn *c)
{
	const struct session_env env = {.now = c->worker->now};

	if (c->session == NULL && c->broken[SIDE_CLIENT]) {
		conn_closes(c, CLOSED_CLIENT);
		conn_abort(c);
		return;
	}
	if (c->session != NULL) {
		while (tell(c) || pump(c, SIDE_CLIENT) || pump(c, SIDE_BROKER) || dial_ended(c))
			;
		if (c->client.out.len != 0 || (c->up != NULL && c->up->leg.out.len != 0))
			session_flushing(c->session, &env);
	}
	for (enum side side = SIDE_CLIENT; side <= SIDE_BROKER; side++) {
		end_leg(c, side);
		struct leg *l = conn_leg(c, side);
		if (l == NULL)
			continue;
		short what = wanted_events(c, side, l);
		leg_await(l, what);
		if (side == SIDE_CLIENT && c->session != NULL)
			session_listens(c->session, &env,
			                (what & EV_READ) != 0 &&
			                    session_wants(c->session, SIDE_CLIENT));
	}
	if (conn_leg(c, SIDE_CLIENT) == NULL && conn_leg(c, SIDE_BROKER) == NULL) {
		conn_abort(c);
		return;
	}
	conn_account(c);
	conn_arm(c);
}
