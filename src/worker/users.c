/* SPDX-License-Identifier: ISC */
/* A user who is refused from now on also loses the sessions that run. The order makes it sure: a
 * login is in its worker's list before it asks to be let in, the state refuses it once the user is
 * locked, and only then is the list walked. */
#include "worker/users.h"

#include "sys/log.h"
#include "worker/conn.h"
#include "worker/worker.h"

#include <inttypes.h>
#include <stdlib.h>

struct revocation {
	struct mail mail; /* first */
	struct worker *worker;
	size_t n;
	uint8_t user[STORE_USER_MAX];
};

/* Only those whom this state let in, or had nothing against: elsewhere the name may be somebody
 * else's. Who is being refused is refused like all others. */
static bool concerns(const struct conn *c, struct slice user)
{
	const struct session *s = c->session;

	return s != NULL && s->identity != NULL && s->state != SESSION_DEAD &&
	       s->state != SESSION_REFUSING && s->login != LOGIN_OPEN && s->has_user &&
	       slice_eq(s->user, user);
}

static void revoke(struct mail *mail)
{
	struct revocation *r = (struct revocation *)mail;

	for (struct conn *c = r->worker->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (concerns(c, slice_of(r->user, r->n)))
			conn_stop(c, MQTT_ADMINISTRATIVE_ACTION,
			          "the user was locked, removed or has expired", NULL);
	}
	free(r);
}

static void user_revoked(void *ctx, struct slice user)
{
	const struct users *u = ctx;

	for (size_t i = 0; i < u->n_workers && user.n <= STORE_USER_MAX; i++) {
		struct revocation *r = calloc(1, sizeof *r);
		if (r == NULL) {
			log_say(LOG_LEVEL_ERROR, "state",
			        "no memory to end the sessions of a user");
			return;
		}
		*r = (struct revocation){
		    .mail.deliver = revoke, .worker = u->workers[i], .n = user.n};
		memcpy(r->user, user.p, user.n);
		mailbox_post(&u->workers[i]->mailbox, &r->mail);
	}
}

/* The alarm is raised again when there are more. */
static void census_taken(void *ctx, const struct store_census *c)
{
	struct users *u = ctx;

	(void)pthread_mutex_lock(&u->lock);
	uint64_t before = u->known ? u->census.ahead : 0;
	u->census = *c;
	u->known = true;
	(void)pthread_mutex_unlock(&u->lock);
	if (c->ahead > before)
		log_say(LOG_LEVEL_ERROR, "clock",
		        "%" PRIu64
		        " users have used codes of the future and are refused until then: "
		        "the clock was set back (mqsecproxyctl user list, user reset)",
		        c->ahead);
}

static void look_failed(void *ctx, const char *why)
{
	(void)ctx;
	log_say(LOG_LEVEL_ERROR, "state", "%s", why);
}

void users_init(struct users *u)
{
	*u = (struct users){
	    .watch = {
	        .ctx = u, .revoked = user_revoked, .census = census_taken, .failed = look_failed}};
	(void)pthread_mutex_init(&u->lock, NULL);
}

void users_fini(struct users *u)
{
	(void)pthread_mutex_destroy(&u->lock);
}

void users_watch(struct users *u, struct store *s, struct worker **workers, size_t n_workers)
{
	if (u->workers != NULL)
		return;
	u->workers = workers;
	u->n_workers = n_workers;
	store_watch(s, &u->watch);
}

bool users_census(struct users *u, struct store_census *out)
{
	(void)pthread_mutex_lock(&u->lock);
	bool known = u->known;
	*out = u->census;
	(void)pthread_mutex_unlock(&u->lock);
	return known;
}
