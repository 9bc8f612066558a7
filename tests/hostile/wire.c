/* SPDX-License-Identifier: ISC */
/* Each lane is a process with a broker of its own, and plays its streams in batches: all of a batch
 * are sent, then all are judged, so what is answered a second later is waited for once. Nothing
 * sleeps: what must come is read, and that nothing more comes is told by what was asked for behind
 * it, or by the end. */
#include "tests/hostile/wire.h"

#include "tests/scenario/daemon.h"
#include "tests/support/splitter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Fewer at once than may wait for their CONNECT (max-pending of the daemon's listeners). */
enum { BATCH = 20, PATIENCE_MS = 20000, SAID_MAX = 128 * 1024, BYTEWISE = 400, GROWTH_KIB = 16384 };

enum way { WHOLE, BYTES, RANDOM, WAYS };
static const char *const way_names[] = {"whole", "bytewise", "random"};

struct lane {
	const struct daemon *daemon;
	int number, listening;
	int witness[2];
	bool rules;
};

/* One stream on its way. */
struct shot {
	const struct hostile *h;
	enum mqtt_version version;
	enum way way;
	struct hostile_bytes bytes;
	int fd[2];
	struct fault fault;
	bool ok;
};

static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static int dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons(port),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int receive_leg(const struct lane *l)
{
	int one = 1, fd = -1;

	if (readable(l->listening, PATIENCE_MS))
		fd = accept4(l->listening, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Sends it all, or as much as is taken before the other end closes. */
static void put(int fd, struct slice s)
{
	while (s.n != 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		s = slice_from(s, (size_t)n);
	}
}

/* Reads up to `most` bytes, to the end or until nothing comes; returns how many, *ended where it
 * was the end. */
static size_t get(int fd, uint8_t *p, size_t most, bool *ended)
{
	size_t n = 0;

	*ended = false;
	while (n < most && readable(fd, PATIENCE_MS)) {
		ssize_t r = recv(fd, p + n, most - n, 0);
		if (r <= 0) {
			*ended = r == 0 || errno == ECONNRESET;
			break;
		}
		n += (size_t)r;
	}
	return n;
}

static bool expect(int fd, struct slice want, struct fault *f)
{
	uint8_t *got = take(want.n + 1);
	bool ended;
	size_t n = get(fd, got, want.n, &ended);
	bool ok = hostile_same(slice_of(got, n), want, false, f);

	free(got);
	return ok;
}

static struct slice view(const struct hostile_bytes *b)
{
	return slice_of(b->p, b->n);
}

/* -- a session -- */

/* The CONNECT that the broker gets: as it came, for those have no Will. */
static bool login(const struct lane *l, const struct hostile *h, enum mqtt_version v, int fd[2],
                  struct fault *f)
{
	struct hostile_bytes connect = hostile_connect(h, v), connack = hostile_connack(v);

	put(fd[SIDE_CLIENT], view(&connect));
	fd[SIDE_BROKER] = receive_leg(l);
	bool ok = fd[SIDE_BROKER] >= 0 ? expect(fd[SIDE_BROKER], view(&connect), f)
	                               : fault_set(f, "no broker leg");
	if (ok && h->phase == HOSTILE_ON) {
		put(fd[SIDE_BROKER], view(&connack));
		ok = expect(fd[SIDE_CLIENT], view(&connack), f);
	}
	free(connect.p);
	free(connack.p);
	return ok;
}

static bool both_ways(const int fd[2], struct fault *f)
{
	static const uint8_t ping[] = {0xc0, 0}, pong[] = {0xd0, 0};

	put(fd[SIDE_CLIENT], slice_of(ping, 2));
	if (!expect(fd[SIDE_BROKER], slice_of(ping, 2), f))
		return false;
	put(fd[SIDE_BROKER], slice_of(pong, 2));
	return expect(fd[SIDE_CLIENT], slice_of(pong, 2), f);
}

/* A session that is there all the time. */
static bool open_witness(struct lane *l, struct fault *f)
{
	static const struct hostile h = {.phase = HOSTILE_ON};

	l->witness[SIDE_CLIENT] = dial(l->daemon->port[l->number]);
	l->witness[SIDE_BROKER] = -1;
	if (l->witness[SIDE_CLIENT] < 0)
		return fault_set(f, "cannot connect");
	return login(l, &h, MQTT_311, l->witness, f) && both_ways(l->witness, f);
}

/* -- a stream -- */

static void put_cut(void *ctx, struct slice s, const size_t *cuts, size_t n)
{
	const int *fd = ctx;
	size_t at = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t end = i == n ? s.n : cuts[i];
		put(*fd, slice_of(s.p + at, end - at));
		at = end;
	}
}

static void fire_bytes(const struct shot *s, int fd)
{
	size_t singly = s->way != BYTES ? 0 : s->bytes.n < BYTEWISE ? s->bytes.n : BYTEWISE;

	for (size_t i = 0; i < singly; i++)
		put(fd, slice_of(s->bytes.p + i, 1));
	struct slice rest = slice_from(view(&s->bytes), singly);
	if (s->way == RANDOM)
		splitter_random(rest, s->h->line * UINT64_C(0x9e3779b97f4a7c15), 1, put_cut, &fd);
	else
		put(fd, rest);
}

static bool fire(const struct lane *l, struct shot *s)
{
	const struct hostile_outcome *o = l->rules ? &s->h->rules : &s->h->plain;

	s->fd[SIDE_BROKER] = -1;
	s->fd[SIDE_CLIENT] = dial(l->daemon->port[l->number]);
	if (s->fd[SIDE_CLIENT] < 0)
		return fault_set(&s->fault, "cannot connect");
	if (s->h->phase != HOSTILE_GREET && !login(l, s->h, s->version, s->fd, &s->fault))
		return false;
	fire_bytes(s, s->fd[s->h->side]);
	if (s->h->phase != HOSTILE_GREET || o->end != HOSTILE_PASS)
		return true;
	s->fd[SIDE_BROKER] = receive_leg(l);
	return s->fd[SIDE_BROKER] >= 0 || fault_set(&s->fault, "no broker leg");
}

/* Under rules packets grow: reads until all are there. */
static size_t get_changed(int fd, uint8_t *p, size_t most, struct slice want)
{
	size_t n = 0;

	for (;;) {
		struct fault f = {""};
		if (n >= want.n && hostile_same(slice_of(p, n), want, true, &f))
			return n;
		ssize_t r =
		    n < most && readable(fd, PATIENCE_MS) ? recv(fd, p + n, most - n, 0) : 0;
		if (r <= 0)
			return n;
		n += (size_t)r;
	}
}

/* What a side gets: `want` and no more, and its end where the session is over. */
static bool side_got(const struct lane *l, struct shot *s, enum side side, struct slice want,
                     bool over)
{
	static uint8_t got[SAID_MAX];
	bool ended = false;

	if (s->fd[side] < 0)
		return want.n == 0 || fault_set(&s->fault, "no broker leg");
	size_t n = l->rules && !over ? get_changed(s->fd[side], got, sizeof got, want)
	                             : get(s->fd[side], got, over ? sizeof got : want.n, &ended);
	if (over && !ended)
		return fault_set(&s->fault, "the %s is not closed",
		                 side == SIDE_CLIENT ? "client" : "broker");
	return hostile_same(slice_of(got, n), want, l->rules, &s->fault);
}

/* The session serves on, and when one side ends, the other gets nothing but the end. */
static bool lives(const struct shot *s, const struct hostile_outcome *o, struct fault *f)
{
	uint8_t byte;
	bool ended;

	if (s->h->phase == HOSTILE_ON && o->end == HOSTILE_PASS &&
	    !hostile_disconnects(view(&s->bytes)) && hostile_at_boundary(view(&s->bytes)) &&
	    !both_ways(s->fd, f))
		return false;
	/* The side that sent it ends, so that the other gets what is left, if there is any. */
	enum side other = s->h->side == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
	(void)shutdown(s->fd[s->h->side], SHUT_WR);
	if (s->fd[other] < 0)
		other = SIDE_CLIENT;
	else if (s->h->side == SIDE_BROKER && s->h->phase != HOSTILE_ON)
		return true; /* which is an answer of its own */
	return get(s->fd[other], &byte, 1, &ended) == 0 ? ended || fault_set(f, "no end")
	                                                : fault_set(f, "more went on");
}

static bool judge(const struct lane *l, struct shot *s)
{
	const struct hostile_outcome *o = l->rules ? &s->h->rules : &s->h->plain;
	bool over = o->end == HOSTILE_CLOSE || o->end == HOSTILE_REFUSE;
	uint8_t say[HOSTILE_SAY];
	struct slice told = hostile_told(s->h, o, s->version, say);
	struct slice passed = hostile_passed(o, &s->bytes), none = slice_of(NULL, 0);
	bool up = s->h->side == SIDE_CLIENT;

	if (!up && told.n == 0)
		told = passed;
	return side_got(l, s, SIDE_CLIENT, told, over) &&
	       side_got(l, s, SIDE_BROKER, up ? passed : none, over) &&
	       (over || lives(s, o, &s->fault));
}

static void play_batch(const struct lane *l, struct shot *shots, size_t n)
{
	struct fault f = {""};

	for (size_t i = 0; i < n; i++)
		shots[i].ok = fire(l, &shots[i]);
	for (size_t i = 0; i < n; i++) {
		struct shot *s = &shots[i];
		s->ok = s->ok && judge(l, s);
		printf("%s wire %s %s %s %s\n", s->ok ? "+" : "-", s->h->id,
		       version_name(s->version), l->rules ? "rules" : way_names[s->way],
		       s->h->clause);
		if (!s->ok)
			printf("# %s:%u: %s\n", s->h->file, s->h->line, s->fault.text);
		hang_up(&s->fd[SIDE_CLIENT]);
		hang_up(&s->fd[SIDE_BROKER]);
		free(s->bytes.p);
	}
	if (!both_ways(l->witness, &f))
		printf("- wire others are served\n# %s\n", f.text);
}

/* Calls for each stream of this lane, batch by batch; or just counts them all. */
static unsigned each(const struct hostile_corpus *c, const char *part, bool rules,
                     const struct lane *l)
{
	struct shot batch[BATCH];
	unsigned all = 0;
	size_t n = 0;

	for (size_t i = 0; i < 3 * WAYS * c->n; i++) {
		const struct hostile *h = &c->all[i / (3 * WAYS)];
		enum mqtt_version v = (enum mqtt_version)(MQTT_31 + i / WAYS % 3);
		enum way way = (enum way)(i % WAYS);
		if ((h->versions & 1u << v) == 0 || strstr(h->id, part) == NULL ||
		    (rules && (way != WHOLE || h->side != SIDE_CLIENT)))
			continue;
		if (l != NULL && all % LANES == (unsigned)l->number)
			batch[n++] = (struct shot){
			    .h = h, .version = v, .way = way, .bytes = hostile_make(h, v)};
		all++;
		if (n == BATCH) {
			play_batch(l, batch, n);
			n = 0;
		}
	}
	if (n != 0)
		play_batch(l, batch, n);
	return all;
}

/* -- lanes -- */

struct run {
	const struct hostile_corpus *corpus;
	const char *part;
	const struct lane *lanes;
};

static void run_lane(int lane, void *ctx)
{
	const struct run *r = ctx;
	struct lane l = r->lanes[lane];
	struct fault f = {""};

	if (!open_witness(&l, &f))
		printf("- wire others are served\n# %s\n", f.text);
	else
		(void)each(r->corpus, r->part, l.rules, &l);
	/* A leg that nobody should have asked for. */
	if (readable(l.listening, 0))
		printf("- wire no broker leg too many\n");
}

/* -- what the daemon holds -- */

static unsigned descriptors(const struct daemon *d)
{
	char path[64];
	unsigned n = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)d->pid);
	DIR *dir = opendir(path);
	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

static unsigned long resident_kib(const struct daemon *d)
{
	char path[64], line[128];
	unsigned long kib = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)d->pid);
	FILE *in = fopen(path, "r");
	while (in != NULL && fgets(line, sizeof line, in) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtoul(line + 6, NULL, 10);
	}
	if (in != NULL)
		(void)fclose(in);
	return kib;
}

/* One more session, all the way. */
static bool serves(const struct lane *lane, struct fault *f)
{
	struct lane l = *lane;
	uint8_t byte;
	bool ended;

	if (!open_witness(&l, f))
		return false;
	(void)shutdown(l.witness[SIDE_CLIENT], SHUT_WR);
	bool ok = get(l.witness[SIDE_BROKER], &byte, 1, &ended) == 0 && ended;
	hang_up(&l.witness[SIDE_BROKER]);
	ok = ok && get(l.witness[SIDE_CLIENT], &byte, 1, &ended) == 0 && ended;
	hang_up(&l.witness[SIDE_CLIENT]);
	return ok || fault_set(f, "a session does not end");
}

/* Whatever was held is given back; each look costs a whole session, which is time enough between
 * two of them. */
static bool gave_back(const struct lane *l, unsigned fds, unsigned long kib, struct fault *f)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	time_t until = t.tv_sec + PATIENCE_MS / 1000;
	while (serves(l, f) && descriptors(l->daemon) > fds && t.tv_sec < until)
		(void)clock_gettime(CLOCK_MONOTONIC, &t);
	unsigned left = descriptors(l->daemon);
	unsigned long now = resident_kib(l->daemon);
	printf("# descriptors %u, then %u; memory %lu KiB, then %lu\n", fds, left, kib, now);
	if (f->text[0] != '\0')
		return false;
	if (left > fds)
		return fault_set(f, "%u descriptors more", left - fds);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (now > kib + GROWTH_KIB)
		return fault_set(f, "%lu KiB more", now - kib);
#endif
	return true;
}

static unsigned play_policy(const struct hostile_corpus *c, const char *part,
                            const struct named_policy *policy, unsigned *lines)
{
	struct world *world = world_new(policy);
	struct daemon d;
	struct lane lanes[LANES];
	uint16_t brokers[LANES];
	struct fault f = {""};
	unsigned failed = 0, before = *lines, runs = each(c, part, world->policy.encrypts, NULL);

	for (int i = 0; i < LANES; i++)
		lanes[i] = (struct lane){.daemon = &d,
		                         .number = i,
		                         .listening = daemon_bind(true, &brokers[i]),
		                         .rules = world->policy.encrypts};
	bool ok = daemon_start(&d, world, brokers, 0, &f);
	if (ok) {
		unsigned fds = descriptors(&d);
		ok = serves(&lanes[0], &f);
		unsigned long kib = resident_kib(&d);
		failed = daemon_lanes(
		    run_lane, &(struct run){.corpus = c, .part = part, .lanes = lanes}, lines);
		ok = ok && gave_back(&lanes[0], fds, kib, &f);
	}
	ok = daemon_stop(&d, failed != 0, &f) && ok;
	/* A lane that died has told less than it should. */
	if (ok && *lines - before != runs)
		ok = fault_set(&f, "%u of %u runs", *lines - before, runs);
	printf("%sok %u - wire %s: all played, all given back\n", ok ? "" : "not ", ++*lines,
	       policy->name);
	if (!ok)
		printf("# %s\n", f.text);
	for (int i = 0; i < LANES; i++)
		(void)close(lanes[i].listening);
	world_free(world);
	return failed + !ok;
}

unsigned hostile_wire(const struct hostile_corpus *c, const char *part, unsigned *lines)
{
	static const struct named_policy plain = {"plain", {{""}, 0}},
	                                 rules = {"rules", {{"rule=#:plain:k1"}, 1}};

	return play_policy(c, part, &plain, lines) + play_policy(c, part, &rules, lines);
}
