/* SPDX-License-Identifier: ISC */
/* What sealing and opening may cost: no allocation, ours or libcrypto's, and no system call, once a
 * session is known; and strangers' envelopes neither allocate nor push a known session out. */
#include "tests/support/allocations.h"
#include "tests/unit/seal_pair.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LRU = 4, PAYLOAD = 40000 };

static struct seal_pair pair;
static uint8_t payload[PAYLOAD], sealed[PAYLOAD + 1000], out[PAYLOAD + 1000];
static const uint8_t props[] = {0x03, 0, 1, 'j'};

static void setup(void)
{
	pair_init(&pair, LRU);
	pair_fill(payload, sizeof payload);
}

static void teardown(void)
{
	pair_fini(&pair);
}

/* Messages of both engines, with and without properties and padding, of one and of three segments.
 * False: one failed. No assertion inside, since those write. */
static bool seal_and_open(unsigned rounds)
{
	static const size_t lengths[] = {0, 1, 300, 512, 513, 2000, 16384, PAYLOAD};
	struct seal_demand demand = {0};
	struct seal_opened opened;

	for (unsigned i = 0; i < rounds * 8; i++) {
		struct seal_message m = {.topic = slice_str("plant/7/line/2/temp"),
		                         .has_props = i % 3 == 0,
		                         .props = slice_of(props, sizeof props),
		                         .pad_to = i % 5 == 0 ? 64 : 0,
		                         .payload = slice_of(payload, lengths[i % 8])};
		bool ok = false;
		size_t n = envelope_size(seal_inner_size(&m, &ok));
		if (!ok || seal_message(pair.sealer, &m, pair.now, sealed) != SEAL_OK ||
		    seal_open(pair.opener, &demand, m.topic, slice_of(sealed, n), pair.now, out,
		              &opened) != SEAL_OK ||
		    opened.payload.n != m.payload.n)
			return false;
	}
	return true;
}

START_TEST(no_allocation)
{
	ck_assert(seal_and_open(1));
	struct allocations before = allocations_now();
	ck_assert_uint_gt(before.ours, 0); /* the counters count */
	ck_assert_uint_gt(before.theirs, 0);
	before = allocations_now(); /* an assertion allocates */
	bool good = seal_and_open(20);
	struct allocations after = allocations_now(); /* an assertion allocates */
	ck_assert_uint_eq(after.ours, before.ours);
	ck_assert_uint_eq(after.theirs, before.theirs);
	ck_assert(good);
}
END_TEST

/* In strict seccomp anything but read, write and exit kills. */
static void without_system_calls(unsigned rounds)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		_exit(errno == EINVAL || errno == EPERM ? 77 : 1);
	bool good = seal_and_open(rounds);
	(void)syscall(SYS_exit, good ? 0 : 1);
}

START_TEST(no_system_call)
{
	const char *preload = getenv("LD_PRELOAD");
	int status = 0;

	if (preload != NULL && strstr(preload, "vgpreload") != NULL)
		return; /* valgrind makes its own */
	ck_assert(seal_and_open(1));
	pid_t child = fork();
	if (child == 0)
		without_system_calls(20);
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}
END_TEST

/* Ten thousand envelopes of a known KID and random SALT: no memory, and the known sessions are
 * still there, which is seen from that opening them allocates nothing and derives nothing new. */
START_TEST(junk_flushes_nothing)
{
	static uint8_t known[LRU][SEAL_OVERHEAD_MIN + 5], junk[SEAL_OVERHEAD_MIN + 5];
	struct seal_message m = {.topic = slice_str("a"), .payload = slice_str("known")};
	struct seal_demand demand = {0};
	struct seal_opened opened;

	for (uint32_t i = 0; i < LRU; i++) {
		pair_salt(&pair, i + 100);
		struct slice bytes = pair_seal(&pair, &m, known[i]);
		ck_assert_int_eq(
		    seal_open(pair.opener, &demand, m.topic, bytes, pair.now, out, &opened),
		    SEAL_OK);
	}
	memcpy(junk, known[0], sizeof junk);
	struct allocations before = allocations_now();
	size_t wrong = 0;
	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(junk + 5, &i, sizeof i);
		wrong += seal_open(pair.opener, &demand, m.topic, slice_of(junk, sizeof junk),
		                   pair.now, out, &opened) != SEAL_E_AUTH;
	}
	/* Without its secret a ring's key opens only what is known already. */
	memset(pair.ring.keys[0].secret, 0, SEAL_KEY_SIZE);
	for (uint32_t i = 0; i < LRU; i++)
		wrong +=
		    seal_open(pair.opener, &demand, m.topic, slice_of(known[i], sizeof known[i]),
		              pair.now, out, &opened) != SEAL_OK;
	struct allocations after = allocations_now(); /* an assertion allocates */
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(after.ours, before.ours);
	ck_assert_uint_eq(after.theirs, before.theirs);
}
END_TEST

/* A full LRU takes new sessions without allocating: the evicted context is the next spare. */
START_TEST(eviction_allocates_nothing)
{
	static uint8_t stored[3 * LRU][SEAL_OVERHEAD_MIN + 1];
	struct seal_message m = {.topic = slice_str("a"), .payload = slice_str("x")};
	struct seal_demand demand = {0};
	struct seal_opened opened;
	struct allocations before = {0, 0};
	size_t wrong = 0;

	for (uint32_t i = 0; i < 3 * LRU; i++) {
		pair_salt(&pair, i + 100);
		(void)pair_seal(&pair, &m, stored[i]);
	}
	for (uint32_t i = 0; i < 300; i++) {
		struct slice bytes = slice_of(stored[i % (3 * LRU)], sizeof stored[0]);
		if (i == 3 * LRU)
			before = allocations_now();
		wrong += seal_open(pair.opener, &demand, m.topic, bytes, pair.now, out, &opened) !=
		         SEAL_OK;
	}
	struct allocations after = allocations_now(); /* an assertion allocates */
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(after.ours, before.ours);
	ck_assert_uint_eq(after.theirs, before.theirs);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seal costs");
	TCase *t = tcase_create("seal costs");

	if (!allocations_watch())
		return 99;
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, no_allocation);
	tcase_add_test(t, no_system_call);
	tcase_add_test(t, junk_flushes_nothing);
	tcase_add_test(t, eviction_allocates_nothing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
