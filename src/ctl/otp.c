/* SPDX-License-Identifier: ISC */
/* otp code: what a device that holds the secret would send. */
#include "ctl/ctl.h"

#include "base/secret.h"
#include "base/text.h"
#include "otp/hotp.h"

#include <stdio.h>

enum { SECRET_SIZE_MAX = 1024, DEFAULT_DIGITS = 6, DEFAULT_PERIOD = 30 };

struct request {
	enum otp_algorithm algorithm;
	unsigned digits;
	uint64_t counter;
};

static int read_algorithm(const char *name, enum otp_algorithm *out, struct err *e)
{
	static const struct {
		const char *name;
		enum otp_algorithm algorithm;
	} algorithms[] = {{"sha1", OTP_SHA1}, {"sha256", OTP_SHA256}, {"sha512", OTP_SHA512}};

	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		if (name == NULL || strcmp(name, algorithms[i].name) == 0) {
			*out = algorithms[i].algorithm;
			return 0;
		}
	}
	return err_set(e, "--algorithm is one of sha1, sha256 and sha512");
}

/* The number behind an option, which keeps its value where it is not given. */
static int read_number(const struct ctl_args *args, const char *name, uint64_t min, uint64_t max,
                       uint64_t *out, struct err *e)
{
	struct err why;
	const char *text = ctl_arg(args, name);

	if (text == NULL || text_number(slice_str(text), min, max, out, &why) == 0)
		return 0;
	return err_set(e, "--%s: %s", name, why.text);
}

static int read_request(const struct ctl_args *args, struct request *r, struct err *e)
{
	uint64_t digits = DEFAULT_DIGITS, period = DEFAULT_PERIOD, at = 0;
	bool timed = ctl_arg(args, "at") != NULL;

	if (timed == (ctl_arg(args, "counter") != NULL))
		return err_set(e, "one of --counter and --at is needed");
	if (!timed && ctl_arg(args, "period") != NULL)
		return err_set(e, "--period goes with --at");
	if (read_algorithm(ctl_arg(args, "algorithm"), &r->algorithm, e) != 0 ||
	    read_number(args, "digits", OTP_DIGITS_MIN, OTP_DIGITS_MAX, &digits, e) != 0 ||
	    read_number(args, "counter", 0, UINT64_MAX, &r->counter, e) != 0 ||
	    read_number(args, "at", 0, INT64_MAX, &at, e) != 0 ||
	    read_number(args, "period", 1, UINT32_MAX, &period, e) != 0)
		return -1;
	r->digits = (unsigned)digits;
	if (timed)
		r->counter = (uint64_t)totp_step((int64_t)at, (unsigned)period);
	return 0;
}

static int print_code(const struct ctl *ctl, const struct request *r, struct slice secret)
{
	char text[OTP_DIGITS_MAX + 1], line[40];
	uint32_t code;
	struct err e = {""};
	struct hotp *hotp = hotp_new(&e);

	if (hotp == NULL)
		return ctl_fail("%s", e.text);
	int result = hotp_code(hotp, r->algorithm, secret, r->counter, r->digits, &code);
	hotp_forget(hotp);
	hotp_free(hotp);
	if (result != 0)
		return ctl_fail("HMAC does not work here");
	hotp_text(code, r->digits, text);
	(void)snprintf(line, sizeof line, ctl->json ? "{\"code\": \"%s\"}\n" : "%s\n", text);
	result = ctl_write(slice_str(line));
	secret_wipe(&code, sizeof code);
	secret_wipe(text, sizeof text);
	secret_wipe(line, sizeof line);
	return result;
}

static int run(const struct ctl *ctl, const struct ctl_args *args)
{
	const char *path = ctl_arg(args, "secret-file");
	bool hex = ctl_arg(args, "hex") != NULL;
	struct request request = {0};
	struct err e = {""};

	if (path == NULL)
		return ctl_usage(ctl, "--secret-file is missing");
	if (hex && ctl_arg(args, "base32") != NULL)
		return ctl_usage(ctl, "--hex and --base32 exclude each other");
	if (read_request(args, &request, &e) != 0)
		return ctl_usage(ctl, "%s", e.text);
	uint8_t *secret = secret_alloc(SECRET_SIZE_MAX);
	if (secret == NULL)
		return ctl_fail("no locked memory for the secret");
	int n = ctl_read_secret(path, hex, secret, SECRET_SIZE_MAX, &e);
	int result =
	    n < 0 ? ctl_fail("%s", e.text) : print_code(ctl, &request, slice_of(secret, (size_t)n));
	secret_free(secret);
	return result;
}

const struct ctl_command ctl_otp_code = {
    .words = "otp code",
    .usage = "--secret-file FILE [--hex|--base32] [--digits 6-8] [--algorithm sha1|sha256|sha512]\n"
             "           (--counter NUMBER | --at UNIXTIME [--period SECONDS])",
    .summary = "print a one-time password",
    .run = run,
    .options = {{"secret-file", true, false},
                {"hex", false, false},
                {"base32", false, false},
                {"digits", true, false},
                {"algorithm", true, false},
                {"counter", true, false},
                {"at", true, false},
                {"period", true, false}},
};
