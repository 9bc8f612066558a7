/* SPDX-License-Identifier: ISC */
/* store check, backup, restore: the state as a whole. */
#include "ctl/state.h"

#include "base/text.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { IMAGE_MAX = 1 << 30, UNUSED_SECONDS = 365 * 86400 };

#define UNUSED_MIN_MS UINT64_C(86400000)
#define UNUSED_MAX_MS (UNUSED_MIN_MS * 36500)

struct checking {
	const struct ctl_state *state;
	struct ctl_pairs pairs;
	size_t problems;
	int64_t now;
};

static void problem(struct checking *c, const char *what)
{
	c->problems++;
	(void)fprintf(stderr, "mqsecproxyctl: problem: %s\n", what);
}

static void complain(void *ctx, const char *complaint)
{
	problem(ctx, complaint);
}

static int check_user(void *ctx, const struct store_user *u)
{
	struct checking *c = ctx;
	struct otp_credential cred;
	char name[CTL_NAME_TEXT], text[CTL_NAME_TEXT + 120];

	(void)text_escape(u->name, name, sizeof name);
	if (ctl_open_user(c->state->key, u, &cred) != 0) {
		(void)snprintf(text, sizeof text,
		               "user \"%s\": the secret does not open with this state key", name);
		problem(c, text);
	}
	otp_credential_wipe(&cred);
	if (strcmp(store_user_condition(u, c->now), "ahead") == 0) {
		(void)snprintf(text, sizeof text,
		               "user \"%s\": the mark lies in the future (user reset)", name);
		problem(c, text);
	}
	return 0;
}

static int check_state(struct checking *c)
{
	struct store_backend *db = c->state->db;
	struct store_census n = {0};
	int64_t draws = 0, unused = 0;
	struct err e = {""};

	if (store_sqlite_check(db, complain, c, &e) != 0 ||
	    db->ops->user_each(db, check_user, c, &e) != 0 ||
	    db->ops->census(db, c->now, &n, &e) != 0 ||
	    store_sqlite_draws(db, c->now - UNUSED_SECONDS, &draws, &unused, &e) != 0)
		return ctl_fail("%s", e.text);
	ctl_pair_text(&c->pairs, "state", c->state->conf->state_path);
	ctl_pair_number(&c->pairs, "users", (int64_t)n.users);
	ctl_pair_number(&c->pairs, "locked", (int64_t)n.locked);
	ctl_pair_number(&c->pairs, "expired", (int64_t)n.expired);
	ctl_pair_number(&c->pairs, "stale", (int64_t)n.stale);
	ctl_pair_number(&c->pairs, "ahead-of-the-clock", (int64_t)n.ahead);
	ctl_pair_number(&c->pairs, "codes-drawn-for", draws);
	ctl_pair_number(&c->pairs, "codes-drawn-for-unused", unused);
	ctl_pair_number(&c->pairs, "problems", (int64_t)c->problems);
	ctl_pairs_end(&c->pairs);
	return c->problems == 0 ? CTL_OK : CTL_FAILED;
}

/* Opens a state that is there; none is made. */
static int open_existing(const struct ctl *ctl, enum ctl_key key, struct ctl_state *s)
{
	struct stat st;
	int result = ctl_state_prepare(ctl, s);

	if (result != CTL_OK)
		return result;
	if (stat(s->conf->state_path, &st) == 0)
		return ctl_state_begin(s, key);
	result = ctl_fail("%s: %s", s->conf->state_path, strerror(errno));
	ctl_state_close(s);
	return result;
}

static int check_and_close(const struct ctl *ctl, struct ctl_state *state)
{
	struct checking c = {
	    .state = state, .pairs = {.json = ctl->json}, .now = clock_now().real_us / 1000000};
	int result = check_state(&c);

	ctl_state_close(state);
	return result;
}

static int check(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_state state;
	int result = open_existing(ctl, CTL_KEY_THERE, &state);

	(void)args;
	return result == CTL_OK ? check_and_close(ctl, &state) : result;
}

static int copy_state(void *ctx, struct buf *out)
{
	const struct ctl *ctl = ctx;
	struct ctl_state state;
	struct err e = {""};
	int result = open_existing(ctl, CTL_KEY_NONE, &state);

	if (result != CTL_OK)
		return result;
	if (store_sqlite_backup(state.db, out, &e) != 0)
		result = ctl_fail("%s", e.text);
	ctl_state_close(&state);
	return result;
}

static int backup(const struct ctl *ctl, const struct ctl_args *args)
{
	struct buf image = {.cap = IMAGE_MAX};
	struct ctl own = *ctl;
	struct err e = {""};
	int result = ctl_apart(copy_state, &own, &image);

	if (result == CTL_OK &&
	    file_create(args->operands[0], 0600, (unsigned)-1, buf_view(&image), &e) != 0)
		result = ctl_fail("%s", e.text);
	if (result == CTL_OK && ctl->json)
		(void)printf("{\"bytes\": %zu}\n", image.len);
	buf_free(&image);
	return result;
}

/* Whether a daemon answers at the control socket; whoever has only the file open is found by the
 * database itself. */
static int restore_state(const struct ctl *ctl, struct slice image)
{
	struct ctl_state state;
	struct err e = {""};
	int result = ctl_state_prepare(ctl, &state);

	if (result != CTL_OK)
		return result;
	if (ctl_runs(ctl, state.conf))
		result = ctl_fail("mqsecproxy is running: stop it first");
	else if (store_sqlite_restore(state.conf->state_path, image, clock_now().real_us / 1000000,
	                              &e) != 0)
		result = ctl_fail("%s", e.text);
	if (result != CTL_OK) {
		ctl_state_close(&state);
		return result;
	}
	(void)fputs("mqsecproxyctl: note: users are as they were when the copy was made: who was "
	            "locked or deleted since is not; users with counters are refused until user "
	            "resync\n",
	            stderr);
	result = ctl_state_begin(&state, CTL_KEY_THERE);
	return result == CTL_OK ? check_and_close(ctl, &state) : result;
}

static int restore(const struct ctl *ctl, const struct ctl_args *args)
{
	struct buf image = {.cap = IMAGE_MAX};
	struct err e = {""};
	int result = CTL_OK;

	if (file_read(NULL, args->operands[0], false, &image, &e) != 0)
		result = ctl_fail("%s", e.text);
	else
		result = restore_state(ctl, buf_view(&image));
	buf_free(&image);
	return result;
}

static int forget(const struct ctl_state *state, uint64_t ms, bool json)
{
	struct ctl_pairs pairs = {.json = json};
	int64_t n = 0, now = clock_now().real_us / 1000000;
	struct err e = {""};

	if (store_sqlite_forget_draws(state->db, now - (int64_t)(ms / 1000), &n, &e) != 0)
		return ctl_fail("%s", e.text);
	ctl_pair_number(&pairs, "forgotten", n);
	ctl_pairs_end(&pairs);
	return CTL_OK;
}

static int forget_draws(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_state state;
	struct err e = {""};
	uint64_t ms = 0;

	if (text_duration(slice_str(args->operands[0]), UNUSED_MIN_MS, UNUSED_MAX_MS, &ms, &e) != 0)
		return ctl_usage(ctl, "%s", e.text);
	int result = open_existing(ctl, CTL_KEY_NONE, &state);
	if (result != CTL_OK)
		return result;
	result = forget(&state, ms, ctl->json);
	ctl_state_close(&state);
	return result;
}

const struct ctl_command ctl_store_forget_draws = {
    .words = "store forget-draws",
    .usage = "DURATION",
    .summary = "forget the counters of an edge from which no code was drawn for so long",
    .n_operands = 1,
    .run = forget_draws,
};

const struct ctl_command ctl_store_check = {
    .words = "store check",
    .usage = "",
    .summary = "look at the whole state: damage, secrets that do not open, marks in the future",
    .run = check,
};

const struct ctl_command ctl_store_backup = {
    .words = "store backup",
    .usage = "FILE",
    .summary = "copy the state as of this moment, also while the daemon runs",
    .n_operands = 1,
    .run = backup,
};

const struct ctl_command ctl_store_restore = {
    .words = "store restore",
    .usage = "FILE",
    .summary = "put a copy in the place of the state, so that no used code becomes good again",
    .n_operands = 1,
    .run = restore,
};
