/* SPDX-License-Identifier: ISC */
/* The host of the scenarios checks the session's contract in every call; here the two streams that
 * come out are held against the outcome that the corpus tells, and what lives on is tried. */
#include "tests/hostile/sim.h"

#include "tests/scenario/sim_host.h"
#include "tests/support/splitter.h"

#include <stdio.h>
#include <stdlib.h>

/* Longer streams, and what was cut at each of its bytes in plain relay, are cut at random only. */
enum { EACH_CUT = 200, RANDOM_CUTS = 6, HELD_MS = 1000 };

/* Of a long stream only the first and last so many bytes come one by one, the rest in pieces. */
enum { BYTEWISE = 1000, CHUNK = 499, TIGHT_MAX = 8192 };

enum { PLAIN, RULES_UP, RULES_DOWN, POLICIES };

static const struct named_policy policies[POLICIES] = {
    {"plain", {{""}, 0}},
    {"rules", {{"rule=#:plain:k1"}, 1}}, /* all that goes up is sealed */
    {"rules", {{"rule=#:k1:plain"}, 1}}, /* all that goes down is */
};

struct play {
	const struct hostile *h;
	enum mqtt_version version;
	const struct world *world;
	const struct hostile_outcome *outcome;
	bool rules;
	bool burst; /* with CONNECT in one piece, before CONNACK */
	struct hostile_bytes connect, connack;
	struct hostile_bytes bytes;
	unsigned runs;
	bool failed;
	struct fault fault;
};

static const char *const sides[] = {"client", "broker"};

static struct slice out_of(const struct host *h, enum side to)
{
	return slice_of(h->out[to].p == NULL ? NULL : h->out[to].p + h->out[to].at,
	                h->out[to].n - h->out[to].at);
}

/* Takes what came so far as said. */
static void forget(struct host *h)
{
	h->out[SIDE_CLIENT].at = h->out[SIDE_CLIENT].n;
	h->out[SIDE_BROKER].at = h->out[SIDE_BROKER].n;
}

static struct slice view(const struct hostile_bytes *b)
{
	return slice_of(b->p, b->n);
}

static bool deliver(struct host *h, enum side from, struct slice s, const size_t *cuts, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t end = i == n ? s.n : cuts[i];
		if (!host_send(h, from, slice_of(s.p + at, end - at)))
			return false;
		at = end;
	}
	return true;
}

/* Up to where the stream begins. */
static bool prepare(const struct play *p, struct host *h)
{
	if (p->h->phase == HOSTILE_GREET || p->burst)
		return true;
	if (!host_send(h, SIDE_CLIENT, view(&p->connect)))
		return false;
	if (p->h->phase == HOSTILE_ON && !host_send(h, SIDE_BROKER, view(&p->connack)))
		return false;
	forget(h);
	return true;
}

/* In a burst the answers come behind CONNACK, what goes on behind CONNECT. */
static bool skip_login(const struct play *p, struct host *h)
{
	bool ok = host_send(h, SIDE_BROKER, view(&p->connack));

	if (out_of(h, SIDE_CLIENT).n < p->connack.n || out_of(h, SIDE_BROKER).n < p->connect.n)
		return fault_set(h->fault, "no login");
	h->out[SIDE_CLIENT].at += p->connack.n;
	h->out[SIDE_BROKER].at += p->connect.n;
	return ok;
}

static bool both_ways(struct host *h)
{
	static const uint8_t ping[] = {0xc0, 0}, pong[] = {0xd0, 0};

	forget(h);
	return host_send(h, SIDE_CLIENT, slice_of(ping, 2)) &&
	       host_send(h, SIDE_BROKER, slice_of(pong, 2)) &&
	       ((slice_eq(out_of(h, SIDE_BROKER), slice_of(ping, 2)) &&
	         slice_eq(out_of(h, SIDE_CLIENT), slice_of(pong, 2))) ||
	        fault_set(h->fault, "nothing goes through any more"));
}

/* A session that must live: it serves on, where the stream ends with a packet, and it can end. */
static bool lives(const struct play *p, struct host *h)
{
	bool leg = h->leg;

	if (h->closed[SIDE_CLIENT] || h->closed[SIDE_BROKER])
		return fault_set(h->fault, "closed");
	if (p->h->phase == HOSTILE_ON && hostile_at_boundary(view(&p->bytes)) &&
	    p->outcome->end == HOSTILE_PASS && !hostile_disconnects(view(&p->bytes)) &&
	    !both_ways(h))
		return false;
	forget(h);
	if (!host_end(h, SIDE_CLIENT, false))
		return false;
	if (out_of(h, SIDE_BROKER).n != 0)
		return fault_set(h->fault, "more went on at the end");
	return !leg || h->shut[SIDE_BROKER] || h->closed[SIDE_BROKER] ||
	       fault_set(h->fault, "the broker does not learn the end");
}

static bool judge(const struct play *p, struct host *h)
{
	const struct hostile_outcome *o = p->outcome;
	uint8_t say[HOSTILE_SAY];
	struct slice told = hostile_told(p->h, o, p->version, say);
	struct slice passed = hostile_passed(o, &p->bytes);
	enum side other = p->h->side == SIDE_CLIENT ? SIDE_BROKER : SIDE_CLIENT;
	struct slice to_client = out_of(h, SIDE_CLIENT);

	if (o->late && (to_client.n != 0 || h->closed[SIDE_CLIENT]))
		return fault_set(h->fault, "answered before its time");
	if (o->late && !host_after(h, HELD_MS))
		return false;
	to_client = out_of(h, SIDE_CLIENT);
	if (other == SIDE_CLIENT && told.n == 0)
		told = passed;
	if (!hostile_same(to_client, told, p->rules && other == SIDE_CLIENT, h->fault))
		return false;
	if (!hostile_same(out_of(h, SIDE_BROKER), other == SIDE_BROKER ? passed : slice_of(NULL, 0),
	                  p->rules, h->fault))
		return false;
	if (o->end == HOSTILE_PASS || o->end == HOSTILE_HOLD)
		return lives(p, h);
	for (enum side i = SIDE_CLIENT; i <= SIDE_BROKER; i++) {
		if (!h->closed[i] && (i == SIDE_CLIENT || h->leg))
			return fault_set(h->fault, "the %s is not closed", sides[i]);
	}
	return true;
}

static void play(void *ctx, struct slice stream, const size_t *cuts, size_t n_cuts)
{
	struct play *p = ctx;
	/* Every third run with hardly any room, every other as patient as the session asks. */
	struct sim_way way = {.tight = p->runs % 3 == 2 && stream.n <= TIGHT_MAX,
	                      .patient = p->runs % 2 == 1};
	struct host h;

	if (p->failed)
		return;
	p->runs++;
	host_init(&h, p->world, &way, &p->fault);
	bool ok = prepare(p, &h) &&
	          deliver(&h, p->burst ? SIDE_CLIENT : p->h->side, stream, cuts, n_cuts);
	ok = ok && (!p->burst || skip_login(p, &h)) && judge(p, &h);
	host_fini(&h);
	if (ok)
		return;
	p->failed = true;
	printf("# %s:%u: %s%s, %zu cuts%s: %s\n", p->h->file, p->h->line, p->world->name,
	       p->burst ? ", in a burst" : "", n_cuts, n_cuts == 1 ? " (one)" : "", p->fault.text);
}

static void play_ways(struct play *p, struct slice stream)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15) * (p->h->line + 1);

	if (stream.n <= EACH_CUT && !p->rules && !p->burst) {
		splitter_run(stream, play, p);
		splitter_random(stream, seed, RANDOM_CUTS, play, p);
		return;
	}
	size_t *cuts = calloc(stream.n + 1, sizeof *cuts), n = 0;
	if (cuts == NULL)
		abort();
	for (size_t i = 1; i < stream.n; i += i < BYTEWISE || stream.n - i <= BYTEWISE ? 1 : CHUNK)
		cuts[n++] = i;
	play(p, stream, NULL, 0);
	play(p, stream, cuts, n);
	splitter_random(stream, seed, RANDOM_CUTS, play, p);
	free(cuts);
}

static void play_burst(struct play *p)
{
	struct hostile_bytes all = {.p = take(p->connect.n + p->bytes.n),
	                            .n = p->connect.n + p->bytes.n};

	memcpy(all.p, p->connect.p, p->connect.n);
	memcpy(all.p + p->connect.n, p->bytes.p, p->bytes.n);
	p->burst = true;
	play_ways(p, view(&all));
	free(all.p);
}

/* In plain relay, and under rules of the stream's direction. Returns the runs; 0 where one failed.
 */
static unsigned play_stream(const struct hostile *h, enum mqtt_version version,
                            struct world *const worlds[POLICIES])
{
	unsigned runs = 0;
	bool failed = false;

	for (int rules = 0; rules < 2 && !failed; rules++) {
		struct play p = {.h = h,
		                 .version = version,
		                 .world = worlds[!rules                   ? PLAIN
		                                 : h->side == SIDE_CLIENT ? RULES_UP
		                                                          : RULES_DOWN],
		                 .outcome = rules ? &h->rules : &h->plain,
		                 .rules = rules != 0,
		                 .connect = hostile_connect(h, version),
		                 .connack = hostile_connack(version),
		                 .bytes = hostile_make(h, version)};
		play_ways(&p, view(&p.bytes));
		if (h->phase == HOSTILE_ON && h->side == SIDE_CLIENT)
			play_burst(&p);
		runs += p.runs;
		failed = p.failed;
		free(p.connect.p);
		free(p.connack.p);
		free(p.bytes.p);
	}
	return failed ? 0 : runs;
}

unsigned hostile_sim(const struct hostile_corpus *c, const char *part, unsigned *lines)
{
	struct world *worlds[POLICIES];
	unsigned failures = 0;

	for (int i = 0; i < POLICIES; i++)
		worlds[i] = world_new(&policies[i]);
	for (size_t i = 0; i < c->n; i++) {
		const struct hostile *h = &c->all[i];
		for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
			if ((h->versions & 1u << v) == 0 || strstr(h->id, part) == NULL)
				continue;
			unsigned runs = play_stream(h, v, worlds);
			failures += runs == 0;
			printf("%sok %u - sim %s %s %s %s, %u runs\n", runs != 0 ? "" : "not ",
			       ++*lines, h->id, version_name(v), sides[h->side], h->clause, runs);
		}
	}
	for (int i = 0; i < POLICIES; i++)
		world_free(worlds[i]);
	return failures;
}
