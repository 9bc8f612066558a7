/* SPDX-License-Identifier: ISC */
/* What a lease is held by: one value of user name, client id, password, address and listener under
 * a key of the process, so that neither a password nor anything of it is kept, and a lease can only
 * be shown by whoever sends all of them again. */
#include "base/secret.h"
#include "proxy/stage.h"

bool lease_wanted(const struct session *s, const struct session_env *env)
{
	return env->policy->lease.ms != 0 && env->lease_key != NULL && s->client_id.n != 0;
}

void lease_tag(struct session *s, const struct session_env *env, const struct mqtt_connect *c)
{
	enum { HASHED = 4 };
	const struct slice parts[HASHED] = {c->user, c->client_id, c->password,
	                                    env->policy->lease.scope};
	uint8_t all[HASHED * SECRET_HASH_SIZE + sizeof s->address.b + 1];
	size_t n = 0;

	for (; n < HASHED; n++)
		secret_hash(env->lease_key, parts[n], all + n * SECRET_HASH_SIZE);
	memcpy(all + n * SECRET_HASH_SIZE, s->address.b, sizeof s->address.b);
	all[sizeof all - 1] = (uint8_t)env->policy->layout;
	secret_hash(env->lease_key, slice_of(all, sizeof all), s->extra->lease);
	s->extra->may_lease = true;
	secret_wipe(all, sizeof all);
}
