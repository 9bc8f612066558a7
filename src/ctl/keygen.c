/* SPDX-License-Identifier: ISC */
/* keygen: a new payload key in a file that the service can read and nobody else. A key that exists
 * is never replaced: what was sealed with it could not be opened any more. */
#include "ctl/ctl.h"

#include "base/secret.h"
#include "base/text.h"
#include "sys/file.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LEN_MAX = 64, HEX_SIZE = 2 * SEAL_KEY_SIZE + 1 };

static const char service_group[] = "mqsecproxy";
static const char folders[][sizeof SYSCONFDIR "/mqsecproxy/keys"] = {SYSCONFDIR "/mqsecproxy",
                                                                     SYSCONFDIR "/mqsecproxy/keys"};

/* A name goes into a path and into the configuration. */
static bool name_ok(const char *name)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strlen(name);

	return n != 0 && n <= NAME_LEN_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, allowed) == n;
}

/* (gid_t)-1 where there is no such group, or where only root could give it away. */
static gid_t group_of_service(void)
{
	const struct group *group = geteuid() == 0 ? getgrnam(service_group) : NULL;

	return group == NULL ? (gid_t)-1 : group->gr_gid;
}

/* The folder for keys is made where it is missing; the upper one is for other files too. */
static int make_folders(gid_t group, struct err *e)
{
	for (size_t i = 0; i < 2; i++) {
		bool keys = i == 1;
		mode_t mode = keys ? 0750 : 0755;
		bool made = mkdir(folders[i], mode) == 0;
		/* Whatever the umask: the service must get through. */
		if (made ? chmod(folders[i], mode) != 0 : errno != EEXIST)
			return err_errno(e, "cannot make %s", folders[i]);
		if (!keys || group == (gid_t)-1)
			continue;
		/* Also one that was made before the service's group was: else the service never
		 * reaches its keys. One that an administrator gave to another group is left alone.
		 */
		struct stat st;
		if (stat(folders[i], &st) != 0 ||
		    ((made || st.st_gid == 0) && chown(folders[i], (uid_t)-1, group) != 0))
			return err_errno(e, "%s", folders[i]);
	}
	return 0;
}

static int make_key(const char *path, gid_t group, char kid_text[2 * SEAL_KID_SIZE + 1],
                    struct err *e)
{
	char hex[HEX_SIZE];
	uint8_t kid[SEAL_KID_SIZE];
	int result = -1;
	uint8_t *key = secret_alloc(SEAL_KEY_SIZE);

	if (key == NULL)
		return err_set(e, "no locked memory for a key");
	secret_random(key, SEAL_KEY_SIZE);
	text_hex(key, SEAL_KEY_SIZE, hex);
	hex[HEX_SIZE - 1] = '\n';
	if (seal_kid(key, kid) != 0) {
		(void)err_set(e, "AES does not work here");
	} else {
		text_hex(kid, sizeof kid, kid_text);
		result = file_create(path, group == (gid_t)-1 ? 0600 : 0640, group,
		                     slice_of(hex, HEX_SIZE), e);
	}
	secret_wipe(hex, sizeof hex);
	secret_free(key);
	return result;
}

static void print_result(const struct ctl *ctl, const char *path, const char *kid)
{
	if (!ctl->json) {
		(void)printf("kid %s\n", kid);
		return;
	}
	(void)printf("{\"kid\": \"%s\", \"file\": ", kid);
	ctl_json_string(slice_str(path));
	(void)puts("}");
}

static int run(const struct ctl *ctl, const struct ctl_args *args)
{
	const char *name = args->operands[0], *path = ctl_arg(args, "out");
	char default_path[PATH_MAX], kid[2 * SEAL_KID_SIZE + 1];
	struct err e = {""};
	gid_t group = group_of_service();

	if (!name_ok(name))
		return ctl_usage(
		    ctl,
		    "a key's name has 1 to %d letters, digits, dots, dashes and underscores, "
		    "and begins with a letter, digit or underscore",
		    NAME_LEN_MAX);
	if (path == NULL) {
		(void)snprintf(default_path, sizeof default_path, "%s/%s.key", folders[1], name);
		path = default_path;
		if (make_folders(group, &e) != 0)
			return ctl_fail("%s", e.text);
	}
	if (make_key(path, group, kid, &e) != 0)
		return ctl_fail("%s", e.text);
	print_result(ctl, path, kid);
	return CTL_OK;
}

const struct ctl_command ctl_keygen = {
    .words = "keygen",
    .usage = "NAME [--out FILE]",
    .summary = "make a payload key and print its id; a file that exists is never overwritten",
    .n_operands = 1,
    .run = run,
    .options = {{"out", true, false}},
};
