/* SPDX-License-Identifier: ISC */
/* The engine under any row of events: bytes of both sides, ends, answers, time. The host of the
 * scenarios holds it to its contract after every call. Beside that: the plaintext of an envelope
 * that was tampered with, and a message that the lists deny, is never seen again. The host also
 * balances that each packet id is answered once.
 *
 * The first byte chooses policy and way; then events, each a byte and its arguments. */
#include "base/secret.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/packet.h"
#include "tests/scenario/sim_host.h"

#include <stdio.h>

enum {
	MARKER = 16,
	POLICIES = 26,
	READY = 24,
	OPTIONAL = 6,
	ALIASED = 10,
	IDS = 4,
	EVENTS_MAX = 400
};

static const struct named_policy policies[POLICIES] = {
    {"plain", {{NULL}, 0}},
    {"seal", {{"rule=t/open/#:pass", "rule=t/#:plain:k1"}, 2}},
    {"open", {{"rule=t/#:k1+k2:plain"}, 1}},
    {"reseal", {{"rule=t/#:k1+k2:k3", "message=2000"}, 2}},
    {"otp", {{"otp=password+otp", "deny-id=bad*"}, 2}},
    {"otp-seal", {{"otp=otp", "rule=#:plain:k1"}, 2}},
    {"open-all", {{"rule=#:k1:plain", "connect=300"}, 2}},
    {"otp-open", {{"otp=password+otp", "rule=t/#:k1:k1", "versions=3.1.1,5.0"}, 3}},
    {"brief", {{"rule=t/#:k1+k2:plain", "message=100"}, 2}},
    {"brief-both", {{"rule=t/#:k1:k3", "message=100"}, 2}},
    {"cut", {{"rule=t/#:k1:k3:disconnect", "message=100"}, 2}},
    {"both", {{"rule=t/#:k3:k3"}, 1}},
    {"prefer", {{"rule=t/#:k1:plain:prefer:empty-drop:pad-16"}, 1}},
    {"prefer-both", {{"rule=t/#:k1:k3:prefer:properties", "message=2000"}, 2}},
    {"props", {{"rule=t/#:plain:k1:properties:pad-1024:unbound:age-60:strict"}, 1}},
    {"lists",
     {{"deny-id=bad*", "deny-publish=no/#", "allow-publish=", "deny-subscribe=no/#",
       "allow-subscribe="},
      5}},
    {"lists-names",
     {{"allow-publish=t/%c/#", "deny-publish=", "allow-subscribe=t/%c/#", "deny-subscribe="}, 4}},
    {"lists-seal",
     {{"rule=t/#:plain:k1", "allow-publish=t/#", "allow-publish=x",
       "deny-publish=", "deny-subscribe=no/#", "allow-subscribe=", "silent"},
      7}},
    {"lists-cut",
     {{"deny-publish=no/#", "allow-publish=", "deny-subscribe=no/#",
       "allow-subscribe=", "on-deny-disconnect"},
      5}},
    {"props-both", {{"rule=t/#:k1+k3:k3:properties:pad-64:disconnect"}, 1}},
    {"inject", {{"inject=password+otp"}, 1}},
    {"inject-supply", {{"inject=otp", "supply-user=u", "rule=t/#:plain:k1"}, 3}},
    {"stream", {{"rule=t/#:k1+k2:plain", "whole=0"}, 2}},
    {"stream-both", {{"rule=t/#:k1:k3", "whole=0"}, 2}},
    {"stream-more", {{"rule=t/#:k3:k1:properties:pad-512", "whole=40"}, 2}},
    {"inject-otp", {{"otp=password+otp", "inject=otp+password", "supply-password=p"}, 3}},
};

/* Good packets, so that an input gets far with few bytes. */
static const struct words ready[READY] = {
    {{"connect", "id=c1"}, 2},
    {{"connect", "id=c1", "user=$t", "pass=pw$code"}, 4},
    {{"connect", "id=c1", "user=$t", "pass=$code"}, 4},
    {{"connect", "id=c1", "will-topic=t/w", "will-payload=x", "will-retain=1"}, 5},
    {{"connect", "id=c1", "will-topic=t/w", "will-payload=x", "will-sealed=k1"}, 5},
    {{"connect", "id=c1", "p:authentication-method=M", "p:topic-alias-maximum=9"}, 4},
    {{"connack"}, 1},
    {{"connack", "code=5/0x87", "p:reason-string=no"}, 3},
    {{"publish", "topic=t/a", "payload=hello"}, 3},
    {{"publish", "topic=t/a", "qos=1", "payload=fill:300"}, 4},
    {{"publish", "topic=t/a", "retain=1"}, 3},
    {{"publish", "topic=t/a", "payload=hello", "sealed=k1"}, 4},
    {{"publish", "topic=t/a", "payload=hello", "sealed=k3/UR", "retain=1"}, 5},
    {{"publish", "topic=x", "payload=hello", "p:payload-format-indicator=1"}, 4},
    {{"publish", "topic=t/a", "payload=hello", "p:payload-format-indicator=1"}, 4},
    {{"publish", "topic=x", "payload=fill:3000", "sealed=k1"}, 4},
    {{"puback", "pid=1"}, 2},
    {{"pubrel", "pid=1"}, 2},
    {{"subscribe", "filter=a/#:1"}, 2},
    {{"suback", "code=1"}, 2},
    {{"pingreq"}, 1},
    {{"pingresp"}, 1},
    {{"disconnect"}, 1},
    {{"auth", "code=0x18", "p:authentication-method=M"}, 3},
};

/* What the options of payload rules are about. */
static const struct words optional[OPTIONAL] = {
    {{"publish", "topic=t/a", "payload=x", "p:user-property=a:b", "p:content-type=x"}, 5},
    {{"publish", "topic=t/a", "payload=x", "sealed=k1", "ip:user-property=a:b", "pad=64"}, 6},
    {{"publish", "topic=t/a", "payload=x", "sealed=k3/N", "p:correlation-data=x", "age=90000"}, 6},
    {{"connect", "will-topic=t/w", "will-payload=x", "wp:user-property=a:b"}, 4},
    {{"publish", "topic=t/a", "retain=1", "payload=", "sealed=k3/RP", "p:content-type=x"}, 6},
    {{"publish", "topic=t/a", "qos=1", "payload=fill:20000", "p:user-property=a:b"}, 5},
};

/* Topic aliases: set, mapped anew, used, by what passes and by what does not. */
static const struct words aliased[ALIASED] = {
    {{"connect", "id=c1", "p:topic-alias-maximum=2"}, 3},
    {{"connack", "p:topic-alias-maximum=2"}, 2},
    {{"publish", "topic=x", "payload=1", "p:topic-alias=1"}, 4},
    {{"publish", "topic=t/a", "payload=plain", "qos=1", "p:topic-alias=1"}, 5},
    {{"publish", "topic=t/a", "payload=sealed", "sealed=k1", "p:topic-alias=1"}, 5},
    {{"publish", "topic=t/open/b", "payload=fill:300", "p:topic-alias=2"}, 4},
    {{"publish", "payload=2", "p:topic-alias=1"}, 3},
    {{"publish", "payload=2", "qos=1", "p:topic-alias=2"}, 4},
    {{"publish", "payload=sealed", "sealed=k1", "bound=t/a", "p:topic-alias=1"}, 5},
    {{"publish", "payload=sealed", "sealed=k3", "bound=t/a", "p:topic-alias=1"}, 5},
};

static struct world *worlds[POLICIES];

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t next(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (secret_init() != 0)
		return -1;
	for (size_t i = 0; i < POLICIES; i++)
		worlds[i] = world_new(&policies[i]);
	return 0;
}

static bool may_send(const struct host *h, enum side from)
{
	return !h->ended[from] && !h->closed[from] && (from == SIDE_CLIENT || h->leg);
}

static struct making making_of(const struct host *h, enum mqtt_version version)
{
	return (struct making){
	    .world = h->world,
	    .version = version,
	    .now = h->env.now,
	    .expanding = {.hotp = h->world->kit.hotp, .time = h->env.now.real_us / 1000000}};
}

static bool send_bytes(struct host *h, enum side from, struct input *in)
{
	size_t n = next(in);

	n = n > in->n ? in->n : n;
	bool ok = !may_send(h, from) || host_send(h, from, slice_of(in->p, n));
	in->p += n;
	in->n -= n;
	return ok;
}

static bool send_one(struct host *h, enum side from, struct input *in, const struct words *of,
                     uint8_t n)
{
	uint8_t which = next(in);
	struct making m = making_of(h, (enum mqtt_version)(MQTT_31 + which / n % 3));
	struct packet packet;

	FUZZ_CHECK(packet_make(&m, &of[which % n], &packet, h->fault));
	bool ok = !may_send(h, from) || host_send(h, from, slice_of(packet.p, packet.n));
	packet_free(&packet);
	return ok;
}

/* An envelope of which one bit was changed, under a topic of the rules. */
static bool send_forged(struct host *h, enum side from, struct input *in)
{
	uint8_t how = next(in);
	struct making m = making_of(h, (enum mqtt_version)(MQTT_31 + how % 3));
	char payload[16 + 2 * MARKER] = "payload=hex:", sealed[16], spoil[16];
	struct words words = {{"publish", "topic=t/a", payload, sealed, spoil}, 5};
	struct packet packet;

	text_hex(h->marker.p, h->marker.n, payload + strlen(payload));
	(void)snprintf(sealed, sizeof sealed, "sealed=k%d", 1 + how / 3 % 3);
	(void)snprintf(spoil, sizeof spoil, "spoil=%zu", next(in) % envelope_size(MARKER));
	FUZZ_CHECK(packet_make(&m, &words, &packet, h->fault));
	bool ok = !may_send(h, from) || host_send(h, from, slice_of(packet.p, packet.n));
	packet_free(&packet);
	return ok;
}

/* A new configuration: any that denies what this one denies, and asks for no code where none was
 * asked for. */
static void exchange(struct host *h, uint8_t which)
{
	const struct policy *now = h->env.policy;

	for (size_t i = 0; i < POLICIES; i++) {
		const struct world *w = worlds[(which + i) % POLICIES];
		if (w->policy.filter.topics != now->filter.topics || w->policy.otp != now->otp)
			continue;
		h->env.policy = &w->policy;
		h->env.kit = &w->kit;
		return;
	}
}

/* An envelope of some segments, in two pieces. Sealed by a key of any rule, or of none; good, or
 * one bit of it is changed before the bytes that must not be seen: they stand at the end. */
static bool send_long(struct host *h, enum side from, struct input *in)
{
	uint8_t how = next(in), at = next(in), cut = next(in), then = next(in);
	struct making m = making_of(h, (enum mqtt_version)(MQTT_31 + how % 3));
	size_t lead = (size_t)at * 255, sealed_size;
	char payload[32 + 2 * MARKER], hex[2 * MARKER + 1], sealed[16], spoil[32];
	struct words words = {{"publish", "topic=t/a", payload, "qos=1", sealed, spoil}, 5};
	bool bad = (how & 64) != 0;
	struct packet packet;

	text_hex(h->marker.p, h->marker.n, hex);
	(void)snprintf(payload, sizeof payload, "payload=lead:%zu:%s", lead, bad ? hex : "00");
	(void)snprintf(sealed, sizeof sealed, "sealed=k%d", 1 + how / 3 % 3);
	sealed_size = envelope_size(lead + (bad ? MARKER : 1));
	(void)snprintf(spoil, sizeof spoil, "spoil=%zu", sealed_size * then / 256);
	words.n += bad;
	FUZZ_CHECK(packet_make(&m, &words, &packet, h->fault));
	size_t first = packet.n * cut / 256;
	bool ok = !may_send(h, from) || host_send(h, from, slice_of(packet.p, first));
	if ((how & 128) != 0)
		exchange(h, then);
	ok = ok && (!may_send(h, from) ||
	            host_send(h, from, slice_of(packet.p + first, packet.n - first)));
	packet_free(&packet);
	return ok;
}

/* What belongs to a handshake, under few ids: good, bad, too long, and the rest of it. */
static bool send_flight(struct host *h, enum side from, struct input *in)
{
	static const char *const kinds[][4] = {
	    {"publish", "topic=t/a", "payload=bad"},
	    {"publish", "topic=t/a", "payload=good", "sealed=k1"},
	    {"publish", "topic=t/a", "payload=good", "sealed=k3"},
	    {"publish", "topic=t/a", "payload=fill:300"},
	    {"publish", "topic=t/a", "payload=fill:18000", "sealed=k3"},
	    {"publish", "topic=x", "payload=free"},
	    {"pubrel"},
	    {"puback"},
	    {"pubrec"},
	    {"pubcomp"},
	};
	uint8_t which = next(in), how = next(in);
	struct making m = making_of(h, (enum mqtt_version)(MQTT_31 + how % 3));
	const char *const *kind = kinds[which % (sizeof kinds / sizeof kinds[0])];
	char id[16], qos[16];
	struct words words = {.n = 0};
	struct packet packet;

	for (size_t i = 0; i < 4 && kind[i] != NULL; i++)
		words.w[words.n++] = kind[i];
	(void)snprintf(id, sizeof id, "pid=%d", 1 + how / 3 % IDS);
	(void)snprintf(qos, sizeof qos, "qos=%d", 1 + how / 3 / IDS % 2);
	words.w[words.n++] = id;
	if (words.n > 2)
		words.w[words.n++] = qos;
	FUZZ_CHECK(packet_make(&m, &words, &packet, h->fault));
	bool ok = !may_send(h, from) || host_send(h, from, slice_of(packet.p, packet.n));
	packet_free(&packet);
	return ok;
}

/* What rules on topics deny, with a payload that must not be seen; and SUBSCRIBEs that lose some of
 * their filters, or all. */
static bool send_listed(struct host *h, enum side from, struct input *in)
{
	static const char *const kinds[][4] = {
	    {"publish", "topic=no/a"},
	    {"publish", "topic=no/a", "qos=1"},
	    {"publish", "topic=no", "qos=2"},
	    {"subscribe", "filter=t/c1/a:1", "filter=no/a:0"},
	    {"subscribe", "filter=no/+:2", "filter=#:1", "filter=t/c1/#:0"},
	    {"subscribe", "filter=no/#:2"},
	    {"suback", "code=1"},
	    {"suback", "code=0/0x87", "code=2"},
	};
	uint8_t which = next(in), how = next(in);
	struct making m = making_of(h, (enum mqtt_version)(MQTT_31 + how % 3));
	const char *const *kind = kinds[which % (sizeof kinds / sizeof kinds[0])];
	char id[16], payload[16 + 2 * MARKER] = "payload=hex:";
	struct words words = {.n = 0};
	struct packet packet;

	if (!h->world->policy.filter.topics || !may_send(h, from))
		return true;
	for (size_t i = 0; i < 4 && kind[i] != NULL; i++)
		words.w[words.n++] = kind[i];
	(void)snprintf(id, sizeof id, "pid=%d", 1 + how / 3 % IDS);
	text_hex(h->marker.p, h->marker.n, payload + strlen(payload));
	if (words.n > 2 || kind[0][0] == 's')
		words.w[words.n++] = id;
	if (kind[0][0] == 'p')
		words.w[words.n++] = payload;
	FUZZ_CHECK(packet_make(&m, &words, &packet, h->fault));
	bool ok = host_send(h, from, slice_of(packet.p, packet.n));
	packet_free(&packet);
	return ok;
}

static void answer_so(struct host *h, uint8_t how)
{
	static const char *const said[] = {NULL,     "fails",  "locked", "raised",
	                                   "deleted", "banned", "fails",  "locked"};

	h->dial_fails = (how & 8) != 0;
	h->store_says = said[how & 7];
}

static bool event(struct host *h, struct input *in)
{
	uint8_t op = next(in);
	enum side from = (op & 16) != 0 ? SIDE_BROKER : SIDE_CLIENT;

	switch (op & 15) {
	case 0:
	case 1:
	case 2:
		return send_bytes(h, from, in);
	case 3:
	case 4:
	case 5:
		if ((op & 32) != 0)
			return send_flight(h, from, in);
		if ((op & 192) == 192)
			return send_one(h, from, in, aliased, ALIASED);
		return (op & 64) != 0 ? send_one(h, from, in, optional, OPTIONAL)
		                      : send_one(h, from, in, ready, READY);
	case 6:
		return (op & 32) != 0 ? send_long(h, from, in) : send_forged(h, from, in);
	case 7:
		return host_after(h, (int64_t)next(in) * 64);
	case 8:
	case 9:
		return h->ended[from] || h->closed[from] || (from == SIDE_BROKER && !h->leg) ||
		       host_end(h, from, (op & 1) != 0);
	case 10:
		h->held = next(in) & (ASK_TAKE | ASK_DIAL | ASK_CONSUME | ASK_DRAW);
		return true;
	case 11:
		if ((op & 32) != 0)
			return host_read(h, SIDE_CLIENT, h->unread[SIDE_CLIENT]);
		return host_release(h);
	case 12:
		return host_stop(h, from == SIDE_CLIENT ? MQTT_SERVER_SHUTTING_DOWN
		                                        : MQTT_ADMINISTRATIVE_ACTION);
	case 13:
		return host_refuse(h, (enum verdict)(1 + next(in) % (VERDICT_COUNT - 1)));
	case 14:
		if ((op & 32) != 0)
			exchange(h, next(in));
		else
			answer_so(h, next(in));
		return true;
	default:
		if ((op & 32) != 0)
			return send_listed(h, from, in);
		host_again(h);
		return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .n = size};
	struct fault fault = {""};
	struct host h;
	uint8_t first = next(&in), marker[MARKER];
	struct sim_way way = {.tight = (first & 16) != 0, .patient = (first & 32) != 0};
	size_t policy = (first & 15) + (first >> 2 & 16);
	bool ok = true;

	host_init(&h, worlds[policy % POLICIES], &way, &fault);
	/* Not the same twice, or a fuzzer learns to send it in clear. */
	secret_random(marker, sizeof marker);
	h.marker = slice_of(marker, sizeof marker);
	for (int i = 0; ok && in.n != 0 && i < EVENTS_MAX; i++)
		ok = event(&h, &in);
	if (!ok)
		fprintf(stderr, "%s\n", fault.text);
	FUZZ_CHECK(ok);
	host_fini(&h);
	return 0;
}
