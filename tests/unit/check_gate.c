/* SPDX-License-Identifier: ISC */
/* The gate under virtual time: who is let in, how often, how many at once, and that no flood of
 * names makes it forget a limit. */
#include "worker/gate.h"

#include "base/rate.h"
#include "tests/support/suite.h"
#include "worker/tally.h"

#include <stdio.h>
#include <stdlib.h>

static char door[] = "door", elsewhere[] = "other";
static struct conf_filter filter;
static struct gate_limits limits;
static struct gate *gate;
static struct now now;

static void setup(void)
{
	struct err e;

	filter = (struct conf_filter){.name = door};
	limits = (struct gate_limits){.max_pending = 1000000,
	                              .max_pending_per_address = 1000000,
	                              .max_connections = 1000000,
	                              .filter = &filter};
	now = (struct now){.mono_ms = 5000, .real_us = INT64_C(1800000000000000)};
	gate = gate_new(2, &e);
	ck_assert_ptr_nonnull(gate);
}

static void teardown(void)
{
	gate_free(gate);
}

static struct gate_who from(uint32_t address)
{
	struct gate_who who = {.address = {[10] = 0xff,
	                                   [11] = 0xff,
	                                   [12] = (uint8_t)(address >> 24),
	                                   [13] = (uint8_t)(address >> 16),
	                                   [14] = (uint8_t)(address >> 8),
	                                   [15] = (uint8_t)address}};

	memcpy(who.source, who.address, sizeof who.source);
	return who;
}

static struct gate_who user(const char *name)
{
	struct gate_who who = from(1);

	who.user = slice_str(name);
	return who;
}

static struct gate_who client(const char *id)
{
	struct gate_who who = from(1);

	who.client_id = slice_str(id);
	return who;
}

static enum verdict knock(uint32_t address)
{
	struct gate_who who = from(address);

	return gate_knock(gate, &limits, &who, now).verdict;
}

static enum verdict judge(const char *name)
{
	struct gate_who who = user(name);

	return gate_judge(gate, 0, &limits, &who, now).verdict;
}

static enum verdict enter(size_t listener, struct gate_who who, struct gate_place *place)
{
	return gate_connect(gate, listener, &limits, &who, now, place).verdict;
}

START_TEST(connects_per_address)
{
	filter.connects_per_address = (struct conf_rate){3, 3000};
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
	ck_assert_int_eq(knock(2), VERDICT_ACCEPTED);
	now.mono_ms += 999;
	ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
	now.mono_ms += 1;
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
	/* Being refused costs nothing of it. */
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
	now.mono_ms += 1000;
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
}
END_TEST

START_TEST(filters_count_apart)
{
	struct conf_filter other = {.name = elsewhere, .connects_per_address = {1, 1000}};

	filter.connects_per_address = (struct conf_rate){1, 1000};
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
	limits.filter = &other;
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	limits.filter = NULL;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
}
END_TEST

START_TEST(a_changed_limit)
{
	filter.connects_per_address = (struct conf_rate){1, 3600000};
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
	filter.connects_per_address = (struct conf_rate){1, 1000};
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	ck_assert_int_eq(knock(1), VERDICT_RATE_LIMITED);
}
END_TEST

START_TEST(flood_is_not_told)
{
	struct gate_who who = from(1);

	filter.connects_per_address = (struct conf_rate){1, 3600000};
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	for (int i = 0; i < GATE_TOLD; i++)
		ck_assert(!gate_knock(gate, &limits, &who, now).flood);
	ck_assert(gate_knock(gate, &limits, &who, now).flood);
	now.mono_ms += GATE_TOLD_MS / GATE_TOLD;
	ck_assert(!gate_knock(gate, &limits, &who, now).flood);
	ck_assert(gate_knock(gate, &limits, &who, now).flood);
}
END_TEST

START_TEST(on_trial)
{
	struct gate_who who = from(1);

	filter.connects_per_address = (struct conf_rate){1, 1000};
	filter.dry_run = true;
	ck_assert_int_eq(knock(1), VERDICT_ACCEPTED);
	for (int i = 0; i < 100; i++) {
		struct gate_word word = gate_knock(gate, &limits, &who, now);
		ck_assert_int_eq(word.verdict, VERDICT_RATE_LIMITED);
		ck_assert(word.dry && !word.flood);
	}
	filter = (struct conf_filter){
	    .name = filter.name, .dry_run = true, .connections_per_address = 1};
	struct gate_place places[2];
	ck_assert_int_eq(enter(0, who, &places[0]), VERDICT_ACCEPTED);
	ck_assert(gate_judge(gate, 0, &limits, &who, now).dry);
	ck_assert_int_eq(enter(0, who, &places[1]), VERDICT_ACCEPTED);
	/* The listener's own limit is not on trial. */
	limits.max_connections = 2;
	ck_assert_int_eq(enter(0, who, &places[1]), VERDICT_CONNECTION_LIMIT);
}
END_TEST

START_TEST(connects_per_user)
{
	filter.connects_per_user = (struct conf_rate){2, 2000};
	ck_assert_int_eq(judge("ann"), VERDICT_ACCEPTED);
	ck_assert_int_eq(judge("ann"), VERDICT_ACCEPTED);
	ck_assert_int_eq(judge("ann"), VERDICT_RATE_LIMITED);
	ck_assert_int_eq(judge("bob"), VERDICT_ACCEPTED);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(judge(""), VERDICT_ACCEPTED);
	now.mono_ms += 1000;
	ck_assert_int_eq(judge("ann"), VERDICT_ACCEPTED);
	ck_assert_int_eq(judge("ann"), VERDICT_RATE_LIMITED);
}
END_TEST

/* By address (_i 0) or user, over all listeners. */
START_TEST(connections)
{
	struct gate_who one = _i == 0 ? from(1) : user("ann"),
	                other = _i == 0 ? from(2) : user("bob");
	struct gate_place places[5];

	*(_i == 0 ? &filter.connections_per_address : &filter.connections_per_user) = 2;
	ck_assert_int_eq(enter(0, one, &places[0]), VERDICT_ACCEPTED);
	ck_assert_int_eq(enter(1, one, &places[1]), VERDICT_ACCEPTED);
	ck_assert_int_eq(gate_judge(gate, 0, &limits, &one, now).verdict, VERDICT_SHARE_LIMIT);
	ck_assert_int_eq(enter(0, one, &places[2]), VERDICT_SHARE_LIMIT);
	ck_assert_int_eq(enter(0, other, &places[3]), VERDICT_ACCEPTED);
	ck_assert_uint_eq(gate_connected(gate, 0), 2);
	gate_disconnect(gate, 1, &places[1], now);
	ck_assert_int_eq(gate_judge(gate, 0, &limits, &one, now).verdict, VERDICT_ACCEPTED);
	ck_assert_int_eq(enter(0, one, &places[2]), VERDICT_ACCEPTED);
	ck_assert_int_eq(enter(0, one, &places[4]), VERDICT_SHARE_LIMIT);
}
END_TEST

/* A limit that a new configuration brings counts who is there already. */
START_TEST(limits_that_come_later)
{
	struct gate_who who = user("ann");
	struct gate_place places[3];

	ck_assert_int_eq(enter(0, who, &places[0]), VERDICT_ACCEPTED);
	ck_assert_int_eq(enter(0, who, &places[1]), VERDICT_ACCEPTED);
	filter.connections_per_user = 1;
	for (int i = 0; i < 2; i++)
		gate_recount(gate, &limits, &who, &places[i]);
	ck_assert_int_eq(enter(0, who, &places[2]), VERDICT_SHARE_LIMIT);
	gate_disconnect(gate, 0, &places[0], now);
	ck_assert_int_eq(enter(0, who, &places[2]), VERDICT_SHARE_LIMIT);
	gate_disconnect(gate, 0, &places[1], now);
	ck_assert_int_eq(enter(0, who, &places[2]), VERDICT_ACCEPTED);
	filter.connections_per_user = 0;
	gate_recount(gate, &limits, &who, &places[2]);
	gate_disconnect(gate, 0, &places[2], now);
	filter.connections_per_user = 1;
	ck_assert_int_eq(enter(0, who, &places[2]), VERDICT_ACCEPTED);
}
END_TEST

START_TEST(publishing_is_remembered)
{
	struct rate r = rate_of(10, 10000);
	int64_t now_ns = now.mono_ms * 1000000;
	struct gate_place place, second;

	filter.publish_per_client = (struct conf_rate){10, 10000};
	ck_assert_int_eq(enter(0, client("c"), &place), VERDICT_ACCEPTED);
	ck_assert_int_eq(place.spent, 0);
	for (int i = 0; i < 10; i++)
		place.spent = rate_spend(&r, place.spent, now_ns);
	/* Beside one of the same name there is no burst. */
	ck_assert_int_eq(enter(0, client("c"), &second), VERDICT_ACCEPTED);
	ck_assert_int_eq(rate_wait(&r, second.spent, now_ns), 1000000000);
	gate_disconnect(gate, 0, &second, now);
	gate_disconnect(gate, 0, &place, now);
	ck_assert_int_eq(enter(0, client("c"), &second), VERDICT_ACCEPTED);
	ck_assert_int_eq(rate_wait(&r, second.spent, now_ns), 1000000000);
	gate_disconnect(gate, 0, &second, now);
	ck_assert_int_eq(enter(0, client("other"), &second), VERDICT_ACCEPTED);
	ck_assert_int_eq(second.spent, 0);
	now.mono_ms += 10000;
	ck_assert_int_eq(enter(0, client("c"), &second), VERDICT_ACCEPTED);
	ck_assert_int_eq(rate_wait(&r, second.spent, now.mono_ms * 1000000), 0);
}
END_TEST

START_TEST(pending)
{
	struct gate_who who = from(1), other = from(2);

	limits.max_pending_per_address = 2;
	limits.max_pending = 3;
	ck_assert_int_eq(gate_arrive(gate, 0, who.source, &limits), GATE_OPEN);
	ck_assert_int_eq(gate_arrive(gate, 0, who.source, &limits), GATE_OPEN);
	ck_assert_int_eq(gate_arrive(gate, 0, who.source, &limits), GATE_ADDRESS);
	ck_assert_int_eq(gate_arrive(gate, 1, who.source, &limits), GATE_OPEN);
	ck_assert_int_eq(gate_arrive(gate, 0, other.source, &limits), GATE_OPEN);
	ck_assert_int_eq(gate_arrive(gate, 0, other.source, &limits), GATE_FULL);
	ck_assert_uint_eq(gate_pending(gate, 0), 3);
	gate_depart(gate, 0, who.source);
	ck_assert_int_eq(gate_arrive(gate, 0, who.source, &limits), GATE_OPEN);
}
END_TEST

/* Ten times as many sources as there are places for: nobody gets through twice, also when he comes
 * back after all the others. */
START_TEST(a_flood_of_addresses)
{
	enum { SOURCES = 655360 };
	uint32_t accepted = 0;

	filter.connects_per_address = (struct conf_rate){1, 86400000};
	uint8_t *in = kept_bytes(SOURCES);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < SOURCES; i++) {
			bool may = knock(i) == VERDICT_ACCEPTED;
			ck_assert(!may || in[i] == 0);
			in[i] = in[i] || may;
			accepted += may;
		}
	}
	/* What there is room for did get through. */
	ck_assert_uint_ge(accepted, 60000);
}
END_TEST

START_TEST(tally_keeps_what_fits)
{
	struct tally *t = tally_new(TALLY_WAYS);
	bool known;

	for (uint64_t key = 1; key <= TALLY_WAYS; key++) {
		int64_t *n = tally_at(t, key, 10, &known);
		ck_assert(!known && *n == 0);
		*n = (int64_t)key * 100;
	}
	for (uint64_t key = 1; key <= TALLY_WAYS; key++) {
		ck_assert_int_eq(*tally_at(t, key, 10, &known), (int64_t)key * 100);
		ck_assert(known);
	}
	/* The lowest is put out, and inherited. */
	ck_assert_int_eq(*tally_at(t, 50, 10, &known), 100);
	ck_assert(!known);
	ck_assert_int_eq(*tally_at(t, 1, 10, &known), 100);
	/* What is over is gone, and makes room. */
	ck_assert_int_eq(*tally_at(t, 3, 300, &known), 0);
	ck_assert(!known);
	tally_free(t);
}
END_TEST

static struct store_ban network(const char *text, int64_t until, uint8_t room[BANS_ADDRESS_SIZE])
{
	struct acl_cidr c;

	ck_assert_int_eq(acl_cidr_parse(slice_str(text), &c, NULL), 0);
	bans_address_put(&c, room);
	return (struct store_ban){
	    .kind = STORE_BAN_ADDRESS, .value = slice_of(room, BANS_ADDRESS_SIZE), .until = until};
}

static struct gate_who at(const char *text)
{
	struct gate_who who = {.user = {NULL, 0}};
	struct acl_cidr c;

	ck_assert_int_eq(acl_cidr_parse(slice_str(text), &c, NULL), 0);
	memcpy(who.address, c.base.b, sizeof who.address);
	memcpy(who.source, c.base.b, sizeof who.source);
	if (strchr(text, ':') != NULL)
		memset(who.source + 8, 0, 8);
	return who;
}

static enum verdict knock_from(const char *text)
{
	struct gate_who who = at(text);

	return gate_knock(gate, &limits, &who, now).verdict;
}

static const struct {
	const char *network, *in[3], *out[3];
} networks[] = {
    {"192.0.2.1", {"192.0.2.1"}, {"192.0.2.0", "192.0.2.2", "::c000:201"}},
    {"192.0.2.0/24", {"192.0.2.0", "192.0.2.255"}, {"192.0.1.255", "192.0.3.0"}},
    {"10.0.0.0/9", {"10.127.255.255"}, {"10.128.0.0", "9.255.255.255"}},
    {"0.0.0.0/0", {"1.2.3.4", "255.255.255.255"}, {"::1", "2001:db8::1"}},
    {"::/0", {"1.2.3.4", "2001:db8::1", "::"}, {NULL}},
    {"2001:db8::/33", {"2001:db8:7fff::1"}, {"2001:db8:8000::1"}},
    {"2001:db8::5", {"2001:db8::5"}, {"2001:db8::4"}},
};

START_TEST(banned_networks)
{
	uint8_t room[BANS_ADDRESS_SIZE], other[BANS_ADDRESS_SIZE];
	struct store_ban ban = network(networks[_i].network, 0, room),
	                 far = network("203.0.113.64/27", 0, other);

	limits.filter = NULL;
	ck_assert_int_eq(gate_ban(gate, &far, now, NULL), 0);
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	for (int i = 0; i < 3 && networks[_i].in[i] != NULL; i++)
		ck_assert_int_eq(knock_from(networks[_i].in[i]), VERDICT_BANNED);
	for (int i = 0; i < 3 && networks[_i].out[i] != NULL; i++)
		ck_assert_int_eq(knock_from(networks[_i].out[i]), VERDICT_ACCEPTED);
	ck_assert(gate_unban(gate, STORE_BAN_ADDRESS, ban.value));
	ck_assert(!gate_unban(gate, STORE_BAN_ADDRESS, ban.value));
	for (int i = 0; i < 3 && networks[_i].in[i] != NULL; i++)
		ck_assert_int_eq(knock_from(networks[_i].in[i]), VERDICT_ACCEPTED);
	ck_assert_int_eq(knock_from("203.0.113.70"), VERDICT_BANNED);
}
END_TEST

START_TEST(banned_names)
{
	struct store_ban ban = {.kind = STORE_BAN_USER, .value = slice_str("ann")};

	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	ck_assert_int_eq(judge("ann"), VERDICT_BANNED);
	ck_assert_int_eq(judge("an"), VERDICT_ACCEPTED);
	struct gate_who who = client("ann");
	ck_assert_int_eq(gate_judge(gate, 0, &limits, &who, now).verdict, VERDICT_ACCEPTED);
	ban.kind = STORE_BAN_CLIENT_ID;
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	filter.dry_run = true;
	ck_assert_int_eq(gate_judge(gate, 0, &limits, &who, now).verdict, VERDICT_BANNED);
	ck_assert(!gate_judge(gate, 0, &limits, &who, now).dry);
	ban = (struct store_ban){.kind = STORE_BAN_USER};
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), -1);
}
END_TEST

/* The text of a ban list: values and ends. */
static int see(void *ctx, const struct store_ban *ban)
{
	size_t *n = ctx;

	ck_assert(ban->until == 0 || ban->until > now.real_us / 1000000);
	++*n;
	return 0;
}

START_TEST(bans_run_out)
{
	int64_t now_s = now.real_us / 1000000;
	uint8_t room[BANS_ADDRESS_SIZE];
	struct store_ban ban = network("192.0.2.1", now_s + 10, room);
	size_t n = 0;

	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	now.real_us += 9999999;
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_BANNED);
	gate_bans(gate, now, see, &n);
	ck_assert_uint_eq(n, 1);
	now.real_us++;
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_ACCEPTED);
	gate_bans(gate, now, see, &n);
	ck_assert_uint_eq(n, 1);
	/* Banned again, for longer: one ban. */
	ban.until = 0;
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	gate_bans(gate, now, see, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_BANNED);
}
END_TEST

static enum gate_sentence refused(const char *address)
{
	struct gate_who who = at(address);
	struct gate_ban ban;

	enum gate_sentence sentence = gate_refused(gate, &limits, &who, now, &ban, NULL);
	if (sentence == GATE_BANS)
		ck_assert_int_eq(ban.ban.until, now.real_us / 1000000 + 60);
	return sentence;
}

static void later(int64_t ms)
{
	now.mono_ms += ms;
	now.real_us += ms * 1000;
}

START_TEST(ban_after_refusals)
{
	filter.ban_after = (struct conf_rate){3, 10000};
	filter.ban_ms = 60000;
	ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
	ck_assert_int_eq(refused("192.0.2.2"), GATE_COUNTS);
	later(4999);
	ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
	later(5000);
	ck_assert_int_eq(refused("192.0.2.1"), GATE_BANS);
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_BANNED);
	ck_assert_int_eq(knock_from("192.0.2.2"), VERDICT_ACCEPTED);
	/* What a banned one is refused for is not counted. */
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
	/* Lifted, it is counted anew. */
	uint8_t room[BANS_ADDRESS_SIZE];
	struct store_ban ban = network("192.0.2.1", 0, room);
	ck_assert(gate_unban(gate, STORE_BAN_ADDRESS, ban.value));
	ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
	ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
	ck_assert_int_eq(refused("192.0.2.1"), GATE_BANS);
	later(60000);
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_ACCEPTED);
	/* Too slow: counted anew when the time is over. */
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
		later(5000);
	}
	filter.ban_after.n = 1;
	ck_assert_int_eq(refused("192.0.2.9"), GATE_BANS);
	filter.ban_after.n = 0;
	ck_assert_int_eq(refused("192.0.2.8"), GATE_COUNTS);
}
END_TEST

START_TEST(a_network_is_banned_for_its_host)
{
	filter.ban_after = (struct conf_rate){2, 10000};
	filter.ban_ms = 60000;
	ck_assert_int_eq(refused("2001:db8::1"), GATE_COUNTS);
	ck_assert_int_eq(refused("2001:db8::2"), GATE_BANS);
	ck_assert_int_eq(knock_from("2001:db8::ffff:3"), VERDICT_BANNED);
	ck_assert_int_eq(knock_from("2001:db8:0:1::3"), VERDICT_ACCEPTED);
	/* In the /64 of ::1 lies all of IPv4. */
	ck_assert_int_eq(refused("::1"), GATE_COUNTS);
	ck_assert_int_eq(refused("::1"), GATE_BANS);
	ck_assert_int_eq(knock_from("::1"), VERDICT_BANNED);
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_ACCEPTED);
}
END_TEST

START_TEST(bans_on_trial)
{
	filter.ban_after = (struct conf_rate){2, 10000};
	filter.ban_ms = 60000;
	filter.dry_run = true;
	ck_assert_int_eq(refused("192.0.2.1"), GATE_COUNTS);
	ck_assert_int_eq(refused("192.0.2.1"), GATE_WOULD_BAN);
	ck_assert_int_eq(knock_from("192.0.2.1"), VERDICT_ACCEPTED);
}
END_TEST

START_TEST(places_for_administrators)
{
	struct store_ban ban = {.kind = STORE_BAN_USER, .value = slice_str("ann")};
	char text[16];
	int n = 0, result;

	/* In whatever order they come, say from the state. */
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	ban.automatic = true;
	do {
		(void)snprintf(text, sizeof text, "%d", n);
		ban.value = slice_str(text);
		result = gate_ban(gate, &ban, now, NULL);
	} while (result == 0 && ++n <= BANS_MAX);
	ck_assert_int_eq(n, BANS_MAX - BANS_BY_HAND);
	ban.automatic = false;
	for (n++; n < BANS_MAX; n++) {
		(void)snprintf(text, sizeof text, "%d", n);
		ban.value = slice_str(text);
		ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	}
	ban.value = slice_str("one more");
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), -1);
	ck_assert(gate_unban(gate, STORE_BAN_USER, slice_str("0")));
	ban.automatic = true;
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
}
END_TEST

/* As many as there is room for; what is over makes room, and one that is there is never refused. */
START_TEST(bans_are_bounded)
{
	int64_t now_s = now.real_us / 1000000;
	char text[16];
	struct store_ban ban = {.kind = STORE_BAN_USER, .until = now_s + 30};

	for (int i = 0; i < BANS_MAX; i++) {
		(void)snprintf(text, sizeof text, "%d", i);
		ban.value = slice_str(text);
		ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	}
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	ban.value = slice_str("one more");
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), -1);
	filter.ban_after = (struct conf_rate){1, 10000};
	filter.ban_ms = 60000;
	ck_assert_int_eq(refused("192.0.2.1"), GATE_BAN_FAILED);
	later(61000);
	ck_assert_int_eq(gate_ban(gate, &ban, now, NULL), 0);
	ck_assert_int_eq(judge("5"), VERDICT_ACCEPTED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gate");
	TCase *t = tcase_create("gate");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, connects_per_address);
	tcase_add_test(t, filters_count_apart);
	tcase_add_test(t, a_changed_limit);
	tcase_add_test(t, flood_is_not_told);
	tcase_add_test(t, on_trial);
	tcase_add_test(t, connects_per_user);
	tcase_add_loop_test(t, connections, 0, 2);
	tcase_add_test(t, limits_that_come_later);
	tcase_add_test(t, publishing_is_remembered);
	tcase_add_test(t, pending);
	tcase_add_test(t, a_flood_of_addresses);
	tcase_add_test(t, tally_keeps_what_fits);
	tcase_add_loop_test(t, banned_networks, 0, (int)(sizeof networks / sizeof networks[0]));
	tcase_add_test(t, banned_names);
	tcase_add_test(t, bans_run_out);
	tcase_add_test(t, ban_after_refusals);
	tcase_add_test(t, a_network_is_banned_for_its_host);
	tcase_add_test(t, bans_on_trial);
	tcase_add_test(t, places_for_administrators);
	tcase_add_test(t, bans_are_bounded);
	suite_add_tcase(s, t);
	return suite_run(s);
}
