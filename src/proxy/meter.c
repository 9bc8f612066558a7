/* SPDX-License-Identifier: ISC */
/* Counting: for the step, whose caller sums, and by type and rule where somebody lends a meter. */
#include "proxy/meter.h"

#include "proxy/stage.h"

static void count_payload(const struct session_env *env, const struct payload_in *in,
                          enum meter_operation operation, size_t result)
{
	if (env->meter == NULL || env->meter->payloads == NULL || in->rule == NULL)
		return;
	size_t rule = (size_t)(in->rule - env->policy->rules);
	counter_add(&env->meter->payloads[rule].n[in->from][operation][result], 1);
}

void meter_packets(const struct session_env *env, enum side from, enum mqtt_type type, size_t n,
                   struct session_step *step)
{
	step->packets[from] += n;
	if (env->meter != NULL)
		counter_add(&env->meter->packets[from][type], n);
}

void meter_passed(const struct session_env *env, const struct payload_in *in,
                  enum payload_form form, struct session_step *step)
{
	if (form == PAYLOAD_PLAIN)
		return;
	step->opened += form == PAYLOAD_SEALED;
	step->tolerated += form == PAYLOAD_TOLERATED;
	count_payload(env, in, METER_OPEN, form == PAYLOAD_SEALED ? SEAL_OK : METER_PLAIN);
}

void meter_sealed(const struct session_env *env, const struct payload_in *in,
                  struct session_step *step)
{
	step->sealed++;
	count_payload(env, in, METER_SEAL, SEAL_OK);
}

void meter_failed(const struct session_env *env, const struct payload_in *in, enum seal_error error,
                  struct session_step *step)
{
	bool opening = in->rule != NULL && in->rule->leg[in->from].encrypted;

	step->failed++;
	count_payload(env, in, opening ? METER_OPEN : METER_SEAL, error);
}
