/* SPDX-License-Identifier: ISC */
#include "acl/cidr.h"
#include "tests/support/guard.h"
#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <stdio.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

struct parse_row {
	const char *word;
	int bits; /* -1: refused */
	const char *base;
	const char *error; /* what the reason must contain */
};

static const struct parse_row parses[] = {
    {"10.0.0.0/8", 104, "::ffff:10.0.0.0", NULL},
    {"192.0.2.1", 128, "::ffff:192.0.2.1", NULL},
    {"192.0.2.1/32", 128, "::ffff:192.0.2.1", NULL},
    {"0.0.0.0/0", 96, "::ffff:0.0.0.0", NULL},
    {"0.0.0.0/1", 97, "::ffff:0.0.0.0", NULL},
    {"128.0.0.0/1", 97, "::ffff:128.0.0.0", NULL},
    {"::/0", 0, "::", NULL},
    {"::", 128, "::", NULL},
    {"2001:db8::/32", 32, "2001:db8::", NULL},
    {"2001:DB8::1", 128, "2001:db8::1", NULL},
    {"::ffff:10.0.0.0/104", 104, "::ffff:10.0.0.0", NULL},
    {"::ffff:0:0/96", 96, "::ffff:0.0.0.0", NULL},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 128, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     NULL},
    {"10.0.0.1/8", -1, NULL, "did you mean 10.0.0.0/8?"},
    {"10.255.0.0/15", -1, NULL, "did you mean 10.254.0.0/15?"},
    {"1.0.0.0/0", -1, NULL, "did you mean 0.0.0.0/0?"},
    {"2001:db8::1/127", -1, NULL, "did you mean 2001:db8::/127?"},
    {"::1/0", -1, NULL, "did you mean ::/0?"},
    {"10.0.0.0/33", -1, NULL, "from 0 to 32"},
    {"::/129", -1, NULL, "from 0 to 128"},
    {"10.0.0.0/", -1, NULL, "from 0 to 32"},
    {"10.0.0.0/+8", -1, NULL, "from 0 to 32"},
    {"10.0.0.0/8/8", -1, NULL, "from 0 to 32"},
    {"10.0.0.0/ 8", -1, NULL, "from 0 to 32"},
    {"10.0.0.0/255.0.0.0", -1, NULL, "from 0 to 32"},
    {"", -1, NULL, "is not an address"},
    {"/8", -1, NULL, "is not an address"},
    {"10.0.0", -1, NULL, "is not an address"},
    {"10.0.0.256", -1, NULL, "is not an address"},
    {"10.0.0.1.", -1, NULL, "is not an address"},
    {" 10.0.0.1", -1, NULL, "is not an address"},
    {"localhost", -1, NULL, "is not an address"},
    {"fe80::1%eth0", -1, NULL, "is not an address"},
    {"[::1]", -1, NULL, "is not an address"},
    {"2001:db8:::1", -1, NULL, "is not an address"},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", -1, NULL, "is not an address"},
    {"\x1b[2J", -1, NULL, "\\x1b[2J"},
};

START_TEST(parse)
{
	const struct parse_row *row = &parses[_i];
	struct slice word = guard_copy(slice_str(row->word));
	struct acl_cidr c = {.bits = 77};
	struct acl_address base;
	struct err e = {""};

	ck_assert_int_eq(acl_cidr_parse(word, &c, &e), row->bits < 0 ? -1 : 0);
	guard_free(word);
	if (row->bits < 0) {
		ck_assert_msg(strstr(e.text, row->error) != NULL, "%s: %s", row->word, e.text);
		ck_assert_uint_eq(c.bits, 77);
		return;
	}
	ck_assert_int_eq(inet_pton(AF_INET6, row->base, base.b), 1);
	expect_bytes(slice_of(c.base.b, 16), slice_of(base.b, 16), row->word);
	ck_assert_int_eq(c.bits, row->bits);
}
END_TEST

START_TEST(nul_is_no_end)
{
	struct acl_cidr c;
	struct err e;

	ck_assert_int_eq(acl_cidr_parse(slice_of("10.0.0.1\0", 9), &c, &e), -1);
	ck_assert_int_eq(acl_cidr_parse(slice_of("10.0.0.0/8\0", 11), &c, &e), -1);
	ck_assert_int_eq(acl_cidr_parse(slice_of(NULL, 0), &c, &e), -1);
}
END_TEST

struct match_row {
	const char *network, *address;
	bool match;
};

static const struct match_row matches[] = {
    {"0.0.0.0/0", "::ffff:1.2.3.4", true},
    {"0.0.0.0/0", "::ffff:255.255.255.255", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"0.0.0.0/0", "::1", false},
    {"::/0", "::ffff:1.2.3.4", true},
    {"::/0", "2001:db8::1", true},
    {"10.0.0.0/8", "::ffff:10.255.0.1", true},
    {"10.0.0.0/8", "::ffff:11.0.0.0", false},
    {"10.0.0.0/8", "a00::", false},
    {"::ffff:10.0.0.0/104", "::ffff:10.1.1.1", true},
    {"192.0.2.1", "::ffff:192.0.2.1", true},
    {"192.0.2.1", "::ffff:192.0.2.0", false},
    {"192.0.2.0/31", "::ffff:192.0.2.1", true},
    {"192.0.2.0/31", "::ffff:192.0.2.2", false},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
};

START_TEST(match)
{
	const struct match_row *row = &matches[_i];
	struct acl_cidr c;
	struct acl_address a;

	ck_assert_int_eq(acl_cidr_parse(slice_str(row->network), &c, NULL), 0);
	ck_assert_int_eq(inet_pton(AF_INET6, row->address, a.b), 1);
	ck_assert_int_eq(acl_cidr_match(&c, &a), row->match);
}
END_TEST

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static unsigned bit(const uint8_t *p, unsigned i)
{
	return p[i / 8] >> (7 - i % 8) & 1u;
}

static bool oracle(const struct acl_address *network, unsigned bits, const struct acl_address *a)
{
	for (unsigned i = 0; i < bits; i++) {
		if (bit(network->b, i) != bit(a->b, i))
			return false;
	}
	return true;
}

/* A network, as words are written, and an address that differs from it in one bit, or everywhere.
 */
static void random_pair(char *word, size_t size, struct acl_address *network, unsigned *bits,
                        struct acl_address *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = next_random() % 2 == 0;
	unsigned width = v4 ? 32 : 128, length = (unsigned)(next_random() % (width + 1));
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < 16; i++) {
		network->b[i] = (uint8_t)next_random();
		a->b[i] = (uint8_t)next_random();
	}
	if (v4)
		memcpy(network->b, mapped, sizeof mapped);
	*bits = length + 128 - width;
	for (unsigned i = *bits; i < 128; i++)
		network->b[i / 8] = (uint8_t)(network->b[i / 8] & ~(0x80u >> i % 8));
	if (next_random() % 4 != 0) {
		unsigned flip = (unsigned)(next_random() % 129);
		for (unsigned i = 0; i < *bits; i++) {
			unsigned mask = 0x80u >> i % 8;
			a->b[i / 8] = (uint8_t)((a->b[i / 8] & ~mask) | (network->b[i / 8] & mask));
		}
		if (flip < 128)
			a->b[flip / 8] = (uint8_t)(a->b[flip / 8] ^ 0x80u >> flip % 8);
	}
	const void *from = v4 ? network->b + 12 : network->b;
	ck_assert_ptr_nonnull(inet_ntop(v4 ? AF_INET : AF_INET6, from, text, sizeof text));
	(void)snprintf(word, size, "%s/%u", text, length);
}

START_TEST(agrees_with_bits)
{
	size_t hits = 0;

	for (int i = 0; i < 1000000; i++) {
		char word[64];
		struct acl_address network, a;
		struct acl_cidr c;
		unsigned bits;
		struct err e;
		random_pair(word, sizeof word, &network, &bits, &a);
		if (acl_cidr_parse(slice_str(word), &c, &e) != 0)
			ck_abort_msg("%s: %s", word, e.text);
		bool want = oracle(&network, bits, &a);
		if (c.bits != bits || memcmp(c.base.b, network.b, 16) != 0 ||
		    acl_cidr_match(&c, &a) != want)
			ck_abort_msg("%s: bits %u want %u, match should be %d", word, c.bits, bits,
			             want);
		hits += want;
	}
	/* Neither answer may be rare, or the comparison shows little. */
	ck_assert_uint_gt(hits, 200000);
	ck_assert_uint_lt(hits, 800000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cidr");
	TCase *t = tcase_create("cidr");

	tcase_add_loop_test(t, parse, 0, ROWS(parses));
	tcase_add_test(t, nul_is_no_end);
	tcase_add_loop_test(t, match, 0, ROWS(matches));
	tcase_add_test(t, agrees_with_bits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
