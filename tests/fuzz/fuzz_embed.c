/* SPDX-License-Identifier: ISC */
/* Splitting a password: against a plain definition, and nothing of it may be lost or double. The
 * same bytes are read as base32 too: what decodes is what encoding gives back. Input: layout,
 * digits, then the password. */
#include "otp/base32.h"
#include "otp/embed.h"
#include "tests/fuzz/fuzz.h"

static bool is_code(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return true;
}

/* What is to come out, written down in another way. */
static bool expected(struct slice password, enum otp_layout layout, unsigned digits,
                     struct slice *fixed, struct slice *code)
{
	if (digits == 0 || password.n < digits || (layout == OTP_OTP_ONLY && password.n != digits))
		return false;
	if (layout == OTP_PASSWORD_THEN_OTP) {
		*fixed = slice_of(password.p, password.n - digits);
		*code = slice_of(password.p + password.n - digits, digits);
	} else {
		*code = slice_of(password.p, digits);
		*fixed = slice_of(password.p + digits, password.n - digits);
	}
	return is_code(*code);
}

static void check_split(struct slice password, enum otp_layout layout, unsigned digits)
{
	struct slice fixed = {0}, code = {0}, want_fixed = {0}, want_code = {0};
	bool good = otp_split(password, layout, digits, &fixed, &code);

	FUZZ_CHECK(good == expected(password, layout, digits, &want_fixed, &want_code));
	if (!good) {
		FUZZ_CHECK(fixed.p == NULL && code.p == NULL);
		return;
	}
	FUZZ_CHECK(slice_eq(fixed, want_fixed) && slice_eq(code, want_code));
	FUZZ_CHECK(code.p == want_code.p && code.n + fixed.n == password.n);
}

static void check_base32(struct slice text)
{
	size_t size = text.n * 5 / 8 + 1;
	uint8_t *out = malloc(size), *again = malloc(size);
	char *encoded = malloc(base32_size(size));

	FUZZ_CHECK(out != NULL && again != NULL && encoded != NULL);
	int n = base32_decode(text, out, size);
	if (n >= 0) {
		FUZZ_CHECK((size_t)n <= size);
		base32_encode(out, (size_t)n, encoded);
		FUZZ_CHECK(strlen(encoded) + 1 == base32_size((size_t)n));
		FUZZ_CHECK(base32_decode(slice_str(encoded), again, (size_t)n) == n);
		FUZZ_CHECK(memcmp(out, again, (size_t)n) == 0);
		FUZZ_CHECK(n == 0 || base32_decode(text, again, (size_t)n - 1) == -1);
	}
	free(out);
	free(again);
	free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct slice rest = slice_of(data + 2, size - 2);

	check_split(rest, (enum otp_layout)(data[0] % 3), data[1] % 12);
	check_base32(rest);
	return 0;
}
