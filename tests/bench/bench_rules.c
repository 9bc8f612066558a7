/* SPDX-License-Identifier: ISC */
/* What a verdict about a topic costs: twenty rules of which none but the last applies, as a gateway
 * would have them, judged for a topic and for a topic filter. */
#include "acl/ruleset.h"
#include "base/secret.h"

#include <stdio.h>
#include <time.h>

enum { RULES = 19, JUDGEMENTS = 1000000, ROUNDS = 8 };

static double cpu_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Rules that agree with what is asked up to their last level, every other one with a name. */
static int add_rules(struct acl_ruleset *r, enum acl_verb verb, struct err *e)
{
	for (int i = 0; i < RULES; i++) {
		char text[64];
		int n = snprintf(text, sizeof text, "plant/line-1/%s/sensor/x%d/#",
		                 i % 2 == 0 ? "%u" : "+", i);
		struct slice filter = slice_of(text, (size_t)n);
		if (acl_ruleset_add_topic(r, verb, i % 3 == 0, &filter, "bench", 1, e) != 0)
			return -1;
	}
	return acl_ruleset_add_topic(r, verb, true, NULL, "bench", 2, e);
}

typedef struct acl_verdict judge(const struct acl_ruleset *r, const struct acl_who *who,
                                 struct slice topic);

static void measure(const char *name, judge *ask, const struct acl_ruleset *r, struct slice what)
{
	struct acl_who who = {
	    .client_id = slice_str("pump-7"), .has_user = true, .user = slice_str("pump-7")};
	double best = 1e9;
	size_t allowed = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_seconds();
		for (int i = 0; i < JUDGEMENTS; i++)
			allowed += ask(r, &who, what).allow;
		start = cpu_seconds() - start;
		best = start < best ? start : best;
	}
	(void)printf("%-10s %4.0f ns a verdict of %d rules%s\n", name, best * 1e9 / JUDGEMENTS,
	             RULES + 1, allowed == 0 ? ", never allowed" : "");
}

int main(void)
{
	struct slice topic = slice_str("plant/line-1/pump-7/sensor/temperature/value");
	struct slice filter = slice_str("plant/line-1/pump-7/sensor/temperature/+");
	struct acl_ruleset *r = acl_ruleset_new();
	struct err e;

	if (secret_init() != 0 || r == NULL || add_rules(r, ACL_PUBLISH, &e) != 0 ||
	    add_rules(r, ACL_SUBSCRIBE, &e) != 0)
		return 1;
	measure("publish", acl_publish, r, topic);
	measure("subscribe", acl_subscribe, r, filter);
	measure("deliver", acl_deliver, r, topic);
	acl_ruleset_free(r);
	return 0;
}
