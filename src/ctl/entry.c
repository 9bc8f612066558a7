/* SPDX-License-Identifier: ISC */
/* Lists of users: the users file of the OATH Toolkit, and CSV with a line of names. A field that
 * cannot be understood is an error, never a default: a wrong guess here would be a user who cannot
 * log in, or a code that comes twice. */
#include "ctl/entry.h"

#include "base/secret.h"
#include "base/text.h"

#include <strings.h>

enum { FIELD_MAX = OTP_LOGIN_MAX };

static bool same(struct slice s, const char *word)
{
	return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

static bool begins(struct slice s, const char *word)
{
	return s.n >= strlen(word) && same(slice_of(s.p, strlen(word)), word);
}

enum entry_format entry_format(struct slice line)
{
	if (begins(line, "otpauth://"))
		return ENTRY_OTPAUTH;
	return begins(line, "HOTP") ? ENTRY_OATH : ENTRY_CSV;
}

static int take_name(struct slice s, struct otp_uri_content *out, struct err *e)
{
	if (s.n == 0 || s.n > sizeof out->user)
		return err_set(e, "a user name has 1 to %zu bytes", sizeof out->user);
	memcpy(out->user, s.p, s.n);
	out->user_len = s.n;
	return 0;
}

static int take_hex(struct slice s, struct otp_uri_content *out, struct err *e)
{
	size_t n = s.n / 2;

	if (s.n % 2 != 0 || n < OTP_SECRET_MIN || n > sizeof out->secret ||
	    text_unhex(s, out->secret, n, NULL) != 0)
		return err_set(e, "the secret is %d to %d bytes in hexadecimal", OTP_SECRET_MIN,
		               OTP_SECRET_MAX);
	out->secret_len = n;
	return 0;
}

/* ---- the users file of the OATH Toolkit ---- */

static struct slice next_word(struct slice *line)
{
	size_t n = 0;

	while (line->n != 0 && (line->p[0] == ' ' || line->p[0] == '\t'))
		*line = slice_from(*line, 1);
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	struct slice word = slice_of(line->p, n);
	*line = slice_from(*line, n);
	return word;
}

static struct slice take_until(struct slice *s, char end)
{
	const uint8_t *at = s->n == 0 ? NULL : memchr(s->p, end, s->n);
	struct slice taken = slice_of(s->p, at == NULL ? s->n : (size_t)(at - s->p));

	*s = slice_from(*s, taken.n + 1);
	return taken;
}

/* HOTP, HOTP/E, HOTP/T30, each with /6, /7 or /8 or without. */
static int oath_type(struct slice type, struct otp_uri_content *out, struct err *e)
{
	struct otp_params *p = &out->params;
	struct slice first = take_until(&type, '/'), moving = take_until(&type, '/');

	*p = (struct otp_params){.kind = OTP_HOTP, .algorithm = OTP_SHA1, .digits = 6};
	if (!same(first, "HOTP"))
		return err_set(e, "the type of a line is HOTP, HOTP/E/6, HOTP/T30/6 and the like");
	if (moving.n != 0 && (moving.p[0] == 'T' || moving.p[0] == 't')) {
		p->kind = OTP_TOTP;
		if (otp_uri_take(OTP_URI_PERIOD, slice_from(moving, 1), out, e) != 0)
			return -1;
	} else if (moving.n != 0 && !same(moving, "E")) {
		return err_set(e, "the type of a line is HOTP, HOTP/E/6, HOTP/T30/6 and the like");
	}
	if (type.n != 0 && otp_uri_take(OTP_URI_DIGITS, type, out, e) != 0)
		return -1;
	otp_params_windows(p);
	return 0;
}

/* The moving factor that is written behind a code is that code's own, so the next one is due. */
int entry_oath(struct slice line, struct otp_uri_content *out, bool *used, struct err *e)
{
	struct slice type = next_word(&line), name = next_word(&line), pin = next_word(&line),
	             secret = next_word(&line), factor = next_word(&line), last = next_word(&line);

	memset(out, 0, sizeof *out);
	*used = false;
	if (oath_type(type, out, e) != 0 || take_name(name, out, e) != 0)
		return -1;
	if (!same(pin, "-") && !same(pin, "+"))
		return err_set(e, "there is a PIN, which belongs to the broker's password here: "
		                  "put - in its place");
	if (take_hex(secret, out, e) != 0)
		return -1;
	if (factor.n != 0 && otp_uri_take(OTP_URI_COUNTER, factor, out, e) != 0)
		return -1;
	if (out->params.kind == OTP_TOTP) {
		*used = last.n != 0;
		out->counter = 0;
	} else if (last.n != 0 && ++out->counter == INT64_MAX) {
		return err_set(e, "the counter is used up");
	}
	return 0;
}

/* ---- CSV ---- */

static const char *const column_names[ENTRY_COLUMNS] = {[ENTRY_NAME] = "name",
                                                        [ENTRY_SECRET] = "secret",
                                                        [ENTRY_SECRET_HEX] = "secret_hex",
                                                        [ENTRY_PROFILE] = "profile",
                                                        [ENTRY_TYPE] = "type",
                                                        [ENTRY_ALGORITHM] = "algorithm",
                                                        [ENTRY_DIGITS] = "digits",
                                                        [ENTRY_PERIOD] = "period",
                                                        [ENTRY_COUNTER] = "counter",
                                                        [ENTRY_BROKER_USER] = "broker_user",
                                                        [ENTRY_BROKER_PASSWORD] =
                                                            "broker_password"};

/* The next field, unquoted into text of FIELD_MAX bytes [RFC 4180]; a record is one line. more: a
 * field follows. -1: too long, or quotes that do not close. */
static int csv_field(struct slice *line, uint8_t *text, size_t *n, bool *more)
{
	bool quoted = line->n != 0 && line->p[0] == '"';

	*n = 0;
	if (quoted)
		*line = slice_from(*line, 1);
	for (;; *line = slice_from(*line, 1)) {
		bool quote = line->n != 0 && line->p[0] == '"';
		if (quoted && quote && (line->n < 2 || line->p[1] != '"')) {
			quoted = false;
			*line = slice_from(*line, 1);
			break;
		}
		if (line->n == 0 || (!quoted && line->p[0] == ','))
			break;
		if (quote)
			*line = slice_from(*line, 1);
		if (*n == FIELD_MAX || line->n == 0)
			return -1;
		text[(*n)++] = line->p[0];
	}
	*more = line->n != 0;
	if (quoted || (*more && line->p[0] != ','))
		return -1;
	*line = slice_from(*line, 1);
	return 0;
}

static bool has_column(const struct entry_columns *c, enum entry_column which)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->column[i] == which)
			return true;
	}
	return false;
}

static int add_column(struct entry_columns *out, struct slice name, struct err *e)
{
	char quote[120];
	enum entry_column which = ENTRY_NAME;

	while (which < ENTRY_COLUMNS && !same(name, column_names[which]))
		which++;
	if (which == ENTRY_COLUMNS)
		return err_set(
		    e,
		    "the first line of a CSV file names the columns: name, secret or secret_hex, "
		    "profile, type, algorithm, digits, period, counter, broker_user, "
		    "broker_password; \"%s\" is none of them",
		    text_escape(name, quote, sizeof quote));
	if (has_column(out, which))
		return err_set(e, "the column %s is there twice", column_names[which]);
	out->column[out->n++] = which;
	return 0;
}

int entry_csv_head(struct slice line, struct entry_columns *out, struct err *e)
{
	uint8_t text[FIELD_MAX];
	bool more = true;
	size_t n;

	*out = (struct entry_columns){.n = 0};
	while (more) {
		if (csv_field(&line, text, &n, &more) != 0)
			return err_set(e, "a field is too long, or its quotes do not close");
		if (add_column(out, slice_of(text, n), e) != 0)
			return -1;
	}
	if (!has_column(out, ENTRY_NAME) ||
	    has_column(out, ENTRY_SECRET) == has_column(out, ENTRY_SECRET_HEX))
		return err_set(e,
		               "a CSV file needs the column name, and one of secret (base32) and "
		               "secret_hex");
	return 0;
}

static int take_type(struct slice s, struct otp_params *p, struct err *e)
{
	if (!same(s, "totp") && !same(s, "hotp"))
		return err_set(e, "type is totp or hotp");
	p->kind = same(s, "hotp") ? OTP_HOTP : OTP_TOTP;
	return 0;
}

static int take_profile(struct slice s, struct otp_params *p, struct err *e)
{
	char name[32] = "";

	if (s.n < sizeof name)
		memcpy(name, s.p, s.n);
	const struct otp_profile *profile = otp_profile_find(name);
	if (profile == NULL)
		return err_set(e, "profile is one of people, machine-totp and machine-hotp");
	*p = profile->params;
	return 0;
}

static int take_field(enum entry_column which, struct slice s, struct otp_uri_content *out,
                      struct err *e)
{
	static const enum otp_uri_parameter parameters[ENTRY_COLUMNS] = {
	    [ENTRY_SECRET] = OTP_URI_SECRET,
	    [ENTRY_ALGORITHM] = OTP_URI_ALGORITHM,
	    [ENTRY_DIGITS] = OTP_URI_DIGITS,
	    [ENTRY_PERIOD] = OTP_URI_PERIOD,
	    [ENTRY_COUNTER] = OTP_URI_COUNTER,
	    [ENTRY_BROKER_USER] = OTP_URI_BROKER_USER,
	    [ENTRY_BROKER_PASSWORD] = OTP_URI_BROKER_PASSWORD};

	switch (which) {
	case ENTRY_NAME:
		return take_name(s, out, e);
	case ENTRY_SECRET_HEX:
		return take_hex(s, out, e);
	case ENTRY_TYPE:
		return take_type(s, &out->params, e);
	case ENTRY_PROFILE: /* taken first */
		return 0;
	default:
		return otp_uri_take(parameters[which], s, out, e);
	}
}

struct csv_row {
	uint8_t text[ENTRY_COLUMNS][FIELD_MAX];
	struct slice field[ENTRY_COLUMNS]; /* by column; empty where it is not given */
};

static int csv_split(struct slice line, const struct entry_columns *columns, struct csv_row *row,
                     struct err *e)
{
	bool more = true;

	for (size_t i = 0; i < columns->n; i++) {
		enum entry_column which = columns->column[i];
		size_t n = 0;
		if (!more)
			return err_set(e, "there are fewer fields than columns");
		if (csv_field(&line, row->text[which], &n, &more) != 0)
			return err_set(e, "a field is too long, or its quotes do not close");
		row->field[which] = slice_of(row->text[which], n);
	}
	return more ? err_set(e, "there are more fields than columns") : 0;
}

/* The profile first: the other columns change what it says. */
static int csv_read(const struct csv_row *row, struct otp_uri_content *out, struct err *e)
{
	struct slice profile = row->field[ENTRY_PROFILE];
	struct otp_params *p = &out->params;

	if (take_profile(profile.n == 0 ? slice_str("people") : profile, p, e) != 0)
		return -1;
	for (enum entry_column c = ENTRY_NAME; c < ENTRY_COLUMNS; c++) {
		bool needed = c == ENTRY_NAME;
		if ((row->field[c].n != 0 || needed) && take_field(c, row->field[c], out, e) != 0)
			return -1;
	}
	if ((out->broker_user_len == 0) != (out->broker_password_len == 0))
		return err_set(e, "broker_user and broker_password go together");
	if (out->secret_len == 0)
		return err_set(e, "there is no secret");
	if (p->kind == OTP_TOTP && row->field[ENTRY_COUNTER].n != 0)
		return err_set(e, "a counter goes with type hotp");
	if (p->kind == OTP_HOTP && row->field[ENTRY_PERIOD].n != 0)
		return err_set(e, "a period goes with type totp");
	if (p->kind == OTP_HOTP)
		p->step = 0;
	else if (p->step == 0)
		p->step = otp_profile_find("people")->params.step;
	otp_params_windows(p);
	return 0;
}

int entry_csv(struct slice line, const struct entry_columns *columns, struct otp_uri_content *out,
              struct err *e)
{
	struct csv_row row = {.field = {{0}}};

	memset(out, 0, sizeof *out);
	int result = csv_split(line, columns, &row, e);
	if (result == 0)
		result = csv_read(&row, out, e);
	secret_wipe(&row, sizeof row);
	return result;
}
