/* SPDX-License-Identifier: ISC */
/* explain: what the filter of a listener says of a client and its topics, and which rule says so.
 * Only the configuration is read, so limits and bans, which depend on what happened, do not speak
 * here. */
#include "ctl/ctl.h"

#include "base/text.h"
#include "mqtt/topic.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUOTE_SIZE = 400 };

/* One thing that was asked for, and the answer. */
struct answer {
	const char *what;
	const char *topic; /* NULL for the connect itself */
	struct acl_verdict verdict;
	const char *unfit; /* the name that cannot stand in the rule, or NULL */
};

struct explain {
	const struct conf *conf;
	const struct conf_listener *listener;
	const struct conf_filter *filter; /* NULL: everything is allowed */
	struct acl_who who;
	struct answer answers[2 * CTL_GIVEN_MAX + 1];
	size_t n;
};

/* The listener that is named, or the only one. 0, or the exit status. */
static int find_listener(const struct ctl *ctl, const char *name, struct explain *x)
{
	char quote[QUOTE_SIZE];

	if (name == NULL && x->conf->n_listeners > 1)
		return ctl_usage(ctl, "there are %zu listeners: --listener says which",
		                 x->conf->n_listeners);
	for (size_t i = 0; i < x->conf->n_listeners; i++) {
		const struct conf_listener *l = &x->conf->listeners[i];
		if (name != NULL && strcmp(l->name, name) != 0)
			continue;
		x->listener = l;
		x->filter = l->filter < 0 ? NULL : &x->conf->filters[l->filter];
		return CTL_OK;
	}
	return ctl_usage(ctl, "there is no listener \"%s\"",
	                 text_escape(slice_str(name), quote, sizeof quote));
}

static int read_who(const struct ctl *ctl, const struct ctl_args *args, struct acl_who *who)
{
	const char *id = ctl_arg(args, "client-id"), *user = ctl_arg(args, "user"),
	           *address = ctl_arg(args, "address");
	struct acl_cidr c;

	if (id == NULL || address == NULL)
		return ctl_usage(ctl, "--%s is missing", id == NULL ? "client-id" : "address");
	if (acl_cidr_parse(slice_str(address), &c, NULL) != 0 || c.bits != 128)
		return ctl_usage(ctl, "--address is a numeric IPv4 or IPv6 address");
	*who = (struct acl_who){.address = c.base, .client_id = slice_str(id)};
	if (user != NULL) {
		who->has_user = true;
		who->user = slice_str(user);
	}
	return CTL_OK;
}

/* Every option about a topic holds what it must. */
static int check_topics(const struct ctl *ctl, const struct ctl_args *args)
{
	for (size_t i = 0; i < args->n_given; i++) {
		const char *name = args->given[i].option->name;
		struct slice value = slice_str(args->given[i].value);
		bool topic = strcmp(name, "topic") == 0 || strcmp(name, "publish") == 0;
		if (topic && !mqtt_topic_valid(value))
			return ctl_usage(ctl, "--%s is a topic without wildcards", name);
		if (strcmp(name, "subscribe") == 0 && !mqtt_filter_valid(value))
			return ctl_usage(ctl, "--subscribe is a topic filter");
	}
	return CTL_OK;
}

static struct answer *add(struct explain *x, const char *what, const char *topic)
{
	struct answer *a = &x->answers[x->n++];

	*a = (struct answer){
	    .what = what, .topic = topic, .verdict = {.allow = true, .rule = ACL_NO_RULE}};
	return a;
}

static void judge_connect(struct explain *x)
{
	struct answer *a = add(x, "connect", NULL);
	struct acl_who *who = &x->who;
	const struct acl_ruleset *r = x->filter == NULL ? NULL : x->filter->rules;

	if (r == NULL)
		return;
	a->verdict = acl_connect(r, who);
	if (!a->verdict.allow)
		return;
	if (acl_name_unfit(r, ACL_USER, who->user, &a->verdict))
		a->unfit = "user name";
	else if (acl_name_unfit(r, ACL_CLIENT_ID, who->client_id, &a->verdict))
		a->unfit = "client id";
}

static void judge_topic(struct explain *x, const char *option, const char *topic)
{
	const struct acl_ruleset *r = x->filter == NULL ? NULL : x->filter->rules;
	bool subscribe = strcmp(option, "subscribe") == 0;

	if (!subscribe) {
		struct answer *a = add(x, "publish", topic);
		if (r != NULL)
			a->verdict = acl_publish(r, &x->who, slice_str(topic));
	}
	if (strcmp(option, "publish") != 0) {
		struct answer *a = add(x, subscribe ? "subscribe" : "deliver", topic);
		if (r != NULL)
			a->verdict = subscribe ? acl_subscribe(r, &x->who, slice_str(topic))
			                       : acl_deliver(r, &x->who, slice_str(topic));
	}
}

static bool is_topic_option(const char *name)
{
	return strcmp(name, "topic") == 0 || strcmp(name, "publish") == 0 ||
	       strcmp(name, "subscribe") == 0;
}

static void print_text(const struct explain *x)
{
	char quote[QUOTE_SIZE];

	for (size_t i = 0; i < x->n; i++) {
		const struct answer *a = &x->answers[i];
		(void)fputs(a->what, stdout);
		if (a->topic != NULL)
			(void)printf(" %s", text_escape(slice_str(a->topic), quote, sizeof quote));
		(void)printf(": %s", a->verdict.allow ? "allow" : "deny");
		if (a->verdict.file != NULL)
			(void)printf(" by %s:%u",
			             text_escape(slice_str(a->verdict.file), quote, sizeof quote),
			             a->verdict.line);
		else
			(void)printf(", there is no %s", x->filter == NULL ? "filter" : "rule");
		if (a->unfit != NULL)
			(void)printf(", where the %s cannot stand", a->unfit);
		if (!a->verdict.allow && x->filter->dry_run)
			(void)fputs(" (dry run: nothing is denied)", stdout);
		(void)putchar('\n');
	}
}

static void print_json(const struct explain *x, bool allow)
{
	(void)fputs("{\"listener\": ", stdout);
	ctl_json_string(slice_str(x->listener->name));
	(void)fputs(", \"filter\": ", stdout);
	if (x->filter == NULL)
		(void)fputs("null", stdout);
	else
		ctl_json_string(slice_str(x->filter->name));
	(void)printf(", \"dry_run\": %s, \"allow\": %s, \"verdicts\": [",
	             x->filter != NULL && x->filter->dry_run ? "true" : "false",
	             allow ? "true" : "false");
	for (size_t i = 0; i < x->n; i++) {
		const struct answer *a = &x->answers[i];
		(void)printf("%s\n {\"what\": \"%s\"", i == 0 ? "" : ",", a->what);
		if (a->topic != NULL) {
			(void)fputs(", \"topic\": ", stdout);
			ctl_json_string(slice_str(a->topic));
		}
		(void)printf(", \"allow\": %s", a->verdict.allow ? "true" : "false");
		if (a->verdict.file != NULL) {
			(void)fputs(", \"file\": ", stdout);
			ctl_json_string(slice_str(a->verdict.file));
			(void)printf(", \"line\": %u", a->verdict.line);
		}
		if (a->unfit != NULL)
			(void)printf(", \"unfit\": \"%s\"", a->unfit);
		(void)putchar('}');
	}
	(void)puts("]}");
}

static int explain(const struct ctl *ctl, const struct ctl_args *args, struct explain *x)
{
	bool allow = true;
	int result = find_listener(ctl, ctl_arg(args, "listener"), x);

	if (result != CTL_OK)
		return result;
	judge_connect(x);
	for (size_t i = 0; i < args->n_given; i++) {
		if (is_topic_option(args->given[i].option->name))
			judge_topic(x, args->given[i].option->name, args->given[i].value);
	}
	for (size_t i = 0; i < x->n; i++)
		allow = allow && x->answers[i].verdict.allow;
	if (ctl->json)
		print_json(x, allow);
	else
		print_text(x);
	return allow ? CTL_OK : CTL_FAILED;
}

static int run(const struct ctl *ctl, const struct ctl_args *args)
{
	struct explain x = {.n = 0};
	int result = read_who(ctl, args, &x.who);

	if (result == CTL_OK)
		result = check_topics(ctl, args);
	if (result != CTL_OK)
		return result;
	struct conf *conf = ctl_load(ctl, false, NULL);
	if (conf == NULL)
		return CTL_BAD_CONFIGURATION;
	x.conf = conf;
	result = explain(ctl, args, &x);
	conf_free(conf);
	return result;
}

const struct ctl_command ctl_explain = {
    .words = "explain",
    .usage = "--client-id ID [--user NAME] --address ADDRESS [--listener NAME] [--topic TOPIC] "
             "[--publish TOPIC] [--subscribe FILTER] ...",
    .summary = "say what the rules allow a client, and which rule decides; 1 where one denies",
    .run = run,
    .options = {{"client-id", true, false},
                {"user", true, false},
                {"address", true, false},
                {"listener", true, false},
                {"topic", true, true},
                {"publish", true, true},
                {"subscribe", true, true}},
};
