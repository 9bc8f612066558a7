/* SPDX-License-Identifier: ISC */
/* What very many networks hold is what they hold one by one; what a set has is what was put in. */
#include "acl/networks.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state = 0x6a09e667f3bcc909;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static struct acl_cidr network_of(const char *word)
{
	struct acl_cidr c;
	struct err e;

	if (acl_cidr_parse(slice_str(word), &c, &e) != 0)
		ck_abort_msg("%s", e.text);
	return c;
}

struct row {
	const char *networks, *in, *out; /* words */
};

static const struct row rows[] = {
    {"", "", "0.0.0.0 255.255.255.255 :: 1.2.3.4"},
    {"0.0.0.0/0", "0.0.0.0 255.255.255.255 1.2.3.4", ":: ::1 ::1.2.3.4 ::fffe:1.2.3.4"},
    {"::/0", ":: ::1 1.2.3.4 0.0.0.0 255.255.255.255 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
    {"::/1", "1.2.3.4 ::1 7fff::", "8000::"},
    {"8000::/1", "8000:: ffff::", "1.2.3.4 ::1"},
    {"::fffe:0:0/95", "1.2.3.4 ::fffe:0:0", "::fffd:0:0"},
    {"::ffff:0.0.0.0/96", "1.2.3.4", "::1"},
    {"::ffff:0.0.0.0/97", "127.2.3.4", "128.0.0.0"},
    {"::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0 a00::"},
    {"255.255.255.255", "255.255.255.255", "255.255.255.254 0.0.0.0"},
    {"255.255.255.254/31", "255.255.255.255 255.255.255.254", "255.255.255.253"},
    {"0.0.0.0", "0.0.0.0", "0.0.0.1 255.255.255.255 ::"},
    {"10.0.0.0/8 10.0.0.1 10.255.0.0/16 11.0.0.0/8", "10.0.0.1 10.0.0.2 10.255.255.255 11.9.9.9",
     "9.255.255.255 12.0.0.0"},
    {"2001:db8::/32 2001:db8::1 2001:db8:1::/48", "2001:db8:: 2001:db8::1 2001:db8:1::9",
     "2001:db7:ffff:ffff:: 2001:db9::"},
    {"2001:db8::1 2001:db8::3", "2001:db8::1 2001:db8::3", "2001:db8::2 2001:db8:: 32.1.13.184"},
    {"ffff:ffff:ffff:ffff::/64",
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff::", "ffff:ffff:ffff:fffe:: ::"},
    {"::/65", "::1 ::7fff:ffff:ffff:ffff", "::8000:0:0:0 1::"},
    {"ffff:ffff:ffff:ffff:8000::/65", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     "ffff:ffff:ffff:ffff:7fff:: ::"},
    {"2001:db8::1:0/112 2001:db8::3:0/112 2001:db8::5:0/112 2001:db8:0:1::/64",
     "2001:db8::1:ffff 2001:db8::3:0 2001:db8::5:1 2001:db8:0:1:8000::",
     "2001:db8::2:0 2001:db8::4:0 2001:db8::6:0 2001:db8:: 2001:db8:0:2::"},
    {"2001:db8::1 2001:db8::/127 2001:db8::4/127", "2001:db8::1 2001:db8:: 2001:db8::5",
     "2001:db8::2 2001:db8::3"},
};

static void expect_all(const struct acl_networks *n, const char *words, bool want)
{
	char text[200], *end;

	(void)snprintf(text, sizeof text, "%s", words);
	for (char *w = strtok_r(text, " ", &end); w != NULL; w = strtok_r(NULL, " ", &end)) {
		struct acl_cidr c = network_of(w);
		ck_assert_msg(acl_networks_has(n, &c.base) == want, "%s", w);
	}
}

START_TEST(by_hand)
{
	struct acl_networks n = {0};
	char text[200], *end;

	(void)snprintf(text, sizeof text, "%s", rows[_i].networks);
	ck_assert(acl_networks_empty(&n));
	for (char *w = strtok_r(text, " ", &end); w != NULL; w = strtok_r(NULL, " ", &end)) {
		struct acl_cidr c = network_of(w);
		ck_assert_int_eq(acl_networks_add(&n, &c), 0);
	}
	ck_assert_int_eq(acl_networks_finish(&n), 0);
	ck_assert_int_eq(acl_networks_empty(&n), rows[_i].networks[0] == '\0');
	expect_all(&n, rows[_i].in, true);
	expect_all(&n, rows[_i].out, false);
	acl_networks_fini(&n);
}
END_TEST

/* Networks of a small part of the space, so that many overlap, and addresses near them; IPv4 where
 * bit 0 of the shape is not set. Shape 2 are single addresses, shape 3 of IPv6. Shapes 4 and 5 are
 * of IPv6 too, networks and addresses that differ on both sides of their middle. */
static struct acl_cidr random_network(unsigned shape)
{
	struct acl_cidr c = {.bits = 128};
	uint32_t a = next_random() & 0xfffff;

	if (shape % 2 == 0 && shape < 4)
		c.base.b[10] = c.base.b[11] = 0xff;
	else
		c.base.b[0] = 0x20;
	if (shape >= 4 && next_random() % 4 == 0)
		memset(c.base.b, 0xff, 5);
	/* The highest addresses of all are of IPv4 too. */
	if (shape % 2 == 0 && next_random() % 2 == 0)
		a |= 0xfff00000;
	for (unsigned i = 0; i < 4; i++)
		c.base.b[(shape < 4 ? 12 : 5) + i] = (uint8_t)(a >> (24 - 8 * i));
	if (shape < 2)
		c.bits = (uint8_t)(128 - next_random() % 14);
	if (shape == 4)
		c.bits = (uint8_t)(72 - next_random() % 20);
	for (unsigned i = c.bits; i < 128; i++)
		c.base.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return c;
}

/* Every number of networks about the width of a step, and its powers. */
static const size_t sizes[] = {1,   2,   15,  16,  17,  31,  32,   33,   255,
                               256, 257, 271, 272, 273, 300, 4095, 4096, 4097};

enum { SIZES = sizeof sizes / sizeof sizes[0], MOST = 4097, SHAPES = 6 };

START_TEST(one_by_one)
{
	size_t count = sizes[_i / SHAPES];
	unsigned shape = (unsigned)_i % SHAPES;
	struct acl_networks n = {0};
	struct acl_cidr *all = calloc(count, sizeof *all);

	ck_assert_ptr_nonnull(all);
	for (size_t i = 0; i < count; i++) {
		all[i] = random_network(shape);
		ck_assert_int_eq(acl_networks_add(&n, &all[i]), 0);
	}
	ck_assert_int_eq(acl_networks_finish(&n), 0);
	for (int i = 0; i < 4000; i++) {
		struct acl_address a = random_network(shape < 4 ? 2 + shape % 2 : 5).base;
		if (i % 2 == 0) {
			a = all[next_random() % count].base;
			unsigned at = shape < 4 ? 15 : 7 + next_random() % 2;
			a.b[at] = (uint8_t)(a.b[at] + next_random() % 3 - 1);
		}
		bool want = false;
		for (size_t k = 0; k < count && !want; k++)
			want = acl_cidr_match(&all[k], &a);
		ck_assert_int_eq(acl_networks_has(&n, &a), want);
	}
	for (size_t i = 0; i < count; i++)
		ck_assert(acl_networks_has(&n, &all[i].base));
	acl_networks_fini(&n);
	free(all);
}
END_TEST

START_TEST(set_of_names)
{
	enum { N = 30000 };
	struct acl_set s = {0};
	char name[16];

	ck_assert(!acl_set_has(&s, slice_str("a")));
	ck_assert_int_eq(acl_set_init(&s, N), 0);
	ck_assert(!acl_set_has(&s, slice_str("")));
	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(name, sizeof name, "%u", 2 * i / 3 * 3);
		acl_set_add(&s, slice_str(name));
	}
	ck_assert_uint_eq(s.n, 2 * N / 3);
	for (unsigned i = 0; i < 2 * N; i++) {
		(void)snprintf(name, sizeof name, "%u", i);
		ck_assert_int_eq(acl_set_has(&s, slice_str(name)), i % 3 == 0);
	}
	ck_assert(!acl_set_has(&s, slice_str("")));
	acl_set_fini(&s);
	ck_assert(!acl_set_has(&s, slice_str("0")));
}
END_TEST

/* A set that holds as many as were said, and one for nothing. */
START_TEST(set_is_full)
{
	for (size_t most = 0; most < 40; most++) {
		struct acl_set s = {0};
		char name[16];
		ck_assert_int_eq(acl_set_init(&s, most), 0);
		for (size_t i = 0; i < most; i++) {
			(void)snprintf(name, sizeof name, "n%zu", i);
			ck_assert(!acl_set_has(&s, slice_str(name)));
			acl_set_add(&s, slice_str(name));
			ck_assert(acl_set_has(&s, slice_str(name)));
		}
		ck_assert(!acl_set_has(&s, slice_str("x")));
		acl_set_fini(&s);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("networks");
	TCase *t = tcase_create("networks");

	tcase_add_loop_test(t, by_hand, 0, (int)(sizeof rows / sizeof rows[0]));
	tcase_add_loop_test(t, one_by_one, 0, SIZES * SHAPES);
	tcase_add_test(t, set_of_names);
	tcase_add_test(t, set_is_full);
	suite_add_tcase(s, t);
	return suite_run(s);
}
