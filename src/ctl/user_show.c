/* SPDX-License-Identifier: ISC */
/* user list, user show: what the state knows of users, and never the secret. */
#include "ctl/state.h"

#include "base/text.h"
#include "sys/clock.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

enum { NAME_WIDTH_MIN = 4, NAME_WIDTH_MAX = 40 };

struct listing {
	bool json;
	size_t n;
	int width; /* of the names */
	int64_t now;
};

/* Columns of a terminal, as far as that is one a character. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static int measure(void *ctx, const struct store_user *u)
{
	struct listing *l = ctx;
	char name[CTL_NAME_TEXT];
	int width = width_of(text_escape(u->name, name, sizeof name));

	if (width > l->width)
		l->width = width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
	return 0;
}

static void list_text(const struct listing *l, const struct store_user *u)
{
	char name[CTL_NAME_TEXT], expires[CTL_DATE_TEXT], login[CTL_DATE_TEXT];
	const struct otp_params *p = &u->params;

	(void)text_escape(u->name, name, sizeof name);
	(void)ctl_date(u->expires, expires);
	(void)ctl_date(u->last_login, login);
	int pad = l->width - width_of(name);
	(void)printf("%s%*s  %-4s  %-9s  %-6u  %-7s  %-20s  %s\n", name, pad > 0 ? pad : 0, "",
	             p->kind == OTP_TOTP ? "totp" : "hotp", ctl_algorithm(p->algorithm), p->digits,
	             store_user_condition(u, l->now), u->expires == 0 ? "never" : expires,
	             u->last_login == 0 ? "never" : login);
}

static void pair_params(struct ctl_pairs *p, const struct otp_params *params)
{
	ctl_pair_text(p, "kind", params->kind == OTP_TOTP ? "totp" : "hotp");
	ctl_pair_text(p, "algorithm", ctl_algorithm(params->algorithm));
	ctl_pair_number(p, "digits", params->digits);
	if (params->kind == OTP_TOTP) {
		ctl_pair_number(p, "step", params->step);
		ctl_pair_number(p, "back", params->back);
		ctl_pair_number(p, "forward", params->fwd);
	} else {
		ctl_pair_number(p, "window", params->window);
		ctl_pair_number(p, "resync", params->resync);
	}
}

static void pair_times(struct ctl_pairs *p, const struct store_user *u)
{
	ctl_pair_date(p, "created", u->created, "unknown");
	ctl_pair_date(p, "expires", u->expires, "never");
	ctl_pair_date(p, "last-login", u->last_login, "never");
}

static int list_one(void *ctx, const struct store_user *u)
{
	struct listing *l = ctx;
	struct ctl_pairs pairs = {.json = true};

	if (!l->json) {
		list_text(l, u);
		return 0;
	}
	(void)fputs(l->n++ == 0 ? "[" : ",\n", stdout);
	ctl_pair(&pairs, "name", u->name);
	pair_params(&pairs, &u->params);
	ctl_pair_text(&pairs, "state", store_user_condition(u, l->now));
	pair_times(&pairs, u);
	(void)fputs("}", stdout);
	return 0;
}

static int list_all(struct store_backend *db, struct listing *l)
{
	struct err e = {""};

	if (!l->json && db->ops->user_each(db, measure, l, &e) != 0)
		return ctl_fail("%s", e.text);
	if (!l->json && l->width != 0) {
		l->width = l->width < NAME_WIDTH_MIN ? NAME_WIDTH_MIN : l->width;
		(void)printf("%-*s  %-4s  %-9s  %-6s  %-7s  %-20s  %s\n", l->width, "NAME", "KIND",
		             "ALGORITHM", "DIGITS", "STATE", "EXPIRES", "LAST LOGIN");
	}
	if (db->ops->user_each(db, list_one, l, &e) != 0)
		return ctl_fail("%s", e.text);
	if (l->json)
		(void)puts(l->n == 0 ? "[]" : "]");
	return CTL_OK;
}

static int list(const struct ctl *ctl, const struct ctl_args *args)
{
	struct listing listing = {.json = ctl->json, .now = clock_now().real_us / 1000000};
	struct ctl_state state;
	int result = ctl_state_open(ctl, CTL_KEY_NONE, &state);

	(void)args;
	if (result != CTL_OK)
		return result;
	result = list_all(state.db, &listing);
	ctl_state_close(&state);
	return result;
}

struct showing {
	struct ctl_pairs pairs;
	int64_t now;
	size_t n_sources;
};

static void show_mark(struct ctl_pairs *p, const struct store_user *u, int64_t now)
{
	const struct otp_state *s = &u->state;

	if (u->params.kind == OTP_HOTP) {
		ctl_pair_number(p, "next-counter", s->mark);
	} else if (s->mark < 0 || u->params.step == 0) {
		ctl_pair_text(p, "mark", "none");
	} else {
		ctl_pair_number(p, "mark", s->mark);
		ctl_pair_date(p, "mark-time", s->mark * (int64_t)u->params.step, "none");
	}
	if (s->pending >= s->mark && s->pending >= 0 && now >= s->pending_at &&
	    now - s->pending_at < OTP_PENDING_SECONDS) {
		ctl_pair_number(p, "pending-resync", s->pending);
		ctl_pair_date(p, "pending-until", s->pending_at + OTP_PENDING_SECONDS, "none");
	}
}

static int show_one(void *ctx, const struct store_user *u)
{
	struct showing *s = ctx;
	struct ctl_pairs *p = &s->pairs;

	ctl_pair(p, "name", u->name);
	pair_params(p, &u->params);
	ctl_pair_text(p, "state", store_user_condition(u, s->now));
	pair_times(p, u);
	ctl_pair_text(p, "broker-login", u->login.n == 0 ? "none" : "stored");
	show_mark(p, u, s->now);
	ctl_pair_number(p, "guesses-left",
	                (int64_t)store_guesses_now(u->guesses, u->guesses_at, u->budget, s->now));
	ctl_pair_number(p, "guesses", u->budget);
	return 0;
}

/* As the log writes it: the address, or the /64 of an IPv6 one. */
static void source_text(const uint8_t source[16], char out[INET6_ADDRSTRLEN + 4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(source, mapped, sizeof mapped) == 0) {
		(void)inet_ntop(AF_INET, source + 12, out, INET6_ADDRSTRLEN);
		return;
	}
	(void)inet_ntop(AF_INET6, source, out, INET6_ADDRSTRLEN);
	(void)strcat(out, "/64");
}

static int show_source(void *ctx, const uint8_t source[16], int64_t last_success)
{
	struct showing *s = ctx;
	char address[INET6_ADDRSTRLEN + 4], date[CTL_DATE_TEXT];

	if (last_success < s->now - STORE_SOURCE_SECONDS)
		return 0;
	source_text(source, address);
	(void)ctl_date(last_success, date);
	if (s->pairs.json)
		(void)printf("%s{\"address\": \"%s\", \"last\": \"%s\"}",
		             s->n_sources == 0 ? "" : ", ", address, date);
	else
		(void)printf("known-source %s %s\n", address, date);
	s->n_sources++;
	return 0;
}

static int show_user(const struct ctl *ctl, struct store_backend *db, struct slice name)
{
	struct showing s = {.pairs = {.json = ctl->json}, .now = clock_now().real_us / 1000000};
	struct err e = {""};
	int result = db->ops->user_find(db, name, show_one, &s, &e);

	if (result > 0)
		return ctl_no_user(name);
	if (result == 0 && ctl->json)
		(void)fputs(",\n \"known-sources\": [", stdout);
	if (result == 0)
		result = db->ops->user_sources(db, name, show_source, &s, &e);
	if (result != 0)
		return ctl_fail("%s", e.text);
	if (ctl->json)
		(void)puts("]}");
	return CTL_OK;
}

static int show(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_state state;
	int result = ctl_state_open(ctl, CTL_KEY_NONE, &state);

	if (result != CTL_OK)
		return result;
	result = show_user(ctl, state.db, slice_str(args->operands[0]));
	ctl_state_close(&state);
	return result;
}

const struct ctl_command ctl_user_list = {
    .words = "user list",
    .usage = "",
    .summary = "all users: what their codes are like, whether they may log in, and when they did",
    .run = list,
};

const struct ctl_command ctl_user_show = {
    .words = "user show",
    .usage = "NAME",
    .summary = "all that is known of a user but the secret",
    .n_operands = 1,
    .run = show,
};
