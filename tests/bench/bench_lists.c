/* SPDX-License-Identifier: ISC */
/* What very long lists cost: `bench_lists [ENTRIES]`, a million by default, writes list files into
 * a folder of its own, loads them as the daemon does, each in a process of its own, and prints how
 * long that takes, what the process grows by (at its peak, and what stays), and how long a verdict
 * on a connect takes, of which half are in the list. */
#include "base/secret.h"
#include "conf/conf.h"
#include "sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUESTIONS = 1 << 20, ROUNDS = 8 };

static uint64_t random_state;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

/* What is written is drawn from a row of numbers that can be drawn again. */
static void start_row(void)
{
	random_state = 88172645463325252u;
}

struct bench {
	const char *name, *rules;
	unsigned lists; /* bits of enum */
};

enum { V4 = 1, V6 = 2, IDS = 4, MIXED = 8, MIXED6 = 16, LISTS = 5 };

static struct acl_address v4(uint32_t a)
{
	struct acl_address out = {.b = {[10] = 0xff, [11] = 0xff}};

	for (unsigned i = 0; i < 4; i++)
		out.b[12 + i] = (uint8_t)(a >> (24 - 8 * i));
	return out;
}

static struct acl_address v6(uint32_t a)
{
	struct acl_address out = {.b = {0x20, 0x01, 0x0d, 0xb8}};

	for (unsigned i = 0; i < 4; i++)
		out.b[4 + 3 * i] = (uint8_t)(a >> (24 - 8 * i));
	return out;
}

/* Within a network of its own, as MIXED6 has them. */
static struct acl_address v6_at_home(uint32_t a)
{
	struct acl_address out = {.b = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

	for (unsigned i = 0; i < 4; i++)
		out.b[4 + i] = (uint8_t)(a >> (24 - 8 * i));
	return out;
}

static void write_entry(FILE *f, unsigned list, uint32_t a)
{
	struct acl_address x = v6(a);

	if (list == V4)
		(void)fprintf(f, "%u.%u.%u.%u\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	else if (list == MIXED)
		(void)fprintf(f, "%u.%u.%u.0/%u\n", a >> 24, a >> 16 & 255, a >> 8 & 255,
		              24 + (a & 1) * 8);
	else if (list == IDS)
		(void)fprintf(f, "sensor-%08x-%04x\n", a, a & 0xffff);
	else if (list == MIXED6)
		(void)fprintf(f, "2001:db8:%x:%x::/%u\n", a >> 16,
		              (a & 1) != 0 ? a & 0xffff : a & 0xff00, 56 + (a & 1) * 8);
	else
		(void)fprintf(f, "%x:%x:%x:%x:%x:%x:%x:%x\n", x.b[0] << 8 | x.b[1],
		              x.b[2] << 8 | x.b[3], x.b[4] << 8 | x.b[5], x.b[6] << 8 | x.b[7],
		              x.b[8] << 8 | x.b[9], x.b[10] << 8 | x.b[11], x.b[12] << 8 | x.b[13],
		              x.b[14] << 8 | x.b[15]);
}

static int write_list(const char *name, unsigned list, size_t entries)
{
	FILE *f = fopen(name, "w");

	if (f == NULL)
		return -1;
	start_row();
	for (size_t i = 0; i < entries; i++)
		write_entry(f, list, next_random());
	return fclose(f);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double megabytes_now(void)
{
	unsigned long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &pages, &resident) != 2)
		resident = 0;
	if (f != NULL)
		(void)fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static double megabytes_peak(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_maxrss * 1024 / 1e6;
}

/* Who connects: at even places somebody of the list, else somebody else. Kept as numbers, so that
 * what is asked takes little of the caches that the answer needs. */
static uint32_t *make_questions(size_t entries)
{
	uint32_t *row = malloc(entries * sizeof *row), *out = malloc(QUESTIONS * sizeof *out);

	if (row == NULL || out == NULL)
		exit(1);
	start_row();
	for (size_t i = 0; i < entries; i++)
		row[i] = next_random();
	for (size_t i = 0; i < QUESTIONS; i++)
		out[i] = row[next_random() % entries] ^ (i % 2 == 0 ? 0 : next_random());
	free(row);
	return out;
}

static void put_hex(char *out, uint32_t a, size_t digits)
{
	for (; digits-- > 0; a >>= 4)
		out[digits] = "0123456789abcdef"[a & 15];
}

/* Asks all questions; how many were denied. */
static size_t ask_all(const struct acl_ruleset *r, unsigned lists, const uint32_t *questions)
{
	char name[] = "sensor-00000000-0000";
	struct acl_who who = {.client_id = slice_str(name)};
	size_t denied = 0;

	for (size_t i = 0; i < QUESTIONS; i++) {
		put_hex(name + 7, questions[i], 8);
		put_hex(name + 16, questions[i], 4);
		who.address = (lists & MIXED6) != 0 ? v6_at_home(questions[i])
		              : (lists & V6) != 0   ? v6(questions[i])
		                                    : v4(questions[i]);
		denied += !acl_connect(r, &who).allow;
	}
	return denied;
}

/* The best of some rounds is the one that others disturbed least. */
static void ask(const struct acl_ruleset *r, unsigned lists, size_t entries)
{
	uint32_t *questions = make_questions(entries);
	double best = 1e9;
	size_t denied = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		denied = ask_all(r, lists, questions);
		cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		best = cpu < best ? cpu : best;
	}
	(void)printf(", a verdict %.0f ns, %zu %% denied\n", best * 1e9 / QUESTIONS,
	             denied * 100 / QUESTIONS);
	free(questions);
}

/* In a process of its own: one configuration with the rules. */
static int run(const struct bench *b, size_t entries)
{
	const struct conf_reader reader = {.read = file_read, .glob = file_glob};
	struct conf_report report = {0};
	FILE *f = fopen("bench.conf", "w");

	if (f == NULL)
		return 1;
	(void)fprintf(f,
	              "listener l {\n\tlisten 127.0.0.1:0\n\tbroker b\n\tfilter f\n}\n"
	              "broker b {\n\taddress 127.0.0.1:1\n}\nfilter f {\n%s\tallow connect\n}\n",
	              b->rules);
	if (fclose(f) != 0)
		return 1;
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	double before = megabytes_now();
	struct conf *conf = conf_load("bench.conf", &reader, &report);
	if (conf == NULL) {
		(void)fputs(report.text, stderr);
		return 1;
	}
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	(void)printf("%-28s load %.2f s (%.2f s of CPU), grows by %.0f MB, %.0f MB stay", b->name,
	             wall, cpu, megabytes_peak() - before, megabytes_now() - before);
	ask(conf->filters[0].rules, b->lists, entries);
	conf_free(conf);
	conf_report_fini(&report);
	return 0;
}

static const struct bench benches[] = {
    {"no list", "", V4},
    {"IPv4 addresses", "\tdeny connect address @v4.txt\n", V4},
    {"IPv4 networks", "\tdeny connect address @mixed.txt\n", V4},
    {"IPv6 addresses", "\tdeny connect address @v6.txt\n", V6},
    {"IPv6 networks", "\tdeny connect address @mixed6.txt\n", MIXED6},
    {"client ids", "\tdeny connect client-id @ids.txt\n", IDS},
    {"IPv4 addresses, client ids",
     "\tdeny connect address @v4.txt\n\tdeny connect client-id @ids.txt\n", V4 | IDS},
};

static int run_all(size_t entries)
{
	static const char *const files[] = {"v4.txt", "v6.txt", "ids.txt", "mixed.txt",
	                                    "mixed6.txt"};
	static const unsigned lists[] = {V4, V6, IDS, MIXED, MIXED6};
	int status = 0;

	for (size_t i = 0; i < LISTS; i++) {
		if (write_list(files[i], lists[i], entries) != 0)
			return 1;
	}
	for (size_t i = 0; i < sizeof benches / sizeof benches[0] && status == 0; i++) {
		(void)fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			status = run(&benches[i], entries);
			(void)fflush(stdout);
			_exit(status);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 1;
	}
	for (size_t i = 0; i < LISTS; i++)
		(void)unlink(files[i]);
	(void)unlink("bench.conf");
	return status != 0;
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/bench_lists.XXXXXX";
	size_t entries = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	if (entries == 0 || secret_init() != 0 || mkdtemp(folder) == NULL || chdir(folder) != 0) {
		(void)fputs("usage: bench_lists [ENTRIES]\n", stderr);
		return 2;
	}
	(void)printf("%zu entries a list\n", entries);
	int status = run_all(entries);
	(void)rmdir(folder);
	return status;
}
