/* SPDX-License-Identifier: ISC */
/* The otp blocks. Two roles share them, and who takes one for the other would send codes to nobody
 * or check none, so each directive and each reference is held to its role. Secrets that do not
 * depend on the user are read here, so that a configuration without them is an error, not a client
 * refused later. */
#include "base/secret.h"
#include "base/text.h"
#include "conf/load.h"
#include "otp/secret.h"

#include <arpa/inet.h>

enum { SECRET_FILE_MAX = 8192, PASSWORD_MAX = 65535 - OTP_DIGITS_MAX, QUOTE_SIZE = 200 };

bool load_otp_says(const struct conf_otp *otp, const char *role)
{
	return strcmp(otp->role == CONF_INJECT ? "inject" : "verify", role) == 0;
}

static void check_roles(struct load *l, const struct load_block *b)
{
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		if (d[i].role == NULL || b->set[i] == NULL || load_otp_says(b->base, d[i].role))
			continue;
		conf_error(&l->diags, conf_word_at(b->set[i], 0),
		           "\"%s\" belongs to role %s: leave it out, or say \"role %s\"", d[i].name,
		           d[i].role, d[i].role);
	}
}

/* A file of this block, at the word that names it. NULL after an error. */
static bool read_file(struct load *l, const struct conf_node *node, const char *path,
                      struct buf *out)
{
	struct err e;

	if (l->reader->read(l->reader->ctx, path, true, out, &e) == 0)
		return true;
	conf_error(&l->diags, conf_word_at(node, 1), "%s", e.text);
	return false;
}

static void file_error(struct load *l, const struct conf_node *node, const char *path,
                       const char *why)
{
	char quote[QUOTE_SIZE];

	conf_error(&l->diags, conf_word_at(node, 1), "%s: %s",
	           text_escape(slice_str(path), quote, sizeof quote), why);
}

static void read_secret(struct load *l, struct conf_otp *otp, const struct conf_node *node)
{
	struct buf content = {.cap = SECRET_FILE_MAX};
	struct err why;

	otp->secret = secret_alloc(OTP_SECRET_MAX);
	if (otp->secret == NULL) {
		l->no_memory = true;
		return;
	}
	if (read_file(l, node, otp->secret_file, &content)) {
		int n = otp_secret_parse(buf_view(&content), otp->secret, &why);
		if (n < 0)
			file_error(l, node, otp->secret_file, why.text);
		otp->secret_len = n < 0 ? 0 : (size_t)n;
	}
	buf_free(&content);
}

static void read_password(struct load *l, struct conf_otp *otp, const struct conf_node *node)
{
	struct buf content = {.cap = PASSWORD_MAX + 2};

	if (!read_file(l, node, otp->password_file, &content)) {
		buf_free(&content);
		return;
	}
	struct slice s = buf_view(&content);
	if (s.n != 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n != 0 && s.p[s.n - 1] == '\r')
		s.n--;
	if (s.n == 0 || s.n > PASSWORD_MAX)
		file_error(l, node, otp->password_file,
		           s.n == 0 ? "the password is empty" : "the password is too long");
	otp->password = secret_alloc(s.n + 1);
	if (otp->password == NULL) {
		l->no_memory = true;
	} else if (s.n != 0) {
		memcpy(otp->password, s.p, s.n);
		otp->password_len = s.n;
	}
	buf_free(&content);
}

/* Who passes unknown is judged by the broker alone, which must have something to judge by. */
static void check_passing(struct load *l, const struct load_block *b)
{
	const struct conf_otp *otp = b->base;

	bool codes_only = otp->layout == OTP_OTP_ONLY;

	if (otp->unknown_users == CONF_UNKNOWN_REFUSE)
		return;
	if (otp->forward == CONF_FORWARD_NONE)
		conf_error(&l->diags, conf_word_at(load_set(b, "unknown-users"), 1),
		           "with \"forward none\" the broker gets no passwords, so unknown users "
		           "would be judged by nobody: refuse them, or say \"forward stored\"");
	else if (otp->forward == CONF_FORWARD_PASSWORD && codes_only)
		conf_error(&l->diags, conf_word_at(load_set(b, "unknown-users"), 1),
		           "with \"layout otp\" the broker gets no passwords, so unknown users "
		           "would be judged by nobody: refuse them, or take another layout");
}

/* A password that is neither looked at nor passed on would only seem to protect. */
static void check_forward(struct load *l, const struct load_block *b)
{
	const struct conf_otp *otp = b->base;

	if (otp->forward != CONF_FORWARD_PASSWORD && otp->layout != OTP_OTP_ONLY)
		conf_error(&l->diags, conf_word_at(load_set(b, "forward"), 1),
		           "nobody would check the password beside the code, since the broker does "
		           "not get it: let clients send the code alone, and say \"layout otp\"");
}

void load_otp(struct load *l, const struct load_block *b)
{
	struct conf_otp *otp = b->base;
	const struct conf_node *secret = load_set(b, "secret-file"),
	                       *password = load_set(b, "password-file");

	otp->profile = otp_profile_find(otp->profile_name);
	if (load_set(b, "role") == NULL)
		return; /* which is said */
	check_roles(l, b);
	if (otp->role != CONF_INJECT) {
		check_passing(l, b);
		check_forward(l, b);
		return;
	}
	if (secret == NULL)
		conf_error(&l->diags, load_block_at(b),
		           "this otp needs a line \"secret-file PATH\", since its role is inject");
	if (l->reader->no_secrets)
		return;
	if (secret != NULL && otp->secret_file != NULL && !otp_secret_per_user(otp->secret_file))
		read_secret(l, otp, secret);
	if (otp->password_file != NULL)
		read_password(l, otp, password);
}

/* The block that `otp` of a listener or a broker names must have that role. */
static void check_reference(struct load *l, const struct load_block *b, int index, const char *role)
{
	const struct conf_node *node = load_set(b, "otp");

	if (index < 0 || node == NULL || load_otp_says(&l->c->otps[index], role))
		return;
	conf_error(&l->diags, conf_word_at(node, 1),
	           "a %s needs an otp block of role %s; this one belongs to a %s",
	           conf_block_name(b->kind), role,
	           conf_block_name(b->kind == CONF_BROKER ? CONF_LISTENER : CONF_BROKER));
}

/* Codes for a broker belong to a user name, and `forward none` takes the client's away. */
static void check_nameless(struct load *l, const struct load_block *b)
{
	const struct conf_listener *listener = b->base;
	const struct conf *c = l->c;
	const struct conf_node *node = load_set(b, "otp");
	int inject = listener->broker < c->n_brokers ? c->brokers[listener->broker].otp : -1;

	if (node == NULL || listener->otp < 0 || inject < 0 ||
	    c->otps[listener->otp].forward != CONF_FORWARD_NONE || c->otps[inject].user != NULL)
		return;
	conf_error(&l->diags, conf_word_at(node, 1),
	           "\"forward none\" there takes the user name away, and otp \"%s\" of the broker "
	           "needs one: say \"user NAME\" in it",
	           c->otps[inject].name);
}

void load_otp_listener(struct load *l, const struct load_block *b)
{
	const struct conf_listener *listener = b->base;

	check_reference(l, b, listener->otp, "verify");
	check_nameless(l, b);
}

/* A name may lead anywhere. */
static bool leaves_this_machine(const char *host)
{
	uint8_t a[16];
	bool name = inet_pton(AF_INET, host, a) != 1 && inet_pton(AF_INET6, host, a) != 1;

	return name ? strcmp(host, "localhost") != 0 : load_is_exposed(host);
}

void load_otp_broker(struct load *l, const struct load_block *b)
{
	const struct conf_broker *broker = b->base;

	check_reference(l, b, broker->otp, "inject");
	if (broker->otp < 0 || broker->insecure_ok)
		return;
	for (const struct conf_node *node = b->node->first; node != NULL; node = node->next) {
		struct conf_address a;
		if (node->broken || node->n < 2 || strcmp(node->words[0].text, "address") != 0)
			continue;
		if (load_host_port(l, node->words[1].text, &a, NULL) != 0 ||
		    !leaves_this_machine(a.host))
			continue;
		conf_error(&l->diags, conf_word_at(node, 1),
		           "one-time passwords in plain TCP beyond loopback: whoever is on the way "
		           "could use them first; where the network can be trusted, say "
		           "\"insecure-ok yes\" in this broker");
	}
}
