/* SPDX-License-Identifier: ISC */
/* The place of the code is known from its length alone; the static part may hold anything, digits
 * too. */
#include "otp/embed.h"

static bool all_digits(struct slice s)
{
	bool good = true;

	for (size_t i = 0; i < s.n; i++)
		good &= s.p[i] >= '0' && s.p[i] <= '9';
	return good;
}

bool otp_split(struct slice password, enum otp_layout layout, unsigned digits, struct slice *fixed,
               struct slice *code)
{
	if (digits == 0 || digits > password.n)
		return false;
	size_t rest = password.n - digits;
	if (layout == OTP_OTP_ONLY && rest != 0)
		return false;
	size_t code_at = layout == OTP_PASSWORD_THEN_OTP ? rest : 0;
	struct slice found = slice_of(password.p + code_at, digits);
	if (!all_digits(found))
		return false;
	*code = found;
	*fixed = slice_of(password.p + (code_at == 0 ? digits : 0), rest);
	return true;
}

void otp_join(struct slice fixed, enum otp_layout layout, struct slice code, struct slice part[2])
{
	bool code_first = layout != OTP_PASSWORD_THEN_OTP;

	part[0] = code_first ? code : fixed;
	part[1] = code_first ? fixed : code;
	if (layout == OTP_OTP_ONLY)
		part[1] = slice_of(NULL, 0);
}
