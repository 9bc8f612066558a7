/* SPDX-License-Identifier: ISC */
/* Any bytes as a list file, as globs and as topic filters: what a list says is what its entries say
 * one by one, what is denied at accept is denied whatever the CONNECT holds, and a name in a rule
 * is what stands there when it is written out. The first byte chooses the kind, the next 17 who
 * asks.
 */
#include "acl/list.h"
#include "acl/pattern.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "mqtt/topic.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 18, EXPANDED_MAX = 4096, RULES_MAX = 32 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return secret_init();
}

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
	bool marked = in->text.n >= 3 && memcmp(in->text.p, "\xef\xbb\xbf", 3) == 0;
	struct slice rest = slice_from(in->text, marked ? 3 : 0), entry;
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

struct expanded {
	uint8_t text[EXPANDED_MAX];
	size_t n;
	bool full;
};

static void put(struct expanded *x, struct slice s)
{
	if (s.n > sizeof x->text - x->n) {
		x->full = true;
		return;
	}
	if (s.n != 0)
		memcpy(x->text + x->n, s.p, s.n);
	x->n += s.n;
}

/* A glob with the user's name written out, a backslash before each character. */
static struct expanded expand_glob(struct slice glob, struct slice user)
{
	struct expanded x = {.n = 0};

	for (size_t i = 0; i < glob.n; i++) {
		if (glob.p[i] == '\\' && i + 1 < glob.n) {
			put(&x, slice_of(glob.p + i++, 2));
		} else if (glob.n - i >= 2 && glob.p[i] == '%' && glob.p[i + 1] == 'u') {
			for (size_t k = 0; k < user.n; k++) {
				if ((user.p[k] & 0xc0) != 0x80)
					put(&x, slice_str("\\"));
				put(&x, slice_of(user.p + k, 1));
			}
			i++;
		} else {
			put(&x, slice_of(glob.p + i, 1));
		}
	}
	return x;
}

static bool glob_holds(const struct input *in, struct slice glob)
{
	if (in->kind == ACL_USER)
		return in->who.has_user && acl_glob_match(glob, in->who.user);
	if (!acl_glob_has_name(glob, 'u'))
		return acl_glob_match(glob, in->who.client_id);
	if (!in->who.has_user || in->who.user.n == 0)
		return false;
	bool match = acl_glob_match_user(glob, in->who.user, in->who.client_id);
	struct expanded x = expand_glob(glob, in->who.user);
	if (!x.full && utf8_valid(in->who.user))
		FUZZ_CHECK(match == acl_glob_match(slice_of(x.text, x.n), in->who.client_id));
	return match;
}

static struct slice name_of(const struct input *in, uint8_t letter)
{
	if (letter == 'c')
		return in->who.client_id;
	return in->who.has_user ? in->who.user : slice_of(NULL, 0);
}

/* A filter with the names written out. */
static struct expanded expand_filter(const struct input *in, struct slice filter)
{
	struct expanded x = {.n = 0};

	for (size_t i = 0; i < filter.n; i++) {
		bool pair = filter.n - i >= 2 && filter.p[i] == '%';
		if (pair && (filter.p[i + 1] == 'u' || filter.p[i + 1] == 'c'))
			put(&x, name_of(in, filter.p[++i]));
		else
			put(&x, slice_of(filter.p + i, 1));
	}
	return x;
}

/* What the rules say, and the first that applies when they are written out. */
static void check_question(const struct input *in, const struct acl_ruleset *r,
                           const struct expanded *rules, size_t n, struct slice asked)
{
	struct acl_verdict s = acl_subscribe(r, &in->who, asked), v;
	struct acl_verdict d = acl_deliver(r, &in->who, asked);
	struct slice inner = mqtt_filter_inner(asked);
	unsigned first = ACL_NO_RULE;

	FUZZ_CHECK(acl_publish(r, &in->who, asked).rule == ACL_NO_RULE);
	if (acl_name_unfit(r, ACL_USER, name_of(in, 'u'), &v) ||
	    acl_name_unfit(r, ACL_CLIENT_ID, name_of(in, 'c'), &v)) {
		FUZZ_CHECK(!v.allow && v.rule < n);
		return;
	}
	for (unsigned i = 0; i < n && first == ACL_NO_RULE; i++) {
		struct slice rule = slice_of(rules[i].text, rules[i].n);
		if (rules[i].full)
			return;
		if (i % 2 == 0 ? mqtt_filter_covers(rule, inner)
		               : mqtt_filter_overlaps(rule, inner))
			first = i;
	}
	FUZZ_CHECK(s.rule == first &&
	           s.allow == (n == 0 || (first != ACL_NO_RULE && first % 2 == 0)));
	/* Who may subscribe to it may have it. */
	if (mqtt_topic_valid(asked) && !mqtt_filter_shared(asked))
		FUZZ_CHECK(d.rule == s.rule);
}

/* Lines as rules about filters; the first line is what is asked for. */
static void check_topics(const struct input *in)
{
	static struct expanded rules[RULES_MAX];
	struct acl_ruleset *r = acl_ruleset_new();
	struct slice rest = in->text, asked, entry;
	size_t n = 0;

	FUZZ_CHECK(r != NULL);
	bool any = next_entry(&rest, &asked);
	while (any && n < RULES_MAX && next_entry(&rest, &entry)) {
		struct err e = {""};
		bool added = acl_ruleset_add_topic(r, ACL_SUBSCRIBE, n % 2 == 0, &entry, "f",
		                                   (unsigned)n + 1, &e) == 0;
		FUZZ_CHECK(added == (e.text[0] == '\0'));
		FUZZ_CHECK(!added || acl_filter_check(entry, NULL) == 0);
		if (added)
			rules[n++] = expand_filter(in, entry);
	}
	FUZZ_CHECK(acl_ruleset_size(r) == n);
	if (any && mqtt_filter_valid(asked))
		check_question(in, r, rules, n, asked);
	acl_ruleset_free(r);
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
		                 : glob_holds(in, entry);
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
	check_topics(&in);
	return 0;
}
