/* SPDX-License-Identifier: ISC */
/* Everything that it needs lies in a folder of its own below $TMPDIR, taken away at the end. Its
 * log comes through a pipe, which is read until it says that it is ready, and thrown away by a
 * reader of its own from then on. */
#include "tests/scenario/daemon.h"

#include "base/secret.h"
#include "otp/base32.h"
#include "seal/atrest.h"
#include "store/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_SECONDS = 60 };

int daemon_bind(bool listening, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
	    (listening && listen(fd, 64) != 0)) {
		perror("player: a port");
		exit(99);
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static FILE *file_in(const struct daemon *d, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", d->folder, name);
	FILE *f = fopen(path, "w");
	if (f == NULL || fchmod(fileno(f), 0600) != 0) {
		perror(path);
		exit(99);
	}
	return f;
}

/* -- the configuration -- */

static bool uses_key(const struct world *w, size_t k)
{
	for (size_t i = 0; i < w->policy.n_rules; i++) {
		for (int side = 0; side < 2; side++) {
			const struct payload_leg *leg = &w->rules[i].leg[side];
			for (size_t n = 0; n < leg->n_keys; n++) {
				if (leg->keys[n] == k)
					return true;
			}
		}
	}
	return false;
}

static void write_keys(const struct daemon *d, const struct world *w, FILE *conf)
{
	for (size_t k = 0; k < WORLD_KEYS; k++) {
		char name[8];
		if (!uses_key(w, k))
			continue;
		(void)snprintf(name, sizeof name, "k%zu", k + 1);
		FILE *f = file_in(d, name);
		(void)fprintf(f, "%s\n", world_key_text(k));
		(void)fclose(f);
		(void)fprintf(conf, "key %s {\n file %s/%s\n}\n", name, d->folder, name);
	}
}

static void write_leg(FILE *conf, const char *name, const struct payload_leg *leg)
{
	(void)fprintf(conf, " %s %s", name, leg->encrypted ? "encrypted" : "plain");
	for (size_t i = 0; i < leg->n_keys; i++)
		(void)fprintf(conf, " k%d", leg->keys[i] + 1);
	(void)fputc('\n', conf);
}

static void write_options(FILE *conf, const struct payload_rule *r)
{
	const struct {
		bool on;
		const char *line;
	} flags[] = {{r->disconnects, "on-bad-payload disconnect"},
	             {r->prefers, "plaintext prefer"},
	             {r->drops_empty, "empty drop"},
	             {r->seals_props, "seal-properties yes"},
	             {r->strict_retain, "strict-retain yes"},
	             {r->unbound, "bind-topic no"}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (flags[i].on)
			(void)fprintf(conf, " %s\n", flags[i].line);
	}
	if (r->pad_to != 0)
		(void)fprintf(conf, " pad %zu\n", r->pad_to);
	if (r->max_age_us != 0)
		(void)fprintf(conf, " max-age %llds\n", (long long)(r->max_age_us / 1000000));
}

static void write_rules(const struct world *w, FILE *conf)
{
	for (size_t i = 0; i < w->policy.n_rules; i++) {
		const struct payload_rule *r = &w->rules[i];
		(void)fprintf(conf, "payload \"%.*s\" {\n", (int)r->filter.n,
		              (const char *)r->filter.p);
		if (r->pass) {
			(void)fputs(" pass\n", conf);
		} else {
			write_leg(conf, "client-leg", &r->leg[SIDE_CLIENT]);
			write_leg(conf, "broker-leg", &r->leg[SIDE_BROKER]);
			write_options(conf, r);
		}
		(void)fputs("}\n", conf);
	}
}

/* The words of a filter as a block says them. */
static void write_filter(const struct world *w, FILE *conf)
{
	static const struct {
		const char *word, *text;
	} rules[] = {
	    {"deny-id=", " deny connect client-id"},  {"deny-user=", " deny connect user"},
	    {"allow-publish=", " allow publish"},     {"deny-publish=", " deny publish"},
	    {"allow-subscribe=", " allow subscribe"}, {"deny-subscribe=", " deny subscribe"}};

	(void)fputs("filter all {\n", conf);
	for (size_t i = 0; i < w->words->n; i++) {
		for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++) {
			const char *word = w->words->w[i], *value = word + strlen(rules[k].word);
			if (strncmp(word, rules[k].word, strlen(rules[k].word)) != 0)
				continue;
			/* A bare "#" would begin a comment. */
			(void)fprintf(conf, *value == '#' ? "%s \"%s\"\n" : "%s %s\n",
			              rules[k].text, value);
		}
	}
	(void)fputs(" allow connect\n", conf);
	if (w->policy.filter.silent)
		(void)fputs(" refuse silent\n", conf);
	if (w->policy.filter.dry_run)
		(void)fputs(" dry-run on\n", conf);
	if (w->policy.filter.disconnects)
		(void)fputs(" on-deny disconnect\n", conf);
	(void)fputs("}\n", conf);
}

static void write_listener(const struct world *w, FILE *conf, const char *name, uint16_t broker)
{
	const struct policy *p = &w->policy;

	(void)fprintf(conf,
	              "broker %s {\n address 127.0.0.1:%u\n connect-timeout %ldms\n%s}\n"
	              "listener %s {\n listen 127.0.0.1:0\n broker %s\n max-connect %zu\n "
	              "max-connections 100\n max-pending 100\n mqtt",
	              name, broker, (long)p->broker_timeout_ms,
	              p->inject.on ? " otp injected\n" : "", name, name, p->max_connect);
	for (enum mqtt_version v = MQTT_31; v <= MQTT_5; v++) {
		if ((p->versions & 1u << v) != 0)
			(void)fprintf(conf, " %s", version_name(v));
	}
	if (p->max_packet < 1024 * 1024)
		(void)fprintf(conf, "\n max-buffer %zu", 2 * p->max_packet);
	(void)fprintf(conf, "\n%s%s}\n", p->otp ? " otp codes\n" : "",
	              p->filter.rules != NULL ? " filter all\n" : "");
}

/* The codes are those of the user h. */
static void write_inject(const struct daemon *d, const struct policy_inject *inject,
                         const char *layout, FILE *conf)
{
	struct otp_credential c;
	char text[2 * OTP_SECRET_MAX];
	FILE *f = file_in(d, "injected");

	world_credential(slice_str("h"), &c);
	base32_encode(c.secret, c.secret_len, text);
	(void)fprintf(f, "%s\n", text);
	(void)fclose(f);
	(void)fprintf(conf, "otp injected {\n role inject\n layout %s\n secret-file %s/injected\n",
	              layout, d->folder);
	if (inject->user.n != 0)
		(void)fprintf(conf, " user %s\n", (const char *)inject->user.p);
	if (inject->password.n != 0) {
		f = file_in(d, "password");
		(void)fprintf(f, "%s\n", (const char *)inject->password.p);
		(void)fclose(f);
		(void)fprintf(conf, " password-file %s/password\n", d->folder);
	}
	(void)fputs("}\n", conf);
}

static void write_conf(const struct daemon *d, const struct world *w, const uint16_t brokers[LANES],
                       uint16_t dead)
{
	char lease[32] = "off";
	static const char *const forwards[] = {
	    [FORWARD_PASSWORD] = "password", [FORWARD_STORED] = "stored", [FORWARD_NONE] = "none"};
	static const char *const layouts[] = {"password+otp", "otp+password", "otp"};
	FILE *conf = file_in(d, "conf");
	char name[16];

	(void)fprintf(conf,
	              "workers 2\nshutdown-grace 1s\nmax-message %zu\nadmin "
	              "{\n socket %s/ctl\n}\n"
	              "state {\n path %s/state.db\n}\n",
	              w->policy.max_message, d->folder, d->folder);
	write_keys(d, w, conf);
	write_rules(w, conf);
	if (w->policy.filter.rules != NULL)
		write_filter(w, conf);
	if (w->policy.lease.ms != 0)
		(void)snprintf(lease, sizeof lease, "%ldms", (long)w->policy.lease.ms);
	if (w->policy.otp)
		(void)fprintf(
		    conf, "otp codes {\n role verify\n layout %s\n forward %s\n lease %s\n%s}\n",
		    layouts[w->policy.layout], forwards[w->policy.forward], lease,
		    w->policy.pass_strangers ? " unknown-users pass\n" : "");
	if (w->policy.inject.on)
		write_inject(d, &w->policy.inject, layouts[w->policy.inject.layout], conf);
	for (int i = 0; i < LANES; i++) {
		(void)snprintf(name, sizeof name, "lane%d", i);
		write_listener(w, conf, name, brokers[i]);
	}
	write_listener(w, conf, "dead", dead);
	(void)fclose(conf);
}

/* -- users -- */

static bool enrol(struct store_backend *b, const uint8_t key[32], char kind, unsigned run,
                  struct err *e)
{
	struct otp_credential c;
	uint8_t blob[STORE_BLOB_MAX], packed[OTP_LOGIN_MAX], login[STORE_LOGIN_MAX];
	char name[16];

	(void)snprintf(name, sizeof name, "%c%u", kind, run);
	if (!world_credential(slice_str(name), &c))
		return false;
	struct store_user u = {.name = slice_str(name),
	                       .params = c.params,
	                       .state = c.state,
	                       .budget = otp_guess_budget(&c.params),
	                       .blob = slice_of(blob, c.secret_len + ATREST_OVERHEAD)};
	size_t n = world_login(u.name, packed);
	if (n != 0 && atrest_seal(key, u.name, "login", slice_of(packed, n), login) != 0)
		return false;
	u.login = slice_of(login, n == 0 ? 0 : n + ATREST_OVERHEAD);
	return atrest_seal(key, u.name, "secret", slice_of(c.secret, c.secret_len), blob) == 0 &&
	       b->ops->user_add(b, &u, e) == 0;
}

static bool enrol_all(const struct daemon *d, unsigned runs, struct fault *f)
{
	struct err e = {""};
	uint8_t key[32];
	char path[128];
	bool ok = true;

	(void)snprintf(path, sizeof path, "%s/state.key", d->folder);
	if (store_key_load(path, key, &e) != 0)
		return fault_set(f, "%s", e.text);
	(void)snprintf(path, sizeof path, "%s/state.db", d->folder);
	struct store_backend *b = store_sqlite_open(path, &e);
	if (b == NULL)
		return fault_set(f, "%s", e.text);
	for (unsigned i = 0; ok && i < runs; i++)
		ok = enrol(b, key, 't', i, &e) && enrol(b, key, 'h', i, &e);
	b->ops->close(b);
	return ok || fault_set(f, "no users: %s", e.text);
}

/* -- the process -- */

static void note_listener(struct daemon *d, const char *line)
{
	const char *name = strstr(line, "listener="), *colon = strstr(line, "address=");

	colon = colon == NULL ? NULL : strrchr(colon, ':');
	if (name == NULL || colon == NULL || strstr(line, "event=listening") == NULL)
		return;
	uint16_t port = (uint16_t)strtoul(colon + 1, NULL, 10);
	if (strncmp(name + 9, "lane", 4) == 0 && name[13] >= '0' && name[13] < '0' + LANES)
		d->port[name[13] - '0'] = port;
	else if (strncmp(name + 9, "dead", 4) == 0)
		d->dead = port;
}

/* Reads the log until the daemon is ready; then somebody else reads on, so that it never blocks. */
static bool wait_ready(struct daemon *d, int log, struct fault *f)
{
	FILE *in = fdopen(log, "r");
	char *line = NULL;
	size_t size = 0;
	bool ready = false;

	(void)alarm(READY_SECONDS);
	while (!ready && getline(&line, &size, in) > 0) {
		note_listener(d, line);
		ready = strstr(line, "event=ready") != NULL;
		if (!ready && strstr(line, "event=listening") == NULL)
			printf("# %s", line);
	}
	(void)alarm(0);
	if (!ready) {
		(void)fclose(in);
		free(line);
		return fault_set(f, "the daemon does not come up");
	}
	(void)fflush(stdout);
	d->reader = fork();
	if (d->reader == 0) {
		FILE *kept = file_in(d, "log");
		while (getline(&line, &size, in) > 0)
			(void)fputs(line, kept);
		(void)fclose(kept);
		_exit(0);
	}
	(void)fclose(in);
	free(line);
	return true;
}

bool daemon_start(struct daemon *d, const struct world *world, const uint16_t brokers[LANES],
                  unsigned runs, struct fault *f)
{
	const char *tmp = getenv("TMPDIR"), *build = getenv("top_builddir");
	char program[256], conf[128];
	uint16_t dead;
	int log[2], refusing = daemon_bind(false, &dead);

	*d = (struct daemon){.pid = -1};
	(void)snprintf(d->folder, sizeof d->folder, "%.40s/player.XXXXXX",
	               tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(d->folder) == NULL || pipe(log) != 0)
		return fault_set(f, "no folder: %s", strerror(errno));
	write_conf(d, world, brokers, dead);
	if (world->policy.otp && !enrol_all(d, runs, f))
		return false;
	(void)snprintf(program, sizeof program, "%s/mqsecproxy", build == NULL ? "." : build);
	(void)snprintf(conf, sizeof conf, "%s/conf", d->folder);
	(void)fflush(stdout);
	d->pid = fork();
	if (d->pid == 0) {
		(void)close(log[0]);
		(void)dup2(log[1], STDERR_FILENO);
		(void)close(log[1]);
		execl(program, program, "-c", conf, (char *)NULL);
		perror(program);
		_exit(127);
	}
	(void)close(log[1]);
	bool ok = wait_ready(d, log[0], f);
	(void)refusing; /* stays bound, so that nobody else gets the port */
	return ok;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void show_log(const struct daemon *d)
{
	char path[128], *line = NULL;
	size_t size = 0;

	(void)snprintf(path, sizeof path, "%s/log", d->folder);
	FILE *in = fopen(path, "r");
	while (in != NULL && getline(&line, &size, in) > 0)
		printf("# %s", line);
	if (in != NULL)
		(void)fclose(in);
	free(line);
}

bool daemon_stop(struct daemon *d, bool tell, struct fault *f)
{
	int status = 0;

	if (d->pid <= 0)
		return true;
	(void)kill(d->pid, SIGTERM);
	(void)waitpid(d->pid, &status, 0);
	if (d->reader > 0)
		(void)waitpid(d->reader, NULL, 0);
	if (tell)
		show_log(d);
	(void)nftw(d->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return fault_set(f, "the daemon ended with status %x", (unsigned)status);
}

static unsigned collect(int fd, unsigned *lines)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	unsigned failed = 0;

	while (getline(&line, &size, in) > 0) {
		if (line[0] == '+' || line[0] == '-')
			printf("%sok %u -%s", line[0] == '+' ? "" : "not ", ++*lines, line + 1);
		else
			(void)fputs(line, stdout);
		failed += line[0] == '-';
	}
	free(line);
	(void)fclose(in);
	return failed;
}

unsigned daemon_lanes(void (*run)(int lane, void *ctx), void *ctx, unsigned *lines)
{
	int out[LANES][2];
	pid_t pid[LANES];
	unsigned failed = 0;

	(void)fflush(stdout);
	for (int i = 0; i < LANES; i++) {
		if (pipe(out[i]) != 0)
			abort();
		pid[i] = fork();
		if (pid[i] != 0) {
			(void)close(out[i][1]);
			continue;
		}
		(void)dup2(out[i][1], STDOUT_FILENO);
		run(i, ctx);
		(void)fflush(stdout);
		_exit(0);
	}
	for (int i = 0; i < LANES; i++) {
		failed += collect(out[i][0], lines);
		(void)waitpid(pid[i], NULL, 0);
	}
	return failed;
}
