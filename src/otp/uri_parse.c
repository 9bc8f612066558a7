/* SPDX-License-Identifier: ISC */
/* The reading half of uri.c. What comes in was made by other programs: names of parameters count in
 * any case, unknown ones are left alone, but a value that is there must be one that is known. */
#include "otp/uri.h"

#include "base/secret.h"
#include "base/text.h"
#include "otp/base32.h"

#include <strings.h>

enum { VALUE_MAX = OTP_LOGIN_MAX, PERIOD_MAX = 86400 };

static const char *const names[OTP_URI_PARAMETERS] = {
    [OTP_URI_SECRET] = "secret",
    [OTP_URI_ALGORITHM] = "algorithm",
    [OTP_URI_DIGITS] = "digits",
    [OTP_URI_PERIOD] = "period",
    [OTP_URI_COUNTER] = "counter",
    [OTP_URI_BROKER_USER] = "broker_user",
    [OTP_URI_BROKER_PASSWORD] = "broker_password",
    [OTP_URI_LOCKED] = "locked",
    [OTP_URI_STALE] = "stale",
    [OTP_URI_EXPIRES] = "expires",
    [OTP_URI_MARK] = "mark",
};

/* A piece of the URI, decoded, wiped when done. */
struct value {
	uint8_t text[VALUE_MAX];
	size_t n;
};

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes %XX back. -1: half of one, or too long. */
static int decode(struct slice s, uint8_t *out, size_t size, size_t *n)
{
	for (*n = 0; s.n != 0; s = slice_from(s, 1)) {
		uint8_t c = s.p[0];
		if (*n == size)
			return -1;
		if (c == '%') {
			if (s.n < 3 || hex_digit(s.p[1]) < 0 || hex_digit(s.p[2]) < 0)
				return -1;
			c = (uint8_t)(hex_digit(s.p[1]) << 4 | hex_digit(s.p[2]));
			s = slice_from(s, 2);
		}
		out[(*n)++] = c;
	}
	return 0;
}

static bool same_word(struct slice s, const char *word)
{
	return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

/* Splits off what is before the byte, which goes too; all of it where there is none. */
static struct slice take_until(struct slice *s, char end)
{
	const uint8_t *at = s->n == 0 ? NULL : memchr(s->p, end, s->n);
	struct slice taken = slice_of(s->p, at == NULL ? s->n : (size_t)(at - s->p));

	*s = slice_from(*s, taken.n + 1);
	return taken;
}

/* Behind the issuer, which ends with a colon, encoded or not, and blanks. What uri.c wrote has no
 * blank that is not the user's, so it is taken as it stands. */
static struct slice without_issuer(struct slice label)
{
	const struct slice own = slice_str("mqsecproxy:");
	const uint8_t *colon = label.n == 0 ? NULL : memchr(label.p, ':', label.n);
	size_t skip = 0;

	if (label.n > own.n && memcmp(label.p, own.p, own.n) == 0)
		return slice_from(label, own.n);
	if (colon != NULL) {
		skip = (size_t)(colon - label.p) + 1;
	} else {
		for (size_t i = 0; i + 3 <= label.n && skip == 0; i++) {
			if (same_word(slice_of(label.p + i, 3), "%3a"))
				skip = i + 3;
		}
	}
	label = slice_from(label, skip);
	while (label.n >= 3 && memcmp(label.p, "%20", 3) == 0)
		label = slice_from(label, 3);
	return label;
}

static int read_algorithm(struct slice s, enum otp_algorithm *out, struct err *e)
{
	static const char *const algorithms[] = {
	    [OTP_SHA1] = "SHA1", [OTP_SHA256] = "SHA256", [OTP_SHA512] = "SHA512"};

	for (enum otp_algorithm a = OTP_SHA1; a <= OTP_SHA512; a++) {
		if (same_word(s, algorithms[a])) {
			*out = a;
			return 0;
		}
	}
	return err_set(e, "algorithm is one of SHA1, SHA256 and SHA512");
}

static int read_number(const char *name, struct slice s, uint64_t min, uint64_t max, uint64_t *out,
                       struct err *e)
{
	struct err why = {""};

	return text_number(s, min, max, out, &why) == 0 ? 0 : err_set(e, "%s: %s", name, why.text);
}

static int take_standing(enum otp_uri_parameter which, struct slice s, struct otp_uri_standing *out,
                         struct err *e)
{
	bool flag = which == OTP_URI_LOCKED || which == OTP_URI_STALE;
	uint64_t n = 0;

	if (read_number(names[which], s, 0, flag ? 1 : INT64_MAX - 1, &n, e) != 0)
		return -1;
	if (which == OTP_URI_LOCKED)
		out->locked = n != 0;
	else if (which == OTP_URI_STALE)
		out->stale = n != 0;
	else if (which == OTP_URI_EXPIRES)
		out->expires = (int64_t)n;
	else
		out->mark = (int64_t)n;
	return 0;
}

int otp_uri_take(enum otp_uri_parameter which, struct slice s, struct otp_uri_content *out,
                 struct err *e)
{
	uint64_t n = 0;
	int got;

	switch (which) {
	case OTP_URI_SECRET:
		got = base32_decode(s, out->secret, sizeof out->secret);
		if (got < OTP_SECRET_MIN)
			return err_set(e, "secret is base32 of %d to %d bytes", OTP_SECRET_MIN,
			               OTP_SECRET_MAX);
		out->secret_len = (size_t)got;
		return 0;
	case OTP_URI_ALGORITHM:
		return read_algorithm(s, &out->params.algorithm, e);
	case OTP_URI_DIGITS:
		if (read_number(names[which], s, OTP_DIGITS_MIN, OTP_DIGITS_MAX, &n, e) != 0)
			return -1;
		out->params.digits = (unsigned)n;
		return 0;
	case OTP_URI_PERIOD:
		if (read_number(names[which], s, 1, PERIOD_MAX, &n, e) != 0)
			return -1;
		out->params.step = (unsigned)n;
		return 0;
	case OTP_URI_COUNTER:
		if (read_number(names[which], s, 0, INT64_MAX - 1, &n, e) != 0)
			return -1;
		out->counter = (int64_t)n;
		return 0;
	case OTP_URI_BROKER_USER:
		memcpy(out->broker_user, s.p, s.n);
		out->broker_user_len = s.n;
		return 0;
	case OTP_URI_BROKER_PASSWORD:
		memcpy(out->broker_password, s.p, s.n);
		out->broker_password_len = s.n;
		return 0;
	case OTP_URI_LOCKED:
	case OTP_URI_STALE:
	case OTP_URI_EXPIRES:
	case OTP_URI_MARK:
		return take_standing(which, s, &out->standing, e);
	case OTP_URI_PARAMETERS:
		break;
	}
	return 0;
}

/* given: which parameters there were. */
static int read_parameters(struct slice query, struct otp_uri_content *out,
                           bool given[OTP_URI_PARAMETERS], struct err *e)
{
	struct value value;
	int result = 0;

	while (query.n != 0 && result == 0) {
		struct slice text = take_until(&query, '&'), name = take_until(&text, '=');
		enum otp_uri_parameter which = OTP_URI_SECRET;
		while (which < OTP_URI_PARAMETERS && !same_word(name, names[which]))
			which++;
		if (which == OTP_URI_PARAMETERS)
			continue;
		if (given[which])
			result = err_set(e, "%s is given twice", names[which]);
		else if (decode(text, value.text, sizeof value.text, &value.n) != 0)
			result = err_set(e, "%s is not encoded as a URI has it", names[which]);
		else
			result = otp_uri_take(which, slice_of(value.text, value.n), out, e);
		given[which] = true;
	}
	secret_wipe(&value, sizeof value);
	return result;
}

static int parse(struct slice uri, struct otp_uri_content *out, struct err *e)
{
	static const char scheme[] = "otpauth://";
	const size_t n = sizeof scheme - 1;
	bool given[OTP_URI_PARAMETERS] = {false};

	if (uri.n < n || !same_word(slice_of(uri.p, n), scheme))
		return err_set(e, "an otpauth URI begins with otpauth://");
	uri = slice_from(uri, n);
	struct slice kind = take_until(&uri, '/'), label = take_until(&uri, '?');
	if (!same_word(kind, "totp") && !same_word(kind, "hotp"))
		return err_set(e, "the type of an otpauth URI is totp or hotp");
	out->params = (struct otp_params){.kind = same_word(kind, "hotp") ? OTP_HOTP : OTP_TOTP,
	                                  .algorithm = OTP_SHA1,
	                                  .digits = 6};
	out->params.step = out->params.kind == OTP_TOTP ? 30 : 0;
	if (decode(without_issuer(label), out->user, sizeof out->user, &out->user_len) != 0 ||
	    out->user_len == 0)
		return err_set(e, "the label holds no user name of 1 to %d bytes",
		               OTP_URI_USER_MAX);
	if (read_parameters(uri, out, given, e) != 0)
		return -1;
	if ((out->broker_user_len == 0) != (out->broker_password_len == 0))
		return err_set(e, "broker_user and broker_password go together");
	if (!given[OTP_URI_SECRET])
		return err_set(e, "there is no secret");
	if (out->params.kind == OTP_HOTP && !given[OTP_URI_COUNTER])
		return err_set(e, "a hotp URI has a counter");
	if (out->params.kind == OTP_HOTP)
		out->params.step = 0;
	otp_params_windows(&out->params);
	return 0;
}

int otp_uri_parse(struct slice uri, struct otp_uri_content *out, struct err *e)
{
	memset(out, 0, sizeof *out);
	if (parse(uri, out, e) == 0)
		return 0;
	secret_wipe(out, sizeof *out);
	return -1;
}
