/* SPDX-License-Identifier: ISC */
/* user add. The secret is read or made first, as whoever runs the tool; then the user is stored,
 * and only then is anything shown, once. */
#include "ctl/state.h"

#include "base/secret.h"
#include "otp/base32.h"
#include "otp/uri.h"
#include "sys/clock.h"

#include <unistd.h>

enum { SHOWN_MAX = 16384 };

struct newcomer {
	const char *name;
	const struct otp_profile *profile;
	uint8_t *secret; /* OTP_SECRET_MAX bytes of locked memory */
	size_t secret_len;
	bool made, uri, qr;
	struct ctl_login login;
};

static int read_newcomer(const struct ctl *ctl, const struct ctl_args *args, struct newcomer *new)
{
	const char *profile = ctl_arg(args, "profile"), *path = ctl_arg(args, "secret-file");
	bool hex = ctl_arg(args, "hex") != NULL, base32 = ctl_arg(args, "base32") != NULL;
	struct err e = {""};

	new->name = args->operands[0];
	new->profile = otp_profile_find(profile == NULL ? "people" : profile);
	if (!ctl_name_ok(slice_str(new->name)))
		return ctl_usage(ctl, "a user name has 1 to %d bytes of printable UTF-8",
		                 STORE_USER_MAX);
	if (new->profile == NULL)
		return ctl_usage(ctl, "--profile is one of people, machine-totp and machine-hotp");
	if ((hex && base32) || (path == NULL && (hex || base32)))
		return ctl_usage(ctl, "one of --hex and --base32 goes with --secret-file");
	new->made = path == NULL;
	int result = ctl_login_read(ctl, args, new->name, &new->login);
	if (result != CTL_OK)
		return result;
	new->uri = ctl_arg(args, "uri") != NULL;
	new->qr = ctl_arg(args, "qr") != NULL;
	if (new->qr && ctl->json)
		return ctl_usage(ctl, "--qr is for people: --json goes with --uri");
	if (new->qr && !ctl_qr_built())
		return ctl_fail(
		    "this mqsecproxyctl was built without QR codes: use --uri, or build "
		    "it again with libqrencode-dev installed");
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
static int store_user(const struct ctl_state *state, const struct newcomer *new)
{
	const struct otp_params *params = &new->profile->params;
	uint8_t blob[STORE_BLOB_MAX], login[STORE_LOGIN_MAX];
	struct err e = {""};
	struct store_user user = {
	    .name = slice_str(new->name),
	    .params = *params,
	    .state = {.mark = params->kind == OTP_HOTP ? 0 : -1, .pending = -1},
	    .created = clock_now().real_us / 1000000,
	};

	if (ctl_seal_user(state->key, &user, slice_of(new->secret, new->secret_len), blob) != 0 ||
	    ctl_login_seal(state->key, user.name, &new->login, login, &user.login) != 0)
		return ctl_fail("the secret cannot be sealed");
	if (state->db->ops->user_add(state->db, &user, &e) != 0)
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
	if ((new->uri || new->qr) &&
	    otp_uri(slice_str(new->name), &new->profile->params, 0, secret, &uri) != 0)
		result = ctl_fail("out of memory");
	if (result == CTL_OK && new->uri)
		append_shown(ctl, &out, "uri", buf_view(&uri));
	if (result == CTL_OK && new->qr)
		result = ctl_qr(buf_view(&uri), isatty(STDOUT_FILENO) == 1, &out);
	if (ctl->json)
		(void)buf_append(&out, slice_str("}\n"));
	if (result == CTL_OK && out.len != 0)
		result = ctl_write(buf_view(&out));
	buf_free(&uri);
	buf_free(&out);
	return result;
}

/* A secret that could not be shown is lost, and its user with it. */
static int store_and_print(const struct ctl *ctl, const struct ctl_state *state,
                           const struct newcomer *new)
{
	int result = store_user(state, new);

	if (result != CTL_OK)
		return result;
	result = print_added(ctl, new);
	if (result != CTL_OK && new->made)
		(void)state->db->ops->user_remove(state->db, slice_str(new->name), NULL);
	return result;
}

static int add(const struct ctl *ctl, const struct ctl_args *args)
{
	struct newcomer new = {.secret = secret_alloc(OTP_SECRET_MAX)};
	struct ctl_state state;

	if (new.secret == NULL)
		return ctl_fail("no locked memory for a secret");
	int result = read_newcomer(ctl, args, &new);
	if (result == CTL_OK)
		result = ctl_state_open(ctl, CTL_KEY_MADE, &state);
	if (result == CTL_OK) {
		result = store_and_print(ctl, &state, &new);
		ctl_state_close(&state);
	}
	ctl_login_free(&new.login);
	secret_free(new.secret);
	return result;
}

const struct ctl_command ctl_user_add = {
    .words = "user add",
    .usage = "NAME [--profile people|machine-totp|machine-hotp] [--secret-file FILE "
             "[--hex|--base32]] [--uri] [--qr] [--broker-password-file FILE|- [--broker-user "
             "NAME]]",
    .summary = "let a user in; without a file a secret is made and printed once",
    .n_operands = 1,
    .run = add,
    .options = {{"profile", true, false},
                {"secret-file", true, false},
                {"hex", false, false},
                {"base32", false, false},
                {"uri", false, false},
                {"qr", false, false},
                {"broker-password-file", true, false},
                {"broker-user", true, false}},
};
