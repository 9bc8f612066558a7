/* SPDX-License-Identifier: ISC */
/* Daemon and tool may both find that there is no key yet. A key file appears whole and never
 * replaces another, so whoever comes second reads what the first one made: the file is read in any
 * case. */
#include "store/backend.h"

#include "base/secret.h"
#include "base/text.h"
#include "sys/file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_SIZE = 32, FILE_MAX = 2 * KEY_SIZE + 16 };

static int make_key(const char *path, struct err *e)
{
	uint8_t key[KEY_SIZE];
	char line[2 * KEY_SIZE + 1];

	secret_random(key, sizeof key);
	text_hex(key, sizeof key, line);
	line[2 * KEY_SIZE] = '\n';
	int result = file_create(path, 0600, (gid_t)-1, slice_of(line, sizeof line), e);
	secret_wipe(key, sizeof key);
	secret_wipe(line, sizeof line);
	return result;
}

static bool missing(const char *path)
{
	return access(path, F_OK) != 0 && errno == ENOENT;
}

int store_key_load(const char *path, uint8_t key[32], struct err *e)
{
	struct buf content = {.cap = FILE_MAX};
	struct err why = {""};

	if (missing(path) && make_key(path, &why) != 0 && access(path, F_OK) != 0)
		return err_set(e, "state key: %s", why.text);
	if (file_read(NULL, path, true, &content, &why) != 0)
		return err_set(e, "state key: %s", why.text);
	int result = text_unhex(slice_trim(buf_view(&content)), key, KEY_SIZE, &why);
	buf_free(&content);
	if (result == 0)
		return 0;
	secret_wipe(key, KEY_SIZE);
	return err_set(e, "state key: %s: %s", path, why.text);
}

/* Whether secrets were sealed, or codes drawn, with some key. -1: that cannot be read. */
static int key_was_used(struct store_backend *b, struct err *e)
{
	struct store_census n = {0};
	int64_t draws = 0, unused = 0;

	if (b->ops->census(b, 0, &n, e) != 0 || store_sqlite_draws(b, 0, &draws, &unused, e) != 0)
		return -1;
	return n.users != 0 || draws != 0;
}

struct trial {
	store_opens_fn *opens;
	const uint8_t *key;
	bool any, opened;
};

static int try_user(void *ctx, const struct store_user *u)
{
	struct trial *t = ctx;

	t->any = true;
	t->opened = t->opens(t->key, u);
	return t->opened ? 1 : 0;
}

int store_key_of(struct store_backend *b, const char *path, store_opens_fn *opens, uint8_t key[32],
                 struct err *e)
{
	static const char cure[] = "put back the one that belongs to it, or move the state away "
	                           "and enroll all users anew";
	struct trial t = {.opens = opens, .key = key};
	int used = missing(path) ? key_was_used(b, e) : 0;

	if (used < 0)
		return -1;
	/* Who makes the first key does so before it is used. */
	if (used != 0 && missing(path))
		return err_set(e, "state key: %s is missing, and the state needs it: %s", path,
		               cure);
	if (store_key_load(path, key, e) != 0)
		return -1;
	if (b->ops->user_each(b, try_user, &t, e) >= 0 && t.opened == t.any)
		return 0;
	secret_wipe(key, KEY_SIZE);
	return t.any && !t.opened
	           ? err_set(e, "state key: %s opens none of the secrets in the state: %s", path,
	                     cure)
	           : -1;
}
