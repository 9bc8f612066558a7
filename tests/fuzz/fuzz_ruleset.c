/* SPDX-License-Identifier: ISC */
/* Any bytes as a list file and as globs: what a list says is what its entries say one by one, and
 * what is denied at accept is denied whatever the CONNECT holds. The first byte chooses the kind,
 * the next 17 who asks. */
#include "acl/list.h"
#include "acl/pattern.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 18 };

struct input {
	enum acl_kind kind;
	struct acl_who who;
	struct slice text;
};

/* The next line as the header describes it; false at the end. */
static bool next_entry(struct slice *rest, struct slice *entry)
{
	while (rest->n != 0) {
		size_t n = 0, end;
		while (n < rest->n && rest->p[n] != '\n')
			n++;
		end = n;
		if (end != 0 && rest->p[end - 1] == '\r')
			end--;
		*entry = slice_of(rest->p, end);
		*rest = slice_from(*rest, n + 1);
		size_t blanks = 0;
		while (blanks < end && (entry->p[blanks] == ' ' || entry->p[blanks] == '\t'))
			blanks++;
		bool comment = end >= 2 && entry->p[0] == '#' && entry->p[1] == ' ';
		if (blanks != end && !comment)
			return true;
	}
	return false;
}

static struct slice trim(struct slice s)
{
	while (s.n != 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_from(s, 1);
	while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Each entry alone: whether one matches; -1 where one is bad. */
static int oracle(const struct input *in)
{
	struct slice rest = in->text, entry;
	bool match = false;

	while (next_entry(&rest, &entry)) {
		struct acl_cidr c;
		if (in->kind == ACL_ADDRESS) {
			if (acl_cidr_parse(trim(entry), &c, NULL) != 0)
				return -1;
			match = match || acl_cidr_match(&c, &in->who.address);
		} else {
			if (acl_glob_check(entry, NULL) != 0)
				return -1;
			match = match || acl_glob_match(entry, in->who.client_id);
		}
	}
	return match;
}

static void check_list(const struct input *in)
{
	struct err e = {""};
	struct acl_list *l = acl_list_new(in->kind, in->text, slice_str("l"), &e);
	int want = oracle(in);

	FUZZ_CHECK((l == NULL) == (e.text[0] != '\0'));
	/* Names with hidden blanks are refused beyond what a glob refuses. */
	FUZZ_CHECK(want >= 0 || l == NULL);
	FUZZ_CHECK(l != NULL || want < 0 || in->kind != ACL_ADDRESS);
	if (l != NULL) {
		bool got = in->kind == ACL_ADDRESS ? acl_list_has_address(l, &in->who.address)
		                                   : acl_list_has_name(l, in->who.client_id);
		FUZZ_CHECK(got == (want == 1));
		FUZZ_CHECK(!got || !acl_list_empty(l));
	}
	acl_list_free(l);
}

/* Lines as rules: each is a criterion, its place in the order decides the verb. */
static void check_rules(const struct input *in)
{
	struct acl_ruleset *r = acl_ruleset_new();
	struct slice rest = in->text, entry;
	unsigned line = 0, first = 0;
	struct acl_verdict v;

	FUZZ_CHECK(r != NULL);
	while (line < 64 && next_entry(&rest, &entry)) {
		struct acl_criterion c = {.kind = in->kind, .value = entry};
		struct acl_cidr network;
		if (acl_ruleset_add_connect(r, line % 2 == 0, &c, 1, "f", line + 1, NULL) != 0)
			continue;
		line++;
		bool holds = in->kind == ACL_ADDRESS
		                 ? acl_cidr_parse(entry, &network, NULL) == 0 &&
		                       acl_cidr_match(&network, &in->who.address)
		                 : acl_glob_match(entry, in->who.client_id);
		holds = holds && (in->kind != ACL_USER || in->who.has_user);
		if (holds && first == 0)
			first = line;
	}
	FUZZ_CHECK(acl_ruleset_check(r, ACL_CONNECT, NULL) == (line == 0 ? 0 : -1));
	FUZZ_CHECK(acl_connect(r, &in->who).line == first);
	FUZZ_CHECK(acl_ruleset_add_connect(r, false, NULL, 0, "f", 1000, NULL) == 0);
	FUZZ_CHECK(acl_ruleset_check(r, ACL_CONNECT, NULL) == 0);
	struct acl_verdict said = acl_connect(r, &in->who);
	FUZZ_CHECK(said.line == (first == 0 ? 1000 : first) && said.file != NULL);
	if (acl_denied_at_accept(r, &in->who.address, &v))
		FUZZ_CHECK(!v.allow && !said.allow);
	acl_ruleset_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum acl_kind kinds[] = {ACL_ADDRESS, ACL_CLIENT_ID, ACL_USER};
	struct input in = {.text = slice_of(data, size)};

	if (size < HEAD)
		return 0;
	in.kind = kinds[data[0] % 3];
	in.who.has_user = data[0] < 128;
	memcpy(in.who.address.b, data + 1, sizeof in.who.address.b);
	in.who.client_id = slice_of(data + 1, data[17] % 17);
	in.who.user = in.who.client_id;
	in.text = slice_from(in.text, HEAD);
	check_list(&in);
	check_rules(&in);
	return 0;
}
