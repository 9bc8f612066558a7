/* SPDX-License-Identifier: ISC */
/* The form that authenticators agree on ("Key URI Format"). Defaults are left out: some of them
 * take no other values, and say nothing when they ignore one. */
#include "otp/uri.h"

#include "base/secret.h"
#include "otp/base32.h"

#include <inttypes.h>
#include <stdio.h>

static int add(struct buf *out, const char *text)
{
	return buf_append(out, slice_str(text));
}

/* RFC 3986: what is not unreserved becomes %XX. */
static int add_encoded(struct buf *out, struct slice s)
{
	static const char unreserved[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	char piece[4];
	int result = 0;

	for (size_t i = 0; i < s.n && result == 0; i++) {
		bool plain = s.p[i] != 0 && strchr(unreserved, s.p[i]) != NULL;
		(void)snprintf(piece, sizeof piece, plain ? "%c" : "%%%02X", s.p[i]);
		result = add(out, piece);
	}
	return result;
}

static int add_parameters(struct buf *out, const struct otp_params *p, int64_t counter)
{
	static const char *const algorithms[] = {
	    [OTP_SHA1] = "SHA1", [OTP_SHA256] = "SHA256", [OTP_SHA512] = "SHA512"};
	char text[128];
	int n = 0;

	text[0] = '\0';
	if (p->algorithm != OTP_SHA1)
		n += snprintf(text, sizeof text, "&algorithm=%s", algorithms[p->algorithm]);
	if (p->digits != 6)
		n += snprintf(text + n, sizeof text - (size_t)n, "&digits=%u", p->digits);
	if (p->kind == OTP_HOTP)
		(void)snprintf(text + n, sizeof text - (size_t)n, "&counter=%" PRId64, counter);
	else if (p->step != 30)
		(void)snprintf(text + n, sizeof text - (size_t)n, "&period=%u", p->step);
	return add(out, text);
}

int otp_uri(struct slice user, const struct otp_params *params, int64_t counter,
            struct slice secret, struct buf *out)
{
	char base32[2 * OTP_SECRET_MAX];
	int result = -1;

	if (secret.n > OTP_SECRET_MAX)
		return -1;
	base32_encode(secret.p, secret.n, base32);
	if (add(out, params->kind == OTP_HOTP ? "otpauth://hotp/mqsecproxy:"
	                                      : "otpauth://totp/mqsecproxy:") == 0 &&
	    add_encoded(out, user) == 0 && add(out, "?secret=") == 0 && add(out, base32) == 0 &&
	    add(out, "&issuer=mqsecproxy") == 0)
		result = add_parameters(out, params, counter);
	secret_wipe(base32, sizeof base32);
	return result;
}

int otp_uri_login(const struct otp_login *login, struct buf *out)
{
	if (add(out, "&broker_user=") != 0 || add_encoded(out, login->user) != 0 ||
	    add(out, "&broker_password=") != 0)
		return -1;
	return add_encoded(out, login->password);
}

int otp_uri_stand(const struct otp_uri_standing *standing, struct buf *out)
{
	char text[128];
	int n = 0;

	if (standing->locked)
		n += snprintf(text, sizeof text, "&locked=1");
	if (standing->stale)
		n += snprintf(text + n, sizeof text - (size_t)n, "&stale=1");
	if (standing->expires != 0)
		n += snprintf(text + n, sizeof text - (size_t)n, "&expires=%" PRId64,
		              standing->expires);
	if (standing->mark > 0)
		n += snprintf(text + n, sizeof text - (size_t)n, "&mark=%" PRId64, standing->mark);
	return buf_append(out, slice_of(text, (size_t)n));
}
