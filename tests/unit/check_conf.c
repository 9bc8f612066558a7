/* SPDX-License-Identifier: ISC */
#include "conf/schema.h"
#include "tests/unit/conf_dump.h"

/* The defaults of the table are what a short configuration has, and what conf.h promises. */
START_TEST(defaults)
{
	struct conf_report report = {0};
	struct conf *c =
	    load_text(BROKER LISTENER "otp o {\nrole verify\n}\n"
	                              "otp i {\nrole inject\nsecret-file otp\n}\n"
	                              "payload p {\nclient-leg plain\nbroker-leg encrypted k\n}\n"
	                              "key k {\nfile a.key\n}\n"
	                              "filter f {\n}\n",
	              &report);
	char line[200];
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	ck_assert_ptr_nonnull(c);
	char *dump = dump_of(c);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(line, sizeof line, "%s %s", d[i].name,
		               d[i].default_value == NULL ? "" : d[i].default_value);
		ck_assert_msg(d[i].default_value == NULL || has_line(dump, line), "%s in %s", line,
		              dump);
	}
	free(dump);
	const struct conf_listener *l = &c->listeners[0];
	ck_assert_uint_eq(c->workers, 0);
	ck_assert_uint_eq(c->shutdown_grace_ms, 10000);
	ck_assert_uint_eq(c->pre_auth_memory, 64 << 20);
	ck_assert_uint_eq(c->max_message, 1 << 20);
	ck_assert_int_eq(c->log_level, CONF_LOG_INFO);
	ck_assert_int_eq(c->log_to, CONF_LOG_AUTO);
	ck_assert_int_eq(c->log_format, CONF_LOG_LOGFMT);
	ck_assert_int_eq(c->log_client_ids, CONF_LOG_PLAIN);
	ck_assert_uint_eq(c->log_rate.n, 20);
	ck_assert_uint_eq(c->log_rate.per_ms, 10000);
	ck_assert_str_eq(c->control_socket, "/run/mqsecproxy/ctl.sock");
	ck_assert_str_eq(c->state_type, "sqlite");
	ck_assert_str_eq(c->state_path, "/var/lib/mqsecproxy/state.db");
	ck_assert_str_eq(c->state_key_file, "/var/lib/mqsecproxy/state.key");
	ck_assert_int_eq(l->otp, -1);
	ck_assert_int_eq(l->filter, -1);
	ck_assert_uint_eq(l->versions, 1u << 3 | 1u << 4 | 1u << 5);
	ck_assert_uint_eq(l->max_connections, 10000);
	ck_assert_uint_eq(l->max_pending, 2500);
	ck_assert_uint_eq(l->max_pending_per_address, 1024);
	ck_assert_uint_eq(l->max_connect, 16384);
	ck_assert_uint_eq(l->max_buffer, 4 << 20);
	ck_assert_uint_eq(l->connect_timeout_ms, 10000);
	ck_assert_uint_eq(l->stall_timeout_ms, 60000);
	ck_assert_uint_eq(c->brokers[0].connect_timeout_ms, 5000);
	ck_assert_uint_eq(c->brokers[0].tcp_keepalive_s, 60);
	ck_assert_int_eq(c->otps[0].layout, OTP_PASSWORD_THEN_OTP);
	ck_assert_uint_eq(c->otps[0].digits, 6);
	ck_assert_int_eq(c->brokers[0].otp, -1);
	ck_assert(!c->brokers[0].insecure_ok);
	ck_assert_str_eq(c->otps[1].profile->name, "machine-hotp");
	ck_assert(c->otps[1].user == NULL && c->otps[1].password == NULL);
	const struct conf_payload *p = &c->payloads[0];
	ck_assert_int_eq(p->on_bad_payload, CONF_DROP);
	ck_assert_int_eq(p->plaintext, CONF_REQUIRE);
	ck_assert_int_eq(p->empty, CONF_EMPTY_DELIVER);
	ck_assert(!p->seal_properties && p->bind_topic && !p->strict_retain);
	ck_assert_uint_eq(p->pad, 0);
	ck_assert_uint_eq(p->max_age_ms, 0);
	const struct conf_filter *f = &c->filters[0];
	ck_assert_int_eq(f->refuse, CONF_REFUSE_CONNACK);
	ck_assert_int_eq(f->on_deny, CONF_DENY_DROP);
	ck_assert(!f->dry_run);
	ck_assert_uint_eq(f->connects_per_address.n + f->connects_per_user.n +
	                      f->publish_per_client.n + f->connections_per_address +
	                      f->connections_per_user + f->ban_after.n + f->ban_ms,
	                  0);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

static const char full[] = "payload a/# {\n"
                           "\tclient-leg encrypted two one\n"
                           "\tbroker-leg plain\n"
                           "\ton-bad-payload disconnect\n"
                           "}\n"
                           "payload b/+ {\n"
                           "\tpass\n"
                           "}\n"
                           "listener l {\n"
                           "\tlisten 127.0.0.1:1 [::1]:2\n"
                           "\tlisten 127.0.0.1:0\n"
                           "\tbroker second\n"
                           "\totp o\n"
                           "\tfilter g\n"
                           "\tmqtt 3.1.1 5.0\n"
                           "}\n"
                           "broker first {\n"
                           "\taddress a.example:1\n"
                           "}\n"
                           "broker second {\n"
                           "\taddress [2001:DB8::1]:2\n"
                           "\taddress b.example:3\n"
                           "\ttcp-keepalive 2m\n"
                           "}\n"
                           "otp unused {\n"
                           "\trole verify\n"
                           "}\n"
                           "otp o {\n"
                           "\trole verify\n"
                           "\tlayout otp\n"
                           "\tdigits 8\n"
                           "}\n"
                           "filter f {\n"
                           "\tdeny connect\n"
                           "}\n"
                           "filter g {\n"
                           "\tdeny connect address @nets.txt\n"
                           "\tallow connect user @names.txt\n"
                           "\tdeny connect\n"
                           "}\n"
                           "key one {\n"
                           "\tfile a.key\n"
                           "}\n"
                           "key two {\n"
                           "\tfile @cred\n"
                           "}\n";

START_TEST(blocks_and_references)
{
	struct conf_report report = {0};
	struct conf *c = load_text(full, &report);

	ck_assert_msg(c != NULL, "%s", report.text);
	const struct conf_listener *l = &c->listeners[0];
	ck_assert_uint_eq(c->n_listeners, 1);
	ck_assert_str_eq(l->name, "l");
	ck_assert_uint_eq(l->n_listen, 3);
	ck_assert_str_eq(l->listen[1].host, "::1");
	ck_assert_uint_eq(l->listen[1].port, 2);
	ck_assert_uint_eq(l->listen[2].port, 0);
	ck_assert_uint_eq(l->broker, 1);
	ck_assert_int_eq(l->otp, 1);
	ck_assert_int_eq(l->filter, 1);
	ck_assert_uint_eq(l->versions, 1u << MQTT_311 | 1u << MQTT_5);
	ck_assert_uint_eq(c->n_brokers, 2);
	ck_assert_uint_eq(c->brokers[1].n_addresses, 2);
	ck_assert_str_eq(c->brokers[1].addresses[0].host, "2001:db8::1");
	ck_assert_str_eq(c->brokers[1].addresses[1].host, "b.example");
	ck_assert_uint_eq(c->brokers[1].addresses[1].port, 3);
	ck_assert_uint_eq(c->brokers[1].tcp_keepalive_s, 120);
	ck_assert_int_eq(c->otps[1].layout, OTP_OTP_ONLY);
	ck_assert_uint_eq(c->otps[1].digits, 8);
	ck_assert_uint_eq(c->keys.n, 2);
	ck_assert_uint_eq(c->n_payloads, 2);
	ck_assert_str_eq(c->payloads[0].filter, "a/#");
	ck_assert(!c->payloads[0].pass && c->payloads[0].client.encrypted &&
	          !c->payloads[0].broker.encrypted);
	ck_assert_int_eq(c->payloads[0].on_bad_payload, CONF_DISCONNECT);
	ck_assert_int_eq(c->payloads[1].on_bad_payload, CONF_DROP);
	ck_assert_uint_eq(c->payloads[0].client.n_keys, 2);
	ck_assert_uint_eq(c->payloads[0].client.keys[0], 1);
	ck_assert_uint_eq(c->payloads[0].client.keys[1], 0);
	ck_assert(c->payloads[1].pass);
	ck_assert_uint_eq(c->payloads[1].line, 6);
	ck_assert_str_eq(c->payloads[1].file, "/etc/m/main.conf");
	ck_assert_uint_eq(c->n_files, 1);
	ck_assert_uint_eq(report.warnings, 3);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

START_TEST(rules_are_compiled)
{
	struct conf_report report = {0};
	struct conf *c = load_text(full, &report);
	struct acl_who who = {
	    .client_id = slice_str("c"), .has_user = true, .user = slice_str("two")};

	ck_assert_ptr_nonnull(c);
	const struct acl_ruleset *r = c->filters[1].rules;
	who.address.b[15] = 1;
	struct acl_verdict v = acl_connect(r, &who);
	ck_assert(v.allow);
	ck_assert_uint_eq(v.line, 38);
	ck_assert_str_eq(v.file, "/etc/m/main.conf");
	who.user = slice_str("else");
	ck_assert_uint_eq(acl_connect(r, &who).line, 39);
	memcpy(who.address.b, "\x20\x01\x0d\xb8", 4);
	ck_assert(acl_denied_at_accept(r, &who.address, &v));
	ck_assert_uint_eq(v.line, 37);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* All that a filter block says beside its connect rules. */
START_TEST(filter_block)
{
	struct conf_report report = {0};
	struct conf *c = load_text("filter f {\n"
	                           "refuse silent\non-deny disconnect\ndry-run on\n"
	                           "limit connects 10 per 1m per address\n"
	                           "limit connects 20 per 2m per user\n"
	                           "limit connections 30 per address\n"
	                           "limit connections 40 per user\n"
	                           "limit publish 50 per 1500ms per client\n"
	                           "ban after 6 refusals in 10m for 2h\n"
	                           "deny publish cmd/#\n"
	                           "allow publish up/%u/%c/#\n"
	                           "allow subscribe\n"
	                           "deny publish\n}\n" BROKER LISTENER,
	                           &report);
	struct acl_who who = {
	    .client_id = slice_str("c"), .has_user = true, .user = slice_str("u")};

	ck_assert_msg(c != NULL, "%s", report.text);
	const struct conf_filter *f = &c->filters[0];
	ck_assert_int_eq(f->refuse, CONF_REFUSE_SILENT);
	ck_assert_int_eq(f->on_deny, CONF_DENY_DISCONNECT);
	ck_assert(f->dry_run);
	ck_assert_uint_eq(f->connects_per_address.n, 10);
	ck_assert_uint_eq(f->connects_per_address.per_ms, 60000);
	ck_assert_uint_eq(f->connects_per_user.n, 20);
	ck_assert_uint_eq(f->connects_per_user.per_ms, 120000);
	ck_assert_uint_eq(f->connections_per_address, 30);
	ck_assert_uint_eq(f->connections_per_user, 40);
	ck_assert_uint_eq(f->publish_per_client.n, 50);
	ck_assert_uint_eq(f->publish_per_client.per_ms, 1500);
	ck_assert_uint_eq(f->ban_after.n, 6);
	ck_assert_uint_eq(f->ban_after.per_ms, 600000);
	ck_assert_uint_eq(f->ban_ms, 7200000);
	ck_assert_uint_eq(acl_ruleset_size(f->rules), 4);
	ck_assert(acl_connect(f->rules, &who).allow);
	ck_assert_uint_eq(acl_publish(f->rules, &who, slice_str("up/u/c/x")).line, 12);
	ck_assert_uint_eq(acl_publish(f->rules, &who, slice_str("up/u/d/x")).line, 14);
	ck_assert_uint_eq(acl_publish(f->rules, &who, slice_str("cmd/x")).line, 11);
	ck_assert_uint_eq(acl_subscribe(f->rules, &who, slice_str("#")).line, 13);
	char *dump = dump_of(c);
	ck_assert(has_line(dump, "allow publish up/%u/%c/#"));
	expect_stable(dump);
	free(dump);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* Included files stand in their place, and their paths start at their own folder. */
START_TEST(includes)
{
	struct conf_report report = {0};
	struct conf *c = load_text("include sub/*.conf\n" BROKER LISTENER, &report);

	ck_assert_msg(c != NULL, "%s", report.text);
	ck_assert_int_eq(c->log_level, CONF_LOG_DEBUG);
	ck_assert_int_eq(keyring_by_name(&c->keys, "c"), 0);
	ck_assert_uint_eq(c->n_files, 3);
	ck_assert_str_eq(c->files[1], "/etc/m/sub/level.conf");
	char *dump = dump_of(c);
	ck_assert(has_line(dump, "file /etc/m/sub/c.key"));
	expect_stable(dump);
	free(dump);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

START_TEST(dump_names_origins)
{
	struct conf_report report = {0};
	struct conf *c =
	    load_text("include sub/level.conf\n\nworkers 3\n" BROKER LISTENER, &report);
	struct buf out = {.cap = 1 << 20};

	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(conf_dump(c, &out), 0);
	ck_assert_int_eq(buf_append(&out, slice_of("", 1)), 0);
	const char *text = (const char *)buf_view(&out).p;
	ck_assert_ptr_nonnull(strstr(text, "workers 3\t# /etc/m/main.conf:3\n"));
	ck_assert_ptr_nonnull(strstr(text, "\tlevel debug\t# /etc/m/sub/level.conf:2\n"));
	ck_assert_ptr_nonnull(strstr(text, "max-message 1M\t# default\n"));
	buf_free(&out);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* Where max-buffer must hold the largest envelope that is opened whole twice, exactly that much is
 * enough, however long a message may be. */
START_TEST(buffer_holds_two_envelopes)
{
	static const char rule[] =
	    "key k {\nfile a.key\n}\npayload a {\nclient-leg plain\nbroker-leg encrypted k\n}\n";
	size_t least = 2 * (24 + (256u << 10) + 16384 + 16 * 17 + (128u << 10));
	char text[1024];

	for (int missing = 0; missing < 2; missing++) {
		for (int encrypts = 0; encrypts < 2; encrypts++) {
			struct conf_report report = {0};
			(void)snprintf(text, sizeof text,
			               "max-message 2M\nlistener l {\nlisten 127.0.0.1:1\nbroker "
			               "b\nmax-buffer %zu\n}\n" BROKER "%s",
			               least - (size_t)missing, encrypts ? rule : "");
			struct conf *c = load_text(text, &report);
			ck_assert_int_eq(c == NULL, missing && encrypts);
			conf_free(c);
			conf_report_fini(&report);
		}
	}
}
END_TEST

/* Every option of a payload rule, and that it is dumped and read back. */
START_TEST(payload_options)
{
	struct conf_report report = {0};
	struct conf *c = load_text(BROKER LISTENER "key k {\nfile a.key\n}\n"
	                                           "payload p {\n"
	                                           "client-leg encrypted k\n"
	                                           "broker-leg plain\n"
	                                           "plaintext prefer\n"
	                                           "empty drop\n"
	                                           "seal-properties yes\n"
	                                           "pad 16\n"
	                                           "max-age 90s\n"
	                                           "bind-topic no\n"
	                                           "strict-retain yes\n"
	                                           "}\n",
	                           &report);

	ck_assert_msg(c != NULL && report.len == 0, "%s", report.text);
	const struct conf_payload *p = &c->payloads[0];
	ck_assert_int_eq(p->plaintext, CONF_PREFER);
	ck_assert_int_eq(p->empty, CONF_EMPTY_DROP);
	ck_assert(p->seal_properties && !p->bind_topic && p->strict_retain);
	ck_assert_uint_eq(p->pad, 16);
	ck_assert_uint_eq(p->max_age_ms, 90000);
	char *dump = dump_of(c);
	ck_assert(has_line(dump, "max-age 90s") && has_line(dump, "bind-topic no"));
	expect_stable(dump);
	free(dump);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* A rule that leaves payloads alone has no options, and none are dumped for it. */
START_TEST(options_of_nothing_are_not_dumped)
{
	struct conf_report report = {0};
	struct conf *c =
	    load_text(BROKER LISTENER "payload a {\npass\n}\n"
	                              "payload b {\nclient-leg plain\nbroker-leg plain\n}\n",
	              &report);

	ck_assert_msg(c != NULL, "%s", report.text);
	char *dump = dump_of(c);
	ck_assert(!has_line(dump, "pad off") && !has_line(dump, "on-bad-payload drop"));
	expect_stable(dump);
	free(dump);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* The samples as they are shipped; what they name outside is made up. */
static int sample_read(void *ctx, const char *path, bool secret, struct buf *out, struct err *e)
{
	const char *top = getenv("top_srcdir");
	unsigned *keys = ctx;
	char text[4096];
	size_t n = 0;

	if (secret) {
		(void)snprintf(text, sizeof text, "%064x\n", ++*keys);
		return buf_append(out, slice_str(text));
	}
	if (strstr(path, "blocklist") != NULL)
		return buf_append(out, slice_str("# none yet\n"));
	(void)snprintf(text, sizeof text, "%s/etc/%s", top == NULL ? "." : top, path);
	FILE *f = fopen(text, "rb");
	if (f == NULL)
		return err_set(e, "%s is not there", text);
	while ((n = fread(text, 1, sizeof text, f)) != 0)
		ck_assert_int_eq(buf_append(out, slice_of(text, n)), 0);
	(void)fclose(f);
	return 0;
}

static int no_glob(void *ctx, const char *pattern, int (*found)(void *found_ctx, const char *path),
                   void *found_ctx, struct err *e)
{
	(void)ctx;
	(void)pattern;
	(void)found;
	(void)found_ctx;
	(void)e;
	return 0;
}

static const char *const samples[] = {"mqsecproxy.conf", "examples/gateway.conf",
                                      "examples/edge.conf"};

static struct conf *load_sample(int i)
{
	unsigned keys = 0;
	struct conf_reader reader = {.ctx = &keys, .read = sample_read, .glob = no_glob};
	struct conf_report report = {0};
	struct conf *c = conf_load(samples[i], &reader, &report);

	ck_assert_msg(c != NULL && report.len == 0, "%s", report.text);
	conf_report_fini(&report);
	return c;
}

START_TEST(samples_load)
{
	struct conf *c = load_sample(_i);

	ck_assert_uint_ge(c->n_listeners, 1);
	ck_assert_int_eq(c->n_payloads != 0, _i != 0);
	conf_free(c);
}
END_TEST

/* As it is installed it listens on loopback and lets nobody in. */
START_TEST(installed_default_is_safe)
{
	struct conf *c = load_sample(0);
	struct acl_address a = {.b = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	struct acl_verdict v;

	ck_assert_uint_eq(c->n_listeners, 1);
	ck_assert_uint_eq(c->listeners[0].n_listen, 1);
	ck_assert_str_eq(c->listeners[0].listen[0].host, "127.0.0.1");
	ck_assert_int_ge(c->listeners[0].filter, 0);
	ck_assert(acl_denied_at_accept(c->filters[c->listeners[0].filter].rules, &a, &v));
	conf_free(c);
}
END_TEST

/* What an edge adds to logins: secrets are read, but for those that a user name chooses. */
START_TEST(inject)
{
	struct conf_report report = {0};
	struct conf *c = load_text("broker b {\naddress h.example:1\naddress 127.0.0.2:1\n"
	                           "otp two\ninsecure-ok yes\n}\n" LISTENER
	                           "otp one {\nrole inject\nsecret-file otp\n"
	                           "password-file password\nuser u\nprofile people\n}\n"
	                           "otp two {\nrole inject\nsecret-file k/%u\nlayout otp\n}\n",
	                           &report);

	ck_assert_msg(c != NULL, "%s", report.text);
	const struct conf_otp *one = &c->otps[0], *two = &c->otps[1];
	ck_assert_int_eq(c->brokers[0].otp, 1);
	ck_assert_int_eq(one->role, CONF_INJECT);
	ck_assert_str_eq(one->profile->name, "people");
	ck_assert_str_eq(one->user, "u");
	expect_bytes(slice_of(one->secret, one->secret_len),
	             unhex("48656c6c6f21deadbeef48656c6c6f21deadbeef"), "secret");
	expect_bytes(slice_of(one->password, one->password_len), slice_str("p w\n"), "password");
	ck_assert_ptr_null(two->secret);
	ck_assert_str_eq(two->secret_file, "/etc/m/k/%u");
	ck_assert_int_eq(two->layout, OTP_OTP_ONLY);
	char *dump = dump_of(c);
	ck_assert(strstr(dump, "JBSW") == NULL && strstr(dump, "p w") == NULL);
	ck_assert(!has_line(dump, "digits 6") && !has_line(dump, "unknown-users refuse"));
	expect_stable(dump);
	free(dump);
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* The samples show every directive that there is: the gateway's all but those of an edge. */
START_TEST(sample_is_complete)
{
	unsigned keys = 0;
	struct buf text = {.cap = 1 << 20};
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	ck_assert_int_eq(sample_read(&keys, samples[1], false, &text, NULL), 0);
	ck_assert_int_eq(sample_read(&keys, samples[2], false, &text, NULL), 0);
	ck_assert_int_eq(buf_append(&text, slice_of("", 1)), 0);
	for (size_t i = 0; i < n; i++) {
		char line[64];
		bool found = false;
		for (const char *end = " \n"; *end != '\0' && !found; end++) {
			(void)snprintf(line, sizeof line, "%s%s%c",
			               d[i].block == CONF_TOP ? "\n" : "    ", d[i].name, *end);
			found = strstr((const char *)buf_view(&text).p, line) != NULL;
		}
		ck_assert_msg(found, "%s", d[i].name);
	}
	buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");

	tcase_add_test(t, defaults);
	tcase_add_test(t, blocks_and_references);
	tcase_add_test(t, rules_are_compiled);
	tcase_add_test(t, inject);
	tcase_add_test(t, filter_block);
	tcase_add_test(t, includes);
	tcase_add_test(t, dump_names_origins);
	tcase_add_test(t, buffer_holds_two_envelopes);
	tcase_add_test(t, payload_options);
	tcase_add_test(t, options_of_nothing_are_not_dumped);
	tcase_add_loop_test(t, samples_load, 0, ROWS(samples));
	tcase_add_test(t, installed_default_is_safe);
	tcase_add_test(t, sample_is_complete);
	suite_add_tcase(s, t);
	return suite_run(s);
}
