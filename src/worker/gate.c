/* SPDX-License-Identifier: ISC */
/* What the gate says of whoever knocks, whose CONNECT is read, and who is to be let in. Each answer
 * is one turn of the lock, so a place is taken in the turn in which it was found free. What is only
 * judged before is a better answer, sooner; the place itself is the last word. */
#include "worker/gate_own.h"

#include <stdlib.h>

/* Of each table of rates: 1 MiB, of which only what is touched is there. */
enum { PLACES = 1 << 16 };

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	gate_counts_free(g);
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
	return g;
}

static uint64_t waiting_key(const struct gate *g, size_t listener, const uint8_t source[16])
{
	return gate_key(g, WAITING, slice_of((const uint8_t *)&listener, sizeof listener),
	                slice_of(source, 16));
}

static bool connect_allowed(struct gate *g, enum gate_kind kind, const struct conf_filter *f,
                            const struct conf_rate *limit, struct slice value, struct now now)
{
	struct rate r = rate_of(limit->n, limit->per_ms);

	return limit->n == 0 ||
	       gate_rate_allows(g, kind, &r, gate_rate_key(g, kind, f, limit, value), now);
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
	    gate_there_are(g, gate_filter_key(g, BY_ADDRESS, f, gate_source(who))) >=
	        f->connections_per_address)
		return refuse(limits, VERDICT_SHARE_LIMIT, CONF_CONNECTIONS_PER_ADDRESS,
		              "limit connections per address");
	if (f->connections_per_user != 0 &&
	    gate_there_are(g, gate_filter_key(g, BY_USER, f, who->user)) >= f->connections_per_user)
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
		word.flood = !gate_rate_allows(
		    g, TOLD, &told, gate_key(g, TOLD, slice_of(NULL, 0), gate_source(who)), now);
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
	else if (gate_there_are(g, key) >= limits->max_pending_per_address ||
	         gate_count_up(g, key) != 0)
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
	gate_count_down(g, key);
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
		place->keys[BY_ADDRESS] = gate_filter_key(g, BY_ADDRESS, f, gate_source(who));
	if (f->connections_per_user != 0)
		place->keys[BY_USER] = gate_filter_key(g, BY_USER, f, who->user);
	if (f->publish_per_client.n != 0)
		place->keys[BY_CLIENT] =
		    gate_rate_key(g, BY_CLIENT, f, &f->publish_per_client, who->client_id);
	for (size_t i = 0; i <= BY_CLIENT; i++) {
		if (place->keys[i] != 0 && gate_count_up(g, place->keys[i]) != 0) {
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
			gate_count_down(g, place->keys[i]);
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
	if (gate_there_are(g, key) > 1) {
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
