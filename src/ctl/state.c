/* SPDX-License-Identifier: ISC */
#include "ctl/state.h"

#include "base/secret.h"
#include "base/text.h"
#include "sys/privs.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Becomes who may write the state. 0 or -1. */
static int become_owner(const struct conf *conf, struct err *e)
{
	char copy[PATH_MAX];
	int n = snprintf(copy, sizeof copy, "%s", conf->state_path);

	if (n < 0 || (size_t)n >= sizeof copy)
		return err_set(e, "the path of the state is too long");
	return privs_become_owner(dirname(copy), e);
}

void ctl_become_reader(const struct ctl *ctl)
{
	struct conf_report report = {0};
	struct conf *conf = ctl_load(ctl, false, &report);

	if (conf != NULL && strcmp(conf->state_type, "sqlite") == 0)
		(void)become_owner(conf, NULL);
	conf_free(conf);
	conf_report_fini(&report);
}

int ctl_state_prepare(const struct ctl *ctl, struct ctl_state *s)
{
	struct err e = {""};
	int result = CTL_OK;

	*s = (struct ctl_state){.conf = ctl_load(ctl, false, NULL)};
	if (s->conf == NULL)
		return CTL_BAD_CONFIGURATION;
	if (strcmp(s->conf->state_type, "sqlite") != 0)
		result = ctl_fail("the state of type %s is inside the daemon and has no users here",
		                  s->conf->state_type);
	else if (become_owner(s->conf, &e) != 0)
		result = ctl_fail("%s", e.text);
	if (result != CTL_OK)
		ctl_state_close(s);
	return result;
}

static bool opens(const uint8_t key[ATREST_KEY_SIZE], const struct store_user *user)
{
	struct otp_credential cred;
	bool good = ctl_open_user(key, user, &cred) == 0;

	otp_credential_wipe(&cred);
	return good;
}

static int load_key(struct ctl_state *s, enum ctl_key key, struct err *e)
{
	if (key == CTL_KEY_NONE)
		return 0;
	s->key = secret_alloc(ATREST_KEY_SIZE);
	if (s->key == NULL)
		return err_set(e, "no locked memory for the state's key");
	if (key == CTL_KEY_MADE)
		return store_key_of(s->db, s->conf->state_key_file, opens, s->key, e);
	if (access(s->conf->state_key_file, F_OK) != 0)
		return err_errno(e, "state key: %s", s->conf->state_key_file);
	return store_key_load(s->conf->state_key_file, s->key, e);
}

int ctl_state_begin(struct ctl_state *s, enum ctl_key key)
{
	struct err e = {""};

	s->db = store_sqlite_open(s->conf->state_path, &e);
	if (s->db != NULL && load_key(s, key, &e) == 0)
		return CTL_OK;
	ctl_state_close(s);
	return ctl_fail("%s", e.text);
}

int ctl_state_open(const struct ctl *ctl, enum ctl_key key, struct ctl_state *s)
{
	int result = ctl_state_prepare(ctl, s);

	return result == CTL_OK ? ctl_state_begin(s, key) : result;
}

void ctl_state_close(struct ctl_state *s)
{
	secret_free(s->key);
	if (s->db != NULL)
		s->db->ops->close(s->db);
	conf_free(s->conf);
	*s = (struct ctl_state){0};
}

int ctl_seal_user(const uint8_t *key, struct store_user *user, struct slice secret,
                  uint8_t blob[STORE_BLOB_MAX])
{
	user->budget = otp_guess_budget(&user->params);
	user->blob = slice_of(blob, secret.n + ATREST_OVERHEAD);
	if (user->blob.n > STORE_BLOB_MAX)
		return -1;
	return atrest_seal(key, user->name, "secret", secret, blob);
}

int ctl_open_user(const uint8_t *key, const struct store_user *user, struct otp_credential *out)
{
	*out = (struct otp_credential){.params = user->params, .state = user->state};
	if (user->blob.n <= ATREST_OVERHEAD || user->blob.n - ATREST_OVERHEAD > sizeof out->secret)
		return -1;
	out->secret_len = user->blob.n - ATREST_OVERHEAD;
	return atrest_open(key, user->name, "secret", user->blob, out->secret);
}

bool ctl_name_ok(struct slice name)
{
	char text[CTL_NAME_TEXT];

	if (name.n == 0 || name.n > STORE_USER_MAX || memchr(name.p, 0, name.n) != NULL)
		return false;
	return strstr(text_escape(name, text, sizeof text), "\\x") == NULL;
}

int ctl_no_user(struct slice name)
{
	char quote[CTL_NAME_TEXT];

	return ctl_fail("there is no user \"%s\"", text_escape(name, quote, sizeof quote));
}

const char *ctl_date(int64_t seconds, char out[CTL_DATE_TEXT])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, CTL_DATE_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, CTL_DATE_TEXT, "-");
	return out;
}

const char *ctl_algorithm(enum otp_algorithm a)
{
	return a == OTP_SHA1 ? "sha1" : a == OTP_SHA256 ? "sha256" : "sha512";
}

static bool blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One word. false: there is none, or too long, or not of digits. */
static bool read_code(char code[OTP_DIGITS_MAX + 1])
{
	size_t n = 0;
	int c = getchar();

	while (blank(c))
		c = getchar();
	for (; c >= '0' && c <= '9' && n < OTP_DIGITS_MAX; c = getchar())
		code[n++] = (char)c;
	code[n] = '\0';
	return n != 0 && (c == EOF || blank(c));
}

int ctl_read_codes(size_t n, char codes[][OTP_DIGITS_MAX + 1])
{
	(void)setvbuf(stdin, NULL, _IONBF, 0); /* no copy stays */
	for (size_t i = 0; i < n; i++) {
		if (isatty(STDIN_FILENO) == 1)
			(void)fprintf(stderr, n == 1 ? "code: " : "code %zu: ", i + 1);
		if (!read_code(codes[i]))
			return ctl_fail(n == 1 ? "a code is expected on standard input"
			                       : "%zu codes are expected on standard input",
			                n);
	}
	return CTL_OK;
}

static void pair_name(struct ctl_pairs *p, const char *name)
{
	if (p->json)
		(void)printf("%s\"%s\": ", p->any ? ",\n " : "{", name);
	else
		(void)printf("%s ", name);
	p->any = true;
}

void ctl_pair(struct ctl_pairs *p, const char *name, struct slice value)
{
	char text[CTL_NAME_TEXT];

	pair_name(p, name);
	if (p->json)
		ctl_json_string(value);
	else
		(void)printf("%s\n", text_escape(value, text, sizeof text));
}

void ctl_pair_text(struct ctl_pairs *p, const char *name, const char *value)
{
	ctl_pair(p, name, slice_str(value));
}

void ctl_pair_number(struct ctl_pairs *p, const char *name, int64_t value)
{
	pair_name(p, name);
	(void)printf("%" PRId64 "%s", value, p->json ? "" : "\n");
}

void ctl_pair_date(struct ctl_pairs *p, const char *name, int64_t seconds, const char *zero)
{
	char date[CTL_DATE_TEXT];

	ctl_pair_text(p, name, seconds == 0 ? zero : ctl_date(seconds, date));
}

void ctl_pairs_end(struct ctl_pairs *p)
{
	if (p->json)
		(void)puts(p->any ? "}" : "{}");
}
