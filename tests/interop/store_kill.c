/* SPDX-License-Identifier: ISC */
/* Kills a process that uses the state, again and again at another place, and looks after each kill
 *whether anything that it was told is gone. A worker adds a user, then raises the marks of all
 *users through the asynchronous store, each mark asked for twice at once, and writes every answer
 *to a pipe as it comes: what is in the pipe was acknowledged.
 *
 *	store_kill ROUNDS timed|strace|early FOLDER	the rounds; 0 where all held, 1 where one
 *did not store_kill worker PATH NAME WAVES EARLY		one worker, answers to standard
 *output
 *
 * timed: killed after a number of answers. strace: killed on entry to the k-th write or sync of one
 *of its threads. early: the same with a worker that says so before it asks, a seeded defect that
 *must be found. */
#include "base/secret.h"
#include "store/backend.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USERS_MAX = 64, NAME_SIZE = 16, EPOCH = 12, NOW = 1000000 };

static void die(const char *what, const char *why)
{
	fprintf(stderr, "# store_kill: %s: %s\n", what, why);
	exit(2);
}

/* A small number of the command line. */
static unsigned number(const char *word)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word == '\0' || *end != '\0' || value > 1000000)
		die(word, "not a number");
	return (unsigned)value;
}

/* ---- the worker ---- */

struct user {
	char name[NAME_SIZE];
	int64_t mark;
};

struct book {
	struct user users[USERS_MAX];
	size_t n;
};

struct request {
	struct store_op op; /* first */
	const struct user *user;
	unsigned *left;
	bool said; /* before it was asked */
};

/* One line is one write: whole in the pipe, or not at all. */
static void say(char what, const char *name, int64_t mark)
{
	char line[64];
	int n = snprintf(line, sizeof line, "%c %s %lld\n", what, name, (long long)mark);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(3);
}

static void answered(struct mail *m)
{
	const struct request *r = (const struct request *)m;

	if (r->op.status == STORE_FAILED)
		die(r->user->name, r->op.err.text);
	if (r->op.verb == STORE_CONSUME && r->op.status == STORE_DONE && !r->said)
		say('A', r->user->name, r->op.mark);
	--*r->left;
}

static void await_answers(struct mailbox *box, const unsigned *left)
{
	while (*left != 0) {
		struct pollfd p = {.fd = box->fd, .events = POLLIN};
		(void)poll(&p, 1, -1);
		mailbox_drain(box);
	}
}

static int collect(void *ctx, const struct store_user *u)
{
	struct book *book = ctx;

	if (book->n == USERS_MAX || u->name.n >= NAME_SIZE)
		die("collect", "more users than expected");
	struct user *to = &book->users[book->n++];
	memcpy(to->name, u->name.p, u->name.n);
	to->name[u->name.n] = '\0';
	to->mark = u->state.mark;
	return 0;
}

static void add_user(const char *path, const char *name, struct book *book)
{
	struct err e = {""};
	struct store_user u = {
	    .name = slice_str(name),
	    .params = {.kind = OTP_HOTP, .algorithm = OTP_SHA256, .digits = 8, .window = 10},
	    .state = {.mark = 0, .pending = -1},
	    .budget = 100,
	    .blob = slice_str("sealed"),
	    .created = NOW,
	};
	struct store_backend *b = store_sqlite_open(path, &e);

	if (b == NULL || b->ops->user_add(b, &u, &e) != 0)
		die(name, e.text);
	say('U', name, 0);
	if (b->ops->user_each(b, collect, book, &e) != 0)
		die(name, e.text);
	b->ops->close(b);
}

/* Two requests for each user's next mark: one of them must be refused. */
static void ask_all(struct store *s, struct mailbox *box, struct request *r, struct book *book,
                    const int64_t *ids, unsigned *left, bool early)
{
	*left = 2 * (unsigned)book->n;
	for (size_t i = 0; i < 2 * book->n; i++) {
		struct user *u = &book->users[i / 2];
		if (i % 2 == 0)
			u->mark++;
		r[i] = (struct request){.user = u, .left = left, .said = early};
		r[i].op = (struct store_op){.mail.deliver = answered,
		                            .reply_to = box,
		                            .verb = STORE_CONSUME,
		                            .id = ids[i / 2],
		                            .now = NOW,
		                            .mark = u->mark,
		                            .source = {(uint8_t)u->mark}};
		if (early && i % 2 == 0)
			say('A', u->name, u->mark);
		store_submit(s, &r[i].op);
	}
}

static void fetch_ids(struct store *s, struct mailbox *box, struct request *r, struct book *book,
                      int64_t *ids, unsigned *left)
{
	*left = (unsigned)book->n;
	for (size_t i = 0; i < book->n; i++) {
		r[i] = (struct request){.user = &book->users[i], .left = left};
		r[i].op = (struct store_op){.mail.deliver = answered,
		                            .reply_to = box,
		                            .verb = STORE_TAKE,
		                            .user = slice_str(book->users[i].name),
		                            .now = NOW};
		store_submit(s, &r[i].op);
	}
	await_answers(box, left);
	for (size_t i = 0; i < book->n; i++)
		ids[i] = r[i].op.id;
}

static int work(const char *path, const char *name, unsigned waves, bool early)
{
	static struct request r[2 * USERS_MAX];
	static struct book book;
	static int64_t ids[USERS_MAX];
	struct mailbox box;
	unsigned left = 0;
	struct err e = {""};

	add_user(path, name, &book);
	struct store *s = store_open("sqlite", path, NULL, NULL, &e);
	if (s == NULL || mailbox_init(&box, &e) != 0)
		die(path, e.text);
	fetch_ids(s, &box, r, &book, ids, &left);
	for (unsigned wave = 0; wave < waves; wave++) {
		ask_all(s, &box, r, &book, ids, &left, early);
		await_answers(&box, &left);
	}
	store_close(s);
	mailbox_fini(&box);
	return 0;
}

/* ---- the one who kills and looks ---- */

struct round {
	unsigned number;
	const char *mode, *path, *self;
	unsigned waves, kill_at;
	bool killed;
};

static struct user *find(struct book *book, const char *name)
{
	for (size_t i = 0; i < book->n; i++) {
		if (strcmp(book->users[i].name, name) == 0)
			return &book->users[i];
	}
	return NULL;
}

static void exec_worker(const struct round *r, int out)
{
	char name[NAME_SIZE], waves[16], inject[96];
	bool early = strcmp(r->mode, "early") == 0;

	(void)snprintf(name, sizeof name, "u%u", r->number);
	(void)snprintf(waves, sizeof waves, "%u", r->waves);
	(void)snprintf(inject, sizeof inject,
	               "inject=fsync,fdatasync,pwrite64,ftruncate,unlink:signal=SIGKILL:when=%u",
	               r->kill_at);
	(void)dup2(out, STDOUT_FILENO);
	if (strcmp(r->mode, "timed") == 0)
		(void)execl(r->self, r->self, "worker", r->path, name, waves, "0", (char *)NULL);
	else
		(void)execlp("strace", "strace", "-f", "-qq", "-o", "/dev/null", "-e",
		             "trace=fsync,fdatasync,pwrite64,ftruncate,unlink", "-e", inject,
		             r->self, "worker", r->path, name, waves, early ? "1" : "0",
		             (char *)NULL);
	perror("exec");
	_exit(127);
}

/* Reads one acknowledgement into the book. A mark that was acknowledged before was accepted twice.
 */
static int note(struct book *book, const char *line)
{
	char what, name[NAME_SIZE];
	long long mark;

	if (sscanf(line, "%c %15s %lld", &what, name, &mark) != 3)
		die("not a line of the worker", line);
	struct user *u = find(book, name);
	if (what == 'U') {
		if (u != NULL || book->n == USERS_MAX)
			die("a user came twice", name);
		u = &book->users[book->n++];
		(void)snprintf(u->name, sizeof u->name, "%s", name);
		u->mark = 0;
		return 0;
	}
	if (u == NULL) { /* its line was lost in a kill, it is there all the same */
		u = &book->users[book->n++];
		(void)snprintf(u->name, sizeof u->name, "%s", name);
		u->mark = 0;
	}
	if (mark <= u->mark) {
		printf("# %s: mark %lld was accepted twice (%lld)\n", name, mark,
		       (long long)u->mark);
		return -1;
	}
	u->mark = mark;
	return 0;
}

/* Starts a worker, reads what it says, kills it; fills the book. */
static int run_worker(struct round *r, struct book *acknowledged)
{
	int pipes[2], status = 0, bad = 0;
	unsigned lines = 0;
	char line[128];

	if (pipe2(pipes, O_CLOEXEC) != 0)
		die("pipe", "failed");
	pid_t child = fork();
	if (child < 0)
		die("fork", "failed");
	if (child == 0)
		exec_worker(r, pipes[1]);
	(void)close(pipes[1]);
	FILE *in = fdopen(pipes[0], "r");
	if (in == NULL)
		die("fdopen", "failed");
	while (fgets(line, sizeof line, in) != NULL) {
		bad |= note(acknowledged, line);
		if (++lines == r->kill_at && strcmp(r->mode, "timed") == 0)
			(void)kill(child, SIGKILL);
	}
	(void)fclose(in);
	if (waitpid(child, &status, 0) != child)
		die("waitpid", "failed");
	r->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (!r->killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		die(r->path, "the worker failed");
	return bad;
}

static int look(const struct round *r, struct book *acknowledged)
{
	static struct book found;
	struct err e = {""};
	int bad = 0;

	found.n = 0;
	struct store_backend *b = store_sqlite_open(r->path, &e);
	if (b == NULL || b->ops->user_each(b, collect, &found, &e) != 0) {
		printf("# round %u: %s\n", r->number, e.text);
		return -1;
	}
	b->ops->close(b);
	for (size_t i = 0; i < acknowledged->n; i++) {
		const struct user *want = &acknowledged->users[i], *got = find(&found, want->name);
		if (got != NULL && got->mark >= want->mark && got->mark <= want->mark + 1)
			continue;
		printf("# round %u (kill at %u): %s was acknowledged at %lld and is %s %lld\n",
		       r->number, r->kill_at, want->name, (long long)want->mark,
		       got == NULL ? "gone" : "at", got == NULL ? 0LL : (long long)got->mark);
		bad = -1;
	}
	/* What was durable but not acknowledged counts from now on: it must not be accepted again
	 * either. */
	*acknowledged = found;
	return bad;
}

static void forget_state(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[4200];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
		(void)unlink(name);
	}
}

static int kill_rounds(const char *self, unsigned rounds, const char *mode, const char *folder)
{
	static struct book acknowledged;
	char path[4100];
	unsigned kills = 0, bad = 0;
	size_t marks = 0;

	(void)snprintf(path, sizeof path, "%s/state.db", folder);
	for (unsigned i = 0; i < rounds; i++) {
		if (i % EPOCH == 0) { /* a new state, so that its making is hit too */
			forget_state(path);
			acknowledged.n = 0;
		}
		struct round r = {.number = i, .mode = mode, .path = path, .self = self};
		/* Steps that share no factor with the lengths they walk, so all places come up in
		 * turn. */
		r.kill_at = strcmp(mode, "timed") == 0 ? 1 + i * 37 % 101 : 1 + i * 29 % 97;
		r.waves = i % 3 == 0 ? 3 : 60; /* a short run reaches the checkpoint of its end */
		int result = run_worker(&r, &acknowledged);
		result |= look(&r, &acknowledged);
		bad += result != 0;
		kills += r.killed;
		for (size_t u = 0; u < acknowledged.n; u++)
			marks += (size_t)acknowledged.users[u].mark;
	}
	printf("# %s: %u rounds, %u kills, %u bad, sum of marks %zu\n", mode, rounds, kills, bad,
	       marks);
	return bad == 0 && kills > rounds / 4 && marks != 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (secret_init() != 0)
		return 2;
	if (argc == 6 && strcmp(argv[1], "worker") == 0)
		return work(argv[2], argv[3], number(argv[4]), strcmp(argv[5], "1") == 0);
	if (argc != 4)
		die("usage", "store_kill ROUNDS timed|strace|early FOLDER");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		die("/proc/self/exe", "cannot be read");
	self[n] = '\0';
	(void)signal(SIGPIPE, SIG_IGN);
	return kill_rounds(self, number(argv[1]), argv[2], argv[3]);
}
