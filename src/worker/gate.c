/* SPDX-License-Identifier: ISC */
/* Everything is known by a keyed hash of what it is (a kind, the filter, an address or a name), so
 * entries have one size whatever a peer calls itself, and nobody can choose who shares a place with
 * him. How many there are now is counted exactly, in a tree that is as large as the crowd; how
 * often somebody came, in tables that never grow and err on the safe side when they are full. */
#include "worker/gate_own.h"

#include "base/rate.h"
#include "base/secret.h"

#include <search.h>
#include <stdlib.h>

/* Of each table of rates: 1 MiB, of which only what is touched is there. */
enum { PLACES = 1 << 16 };

/* How many there are of one key. */
struct count {
	uint64_t key;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	tdestroy(g->counts, free);
	for (size_t i = 0; i < KINDS; i++)
		tally_free(g->spent[i]);
	bans_free(g->bans);
	(void)pthread_mutex_destroy(&g->lock);
	secret_wipe(g->hash_key, sizeof g->hash_key);
	free(g);
}

struct gate *gate_new(size_t n_listeners, struct err *e)
{
	struct gate *g = calloc(1, sizeof *g + n_listeners * sizeof g->listeners[0]);
	bool all = g != NULL;

	if (g != NULL)
		(void)pthread_mutex_init(&g->lock, NULL);
	for (size_t i = 0; all && i < KINDS; i++) {
		g->spent[i] = i == WAITING ? NULL : tally_new(PLACES);
		all = i == WAITING || g->spent[i] != NULL;
	}
	if (all)
		g->bans = bans_new();
	if (!all || g->bans == NULL) {
		gate_free(g);
		err_set(e, "out of memory");
		return NULL;
	}
	secret_random(g->hash_key, sizeof g->hash_key);
	g->n = n_listeners;
	return g;
}

/* The key of a value; 0 where it is empty, so that it is not counted. scope: where it is. */
static uint64_t key_of(const struct gate *g, enum gate_kind kind, struct slice scope,
                       struct slice value)
{
	uint8_t all[2 * SECRET_HASH_SIZE + 1], out[SECRET_HASH_SIZE];
	uint64_t key;

	if (value.n == 0)
		return 0;
	all[0] = (uint8_t)kind;
	secret_hash(g->hash_key, scope, all + 1);
	secret_hash(g->hash_key, value, all + 1 + SECRET_HASH_SIZE);
	secret_hash(g->hash_key, slice_of(all, sizeof all), out);
	memcpy(&key, out, sizeof key);
	return key == 0 ? 1 : key;
}

static uint64_t filter_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                           struct slice value)
{
	return key_of(g, kind, slice_str(f->name), value);
}

uint64_t gate_rate_key(const struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                       const struct conf_rate *limit, struct slice value)
{
	uint64_t scope[3] = {filter_key(g, kind, f, slice_str("rate")), limit->n, limit->per_ms};

	return key_of(g, kind, slice_of((const uint8_t *)scope, sizeof scope), value);
}

static uint64_t waiting_key(const struct gate *g, size_t listener, const uint8_t source[16])
{
	return key_of(g, WAITING, slice_of((const uint8_t *)&listener, sizeof listener),
	              slice_of(source, 16));
}

static struct count *find(struct gate *g, uint64_t key)
{
	struct count wanted = {.key = key}, **node = tfind(&wanted, &g->counts, compare);

	return node == NULL ? NULL : *node;
}

static size_t there_are(struct gate *g, uint64_t key)
{
	const struct count *c = key == 0 ? NULL : find(g, key);

	return c == NULL ? 0 : c->n;
}

/* One more, or -1 without memory. */
static int count_up(struct gate *g, uint64_t key)
{
	struct count *c = find(g, key);

	if (c == NULL) {
		c = calloc(1, sizeof *c);
		if (c == NULL)
			return -1;
		c->key = key;
		if (tsearch(c, &g->counts, compare) == NULL) {
			free(c);
			return -1;
		}
	}
	c->n++;
	return 0;
}

static void count_down(struct gate *g, uint64_t key)
{
	struct count *c = find(g, key);

	if (c == NULL || --c->n != 0)
		return;
	(void)tdelete(c, &g->counts, compare);
	free(c);
}

/* Counts one more of a key, where the rate allows it. */
static bool rate_allows(struct gate *g, enum gate_kind kind, const struct rate *r, uint64_t key,
                        struct now now)
{
	int64_t now_ns = now.mono_ms * NS_PER_MS;
	bool known;

	if (r->burst == 0 || key == 0)
		return true;
	int64_t *spent = tally_at(g->spent[kind], key, now_ns, &known);
	if (rate_wait(r, *spent, now_ns) != 0)
		return false;
	*spent = rate_spend(r, *spent, now_ns);
	return true;
}

static bool connect_allowed(struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                            const struct conf_rate *limit, struct slice value, struct now now)
{
	struct rate r = rate_of(limit->n, limit->per_ms);

	return limit->n == 0 ||
	       rate_allows(g, kind, &r, gate_rate_key(g, kind, f, limit, value), now);
}

static struct gate_word refuse(const struct gate_limits *limits, enum verdict v,
                               enum conf_limit limit, const char *why)
{
	return (struct gate_word){.verdict = v,
	                          .why = why,
	                          .limit = limit,
	                          .dry = limits->filter != NULL && limits->filter->dry_run};
}

/* Not on trial with a filter: it is not the filter's, though it may have made the ban. */
static struct gate_word banned(const struct gate_limits *limits, const struct store_ban *ban,
                               const char *why)
{
	return (struct gate_word){.verdict = VERDICT_BANNED,
	                          .why = why,
	                          .limit =
	                              gate_made(limits->filter, ban) ? CONF_BAN : CONF_LIMIT_NONE};
}

static const struct gate_word welcome = {.verdict = VERDICT_ACCEPTED};

/* Whether an address or a user has as many connections as the filter allows. */
static struct gate_word shares(struct gate *g, const struct gate_limits *limits,
                               const struct gate_who *who)
{
	const struct conf_filter *f = limits->filter;

	if (f == NULL)
		return welcome;
	if (f->connections_per_address != 0 &&
	    there_are(g, filter_key(g, BY_ADDRESS, f, gate_source(who))) >=
	        f->connections_per_address)
		return refuse(limits, VERDICT_SHARE_LIMIT, CONF_CONNECTIONS_PER_ADDRESS,
		              "limit connections per address");
	if (f->connections_per_user != 0 &&
	    there_are(g, filter_key(g, BY_USER, f, who->user)) >= f->connections_per_user)
		return refuse(limits, VERDICT_SHARE_LIMIT, CONF_CONNECTIONS_PER_USER,
		              "limit connections per user");
	return welcome;
}

struct gate_word gate_knock(struct gate *g, const struct gate_limits *limits,
                            const struct gate_who *who, struct now now)
{
	const struct gate_who stranger = {.client_id = {NULL, 0}, .user = {NULL, 0}};
	const struct rate told = rate_of(GATE_TOLD, GATE_TOLD_MS);
	const struct conf_filter *f = limits->filter;
	struct gate_who by_address = stranger;
	struct gate_word word = welcome;

	memcpy(by_address.source, who->source, sizeof by_address.source);
	(void)pthread_mutex_lock(&g->lock);
	const struct store_ban *ban = bans_of_address(g->bans, who->address, gate_seconds(now));
	if (ban != NULL)
		word = banned(limits, ban, "the address is banned");
	else if (f != NULL && !connect_allowed(g, BY_ADDRESS, f, &f->connects_per_address,
	                                       gate_source(who), now))
		word = refuse(limits, VERDICT_RATE_LIMITED, CONF_CONNECTS_PER_ADDRESS,
		              "limit connects per address");
	else
		word = shares(g, limits, &by_address);
	if (word.verdict != VERDICT_ACCEPTED && !word.dry)
		word.flood = !rate_allows(
		    g, TOLD, &told, key_of(g, TOLD, slice_of(NULL, 0), gate_source(who)), now);
	(void)pthread_mutex_unlock(&g->lock);
	return word;
}

enum gate_answer gate_arrive(struct gate *g, size_t listener, const uint8_t source[16],
                             const struct gate_limits *limits)
{
	struct listener *l = &g->listeners[listener];
	uint64_t key = waiting_key(g, listener, source);
	enum gate_answer answer = GATE_OPEN;

	(void)pthread_mutex_lock(&g->lock);
	if (l->pending >= limits->max_pending)
		answer = GATE_FULL;
	else if (there_are(g, key) >= limits->max_pending_per_address || count_up(g, key) != 0)
		answer = GATE_ADDRESS;
	else
		l->pending++;
	(void)pthread_mutex_unlock(&g->lock);
	return answer;
}

void gate_depart(struct gate *g, size_t listener, const uint8_t source[16])
{
	uint64_t key = waiting_key(g, listener, source);

	(void)pthread_mutex_lock(&g->lock);
	count_down(g, key);
	g->listeners[listener].pending--;
	(void)pthread_mutex_unlock(&g->lock);
}

/* Whether there is a place: at the listener, then of its own. */
static struct gate_word places(struct gate *g, size_t listener, const struct gate_limits *limits,
                               const struct gate_who *who)
{
	if (g->listeners[listener].connected >= limits->max_connections)
		return (struct gate_word){.verdict = VERDICT_CONNECTION_LIMIT,
		                          .why = "max-connections"};
	return shares(g, limits, who);
}

static struct gate_word ban_of(const struct gate *g, const struct gate_limits *limits,
                               const struct gate_who *who, struct now now)
{
	int64_t s = gate_seconds(now);
	const struct store_ban *ban = bans_of_address(g->bans, who->address, s);

	if (ban != NULL)
		return banned(limits, ban, "the address is banned");
	ban = bans_of_name(g->bans, STORE_BAN_USER, who->user, s);
	if (ban != NULL)
		return banned(limits, ban, "the user is banned");
	ban = bans_of_name(g->bans, STORE_BAN_CLIENT_ID, who->client_id, s);
	return ban != NULL ? banned(limits, ban, "the client id is banned") : welcome;
}

struct gate_word gate_judge(struct gate *g, size_t listener, const struct gate_limits *limits,
                            const struct gate_who *who, struct now now)
{
	const struct conf_filter *f = limits->filter;
	struct gate_word word;

	(void)pthread_mutex_lock(&g->lock);
	word = ban_of(g, limits, who, now);
	if (word.verdict == VERDICT_ACCEPTED)
		word = places(g, listener, limits, who);
	if (word.verdict == VERDICT_ACCEPTED && f != NULL &&
	    !connect_allowed(g, BY_USER, f, &f->connects_per_user, who->user, now))
		word = refuse(limits, VERDICT_RATE_LIMITED, CONF_CONNECTS_PER_USER,
		              "limit connects per user");
	(void)pthread_mutex_unlock(&g->lock);
	return word;
}

struct gate_word gate_named(struct gate *g, const struct gate_limits *limits,
                            const struct gate_who *who, struct now now)
{
	(void)pthread_mutex_lock(&g->lock);
	struct gate_word word = ban_of(g, limits, who, now);
	(void)pthread_mutex_unlock(&g->lock);
	return word;
}

/* The keys of what the filter counts, and counts them. One that there is no memory for is not
 * counted, which the caller learns by -1. */
static int take_places(struct gate *g, const struct gate_limits *limits, const struct gate_who *who,
                       struct gate_place *place)
{
	const struct conf_filter *f = limits->filter;
	int result = 0;

	memset(place->keys, 0, sizeof place->keys);
	if (f == NULL)
		return 0;
	if (f->connections_per_address != 0)
		place->keys[BY_ADDRESS] = filter_key(g, BY_ADDRESS, f, gate_source(who));
	if (f->connections_per_user != 0)
		place->keys[BY_USER] = filter_key(g, BY_USER, f, who->user);
	if (f->publish_per_client.n != 0)
		place->keys[BY_CLIENT] =
		    gate_rate_key(g, BY_CLIENT, f, &f->publish_per_client, who->client_id);
	for (size_t i = 0; i <= BY_CLIENT; i++) {
		if (place->keys[i] != 0 && count_up(g, place->keys[i]) != 0) {
			place->keys[i] = 0;
			result = -1;
		}
	}
	return result;
}

static void leave_places(struct gate *g, const struct gate_place *place)
{
	for (size_t i = 0; i <= BY_CLIENT; i++) {
		if (place->keys[i] != 0)
			count_down(g, place->keys[i]);
	}
}

/* What the client has spent of its limit on publishing. Who is here already, under the same client
 * id, has no burst to give away. */
static int64_t spent_before(struct gate *g, const struct conf_filter *f, uint64_t key,
                            struct now now)
{
	int64_t now_ns = now.mono_ms * NS_PER_MS;
	bool known;

	if (key == 0)
		return 0;
	if (there_are(g, key) > 1) {
		struct rate r = rate_of(f->publish_per_client.n, f->publish_per_client.per_ms);
		return now_ns + r.burst * r.step_ns;
	}
	return *tally_at(g->spent[BY_CLIENT], key, now_ns, &known);
}

struct gate_word gate_connect(struct gate *g, size_t listener, const struct gate_limits *limits,
                              const struct gate_who *who, struct now now, struct gate_place *place)
{
	struct gate_word word;

	(void)pthread_mutex_lock(&g->lock);
	word = places(g, listener, limits, who);
	if (word.verdict == VERDICT_ACCEPTED || word.dry) {
		if (take_places(g, limits, who, place) == 0) {
			g->listeners[listener].connected++;
			place->spent = spent_before(g, limits->filter, place->keys[BY_CLIENT], now);
			word = welcome;
		} else {
			leave_places(g, place);
			word = (struct gate_word){.verdict = VERDICT_CONNECTION_LIMIT,
			                          .why = "out of memory"};
		}
	}
	(void)pthread_mutex_unlock(&g->lock);
	return word;
}

void gate_recount(struct gate *g, const struct gate_limits *limits, const struct gate_who *who,
                  struct gate_place *place)
{
	(void)pthread_mutex_lock(&g->lock);
	leave_places(g, place);
	(void)take_places(g, limits, who, place);
	(void)pthread_mutex_unlock(&g->lock);
}

void gate_disconnect(struct gate *g, size_t listener, const struct gate_place *place,
                     struct now now)
{
	int64_t now_ns = now.mono_ms * NS_PER_MS;
	bool known;

	(void)pthread_mutex_lock(&g->lock);
	leave_places(g, place);
	/* What is behind the clock is as good as forgotten. */
	if (place->keys[BY_CLIENT] != 0 && place->spent > now_ns) {
		int64_t *spent =
		    tally_at(g->spent[BY_CLIENT], place->keys[BY_CLIENT], now_ns, &known);
		if (*spent < place->spent)
			*spent = place->spent;
	}
	g->listeners[listener].connected--;
	(void)pthread_mutex_unlock(&g->lock);
}

size_t gate_pending(struct gate *g, size_t listener)
{
	(void)pthread_mutex_lock(&g->lock);
	size_t n = g->listeners[listener].pending;
	(void)pthread_mutex_unlock(&g->lock);
	return n;
}

size_t gate_connected(struct gate *g, size_t listener)
{
	(void)pthread_mutex_lock(&g->lock);
	size_t n = g->listeners[listener].connected;
	(void)pthread_mutex_unlock(&g->lock);
	return n;
}
