/* SPDX-License-Identifier: ISC */
/* A step that expects waits for what it expects, up to a deadline; nothing sleeps. Each lane is a
 * process with its own broker, so the scenarios that take their second do so together. */
#include "tests/scenario/wire.h"

#include "tests/scenario/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BYTEWISE = 300, PATIENCE_MS = 20000, LATE_MS = 5000, EARLY_MS = 3 };

struct wire {
	const struct world *world;
	const struct scene *scene;
	enum mqtt_version version;
	unsigned run;
	const struct daemon *daemon;
	int lane, listening;
	int fd[2]; /* client, broker; -1 none */
	bool dead;
	int64_t connect_at;
	unsigned line;
	struct fault fault;
};

static struct now now(void)
{
	struct timespec mono, real;

	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	(void)clock_gettime(CLOCK_REALTIME, &real);
	return (struct now){.mono_ms = mono.tv_sec * 1000 + mono.tv_nsec / 1000000,
	                    .real_us = real.tv_sec * 1000000 + real.tv_nsec / 1000};
}

static struct making making_of(const struct wire *w)
{
	struct now t = now();

	return (struct making){
	    .world = w->world,
	    .version = w->version,
	    .now = t,
	    .expanding = {.hotp = w->world->kit.hotp, .run = w->run, .time = t.real_us / 1000000}};
}

static bool readable(int fd, int64_t until)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left = until - now().mono_ms;

	return poll(&p, 1, left < 0 ? 0 : (int)left) == 1;
}

/* The side's socket, connected or accepted where it is not there yet; -1 with the reason. */
static int socket_of(struct wire *w, enum side side)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;

	if (w->fd[side] >= 0)
		return w->fd[side];
	if (side == SIDE_BROKER) {
		if (!readable(w->listening, now().mono_ms + PATIENCE_MS))
			(void)fault_set(&w->fault, "nobody connects to the broker");
		else
			w->fd[side] = accept4(w->listening, NULL, NULL, SOCK_CLOEXEC);
	} else {
		a.sin_port = htons(w->dead ? w->daemon->dead : w->daemon->port[w->lane]);
		w->fd[side] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(w->fd[side], (struct sockaddr *)&a, sizeof a) != 0)
			(void)fault_set(&w->fault, "cannot connect: %s", strerror(errno));
	}
	if (w->fd[side] >= 0)
		(void)setsockopt(w->fd[side], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return w->fd[side];
}

static bool applies(const struct wire *w, const struct step *s)
{
	return (s->versions & 1u << w->version) != 0;
}

/* Every other run sends byte by byte, as far as the system lets bytes travel alone. */
static bool bytewise(const struct wire *w)
{
	return w->run % 2 != 0;
}

/* This step and the sends of the same side right behind it, in one segment as far as the system
 * will. */
static bool step_sends(struct wire *w, size_t *index)
{
	const struct step *first = &w->scene->steps[*index];
	int fd = socket_of(w, first->side);
	uint8_t *all = NULL;
	size_t n = 0, last = *index;
	int64_t before = now().mono_ms;
	bool ok = fd >= 0;

	for (size_t i = *index; ok && i < w->scene->n; i++) {
		const struct step *s = &w->scene->steps[i];
		struct making m = making_of(w);
		struct packet packet;
		if (!applies(w, s))
			continue;
		if (s->kind != STEP_SENDS || s->side != first->side)
			break;
		ok = packet_make(&m, &s->args, &packet, &w->fault);
		all = realloc(all, n + packet.n);
		if (all == NULL)
			abort();
		memcpy(all + n, packet.p, packet.n);
		n += packet.n;
		packet_free(&packet);
		last = i;
	}
	*index = last;
	for (size_t at = 0; ok && at < n;) {
		before = now().mono_ms;
		size_t piece = bytewise(w) && at < BYTEWISE ? 1 : n - at;
		ssize_t sent = send(fd, all + at, piece, MSG_NOSIGNAL);
		/* A session that was closed meanwhile: the next step sees it. */
		if (sent < 0)
			break;
		at += (size_t)sent;
	}
	free(all);
	if (w->connect_at == 0)
		w->connect_at = before; /* it cannot have come earlier */
	return ok;
}

static bool step_gets(struct wire *w, const struct step *s)
{
	struct words words = s->args;
	int64_t until = now().mono_ms + PATIENCE_MS, due = 0;
	int fd = socket_of(w, s->side);
	struct packet want;

	if (fd < 0)
		return false;
	if (strcmp(words.w[0], "at") == 0 && words.n > 2) {
		due = w->connect_at + strtol(words.w[1], NULL, 10);
		words.n -= 2;
		memmove(words.w, words.w + 2, words.n * sizeof words.w[0]);
	}
	struct making m = making_of(w);
	bool ok = packet_make(&m, &words, &want, &w->fault);
	uint8_t *got = take(want.n);
	size_t n = 0;
	while (ok && n < want.n) {
		ssize_t r = readable(fd, until) ? recv(fd, got + n, want.n - n, 0) : -2;
		if (r <= 0)
			ok = fault_set(&w->fault, "%zu bytes of %zu, then %s", n, want.n,
			               r == -2 ? "nothing more" : "the end");
		else
			n += (size_t)r;
	}
	ok = ok && packet_match(&m, &want, slice_of(got, n), &w->fault);
	int64_t late = now().mono_ms - due;
	if (ok && due != 0 && (late < -EARLY_MS || late > LATE_MS))
		ok = fault_set(&w->fault, "%ld ms late", (long)late);
	free(got);
	packet_free(&want);
	return ok;
}

/* The end of what this side gets. */
static bool step_closed(struct wire *w, enum side side)
{
	uint8_t byte;

	/* A side that broke has no ears. */
	if (w->fd[side] < 0 && (side == SIDE_CLIENT || w->connect_at == -1))
		return true;
	int fd = socket_of(w, side);
	if (fd < 0)
		return false;
	if (!readable(fd, now().mono_ms + PATIENCE_MS))
		return fault_set(&w->fault, "not closed");
	ssize_t n = recv(fd, &byte, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET) ||
	       fault_set(&w->fault, "more bytes: %02x", byte);
}

static bool step_nothing(struct wire *w, enum side side)
{
	uint8_t byte;

	if (w->fd[side] < 0)
		return true;
	return recv(w->fd[side], &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 ||
	       fault_set(&w->fault, "something came: %02x", byte);
}

static void hang_up(struct wire *w, enum side side)
{
	struct linger hard = {.l_onoff = 1};

	if (w->fd[side] < 0)
		return;
	(void)setsockopt(w->fd[side], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	(void)close(w->fd[side]);
	w->fd[side] = -1;
}

/* Also what nobody accepted. */
static void hang_up_all(struct wire *w)
{
	hang_up(w, SIDE_CLIENT);
	do
		hang_up(w, SIDE_BROKER);
	while (readable(w->listening, 0) &&
	       (w->fd[SIDE_BROKER] = accept4(w->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0);
	w->connect_at = 0;
}

static bool play_step(struct wire *w, size_t *index)
{
	const struct step *s = &w->scene->steps[*index];

	switch (s->kind) {
	case STEP_SENDS:
		return step_sends(w, index);
	case STEP_GETS:
		return step_gets(w, s);
	case STEP_NOTHING:
		return step_nothing(w, s->side);
	case STEP_ENDS:
		return shutdown(w->fd[s->side], SHUT_WR) == 0 || fault_set(&w->fault, "cannot end");
	case STEP_BREAKS:
		if (socket_of(w, s->side) < 0)
			return false;
		hang_up(w, s->side);
		w->connect_at = -1;
		return true;
	case STEP_CLOSED:
	case STEP_SHUT:
		return step_closed(w, s->side);
	case STEP_NO_LEG:
		return !readable(w->listening, 0) ||
		       fault_set(&w->fault, "a broker leg was opened");
	case STEP_DIAL:
		w->dead = strcmp(s->args.w[0], "fails") == 0;
		return true;
	case STEP_AGAIN:
		hang_up_all(w);
		return true;
	case STEP_VERDICT:
	case STEP_NOTED:
	case STEP_DENIED:
	case STEP_TRIED:
	case STEP_TOLERATED:
	case STEP_STATE:
		return true; /* what the log says is for others to test */
	case STEP_UNREAD:
	case STEP_READ:
	case STEP_AFTER:
	case STEP_STORE:
	case STEP_HOLD:
	case STEP_RELEASE:
	case STEP_STOP:
	case STEP_REFUSE:
		break;
	}
	return fault_set(&w->fault, "a step that cannot be played here");
}

static bool play(struct wire *w)
{
	bool ok = true;

	w->fd[SIDE_CLIENT] = w->fd[SIDE_BROKER] = -1;
	w->dead = false;
	w->fault.text[0] = '\0';
	w->connect_at = 0;
	for (size_t i = 0; ok && i < w->scene->n; i++) {
		if (!applies(w, &w->scene->steps[i]))
			continue;
		w->line = w->scene->steps[i].line;
		ok = play_step(w, &i);
	}
	ok = ok && step_nothing(w, SIDE_CLIENT) && step_nothing(w, SIDE_BROKER);
	hang_up_all(w);
	return ok;
}

typedef void each_fn(void *ctx, const struct scene *scene, enum mqtt_version v, unsigned run);

/* Every run of a scenario with that policy. Returns how many there are. */
static unsigned each_run(const struct script *script, const char *policy, const char *part,
                         each_fn *fn, void *ctx)
{
	unsigned run = 0;

	for (size_t i = 0; i < script->n; i++) {
		const struct scene *scene = &script->scenes[i];
		for (size_t u = 0; scene->wire && u < scene->n_use; u++) {
			if (strcmp(scene->use[u], policy) != 0 || strstr(scene->name, part) == NULL)
				continue;
			for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
				if ((scene->versions & 1u << v) == 0)
					continue;
				if (fn != NULL)
					fn(ctx, scene, v, run);
				run++;
			}
		}
	}
	return run;
}

static void run_in_lane(void *ctx, const struct scene *scene, enum mqtt_version v, unsigned run)
{
	struct wire *w = ctx;

	if (run % LANES != (unsigned)w->lane)
		return;
	w->scene = scene;
	w->version = v;
	w->run = run;
	bool ok = play(w);
	printf("%s wire %s %s %s %s\n", ok ? "+" : "-", scene->name, w->world->name,
	       version_name(v), bytewise(w) ? "bytewise" : "whole");
	if (!ok)
		printf("# %s:%u: %s\n", scene->file, w->line, w->fault.text);
}

struct proxies {
	struct daemon near, far; /* far only where the policy goes via another */
	int listening[LANES];
	struct world *world, *via;
};

static bool start(struct proxies *p, unsigned runs, struct fault *f)
{
	uint16_t brokers[LANES];

	for (int i = 0; i < LANES; i++)
		p->listening[i] = daemon_bind(true, &brokers[i]);
	if (p->via == NULL)
		return daemon_start(&p->near, p->world, brokers, runs, f);
	return daemon_start(&p->far, p->via, brokers, runs, f) &&
	       daemon_start(&p->near, p->world, p->far.port, runs, f);
}

struct run {
	const struct script *script;
	const struct proxies *proxies;
	const char *part;
};

static void run_lane(int lane, void *ctx)
{
	const struct run *r = ctx;
	const struct proxies *p = r->proxies;
	struct wire w = {
	    .world = p->world, .daemon = &p->near, .lane = lane, .listening = p->listening[lane]};

	(void)each_run(r->script, p->world->name, r->part, run_in_lane, &w);
}

unsigned wire_play(const struct script *script, size_t policy, const char *part, unsigned *lines)
{
	const struct named_policy *named = &script->policies[policy];
	unsigned runs = each_run(script, named->name, part, NULL, NULL), failed = 0,
	         before = *lines;
	struct fault fault = {""};

	if (runs == 0)
		return 0;
	struct proxies p = {.world = world_new(named)};
	if (p.world->via != NULL)
		p.via = world_new(script_policy(script, p.world->via));
	bool ok = start(&p, runs, &fault);
	if (ok)
		failed = daemon_lanes(
		    run_lane, &(struct run){.script = script, .proxies = &p, .part = part}, lines);
	ok = daemon_stop(&p.near, failed != 0, &fault) && ok;
	ok = daemon_stop(&p.far, failed != 0, &fault) && ok;
	/* A lane that died has told less than it should. */
	if (ok && *lines - before != runs)
		ok = fault_set(&fault, "%u of %u runs", *lines - before, runs);
	printf("%sok %u - wire daemon %s\n", ok ? "" : "not ", ++*lines, named->name);
	if (!ok)
		printf("# %s\n", fault.text);
	for (int i = 0; i < LANES; i++)
		(void)close(p.listening[i]);
	world_free(p.world);
	world_free(p.via);
	return failed + !ok;
}
