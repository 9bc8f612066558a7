/* SPDX-License-Identifier: ISC */
/* What administrators say about bans, in words; the pool does it. */
#include "admin/bans.h"

#include "admin/control.h"
#include "base/text.h"

#include <inttypes.h>

/* By kind. */
static const char *const kinds[] = {[STORE_BAN_ADDRESS] = "address",
                                    [STORE_BAN_USER] = "user",
                                    [STORE_BAN_CLIENT_ID] = "client-id"};

enum { VALUE_MAX = CONTROL_REQUEST_MAX / 2 };

/* Ten years; who wants more wants for ever. */
#define FOR_MAX_MS (UINT64_C(3650) * 86400 * 1000)

static int read_kind(struct slice word, enum store_ban_kind *kind, struct err *e)
{
	for (int i = STORE_BAN_ADDRESS; i <= STORE_BAN_CLIENT_ID; i++) {
		if (slice_eq(word, slice_str(kinds[i]))) {
			*kind = (enum store_ban_kind)i;
			return 0;
		}
	}
	return err_set(e, "a ban is about an address, a user or a client-id");
}

/* Hexadecimal digits into room, which is large enough for half of any request. */
static int read_hex(struct slice word, uint8_t room[VALUE_MAX], struct slice *out, struct err *e)
{
	if (word.n / 2 > VALUE_MAX)
		return err_set(e, "that is too long");
	*out = slice_of(room, word.n / 2);
	return text_unhex(word, room, word.n / 2, e);
}

static int read_what(struct slice *line, enum store_ban_kind *kind, uint8_t room[VALUE_MAX],
                     struct slice *value, struct err *e)
{
	if (read_kind(control_word(line), kind, e) != 0)
		return -1;
	*value = control_word(line);
	return *kind == STORE_BAN_ADDRESS ? 0 : read_hex(*value, room, value, e);
}

void bans_ban(struct pool *pool, struct slice line, struct buf *answer)
{
	uint8_t value[VALUE_MAX], reason[VALUE_MAX];
	struct pool_ban order = {.ms = 0};
	struct pool_banned done;
	uint64_t ms = 0;
	struct err e;
	bool good = read_what(&line, &order.kind, value, &order.value, &e) == 0 &&
	            text_number(control_word(&line), 0, FOR_MAX_MS, &ms, &e) == 0;
	struct slice why = control_word(&line);

	if (good && !slice_eq(why, slice_str("-")))
		good = read_hex(why, reason, &order.reason, &e) == 0;
	order.ms = (int64_t)ms;
	if (!good || pool_ban(pool, &order, &done, &e) != 0) {
		control_say(answer, "failed\n%s\n", e.text);
		return;
	}
	control_say(answer, "ok\ncut %zu\n", done.cut);
	if (!done.kept)
		control_say(answer, "not-kept %s\n", done.why.text);
}

void bans_unban(struct pool *pool, struct slice line, struct buf *answer)
{
	uint8_t room[VALUE_MAX];
	enum store_ban_kind kind;
	struct slice value;
	struct err e;

	if (read_what(&line, &kind, room, &value, &e) != 0 ||
	    pool_unban(pool, kind, value, &e) != 0)
		control_say(answer, "failed\n%s\n", e.text);
	else
		control_say(answer, "ok\n");
}

static void say_hex(struct buf *answer, struct slice s)
{
	char hex[2 * STORE_BAN_VALUE_MAX + 1];

	text_hex(s.p, s.n < STORE_BAN_VALUE_MAX ? s.n : STORE_BAN_VALUE_MAX, hex);
	(void)buf_append(answer, slice_str(hex));
}

static int list_one(void *ctx, const struct store_ban *ban)
{
	struct buf *answer = ctx;
	char address[64];

	control_say(answer, "%s ", kinds[ban->kind]);
	if (ban->kind == STORE_BAN_ADDRESS)
		control_say(answer, "%s", pool_ban_address(ban, address, sizeof address));
	else
		say_hex(answer, ban->value);
	control_say(answer, " %" PRId64 " %" PRId64 " %s ", ban->since, ban->until,
	            ban->automatic ? "filter" : "hand");
	if (ban->reason.n == 0)
		control_say(answer, "-");
	else
		say_hex(answer, ban->reason);
	control_say(answer, "\n");
	return 0;
}

void bans_list(struct pool *pool, struct buf *answer)
{
	control_say(answer, "ok\n");
	pool_bans(pool, list_one, answer);
}
