/* SPDX-License-Identifier: ISC */
/* Daemon and tool may both find that there is no key yet. A key file appears whole and never
 * replaces another, so whoever comes second reads what the first one made: the file is read in any
 * case. */
#include "store/store.h"

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

int store_key_load(const char *path, uint8_t key[32], struct err *e)
{
	struct buf content = {.cap = FILE_MAX};
	struct err why = {""};
	struct stat st;

	if (stat(path, &st) != 0 && errno == ENOENT && make_key(path, &why) != 0 &&
	    access(path, F_OK) != 0)
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
