/* SPDX-License-Identifier: ISC */
/* The profiles are the only place where parameters are chosen, so that a credential that nobody
 * tuned is a sound one. The guess budget keeps the chance to guess a code within 30 days below
 * 2^-14. */
#include "otp/credential.h"

#include "base/secret.h"

#include <string.h>

enum { GUESS_ODDS = 16384, GUESSES_MIN = 5, GUESSES_MAX = 100 };

enum { PEOPLE, MACHINE_TOTP, MACHINE_HOTP };

static const struct otp_profile profiles[] = {
    [PEOPLE] = {"people", {OTP_TOTP, OTP_SHA1, 6, .step = 30, .back = 1, .fwd = 1}, 20},
    [MACHINE_TOTP] = {"machine-totp", {OTP_TOTP, OTP_SHA256, 8, .step = 10, .back = 3, .fwd = 1}, 32},
    [MACHINE_HOTP] = {"machine-hotp", {OTP_HOTP, OTP_SHA256, 8, .window = 10, .resync = 100}, 32},
};

const struct otp_profile *otp_profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	}
	return NULL;
}

void otp_params_windows(struct otp_params *p)
{
	const struct otp_params *model = p->kind == OTP_HOTP ? &profiles[MACHINE_HOTP].params
	                                 : p->step < 30      ? &profiles[MACHINE_TOTP].params
	                                                     : &profiles[PEOPLE].params;

	p->back = model->back;
	p->fwd = model->fwd;
	p->window = model->window;
	p->resync = model->resync;
}

unsigned otp_window_size(const struct otp_params *p)
{
	return p->kind == OTP_TOTP ? p->back + 1 + p->fwd : p->window;
}

unsigned otp_guess_budget(const struct otp_params *p)
{
	uint64_t codes = 1, window = otp_window_size(p);

	for (unsigned i = 0; i < p->digits && i < OTP_DIGITS_MAX; i++)
		codes *= 10;
	uint64_t guesses = codes / (GUESS_ODDS * (window == 0 ? 1 : window));
	if (guesses < GUESSES_MIN)
		return GUESSES_MIN;
	return guesses > GUESSES_MAX ? GUESSES_MAX : (unsigned)guesses;
}

void otp_credential_wipe(struct otp_credential *c)
{
	secret_wipe(c, sizeof *c);
}

size_t otp_login_pack(const struct otp_login *login, uint8_t out[OTP_LOGIN_MAX])
{
	size_t user = login->user.n, password = login->password.n;

	if (user == 0 || password == 0 || user > OTP_LOGIN_MAX - OTP_LOGIN_OVERHEAD ||
	    password > OTP_LOGIN_MAX - OTP_LOGIN_OVERHEAD - user)
		return 0;
	out[0] = (uint8_t)(user >> 8);
	out[1] = (uint8_t)user;
	memcpy(out + OTP_LOGIN_OVERHEAD, login->user.p, user);
	memcpy(out + OTP_LOGIN_OVERHEAD + user, login->password.p, password);
	return OTP_LOGIN_OVERHEAD + user + password;
}

bool otp_login_unpack(struct slice packed, struct otp_login *out)
{
	if (packed.n <= OTP_LOGIN_OVERHEAD)
		return false;
	size_t user = (size_t)packed.p[0] << 8 | packed.p[1];
	struct slice rest = slice_from(packed, OTP_LOGIN_OVERHEAD);
	if (user == 0 || user >= rest.n)
		return false;
	*out = (struct otp_login){slice_of(rest.p, user), slice_from(rest, user)};
	return true;
}
