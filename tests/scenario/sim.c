/* SPDX-License-Identifier: ISC */
/* The steps of a scenario over the host of sim_host.c. */
#include "tests/scenario/sim.h"

#include "tests/scenario/sim_host.h"

#include <stdlib.h>

/* Of a long segment only the first and last so many bytes come one by one, the rest in pieces. */
enum { BYTEWISE = 400, CHUNK = 997 };

struct play {
	struct host host;
	const struct scene *scene;
	enum mqtt_version version;
	const struct sim_way *way;
	struct sim_result *result;
};

static struct making making_of(const struct play *p)
{
	return (struct making){.world = p->host.world,
	                       .version = p->version,
	                       .now = p->host.env.now,
	                       .expanding = {.hotp = p->host.world->kit.hotp,
	                                     .time = p->host.env.now.real_us / 1000000}};
}

static bool applies(const struct play *p, const struct step *s)
{
	return (s->versions & 1u << p->version) != 0;
}

/* One segment of bytes, cut as the way says. */
static bool deliver(struct play *p, enum side from, struct slice segment)
{
	size_t at = 0, start = p->result->sent;

	p->result->sent += segment.n;
	while (at < segment.n) {
		size_t n = segment.n - at;
		if (p->way->bytewise)
			n = at < BYTEWISE || segment.n - at < BYTEWISE ? 1 : CHUNK < n ? CHUNK : n;
		else if (p->way->cut > start + at && p->way->cut < start + segment.n)
			n = p->way->cut - start - at;
		if (!host_send(&p->host, from, slice_of(segment.p + at, n)))
			return false;
		at += n;
	}
	return true;
}

/* This step and the sends of the same side right behind it; returns how many more. */
static bool step_sends(struct play *p, size_t *index)
{
	const struct scene *scene = p->scene;
	const struct step *first = &scene->steps[*index];
	struct making m = making_of(p);
	struct stream segment = {0};
	bool ok = true;
	size_t last = *index;

	for (size_t i = *index; ok && i < scene->n; i++) {
		const struct step *s = &scene->steps[i];
		if (!applies(p, s))
			continue;
		if (s->kind != STEP_SENDS || s->side != first->side)
			break;
		struct packet packet;
		ok = packet_make(&m, &s->args, &packet, &p->result->fault);
		stream_add(&segment, slice_of(packet.p, packet.n));
		packet_free(&packet);
		last = i;
	}
	*index = last;
	ok = ok && deliver(p, first->side, slice_of(segment.p, segment.n));
	free(segment.p);
	return ok;
}

/* Lets time pass until just before MS after CONNECT, when nothing may be there, and then the rest.
 */
static bool wait_until(struct play *p, enum side side, const char *ms)
{
	struct host *h = &p->host;
	int64_t due = h->connect_at + strtol(ms, NULL, 10);

	if (!host_after(h, due - 1 - h->env.now.mono_ms))
		return false;
	if (h->out[side].n != h->out[side].at || h->closed[side])
		return fault_set(&p->result->fault, "answered before its time");
	return host_after(h, 1);
}

static bool step_gets(struct play *p, const struct step *s)
{
	struct host *h = &p->host;
	struct words words = s->args;
	struct fault *f = &p->result->fault;
	struct packet want;

	if (strcmp(words.w[0], "at") == 0 && words.n > 2) {
		if (!wait_until(p, s->side, words.w[1]))
			return false;
		words.n -= 2;
		memmove(words.w, words.w + 2, words.n * sizeof words.w[0]);
	}
	struct making m = making_of(p);
	bool ok = packet_make(&m, &words, &want, f);
	struct stream *o = &h->out[s->side];
	if (ok && o->n - o->at < want.n)
		ok = fault_set(f, "%zu bytes, not %zu; the session is %s", o->n - o->at, want.n,
		               session_state_name(h->s->state));
	ok = ok && packet_match(&m, &want, slice_of(o->p + o->at, want.n), f);
	o->at += want.n;
	packet_free(&want);
	return ok;
}

static bool step_ending(struct play *p, const struct step *s)
{
	struct host *h = &p->host;
	struct fault *f = &p->result->fault;

	switch (s->kind) {
	case STEP_NOTHING:
		return h->out[s->side].n == h->out[s->side].at ||
		       fault_set(f, "%zu bytes", h->out[s->side].n - h->out[s->side].at);
	case STEP_CLOSED:
		h->closed_seen[s->side] = true;
		return (h->closed[s->side] && h->out[s->side].n == h->out[s->side].at) ||
		       fault_set(f, "not closed, or not yet: %s", session_state_name(h->s->state));
	case STEP_SHUT:
		h->shut_seen[s->side] = true;
		return (h->shut[s->side] && h->out[s->side].n == h->out[s->side].at) ||
		       fault_set(f, "not shut, or not yet");
	case STEP_NO_LEG:
		return (h->said & ASK_DIAL) == 0 || fault_set(f, "a broker leg was asked for");
	case STEP_VERDICT:
		return (h->has_verdict &&
		        strcmp(verdict_info(h->verdict)->name, s->args.w[0]) == 0) ||
		       fault_set(f, "the verdict is %s",
		                 h->has_verdict ? verdict_info(h->verdict)->name : "not there");
	case STEP_NOTED:
		return (h->has_error && strcmp(seal_error_name(h->error), s->args.w[0]) == 0) ||
		       fault_set(f, "noted: %s",
		                 h->has_error ? seal_error_name(h->error) : "nothing");
	case STEP_DENIED:
		return h->denied == strtoul(s->args.w[0], NULL, 10) ||
		       fault_set(f, "%zu were denied", h->denied);
	case STEP_TRIED:
		return h->tried == strtoul(s->args.w[0], NULL, 10) ||
		       fault_set(f, "%zu would have been denied", h->tried);
	case STEP_TOLERATED:
		return h->tolerated == strtoul(s->args.w[0], NULL, 10) ||
		       fault_set(f, "%zu were tolerated", h->tolerated);
	case STEP_STATE:
		return strcmp(session_state_name(h->s->state), s->args.w[0]) == 0 ||
		       fault_set(f, "the state is %s", session_state_name(h->s->state));
	default:
		return fault_set(f, "a step that cannot be played");
	}
}

static enum verdict verdict_named(const char *name)
{
	for (int v = 0; v < VERDICT_COUNT; v++) {
		if (strcmp(verdict_info((enum verdict)v)->name, name) == 0)
			return (enum verdict)v;
	}
	return VERDICT_GONE;
}

static bool step_hold(struct play *p, const char *what)
{
	struct host *h = &p->host;

	if (strcmp(what, "take") == 0)
		h->held |= ASK_TAKE;
	else if (strcmp(what, "dial") == 0)
		h->held |= ASK_DIAL;
	else if (strcmp(what, "consume") == 0)
		h->held |= ASK_CONSUME;
	else if (strcmp(what, "draw") == 0)
		h->held |= ASK_DRAW;
	else
		return fault_set(&p->result->fault, "hold what?");
	return true;
}

static bool step_store(struct play *p, const char *what)
{
	struct host *h = &p->host;

	if (strcmp(what, "unmarked") == 0)
		return h->marks == 0 || fault_set(&p->result->fault, "a code was used up");
	if (strcmp(what, "marked") == 0)
		return h->marks != 0 || fault_set(&p->result->fault, "no code was used up");
	if (strcmp(what, "balanced") == 0) {
		for (size_t i = 0; i < h->n_accounts; i++) {
			if (h->accounts[i].taken != 0)
				return fault_set(&p->result->fault, "%d guesses are out",
				                 h->accounts[i].taken);
		}
		return true;
	}
	if (strcmp(what, "undrawn") == 0)
		return h->draws == 0 || fault_set(&p->result->fault, "a code was drawn");
	for (int fate = FATE_OPEN; fate <= FATE_REFUSED; fate++) {
		static const char *const fates[] = {"open", "accepted", "refused"};
		if (strcmp(what, fates[fate]) == 0)
			return h->s->fate == (enum session_fate)fate ||
			       fault_set(&p->result->fault, "the drawn code is %s",
			                 fates[h->s->fate]);
	}
	h->store_says = what;
	return true;
}

/* What was left unsaid must not have happened. */
static bool check_end(struct play *p)
{
	static const char *const names[] = {"client", "broker"};
	struct host *h = &p->host;

	for (int i = 0; i < 2; i++) {
		if (h->out[i].n != h->out[i].at)
			return fault_set(&p->result->fault, "%zu more bytes to the %s",
			                 h->out[i].n - h->out[i].at, names[i]);
		if (h->closed[i] && !h->closed_seen[i] && (i == SIDE_CLIENT || h->leg))
			return fault_set(&p->result->fault, "the %s was closed", names[i]);
		if (h->shut[i] && !h->shut_seen[i])
			return fault_set(&p->result->fault, "the %s was shut", names[i]);
	}
	return true;
}

static bool play_step(struct play *p, size_t *index)
{
	const struct step *s = &p->scene->steps[*index];
	struct host *h = &p->host;
	const char *word = s->args.n == 0 ? "" : s->args.w[0];

	switch (s->kind) {
	case STEP_SENDS:
		return step_sends(p, index);
	case STEP_GETS:
		return step_gets(p, s);
	case STEP_ENDS:
	case STEP_BREAKS:
		return host_end(h, s->side, s->kind == STEP_BREAKS);
	case STEP_UNREAD:
	case STEP_READ:
		return host_read(h, s->side, s->kind == STEP_READ);
	case STEP_AFTER:
		return host_after(h, strtol(word, NULL, 10));
	case STEP_STORE:
		return step_store(p, word);
	case STEP_DIAL:
		h->dial_fails = strcmp(word, "fails") == 0;
		return true;
	case STEP_HOLD:
		return step_hold(p, word);
	case STEP_RELEASE:
		return host_release(h);
	case STEP_STOP:
		return host_stop(h, (enum mqtt_reason_code)strtol(word, NULL, 0));
	case STEP_REFUSE:
		return host_refuse(h, verdict_named(word));
	case STEP_AGAIN:
		if (!check_end(p))
			return false;
		host_again(h);
		return true;
	case STEP_NOTHING:
	case STEP_CLOSED:
	case STEP_SHUT:
	case STEP_NO_LEG:
	case STEP_VERDICT:
	case STEP_NOTED:
	case STEP_DENIED:
	case STEP_TRIED:
	case STEP_TOLERATED:
	case STEP_STATE:
		return step_ending(p, s);
	}
	return false;
}

bool sim_play(const struct scene *scene, const struct world *world, enum mqtt_version version,
              const struct sim_way *way, struct sim_result *result)
{
	struct play p = {.scene = scene, .version = version, .way = way, .result = result};
	bool ok = true;

	*result = (struct sim_result){0};
	host_init(&p.host, world, way, &result->fault);
	for (size_t i = 0; ok && i < scene->n; i++) {
		if (!applies(&p, &scene->steps[i]))
			continue;
		result->line = scene->steps[i].line;
		ok = play_step(&p, &i);
	}
	ok = ok && check_end(&p);
	host_fini(&p.host);
	return ok;
}
