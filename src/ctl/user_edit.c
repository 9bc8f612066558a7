/* SPDX-License-Identifier: ISC */
/* user lock, unlock, expire, reset, resync, delete: each one durable change of the state. A daemon
 * that has it open sees it by itself, so nobody has to be told. */
#include "ctl/state.h"

#include "base/secret.h"
#include "base/text.h"
#include "otp/hotp.h"
#include "sys/clock.h"

#include <stdio.h>
#include <time.h>

/* How far ahead a device's counter is looked for: two codes in a row are hit by chance once in a
 * billion tries even so. */
enum { RESYNC_SPAN = 100000 };

static int64_t now_s(void)
{
	return clock_now().real_us / 1000000;
}

int ctl_done(const struct ctl *ctl, const char *what)
{
	if (ctl->json)
		(void)printf("{\"%s\": true}\n", what);
	return CTL_OK;
}

int ctl_state_edit(const struct ctl_state *state, struct slice name, const struct store_edit *edit)
{
	struct err e = {""};
	int result = state->db->ops->user_edit(state->db, name, edit, &e);

	if (result > 0)
		return ctl_no_user(name);
	return result == 0 ? CTL_OK : ctl_fail("%s", e.text);
}

static int edit(const struct ctl *ctl, const struct ctl_args *args, const struct store_edit *edit,
                const char *what)
{
	struct ctl_state state;
	int result = ctl_state_open(ctl, CTL_KEY_NONE, &state);

	if (result != CTL_OK)
		return result;
	result = ctl_state_edit(&state, slice_str(args->operands[0]), edit);
	ctl_state_close(&state);
	return result == CTL_OK ? ctl_done(ctl, what) : result;
}

static int lock(const struct ctl *ctl, const struct ctl_args *args)
{
	return edit(ctl, args, &(struct store_edit){.kind = STORE_LOCK, .now = now_s()}, "locked");
}

static int unlock(const struct ctl *ctl, const struct ctl_args *args)
{
	return edit(ctl, args, &(struct store_edit){.kind = STORE_UNLOCK, .now = now_s()},
	            "unlocked");
}

/* Digits of a fixed width, between what separates them. */
static bool date_field(const char **text, size_t width, const char *end, int *out)
{
	uint64_t n = 0;
	size_t len = strlen(end);

	if (strlen(*text) < width || text_number(slice_of(*text, width), 0, 9999, &n, NULL) != 0 ||
	    strncmp(*text + width, end, len) != 0)
		return false;
	*out = (int)n;
	*text += width + len;
	return true;
}

/* 2026-12-31 (its beginning) or 2026-12-31T18:00:00Z, UTC both. false: neither, or no such day. */
static bool read_date(const char *text, int64_t *out)
{
	struct tm tm = {0}, back;
	bool timed = strlen(text) > 10;

	if (!date_field(&text, 4, "-", &tm.tm_year) || !date_field(&text, 2, "-", &tm.tm_mon) ||
	    !date_field(&text, 2, timed ? "T" : "", &tm.tm_mday))
		return false;
	if (timed &&
	    (!date_field(&text, 2, ":", &tm.tm_hour) || !date_field(&text, 2, ":", &tm.tm_min) ||
	     !date_field(&text, 2, "Z", &tm.tm_sec)))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	time_t t = timegm(&back);
	if (*text != '\0' || t <= 0 || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return false;
	*out = (int64_t)t;
	return true;
}

static int expire(const struct ctl *ctl, const struct ctl_args *args)
{
	struct store_edit e = {.kind = STORE_EXPIRE, .now = now_s()};
	const char *date = args->operands[1];

	if (strcmp(date, "never") != 0 && !read_date(date, &e.expires))
		return ctl_usage(ctl, "a date is 2026-12-31, 2026-12-31T18:00:00Z (both UTC) or "
		                      "never");
	return edit(ctl, args, &e, "changed");
}

struct lowered {
	int64_t mark;
	unsigned step;
};

static int look_at_mark(void *ctx, const struct store_user *u)
{
	struct lowered *l = ctx;

	l->mark = u->state.mark;
	l->step = u->params.kind == OTP_TOTP ? u->params.step : 0;
	return 0;
}

/* The one case in which a code could come again, so it is said. */
static void warn_of_future(const struct lowered *before, const struct lowered *after)
{
	char date[CTL_DATE_TEXT];

	if (after->mark >= before->mark || before->step == 0)
		return;
	(void)ctl_date((before->mark + 1) * (int64_t)before->step, date);
	(void)fprintf(stderr,
	              "mqsecproxyctl: note: codes of times up to %s were used while the clock was "
	              "ahead and would be accepted when their time comes; where somebody may have "
	              "seen them, give the user a new secret\n",
	              date);
}

static int reset(const struct ctl *ctl, const struct ctl_args *args)
{
	struct slice name = slice_str(args->operands[0]);
	struct store_edit e = {.kind = STORE_RESET, .now = now_s()};
	struct lowered before = {0}, after = {0};
	struct ctl_state state;
	int result = ctl_state_open(ctl, CTL_KEY_NONE, &state);

	if (result != CTL_OK)
		return result;
	struct store_backend *db = state.db;
	(void)db->ops->user_find(db, name, look_at_mark, &before, NULL);
	result = ctl_state_edit(&state, name, &e);
	if (result == CTL_OK && db->ops->user_find(db, name, look_at_mark, &after, NULL) == 0)
		warn_of_future(&before, &after);
	ctl_state_close(&state);
	return result == CTL_OK ? ctl_done(ctl, "reset") : result;
}

struct search {
	const uint8_t *key;
	char codes[2][OTP_DIGITS_MAX + 1];
	int64_t next; /* what follows the two codes, 0 where they were not found */
	const char *failure;
};

/* The lowest counter at or above the mark that gives the one code and, next, the other. */
static int64_t find_pair(struct hotp *h, const struct otp_credential *c, const uint32_t want[2])
{
	struct slice secret = slice_of(c->secret, c->secret_len);
	bool before = false;
	uint32_t code = 0;

	for (int64_t i = c->state.mark; i - c->state.mark <= RESYNC_SPAN && i < INT64_MAX - 1;
	     i++) {
		if (hotp_code(h, c->params.algorithm, secret, (uint64_t)i, c->params.digits,
		              &code) != 0)
			return 0;
		if (before && code == want[1])
			return i + 1;
		before = code == want[0];
	}
	return 0;
}

static void search_with(struct hotp *h, struct search *s, const struct store_user *u)
{
	struct otp_credential c;
	uint32_t want[2];

	for (size_t i = 0; i < 2; i++) {
		uint64_t n = 0;
		if (strlen(s->codes[i]) != u->params.digits ||
		    text_number(slice_str(s->codes[i]), 0, UINT32_MAX, &n, NULL) != 0) {
			s->failure = "the codes of this user have another number of digits";
			return;
		}
		want[i] = (uint32_t)n;
	}
	if (ctl_open_user(s->key, u, &c) != 0)
		s->failure = "the secret does not open: the state key is not the one it was sealed "
		             "with";
	else if ((s->next = find_pair(h, &c, want)) == 0)
		s->failure = "these are no two codes in a row of a counter that is not used yet";
	otp_credential_wipe(&c);
}

static int search_user(void *ctx, const struct store_user *u)
{
	struct search *s = ctx;
	struct hotp *h = NULL;

	if (u->params.kind != OTP_HOTP)
		s->failure = "this user's codes go by the time: there is no counter to be found";
	else if ((h = hotp_new(NULL)) == NULL)
		s->failure = "HMAC does not work here";
	else
		search_with(h, s, u);
	if (h != NULL)
		hotp_forget(h);
	hotp_free(h);
	return 0;
}

static int resync_user(const struct ctl *ctl, const struct ctl_state *state, struct slice name)
{
	struct search s = {.key = state->key};
	struct err e = {""};
	int result = ctl_read_codes(2, s.codes);

	if (result != CTL_OK)
		return result;
	result = state->db->ops->user_find(state->db, name, search_user, &s, &e);
	secret_wipe(s.codes, sizeof s.codes);
	if (result > 0)
		return ctl_no_user(name);
	if (result != 0)
		return ctl_fail("%s", e.text);
	if (s.failure != NULL)
		return ctl_fail("%s", s.failure);
	result =
	    ctl_state_edit(state, name, &(struct store_edit){.kind = STORE_RESYNC, .mark = s.next});
	if (result == CTL_OK) {
		struct ctl_pairs pairs = {.json = ctl->json};
		ctl_pair_number(&pairs, "next-counter", s.next);
		ctl_pairs_end(&pairs);
	}
	return result;
}

static int resync(const struct ctl *ctl, const struct ctl_args *args)
{
	struct ctl_state state;
	int result = ctl_state_open(ctl, CTL_KEY_THERE, &state);

	if (result != CTL_OK)
		return result;
	result = resync_user(ctl, &state, slice_str(args->operands[0]));
	ctl_state_close(&state);
	return result;
}

static int delete_user(const struct ctl *ctl, const struct ctl_args *args)
{
	struct slice name = slice_str(args->operands[0]);
	struct ctl_state state;
	struct err e = {""};
	int result = ctl_state_open(ctl, CTL_KEY_NONE, &state);

	if (result != CTL_OK)
		return result;
	int removed = state.db->ops->user_remove(state.db, name, &e);
	if (removed >= 0 && ctl_arg(args, "forget") != NULL) {
		int forgotten = state.db->ops->user_forget(state.db, name, &e);
		removed = forgotten < 0 || removed > 0 ? forgotten : removed;
	}
	ctl_state_close(&state);
	if (removed > 0)
		return ctl_no_user(name);
	return removed == 0 ? ctl_done(ctl, "deleted") : ctl_fail("%s", e.text);
}

const struct ctl_command ctl_user_lock = {
    .words = "user lock",
    .usage = "NAME",
    .summary = "refuse a user and end the sessions",
    .n_operands = 1,
    .run = lock,
};

const struct ctl_command ctl_user_unlock = {
    .words = "user unlock",
    .usage = "NAME",
    .summary = "let a locked user in again",
    .n_operands = 1,
    .run = unlock,
};

const struct ctl_command ctl_user_expire = {
    .words = "user expire",
    .usage = "NAME DATE|never",
    .summary = "refuse a user from that time on (2026-12-31 or 2026-12-31T18:00:00Z)",
    .n_operands = 2,
    .run = expire,
};

const struct ctl_command ctl_user_reset = {
    .words = "user reset",
    .usage = "NAME",
    .summary = "give the guesses back, forget delays and a pending resync, and bring a mark that "
               "lies in the future to the present",
    .n_operands = 1,
    .run = reset,
};

const struct ctl_command ctl_user_resync = {
    .words = "user resync",
    .usage = "NAME",
    .summary = "find a device's counter by two codes in a row, read from standard input",
    .n_operands = 1,
    .run = resync,
};

const struct ctl_command ctl_user_delete = {
    .words = "user delete",
    .usage = "NAME [--forget]",
    .summary = "remove a user and the secret, and end the sessions; the name is kept in mind, so "
               "that it does not pass as unknown, or forgotten",
    .n_operands = 1,
    .run = delete_user,
    .options = {{"forget", false, false}},
};
