/* SPDX-License-Identifier: ISC */
/* user …: who may log in with a one-time password. Works on the state itself, whether the daemon
 * runs or not. What only root can read is read first; then the tool becomes the owner of the
 * state's folder, so that it leaves no file behind that the service could not write. */
#include "ctl/ctl.h"

#include "base/secret.h"
#include "base/text.h"
#include "otp/base32.h"
#include "otp/uri.h"
#include "seal/atrest.h"
#include "store/backend.h"
#include "sys/clock.h"
#include "sys/privs.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAME_TEXT = 4 * STORE_USER_MAX + 8, LINE_SIZE = 2 * NAME_TEXT, SHOWN_MAX = 4096 };

/* Becomes who may write the state. 0 or -1. */
static int become_owner(const struct conf *conf, struct err *e)
{
	char copy[PATH_MAX];
	int n = snprintf(copy, sizeof copy, "%s", conf->state_path);

	if (n < 0 || (size_t)n >= sizeof copy)
		return err_set(e, "the path of the state is too long");
	return privs_become_owner(dirname(copy), e);
}

/* The database of this configuration, or NULL with the exit status. */
static struct store_backend *open_state(const struct conf *conf, int *status)
{
	struct err e = {""};
	struct store_backend *state = NULL;

	*status = CTL_FAILED;
	if (strcmp(conf->state_type, "sqlite") != 0) {
		(void)ctl_fail("the state of type %s is inside the daemon and has no users here",
		               conf->state_type);
		return NULL;
	}
	if (become_owner(conf, &e) == 0)
		state = store_sqlite_open(conf->state_path, &e);
	if (state == NULL)
		(void)ctl_fail("%s", e.text);
	return state;
}

/* A name that no terminal or log can show is refused when it is made: nobody could type it to
 * remove it. */
static bool name_ok(const char *name)
{
	char text[NAME_TEXT];
	size_t n = strlen(name);

	if (n == 0 || n > STORE_USER_MAX)
		return false;
	return strstr(text_escape(slice_of(name, n), text, sizeof text), "\\x") == NULL;
}

struct newcomer {
	const char *name;
	const struct otp_profile *profile;
	uint8_t *secret; /* OTP_SECRET_MAX bytes of locked memory */
	size_t secret_len;
	bool made, uri;
};

static int read_newcomer(const struct ctl *ctl, const struct ctl_args *args, struct newcomer *new)
{
	const char *profile = ctl_arg(args, "profile"), *path = ctl_arg(args, "secret-file");
	bool hex = ctl_arg(args, "hex") != NULL, base32 = ctl_arg(args, "base32") != NULL;
	struct err e = {""};

	new->name = args->operands[0];
	new->profile = otp_profile_find(profile == NULL ? "people" : profile);
	if (!name_ok(new->name))
		return ctl_usage(ctl, "a user name has 1 to %d bytes of printable UTF-8",
		                 STORE_USER_MAX);
	if (new->profile == NULL)
		return ctl_usage(ctl, "--profile is one of people, machine-totp and machine-hotp");
	if ((hex && base32) || (path == NULL && (hex || base32)))
		return ctl_usage(ctl, "one of --hex and --base32 goes with --secret-file");
	new->made = path == NULL;
	new->uri = ctl_arg(args, "uri") != NULL;
	if (new->made) {
		new->secret_len = new->profile->secret_len;
		secret_random(new->secret, new->secret_len);
		return CTL_OK;
	}
	int n = ctl_read_secret(path, hex, new->secret, OTP_SECRET_MAX, &e);
	if (n < 0)
		return ctl_fail("%s", e.text);
	if (n < OTP_SECRET_MIN)
		return ctl_fail("%s: a secret has at least %d bytes, this one %d", path,
		                OTP_SECRET_MIN, n);
	new->secret_len = (size_t)n;
	return CTL_OK;
}

/* A new TOTP user has no mark yet, a new HOTP user begins with counter 0. */
static int store_user(const struct conf *conf, struct store_backend *state,
                      const struct newcomer *new, uint8_t *key)
{
	const struct otp_params *params = &new->profile->params;
	uint8_t blob[STORE_BLOB_MAX];
	struct err e = {""};
	struct store_user user = {
	    .name = slice_str(new->name),
	    .params = *params,
	    .state = {.mark = params->kind == OTP_HOTP ? 0 : -1, .pending = -1},
	    .budget = otp_guess_budget(params),
	    .blob = slice_of(blob, new->secret_len + ATREST_OVERHEAD),
	    .created = clock_now().real_us / 1000000,
	};

	if (store_key_load(conf->state_key_file, key, &e) != 0)
		return ctl_fail("%s", e.text);
	if (atrest_seal(key, user.name, "secret", slice_of(new->secret, new->secret_len), blob) !=
	    0)
		return ctl_fail("the secret could not be sealed");
	if (state->ops->user_add(state, &user, &e) != 0)
		return ctl_fail("%s", e.text);
	return CTL_OK;
}

/* Appends a line, or a member of the JSON object, to what is printed. */
static void append_shown(const struct ctl *ctl, struct buf *out, const char *name,
                         struct slice value)
{
	(void)buf_append(out, slice_str(ctl->json ? ", \"" : ""));
	(void)buf_append(out, slice_str(name));
	(void)buf_append(out, slice_str(ctl->json ? "\": \"" : " "));
	(void)buf_append(out, value);
	(void)buf_append(out, slice_str(ctl->json ? "\"" : "\n"));
}

/* The secret, where one was made, and, where it was asked for, the URI: once, from memory that is
 * wiped. */
static int print_added(const struct ctl *ctl, const struct newcomer *new)
{
	struct buf out = {.cap = SHOWN_MAX}, uri = {.cap = SHOWN_MAX};
	struct slice secret = slice_of(new->secret, new->secret_len);
	char text[OTP_SECRET_MAX * 2];
	int result = CTL_OK;

	if (ctl->json)
		(void)buf_append(&out, slice_str("{\"added\": true"));
	if (new->made) {
		base32_encode(new->secret, new->secret_len, text);
		append_shown(ctl, &out, "secret", slice_str(text));
		secret_wipe(text, sizeof text);
	}
	if (new->uri && otp_uri(slice_str(new->name), &new->profile->params, 0, secret, &uri) != 0)
		result = ctl_fail("out of memory");
	else if (new->uri)
		append_shown(ctl, &out, "uri", buf_view(&uri));
	if (ctl->json)
		(void)buf_append(&out, slice_str("}\n"));
	if (result == CTL_OK && out.len != 0)
		result = ctl_write(buf_view(&out));
	buf_free(&uri);
	buf_free(&out);
	return result;
}

/* A secret that could not be shown is lost, and its user with it. */
static int store_and_print(const struct ctl *ctl, const struct conf *conf,
                           struct store_backend *state, const struct newcomer *new, uint8_t *key)
{
	int result = store_user(conf, state, new, key);

	if (result != CTL_OK)
		return result;
	result = print_added(ctl, new);
	if (result != CTL_OK && new->made)
		(void)state->ops->user_remove(state, slice_str(new->name), NULL);
	return result;
}

static int add_to_state(const struct ctl *ctl, const struct newcomer *new)
{
	int result;
	struct conf *conf = ctl_load(ctl, NULL);

	if (conf == NULL)
		return CTL_BAD_CONFIGURATION;
	struct store_backend *state = open_state(conf, &result);
	uint8_t *key = state == NULL ? NULL : secret_alloc(ATREST_KEY_SIZE);
	if (state != NULL && key == NULL)
		result = ctl_fail("no locked memory for the state's key");
	else if (state != NULL)
		result = store_and_print(ctl, conf, state, new, key);
	secret_free(key);
	if (state != NULL)
		state->ops->close(state);
	conf_free(conf);
	return result;
}

static int add(const struct ctl *ctl, const struct ctl_args *args)
{
	struct newcomer new = {.secret = secret_alloc(OTP_SECRET_MAX)};

	if (new.secret == NULL)
		return ctl_fail("no locked memory for a secret");
	int result = read_newcomer(ctl, args, &new);
	if (result == CTL_OK)
		result = add_to_state(ctl, &new);
	secret_free(new.secret);
	return result;
}

struct listing {
	bool json;
	size_t n;
};

static const char *algorithm_name(enum otp_algorithm algorithm)
{
	return algorithm == OTP_SHA1 ? "sha1" : algorithm == OTP_SHA256 ? "sha256" : "sha512";
}

static void date_text(int64_t seconds, char *out, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, size, "-");
}

static void list_text(const struct store_user *u, const char *date)
{
	const struct otp_params *p = &u->params;
	char name[NAME_TEXT];

	(void)printf("%s\t%s\t%s\t%u digits\t", text_escape(u->name, name, sizeof name),
	             p->kind == OTP_TOTP ? "totp" : "hotp", algorithm_name(p->algorithm),
	             p->digits);
	if (p->kind == OTP_TOTP)
		(void)printf("step %u s, back %u, forward %u", p->step, p->back, p->fwd);
	else
		(void)printf("window %u, resync %u", p->window, p->resync);
	(void)printf("\tsince %s\n", date);
}

static void list_json(const struct store_user *u, const char *date)
{
	const struct otp_params *p = &u->params;

	(void)fputs("{\"name\": ", stdout);
	ctl_json_string(u->name);
	(void)printf(", \"kind\": \"%s\", \"algorithm\": \"%s\", \"digits\": %u",
	             p->kind == OTP_TOTP ? "totp" : "hotp", algorithm_name(p->algorithm),
	             p->digits);
	if (p->kind == OTP_TOTP)
		(void)printf(", \"step\": %u, \"back\": %u, \"forward\": %u", p->step, p->back,
		             p->fwd);
	else
		(void)printf(", \"window\": %u, \"resync\": %u", p->window, p->resync);
	(void)printf(", \"created\": \"%s\"}", date);
}

static int list_one(void *ctx, const struct store_user *u)
{
	struct listing *listing = ctx;
	char date[32];

	date_text(u->created, date, sizeof date);
	if (listing->json) {
		(void)fputs(listing->n == 0 ? "[" : ",\n ", stdout);
		list_json(u, date);
	} else {
		list_text(u, date);
	}
	listing->n++;
	return 0;
}

static int list(const struct ctl *ctl, const struct ctl_args *args)
{
	struct listing listing = {.json = ctl->json};
	struct err e = {""};
	int result;
	struct conf *conf = ctl_load(ctl, NULL);

	(void)args;
	if (conf == NULL)
		return CTL_BAD_CONFIGURATION;
	struct store_backend *state = open_state(conf, &result);
	if (state != NULL) {
		result = CTL_OK;
		if (state->ops->user_each(state, list_one, &listing, &e) != 0)
			result = ctl_fail("%s", e.text);
		else if (ctl->json)
			(void)puts(listing.n == 0 ? "[]" : "]");
		state->ops->close(state);
	}
	conf_free(conf);
	return result;
}

static int delete_from_state(const struct ctl *ctl, struct store_backend *state, const char *name)
{
	char quote[NAME_TEXT];
	struct err e = {""};
	int result = state->ops->user_remove(state, slice_str(name), &e);

	if (result < 0)
		return ctl_fail("%s", e.text);
	if (result > 0)
		return ctl_fail("there is no user \"%s\"",
		                text_escape(slice_str(name), quote, sizeof quote));
	if (ctl->json)
		(void)puts("{\"deleted\": true}");
	return CTL_OK;
}

static int delete (const struct ctl *ctl, const struct ctl_args *args)
{
	int result;
	struct conf *conf = ctl_load(ctl, NULL);

	if (conf == NULL)
		return CTL_BAD_CONFIGURATION;
	struct store_backend *state = open_state(conf, &result);
	if (state != NULL) {
		result = delete_from_state(ctl, state, args->operands[0]);
		state->ops->close(state);
	}
	conf_free(conf);
	return result;
}

const struct ctl_command ctl_user_add = {
    .words = "user add",
    .usage = "NAME [--profile people|machine-totp|machine-hotp] [--secret-file FILE "
             "[--hex|--base32]] [--uri]",
    .summary = "let a user in; without a file a secret is made and printed once",
    .n_operands = 1,
    .run = add,
    .options = {{"profile", true, false},
                {"secret-file", true, false},
                {"hex", false, false},
                {"base32", false, false},
                {"uri", false, false}},
};

const struct ctl_command ctl_user_list = {
    .words = "user list",
    .usage = "",
    .summary = "all users and the parameters of their codes",
    .run = list,
};

const struct ctl_command ctl_user_delete = {
    .words = "user delete",
    .usage = "NAME",
    .summary = "remove a user and the secret",
    .n_operands = 1,
    .run = delete,
};
