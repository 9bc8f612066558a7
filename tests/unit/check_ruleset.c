/* SPDX-License-Identifier: ISC */
#include "acl/list.h"
#include "acl/ruleset.h"
#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

/* Rules as text, "allow address X client-id Y user Z", one a line; `@` before a value is a list
 * whose lines are parted by commas. */
static struct acl_ruleset *build(const char *rules, struct err *e)
{
	struct acl_ruleset *r = acl_ruleset_new();
	char text[1024], lists[3][256], *line_end, *word_end;
	unsigned number = 0;

	ck_assert_ptr_nonnull(r);
	(void)snprintf(text, sizeof text, "%s", rules);
	for (char *line = strtok_r(text, "\n", &line_end); line != NULL;
	     line = strtok_r(NULL, "\n", &line_end)) {
		struct acl_criterion criteria[3];
		struct slice views[3];
		size_t n = 0;
		char *word = strtok_r(line, " ", &word_end);
		bool allow = strcmp(word, "allow") == 0;
		number++;
		memset(criteria, 0, sizeof criteria);
		while ((word = strtok_r(NULL, " ", &word_end)) != NULL) {
			char *value = strtok_r(NULL, " ", &word_end);
			ck_assert(n < 3 && value != NULL);
			criteria[n].kind = strcmp(word, "address") == 0 ? ACL_ADDRESS
			                   : strcmp(word, "user") == 0  ? ACL_USER
			                                                : ACL_CLIENT_ID;
			criteria[n].value = slice_str(strcmp(value, "\"\"") == 0 ? "" : value);
			if (value[0] == '@') {
				(void)snprintf(lists[n], sizeof lists[n], "%s", value + 1);
				for (char *c = lists[n]; *c != '\0'; c++)
					*c = *c == ',' ? '\n' : *c;
				views[n] = slice_str(lists[n]);
				criteria[n].value = slice_str("list.txt");
				criteria[n].list = &views[n];
			}
			n++;
		}
		if (acl_ruleset_add_connect(r, allow, criteria, n,
		                            number <= 2 ? "one.conf" : "two.conf", number,
		                            e) != 0) {
			acl_ruleset_free(r);
			return NULL;
		}
	}
	return r;
}

static struct acl_address address(const char *text)
{
	struct acl_address a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, a.b), 1);
	return a;
}

struct connect_row {
	const char *rules, *from, *client_id, *user; /* user NULL: none */
	bool allow;
	unsigned line; /* that decides; 0 none */
};

#define V4(a) "::ffff:" a

static const struct connect_row connects[] = {
    {"", V4("1.2.3.4"), "c", NULL, true, 0},
    {"allow", V4("1.2.3.4"), "c", NULL, true, 1},
    {"deny", V4("1.2.3.4"), "c", "u", false, 1},
    /* the first that applies */
    {"allow client-id a\ndeny client-id a\ndeny", "::1", "a", NULL, true, 1},
    {"deny client-id a\nallow client-id a\nallow", "::1", "a", NULL, false, 1},
    {"deny client-id a\nallow client-id b\ndeny", "::1", "b", NULL, true, 2},
    {"deny client-id a\nallow client-id b\ndeny", "::1", "c", NULL, false, 3},
    /* all criteria hold */
    {"allow address 10.0.0.0/8 client-id s-* user u\ndeny", V4("10.1.1.1"), "s-1", "u", true, 1},
    {"allow address 10.0.0.0/8 client-id s-* user u\ndeny", V4("11.1.1.1"), "s-1", "u", false, 2},
    {"allow address 10.0.0.0/8 client-id s-* user u\ndeny", V4("10.1.1.1"), "t-1", "u", false, 2},
    {"allow address 10.0.0.0/8 client-id s-* user u\ndeny", V4("10.1.1.1"), "s-1", "v", false, 2},
    /* without a user name no criterion on it holds */
    {"allow user *\ndeny", "::1", "c", NULL, false, 2},
    {"deny user *\nallow", "::1", "c", NULL, true, 2},
    {"allow user *\ndeny", "::1", "c", "", true, 1},
    {"allow user @*,u\ndeny", "::1", "c", NULL, false, 2},
    /* an empty client id is one */
    {"deny client-id \"\"\nallow", "::1", "", NULL, false, 1},
    {"deny client-id ?*\nallow", "::1", "", NULL, true, 2},
    /* IPv4 and IPv6 */
    {"allow address 0.0.0.0/0\ndeny", "2001:db8::1", "c", NULL, false, 2},
    {"allow address 0.0.0.0/0\ndeny", V4("9.9.9.9"), "c", NULL, true, 1},
    {"allow address ::/0\ndeny", V4("9.9.9.9"), "c", NULL, true, 1},
    /* the user name in a glob, literally */
    {"allow client-id %u\ndeny", "::1", "u", "u", true, 1},
    {"allow client-id %u\ndeny", "::1", "v", "u", false, 2},
    {"allow client-id %u\ndeny", "::1", "uu", "u", false, 2},
    {"allow client-id %u\ndeny", "::1", "%u", "u", false, 2},
    {"allow client-id %u\ndeny", "::1", "u", NULL, false, 2},
    {"allow client-id %u\ndeny", "::1", "", NULL, false, 2},
    {"allow client-id %u\ndeny", "::1", "", "", false, 2},
    {"deny client-id %u*\nallow", "::1", "x", "", true, 2},
    {"allow client-id %u\ndeny", "::1", "abc", "*", false, 2},
    {"allow client-id %u\ndeny", "::1", "*", "*", true, 1},
    {"allow client-id %u-*\ndeny", "::1", "u-1", "u", true, 1},
    {"allow client-id %u-*\ndeny", "::1", "u1", "u", false, 2},
    {"allow client-id *-%u-?\ndeny", "::1", "a-a-ab-x", "ab", true, 1},
    {"allow client-id *%u*%u\ndeny", "::1", "xababab", "ab", true, 1},
    {"allow client-id *%u*%u\ndeny", "::1", "xab", "ab", false, 2},
    {"allow client-id *%u*%u\ndeny", "::1", "aba", "aba", false, 2},
    {"allow client-id \\%u\ndeny", "::1", "%u", "u", true, 1},
    {"allow client-id \\\\%u\ndeny", "::1", "\\u", "u", true, 1},
    {"allow client-id 5%\ndeny", "::1", "5%", "u", true, 1},
    {"allow client-id %x\ndeny", "::1", "%x", "u", true, 1},
    {"allow user \\%u\ndeny", "::1", "c", "%u", true, 1},
    /* lists */
    {"deny address @10.0.0.0/8,192.0.2.1,2001:db8::/32\nallow", V4("10.255.255.255"), "c", NULL,
     false, 1},
    {"deny address @10.0.0.0/8,192.0.2.1,2001:db8::/32\nallow", V4("192.0.2.1"), "c", NULL, false,
     1},
    {"deny address @10.0.0.0/8,192.0.2.1,2001:db8::/32\nallow", V4("192.0.2.2"), "c", NULL, true,
     2},
    {"deny address @10.0.0.0/8,192.0.2.1,2001:db8::/32\nallow", "2001:db8:ffff::", "c", NULL, false,
     1},
    {"deny address @10.0.0.0/8,192.0.2.1,2001:db8::/32\nallow", V4("9.255.255.255"), "c", NULL,
     true, 2},
    {"deny address @10.0.0.0/8,10.0.0.1,10.255.0.0/16,11.0.0.0/8\nallow", V4("10.200.0.0"), "c",
     NULL, false, 1},
    {"deny client-id @one,t*,three\nallow", "::1", "one", NULL, false, 1},
    {"deny client-id @one,t*,three\nallow", "::1", "two", NULL, false, 1},
    {"deny client-id @one,t*,three\nallow", "::1", "three", NULL, false, 1},
    {"deny client-id @one,t*,three\nallow", "::1", "onee", NULL, true, 2},
    {"deny client-id @one,t*,three\nallow", "::1", "on", NULL, true, 2},
    {"deny client-id @a\\*b,\\\\\nallow", "::1", "a*b", NULL, false, 1},
    {"deny client-id @a\\*b,\\\\\nallow", "::1", "axb", NULL, true, 2},
    {"deny client-id @a\\*b,\\\\\nallow", "::1", "\\", NULL, false, 1},
    /* an empty list matches nothing */
    {"deny client-id @\nallow", "::1", "", NULL, true, 2},
    {"deny address @,,\nallow", "::1", "", NULL, true, 2},
    {"allow address @\ndeny", "::1", "", NULL, false, 2},
    /* a ruleset that was not checked lets nobody in by default */
    {"allow client-id a", "::1", "b", NULL, false, 0},
};

START_TEST(connect_verdict)
{
	const struct connect_row *row = &connects[_i];
	struct err e = {""};
	struct acl_ruleset *r = build(row->rules, &e);
	struct acl_who who = {.address = address(row->from),
	                      .client_id = slice_str(row->client_id)};

	ck_assert_msg(r != NULL, "%s: %s", row->rules, e.text);
	if (row->user != NULL) {
		who.has_user = true;
		who.user = slice_str(row->user);
	}
	struct acl_verdict v = acl_connect(r, &who);
	ck_assert_msg(v.allow == row->allow && v.line == row->line, "%s: allow %d by line %u",
	              row->rules, v.allow, v.line);
	ck_assert_int_eq(v.file == NULL, row->line == 0);
	if (row->line != 0)
		ck_assert_str_eq(v.file, row->line <= 2 ? "one.conf" : "two.conf");
	acl_ruleset_free(r);
}
END_TEST

struct accept_row {
	const char *rules, *from;
	unsigned line; /* that denies; 0: not denied */
};

static const struct accept_row accepts[] = {
    {"", "::1", 0},
    {"deny", "::1", 1},
    {"allow", "::1", 0},
    {"deny address ::1\nallow", "::1", 1},
    {"deny address ::1\nallow", "::2", 0},
    {"allow address ::1\ndeny", "::1", 0},
    {"allow address ::1\ndeny", "::2", 2},
    {"allow client-id a\ndeny", "::1", 0},
    {"allow user a\ndeny", "::1", 0},
    {"allow address ::1 client-id a\ndeny", "::1", 0},
    {"allow address ::1 client-id a\ndeny", "::2", 2},
    {"deny client-id a\nallow", "::1", 0},
    {"deny client-id a\ndeny", "::1", 2},
    {"deny client-id a\ndeny address ::1\nallow", "::1", 2},
    {"allow client-id a\ndeny address ::1\nallow", "::1", 0},
    {"allow client-id @\ndeny", "::1", 2},
    {"allow address @ user a\ndeny", "::1", 2},
    {"deny address @10.0.0.0/8\nallow", V4("10.1.2.3"), 1},
    {"deny address @10.0.0.0/8\nallow", V4("11.1.2.3"), 0},
};

START_TEST(names_that_cannot_stand_there)
{
	static const char *const rules[] = {"allow user %u", "allow user a%cb",
	                                    "deny client-id %c"};
	struct err e = {""};

	ck_assert_ptr_null(build(rules[_i], &e));
	ck_assert_ptr_nonnull(strstr(e.text, "a backslash before % makes it ordinary"));
}
END_TEST

START_TEST(denied_at_accept)
{
	const struct accept_row *row = &accepts[_i];
	struct err e = {""};
	struct acl_ruleset *r = build(row->rules, &e);
	struct acl_address a = address(row->from);
	struct acl_verdict v = {.allow = true};

	ck_assert_ptr_nonnull(r);
	bool denied = acl_denied_at_accept(r, &a, &v);
	ck_assert_msg(denied == (row->line != 0), "%s: %d", row->rules, denied);
	if (denied) {
		ck_assert(!v.allow);
		ck_assert_uint_eq(v.line, row->line);
		ck_assert_ptr_nonnull(v.file);
	}
	acl_ruleset_free(r);
}
END_TEST

/* Who is denied at accept would be denied whatever the CONNECT says. */
START_TEST(accept_agrees_with_connect)
{
	static const char *const ids[] = {"a", "b", ""}, *const users[] = {NULL, "a", ""};

	for (int i = 0; i < ROWS(accepts); i++) {
		struct acl_ruleset *r = build(accepts[i].rules, NULL);
		struct acl_who who = {.address = address(accepts[i].from)};
		struct acl_verdict v;
		bool denied = acl_denied_at_accept(r, &who.address, &v), allowed = false;
		for (int k = 0; k < 9; k++) {
			who.client_id = slice_str(ids[k % 3]);
			who.has_user = users[k / 3] != NULL;
			who.user = who.has_user ? slice_str(users[k / 3]) : slice_of(NULL, 0);
			allowed = allowed || acl_connect(r, &who).allow;
		}
		ck_assert_msg(denied != allowed, "%s", accepts[i].rules);
		acl_ruleset_free(r);
	}
}
END_TEST

struct check_row {
	const char *rules;
	int result;
};

static const struct check_row checks[] = {
    {"", 0},
    {"deny", 0},
    {"allow", 0},
    {"allow user a\ndeny", 0},
    {"allow user a", -1},
    {"deny\nallow user a", -1},
    {"deny address @", -1},
};

START_TEST(last_line)
{
	struct acl_ruleset *r = build(checks[_i].rules, NULL);
	struct err e = {""};

	ck_assert_int_eq(acl_ruleset_check(r, ACL_CONNECT, &e), checks[_i].result);
	if (checks[_i].result != 0)
		ck_assert_ptr_nonnull(strstr(e.text, "must end in a line without criteria"));
	acl_ruleset_free(r);
}
END_TEST

struct list_row {
	enum acl_kind kind;
	const char *text;
	const char *error; /* NULL: good */
	const char *in, *out;
};

static const struct list_row lists[] = {
    {ACL_CLIENT_ID, "a\nb\n", NULL, "b", "c"},
    {ACL_CLIENT_ID, "a\nb", NULL, "b", "b\n"},
    {ACL_CLIENT_ID, "a\r\nb\r\n\r\n", NULL, "a", "a\r"},
    {ACL_CLIENT_ID, "# a\nb\n", NULL, "b", "# a"},
    {ACL_CLIENT_ID, "a\rb\r", "l.txt:1: the entry begins or ends with a blank, or holds", NULL,
     NULL},
    {ACL_CLIENT_ID, "\xef\xbb\xbfx\n", NULL, "x", "\xef\xbb\xbfx"},
    {ACL_CLIENT_ID, "\xef\xbb\xbf", NULL, NULL, "\xef\xbb\xbf"},
    {ACL_CLIENT_ID, "\xef\xbb\xbf# a\n", NULL, NULL, "\xef\xbb\xbf# a"},
    {ACL_CLIENT_ID, "a\n\xef\xbb\xbfx\n", NULL, "\xef\xbb\xbfx", "x"},
    {ACL_ADDRESS,
     "\xef\xbb\xbf"
     "10.0.0.0/8\n",
     NULL, V4("10.0.0.0"), V4("11.0.0.0")},
    {ACL_CLIENT_ID, "#a\n", NULL, "#a", "a"},
    {ACL_CLIENT_ID, "\n \t\n", NULL, NULL, " "},
    {ACL_CLIENT_ID, "a b\n", NULL, "a b", "a"},
    {ACL_CLIENT_ID, "a\\ \n\\ b\n", NULL, "a ", "a"},
    {ACL_CLIENT_ID, "ok\na \n", "l.txt:2: the entry begins or ends with a blank", NULL, NULL},
    {ACL_CLIENT_ID, "ok\n\ta\n", "l.txt:2: the entry begins or ends with a blank", NULL, NULL},
    {ACL_CLIENT_ID, "a\\\\ \n", "l.txt:1: the entry begins or ends with a blank", NULL, NULL},
    {ACL_CLIENT_ID, "x*\nab?\n*-z\n", NULL, "abc", "ab"},
    {ACL_CLIENT_ID, "x*\nab?\n*-z\n", NULL, "-z", "-z-"},
    {ACL_CLIENT_ID, "\\%u\n", NULL, "%u", "\\%u"},
    {ACL_CLIENT_ID, "ok\n%u\n", "l.txt:2: %u and %c stand for names in rules only", NULL, NULL},
    {ACL_USER, "a%c*\n", "l.txt:1: %u and %c stand for names in rules only", NULL, NULL},
    {ACL_USER, "ok\nok\n\nx\\\n", "l.txt:4: \"x\\\\\" ends in a lone backslash", NULL, NULL},
    {ACL_USER, "\xff\n", "l.txt:1: \"\\xff\" is not valid UTF-8", NULL, NULL},
    {ACL_ADDRESS, " 10.0.0.0/8\t\r\n", NULL, V4("10.0.0.0"), V4("11.0.0.0")},
    {ACL_ADDRESS, "::/0\n10.0.0.0/8\n", NULL, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {ACL_ADDRESS, "# x\n\n10.0.0.1/8\n", "l.txt:3: \"10.0.0.1/8\" has bits set", NULL, NULL},
    {ACL_ADDRESS, "#10.0.0.0/8\n", "l.txt:1: a comment begins with # and a blank", NULL, NULL},
    {ACL_ADDRESS, "10.0.0.0/8 evil\n", "l.txt:1: ", NULL, NULL},
};

static bool list_has(const struct list_row *row, const struct acl_list *l, const char *what)
{
	if (row->kind != ACL_ADDRESS)
		return acl_list_has_name(l, slice_str(what));
	struct acl_address a = address(what);
	return acl_list_has_address(l, &a);
}

START_TEST(list)
{
	const struct list_row *row = &lists[_i];
	struct err e = {""};
	struct acl_list *l = acl_list_new(row->kind, slice_str(row->text), slice_str("l.txt"), &e);

	if (row->error != NULL) {
		ck_assert_ptr_null(l);
		ck_assert_msg(strncmp(e.text, row->error, strlen(row->error)) == 0, "%s", e.text);
		return;
	}
	ck_assert_msg(l != NULL, "%s", e.text);
	ck_assert_int_eq(acl_list_empty(l), row->in == NULL);
	if (row->in != NULL)
		ck_assert(list_has(row, l, row->in));
	if (row->out != NULL)
		ck_assert(!list_has(row, l, row->out));
	acl_list_free(l);
}
END_TEST

static uint64_t random_state = 0x123456789abcdef1;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static struct acl_address v4_address(uint32_t a)
{
	struct acl_address out = {.b = {[10] = 0xff, [11] = 0xff}};

	for (unsigned i = 0; i < 4; i++)
		out.b[12 + i] = (uint8_t)(a >> (24 - 8 * i));
	return out;
}

/* Ranges that overlap, touch and nest, in a small part of the address space, against the rules
 * themselves. */
START_TEST(big_list_agrees_with_networks)
{
	enum { N = 2000 };
	static char text[N * 24];
	static struct acl_cidr networks[N];
	size_t at = 0, hits = 0;

	for (int i = 0; i < N; i++) {
		unsigned bits = 22 + next_random() % 11;
		uint32_t a = (0x0a000000u | (next_random() & 0xfffff)) &
		             (uint32_t)(0xffffffffull << (32 - bits));
		size_t start = at;
		at += (size_t)snprintf(text + at, sizeof text - at, "%u.%u.%u.%u/%u\n", a >> 24,
		                       a >> 16 & 255, a >> 8 & 255, a & 255, bits);
		ck_assert_int_eq(
		    acl_cidr_parse(slice_of(text + start, at - start - 1), &networks[i], NULL), 0);
	}
	struct acl_list *l = acl_list_new(ACL_ADDRESS, slice_of(text, at), slice_str("l"), NULL);
	ck_assert_ptr_nonnull(l);
	for (int i = 0; i < 20000; i++) {
		struct acl_address a = v4_address(0x0a000000u | (next_random() & 0xfffff));
		bool want = false;
		for (int k = 0; k < N && !want; k++)
			want = acl_cidr_match(&networks[k], &a);
		ck_assert_int_eq(acl_list_has_address(l, &a), want);
		hits += want;
	}
	ck_assert_uint_gt(hits, 2000);
	ck_assert_uint_lt(hits, 18000);
	acl_list_free(l);
}
END_TEST

START_TEST(big_list_of_names)
{
	enum { N = 50000 };
	char *text = malloc(N * 16), name[16];
	size_t at = 0;

	ck_assert_ptr_nonnull(text);
	for (unsigned i = 0; i < N; i++)
		at += (size_t)snprintf(text + at, 16, "dev-%u\n", (i * 7919) % N * 2);
	struct acl_list *l = acl_list_new(ACL_USER, slice_of(text, at), slice_str("l"), NULL);
	ck_assert_ptr_nonnull(l);
	for (unsigned i = 0; i < 2 * N; i++) {
		(void)snprintf(name, sizeof name, "dev-%u", i);
		ck_assert_int_eq(acl_list_has_name(l, slice_str(name)), i % 2 == 0);
	}
	acl_list_free(l);
	free(text);
}
END_TEST

/* What was added may be overwritten afterwards: everything is copied. */
START_TEST(copies)
{
	char glob[] = "sensor-*", file[] = "a.conf", entries[] = "one\n";
	struct slice view = slice_of(entries, 4);
	struct acl_criterion by_glob = {ACL_CLIENT_ID, slice_str(glob), NULL};
	struct acl_criterion by_list = {ACL_CLIENT_ID, slice_str("l"), &view};
	struct acl_ruleset *r = acl_ruleset_new();
	struct acl_who who = {.client_id = slice_str("sensor-1")};

	ck_assert_int_eq(acl_ruleset_add_connect(r, true, &by_glob, 1, file, 7, NULL), 0);
	ck_assert_int_eq(acl_ruleset_add_connect(r, true, &by_list, 1, file, 8, NULL), 0);
	memset(glob, 'x', sizeof glob - 1);
	memset(file, 'x', sizeof file - 1);
	memset(entries, 'x', sizeof entries - 1);
	ck_assert(acl_connect(r, &who).allow);
	ck_assert_str_eq(acl_connect(r, &who).file, "a.conf");
	ck_assert_uint_eq(acl_connect(r, &who).line, 7);
	who.client_id = slice_str("one");
	ck_assert_uint_eq(acl_connect(r, &who).line, 8);
	acl_ruleset_free(r);
	acl_ruleset_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ruleset");
	TCase *t = tcase_create("ruleset");

	tcase_add_loop_test(t, connect_verdict, 0, ROWS(connects));
	tcase_add_loop_test(t, names_that_cannot_stand_there, 0, 3);
	tcase_add_loop_test(t, denied_at_accept, 0, ROWS(accepts));
	tcase_add_test(t, accept_agrees_with_connect);
	tcase_add_loop_test(t, last_line, 0, ROWS(checks));
	tcase_add_loop_test(t, list, 0, ROWS(lists));
	tcase_add_test(t, big_list_agrees_with_networks);
	tcase_add_test(t, big_list_of_names);
	tcase_add_test(t, copies);
	suite_add_tcase(s, t);
	return suite_run(s);
}
