/* SPDX-License-Identifier: ISC */
/* The login that the broker is shown in place of the user's own, for user add and user edit. The
 * password is read as whoever runs the tool, from a file, a pipe or the terminal, is kept in locked
 * memory, and leaves it sealed only. */
#include "ctl/state.h"

#include "base/secret.h"

int ctl_login_pack(struct slice user, struct slice password, struct ctl_login *out)
{
	if (!ctl_name_ok(user))
		return ctl_fail("a user name for the broker has 1 to %d bytes of printable UTF-8",
		                STORE_USER_MAX);
	out->packed = secret_alloc(OTP_LOGIN_MAX);
	if (out->packed == NULL)
		return ctl_fail("no locked memory for a password");
	out->n = otp_login_pack(&(struct otp_login){user, password}, out->packed);
	if (out->n != 0)
		return CTL_OK;
	ctl_login_free(out);
	return ctl_fail(password.n == 0 ? "the password for the broker is empty"
	                                : "the login for the broker is longer than %d bytes",
	                OTP_LOGIN_MAX - OTP_LOGIN_OVERHEAD);
}

int ctl_login_read(const struct ctl *ctl, const struct ctl_args *args, const char *name,
                   struct ctl_login *out)
{
	const char *user = ctl_arg(args, "broker-user"),
	           *path = ctl_arg(args, "broker-password-file");
	struct buf memory = {.cap = OTP_LOGIN_MAX + 2};
	struct slice password;

	*out = (struct ctl_login){0};
	if (path == NULL && user != NULL)
		return ctl_usage(ctl, "--broker-user goes with --broker-password-file");
	if (path == NULL)
		return CTL_OK;
	int result = ctl_read_password(path, &memory, &password);
	if (result == CTL_OK)
		result = ctl_login_pack(slice_str(user == NULL ? name : user), password, out);
	buf_free(&memory);
	return result;
}

void ctl_login_free(struct ctl_login *login)
{
	secret_free(login->packed);
	*login = (struct ctl_login){0};
}

int ctl_login_seal(const uint8_t *key, struct slice name, const struct ctl_login *login,
                   uint8_t blob[STORE_LOGIN_MAX], struct slice *sealed)
{
	*sealed = slice_of(blob, login->n == 0 ? 0 : login->n + ATREST_OVERHEAD);
	return login->n == 0
	           ? 0
	           : atrest_seal(key, name, "login", slice_of(login->packed, login->n), blob);
}

int ctl_login_open(const uint8_t *key, const struct store_user *user, struct ctl_login *out)
{
	*out = (struct ctl_login){0};
	if (user->login.n == 0)
		return 0;
	if (user->login.n <= ATREST_OVERHEAD || user->login.n > STORE_LOGIN_MAX)
		return -1;
	out->packed = secret_alloc(OTP_LOGIN_MAX);
	if (out->packed == NULL ||
	    atrest_open(key, user->name, "login", user->login, out->packed) != 0) {
		ctl_login_free(out);
		return -1;
	}
	out->n = user->login.n - ATREST_OVERHEAD;
	return 0;
}

static int store(const struct ctl *ctl, const char *name, const struct ctl_login *login)
{
	struct store_edit edit = {.kind = STORE_LOGIN};
	uint8_t blob[STORE_LOGIN_MAX];
	struct ctl_state state;
	int result = ctl_state_open(ctl, login->n == 0 ? CTL_KEY_NONE : CTL_KEY_THERE, &state);

	if (result != CTL_OK)
		return result;
	if (ctl_login_seal(state.key, slice_str(name), login, blob, &edit.login) != 0)
		result = ctl_fail("the login for the broker cannot be sealed");
	else
		result = ctl_state_edit(&state, slice_str(name), &edit);
	ctl_state_close(&state);
	return result == CTL_OK ? ctl_done(ctl, "changed") : result;
}

static int edit(const struct ctl *ctl, const struct ctl_args *args)
{
	bool none = ctl_arg(args, "no-broker-login") != NULL,
	     given = ctl_arg(args, "broker-password-file") != NULL;
	struct ctl_login login;

	if (none == given)
		return ctl_usage(ctl,
		                 "one of --broker-password-file and --no-broker-login is needed");
	int result = ctl_login_read(ctl, args, args->operands[0], &login);
	if (result == CTL_OK)
		result = store(ctl, args->operands[0], &login);
	ctl_login_free(&login);
	return result;
}

const struct ctl_command ctl_user_edit = {
    .words = "user edit",
    .usage = "NAME --broker-password-file FILE|- [--broker-user NAME] | --no-broker-login",
    .summary = "set the login that the broker gets in place of the user's (forward stored)",
    .n_operands = 1,
    .run = edit,
    .options = {{"broker-password-file", true, false},
                {"broker-user", true, false},
                {"no-broker-login", false, false}},
};
