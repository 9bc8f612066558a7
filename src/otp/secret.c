/* SPDX-License-Identifier: ISC */
/* A client chooses its user name, and with it the file that is read: so a name is one plain part of
 * a path or it is refused. */
#include "otp/secret.h"

#include "base/secret.h"
#include "otp/base32.h"

struct slice otp_secret_text(struct slice file)
{
	const struct slice label = slice_str("secret ");
	struct slice text = slice_trim(file);

	/* The letters of the word are base32 too: left there they would make another secret. */
	if (text.n > label.n && memcmp(text.p, label.p, label.n) == 0)
		text = slice_from(text, label.n);
	return text;
}

int otp_secret_parse(struct slice text, uint8_t out[OTP_SECRET_MAX], struct err *e)
{
	int n = base32_decode(otp_secret_text(text), out, OTP_SECRET_MAX);

	if (n >= OTP_SECRET_MIN)
		return n;
	secret_wipe(out, OTP_SECRET_MAX);
	if (n < 0)
		return err_set(e, "this is not a secret of %d to %d bytes in base32",
		               OTP_SECRET_MIN, OTP_SECRET_MAX);
	return err_set(e, "a secret has at least %d bytes, this one %d", OTP_SECRET_MIN, n);
}

bool otp_secret_per_user(const char *path)
{
	return strstr(path, "%u") != NULL;
}

static bool is_one_part(struct slice user)
{
	bool dots = slice_eq(user, slice_str("."));

	for (size_t i = 0; i < user.n; i++) {
		if (user.p[i] == '/' || user.p[i] == '\0')
			return false;
		dots = dots || (i > 0 && user.p[i] == '.' && user.p[i - 1] == '.');
	}
	return user.n != 0 && !dots;
}

int otp_secret_path(const char *path, struct slice user, char *out, size_t size, struct err *e)
{
	size_t n = 0;

	if (!is_one_part(user))
		return err_set(e, "the user name cannot be part of a file name");
	for (const char *p = path; *p != '\0'; p++) {
		bool name = p[0] == '%' && p[1] == 'u';
		struct slice add = name ? user : slice_of((const uint8_t *)p, 1);
		if (n == size || add.n > size - n - 1)
			return err_set(e, "the user name makes the file name too long");
		memcpy(out + n, add.p, add.n);
		n += add.n;
		p += name ? 1 : 0;
	}
	if (n == size)
		return err_set(e, "the file name is too long");
	out[n] = '\0';
	if (out[0] == '@' && path[0] != '@')
		return err_set(e, "the user name cannot be part of a file name");
	return 0;
}
