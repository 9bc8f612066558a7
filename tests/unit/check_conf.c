/* SPDX-License-Identifier: ISC */
#include "conf/schema.h"
#include "tests/support/suite.h"
#include "tests/unit/conf_files.h"

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

/* One value of one directive: what the dump makes of it, or that it is refused. */
struct value_row {
	enum conf_block block;
	const char *line;
	const char *dump; /* NULL: an error */
};

static const struct value_row values[] = {
    {CONF_TOP, "workers auto", "workers auto"},
    {CONF_TOP, "workers 1", "workers 1"},
    {CONF_TOP, "workers 256", "workers 256"},
    {CONF_TOP, "workers 0", NULL},
    {CONF_TOP, "workers 257", NULL},
    {CONF_TOP, "workers Auto", NULL},
    {CONF_TOP, "shutdown-grace 0s", "shutdown-grace 0s"},
    {CONF_TOP, "shutdown-grace 1h", "shutdown-grace 60m"},
    {CONF_TOP, "shutdown-grace 3600001ms", NULL},
    {CONF_TOP, "shutdown-grace 1500ms", "shutdown-grace 1500ms"},
    {CONF_TOP, "pre-auth-memory 1M", "pre-auth-memory 1M"},
    {CONF_TOP, "pre-auth-memory 1048575", NULL},
    {CONF_TOP, "pre-auth-memory 2047M", "pre-auth-memory 2047M"},
    {CONF_TOP, "pre-auth-memory 2G", NULL},
    {CONF_TOP, "max-message 1k", "max-message 1k"},
    {CONF_TOP, "max-message 1023", NULL},
    {CONF_TOP, "max-message 1025", "max-message 1025"},
    {CONF_TOP, "max-message 64M", "max-message 64M"},
    {CONF_TOP, "max-message 65537k", NULL},
    {CONF_TOP, "include sub/key.conf", "key c {"},
    {CONF_TOP, "include gone.conf", NULL},
    {CONF_TOP, "log {\n}", "log {"},
    {CONF_TOP, "log", NULL},
    {CONF_TOP, "admin {\n}", "admin {"},
    {CONF_TOP, "admin x {\n}", NULL},
    {CONF_TOP, "state {\n}", "state {"},
    {CONF_TOP, "state x", NULL},
    {CONF_TOP, "listener y {\nlisten 127.0.0.1:0\nbroker b\n}", "listener y {"},
    {CONF_TOP, "listener {\nlisten 127.0.0.1:0\nbroker b\n}", NULL},
    {CONF_TOP,
     "broker abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_. {\naddress a:1\n}",
     "broker abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_. {"},
    {CONF_TOP,
     "broker abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.- {\naddress a:1\n}",
     NULL},
    {CONF_TOP, "broker \"\" {\naddress a:1\n}", NULL},
    {CONF_TOP, "otp o {\nrole verify\n}", "otp o {"},
    {CONF_TOP, "otp o/p {\nrole verify\n}", NULL},
    {CONF_TOP, "filter f {\n}", "filter f {"},
    {CONF_TOP, "filter none {\n}", NULL},
    {CONF_TOP, "key k {\nfile a.key\n}", "key k {"},
    {CONF_TOP, "key \"k k\" {\nfile a.key\n}", NULL},
    {CONF_TOP, "payload \"a b/#\" {\npass\n}", "payload \"a b/#\" {"},
    {CONF_TOP, "payload \"#\" {\npass\n}", "payload \"#\" {"},
    {CONF_TOP, "payload a# {\npass\n}", NULL},
    {CONF_TOP, "payload \"\" {\npass\n}", NULL},
    {CONF_LOG, "level error", "level error"},
    {CONF_LOG, "level warning", "level warning"},
    {CONF_LOG, "level info", "level info"},
    {CONF_LOG, "level debug", "level debug"},
    {CONF_LOG, "level trace", NULL},
    {CONF_ADMIN, "socket none", "socket none"},
    {CONF_ADMIN, "socket /run/x", "socket /run/x"},
    {CONF_ADMIN, "socket x.sock", "socket /etc/m/x.sock"},
    {CONF_ADMIN, "socket \"\"", NULL},
    {CONF_STATE, "type sqlite", "type sqlite"},
    {CONF_STATE, "type memory", "type memory"},
    {CONF_STATE, "type redis", NULL},
    {CONF_STATE, "path \"/x y/s.db\"", "key-file \"/x y/state.key\""},
    {CONF_STATE, "path \"\"", NULL},
    {CONF_STATE, "key-file /k", "key-file /k"},
    {CONF_STATE, "key-file a b", NULL},
    {CONF_LISTENER, "listen 127.0.0.1:0 [::1]:65535", "listen 127.0.0.1:0 [::1]:65535"},
    {CONF_LISTENER, "listen 127.255.255.254:1", "listen 127.255.255.254:1"},
    {CONF_LISTENER, "listen 127.0.0.1:0 127.0.0.1:0", "listen 127.0.0.1:0 127.0.0.1:0"},
    {CONF_LISTENER, "listen 127.0.0.1:65536", NULL},
    {CONF_LISTENER, "listen 126.0.0.1:1", NULL},
    {CONF_LISTENER, "listen 0.0.0.0:1", NULL},
    {CONF_LISTENER, "listen [::]:1", NULL},
    {CONF_LISTENER, "listen [::ffff:127.0.0.1]:1", NULL},
    {CONF_LISTENER, "listen [127.0.0.1]:1", NULL},
    {CONF_LISTENER, "listen :1", NULL},
    {CONF_LISTENER, "listen 127.0.0.1:", NULL},
    {CONF_LISTENER, "broker b", "broker b"},
    {CONF_LISTENER, "broker none", NULL},
    {CONF_LISTENER, "otp none", "otp none"},
    {CONF_LISTENER, "otp o", NULL},
    {CONF_LISTENER, "filter none", "filter none"},
    {CONF_LISTENER, "filter f", NULL},
    {CONF_LISTENER, "mqtt 5.0 3.1", "mqtt 5.0 3.1"},
    {CONF_LISTENER, "mqtt 3.1.1", "mqtt 3.1.1"},
    {CONF_LISTENER, "mqtt 4", NULL},
    {CONF_LISTENER, "mqtt", NULL},
    {CONF_LISTENER, "insecure-ok yes", "insecure-ok yes"},
    {CONF_LISTENER, "insecure-ok no", "insecure-ok no"},
    {CONF_LISTENER, "insecure-ok true", NULL},
    {CONF_LISTENER, "max-connections 1", "max-pending 1"},
    {CONF_LISTENER, "max-connections 1000000", "max-pending 250000"},
    {CONF_LISTENER, "max-connections 0", NULL},
    {CONF_LISTENER, "max-connections 1000001", NULL},
    {CONF_LISTENER, "max-pending 1", "max-pending 1"},
    {CONF_LISTENER, "max-pending 1000000", "max-pending 1000000"},
    {CONF_LISTENER, "max-pending 0", NULL},
    {CONF_LISTENER, "max-pending 1000001", NULL},
    {CONF_LISTENER, "max-pending-per-address 1", "max-pending-per-address 1"},
    {CONF_LISTENER, "max-pending-per-address 1000000", "max-pending-per-address 1000000"},
    {CONF_LISTENER, "max-pending-per-address 0", NULL},
    {CONF_LISTENER, "max-pending-per-address 1000001", NULL},
    {CONF_LISTENER, "connect-timeout 100ms", "connect-timeout 100ms"},
    {CONF_LISTENER, "connect-timeout 99ms", NULL},
    {CONF_LISTENER, "connect-timeout 10m", "connect-timeout 10m"},
    {CONF_LISTENER, "connect-timeout 600001ms", NULL},
    {CONF_LISTENER, "max-connect 128", "max-connect 128"},
    {CONF_LISTENER, "max-connect 127", NULL},
    {CONF_LISTENER, "max-connect 1M", "max-connect 1M"},
    {CONF_LISTENER, "max-connect 1048577", NULL},
    {CONF_LISTENER, "max-buffer 16k", "max-buffer 16k"},
    {CONF_LISTENER, "max-buffer 16383", NULL},
    {CONF_LISTENER, "max-buffer 1G", "max-buffer 1G"},
    {CONF_LISTENER, "max-buffer 1025M", NULL},
    {CONF_LISTENER, "stall-timeout 1s", "stall-timeout 1s"},
    {CONF_LISTENER, "stall-timeout 999ms", NULL},
    {CONF_LISTENER, "stall-timeout 1h", "stall-timeout 60m"},
    {CONF_LISTENER, "stall-timeout 61m", NULL},
    {CONF_BROKER, "address [2001:db8::1]:1", "address [2001:db8::1]:1"},
    {CONF_BROKER, "address mqtt-1.example.com:65535", "address mqtt-1.example.com:65535"},
    {CONF_BROKER, "address a:0", NULL},
    {CONF_BROKER, "address 1.2.3:1", NULL},
    {CONF_BROKER, "address -a:1", NULL},
    {CONF_BROKER, "connect-timeout 100ms", "connect-timeout 100ms"},
    {CONF_BROKER, "connect-timeout 99ms", NULL},
    {CONF_BROKER, "connect-timeout 10m", "connect-timeout 10m"},
    {CONF_BROKER, "connect-timeout 11m", NULL},
    {CONF_BROKER, "tcp-keepalive 1s", "tcp-keepalive 1s"},
    {CONF_BROKER, "tcp-keepalive 999ms", NULL},
    {CONF_BROKER, "tcp-keepalive 9h", "tcp-keepalive 9h"},
    {CONF_BROKER, "tcp-keepalive 32401s", NULL},
    {CONF_OTP, "role verify", "role verify"},
    {CONF_OTP, "role inject", NULL},
    {CONF_OTP, "layout password+otp", "layout password+otp"},
    {CONF_OTP, "layout otp+password", "layout otp+password"},
    {CONF_OTP, "layout otp", "layout otp"},
    {CONF_OTP, "layout none", NULL},
    {CONF_OTP, "forward password", "forward password"},
    {CONF_OTP, "forward stored", NULL},
    {CONF_OTP, "digits 6", "digits 6"},
    {CONF_OTP, "digits 8", "digits 8"},
    {CONF_OTP, "digits 5", NULL},
    {CONF_OTP, "digits 9", NULL},
    {CONF_OTP, "unknown-users refuse", "unknown-users refuse"},
    {CONF_OTP, "unknown-users pass", NULL},
    {CONF_FILTER, "allow connect client-id \"a b\"", "allow connect client-id \"a b\""},
    {CONF_FILTER, "allow connect address @nets.txt", "allow connect address @/etc/m/nets.txt"},
    {CONF_FILTER, "allow connect user @names.txt", "allow connect user @/etc/m/names.txt"},
    {CONF_FILTER, "allow connect user '\\@x'", "allow connect user \"\\\\@x\""},
    {CONF_FILTER, "allow publish", NULL},
    {CONF_FILTER, "allow", NULL},
    {CONF_FILTER, "deny connect address ::/0", "deny connect address ::/0"},
    {CONF_FILTER, "deny connect address", NULL},
    {CONF_KEY, "file a.key", "file /etc/m/a.key"},
    {CONF_KEY, "file @cred", "file @cred"},
    {CONF_KEY, "file b.key", "file /etc/m/b.key"},
    {CONF_KEY, "file short.key", NULL},
    {CONF_KEY, "file @gone", NULL},
    {CONF_KEY, "file \"\"", NULL},
    {CONF_PAYLOAD, "pass", "pass"},
    {CONF_PAYLOAD, "pass yes", NULL},
    {CONF_PAYLOAD, "client-leg plain", "client-leg plain"},
    {CONF_PAYLOAD, "client-leg encrypted k", "client-leg encrypted k"},
    {CONF_PAYLOAD, "client-leg encrypted", NULL},
    {CONF_PAYLOAD, "broker-leg encrypted k", "broker-leg encrypted k"},
    {CONF_PAYLOAD, "broker-leg open", NULL},
};

#define BROKER "broker b {\naddress a:1\n}\n"
#define LISTENER "listener l {\nlisten 127.0.0.1:2\nbroker b\n}\n"

/* A line in a block that has whatever else it needs. */
static void put_block(char *out, size_t size, const struct value_row *row)
{
	static const char *const heads[CONF_BLOCKS] = {
	    "",         "log",   "admin",    "state", "listener x",
	    "broker x", "otp x", "filter x", "key x", "payload x"};
	static const char *const needs[][3] = {
	    {"listener", "listen", "listen 127.0.0.1:9"},
	    {"listener", "broker", "broker b"},
	    {"broker", "address", "address x:1"},
	    {"otp", "role", "role verify"},
	    {"key", "file", "file a.key"},
	    {"payload", "client-leg", "client-leg plain"},
	    {"payload", "broker-leg", "broker-leg plain"},
	};
	size_t at = 0, name = strcspn(row->line, " ");

	if (row->block != CONF_TOP)
		at += (size_t)snprintf(out + at, size - at, "%s {\n", heads[row->block]);
	at += (size_t)snprintf(out + at, size - at, "%s\n", row->line);
	for (int i = 0; i < ROWS(needs); i++) {
		bool same =
		    strlen(needs[i][1]) == name && strncmp(row->line, needs[i][1], name) == 0;
		if (strcmp(needs[i][0], conf_block_name(row->block)) == 0 && !same &&
		    strncmp(row->line, "pass", 4) != 0)
			at += (size_t)snprintf(out + at, size - at, "%s\n", needs[i][2]);
	}
	if (row->block == CONF_FILTER)
		at += (size_t)snprintf(out + at, size - at, "deny connect\n");
	if (row->block != CONF_TOP)
		at += (size_t)snprintf(out + at, size - at, "}\n");
	(void)snprintf(out + at, size - at, "%s" BROKER LISTENER,
	               strstr(row->line, "encrypted") != NULL ? "key k {\nfile a.key\n}\n" : "");
}

/* The dump, without where things come from. Freed by the caller. */
static char *dump_of(const struct conf *c)
{
	struct buf out = {.cap = 1 << 20};
	size_t n = 0;

	ck_assert_int_eq(conf_dump(c, &out), 0);
	struct slice all = buf_view(&out);
	char *text = malloc(all.n + 1);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '\t' && i + 1 < all.n && all.p[i + 1] == '#') {
			while (all.p[i] != '\n')
				i++;
		}
		text[n++] = (char)all.p[i];
	}
	text[n] = '\0';
	buf_free(&out);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = strstr(text, line); p != NULL; p = strstr(p + 1, line)) {
		bool starts = p == text || p[-1] == '\n' || p[-1] == '\t';
		if (starts && p[n] == '\n')
			return true;
	}
	return false;
}

/* Loads a dump: it must be taken without an error and dump as the same. */
static void expect_stable(const char *dump)
{
	struct conf_report report = {0};
	struct conf *c = load_text(dump, &report);

	ck_assert_msg(c != NULL, "%s%s", dump, report.text);
	char *again = dump_of(c);
	ck_assert_str_eq(again, dump);
	free(again);
	conf_free(c);
	conf_report_fini(&report);
}

START_TEST(value)
{
	const struct value_row *row = &values[_i];
	struct conf_report report = {0};
	char text[1024], place[32];

	put_block(text, sizeof text, row);
	struct conf *c = load_text(text, &report);
	if (row->dump == NULL) {
		ck_assert_msg(c == NULL, "%s", text);
		ck_assert_msg(report.errors == 1, "%s%s", text, report.text);
		(void)snprintf(place, sizeof place,
		               "main.conf:%d:", row->block == CONF_TOP ? 1 : 2);
		ck_assert_msg(strstr(report.text, place) != NULL, "%s", report.text);
	} else {
		ck_assert_msg(c != NULL, "%s%s", text, report.text);
		char *dump = dump_of(c);
		ck_assert_msg(has_line(dump, row->dump), "%s", dump);
		expect_stable(dump);
		free(dump);
	}
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

/* Each directive of the table has a row that is right and one that is wrong. */
START_TEST(every_directive_is_tried)
{
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		size_t right = 0, wrong = 0;
		for (int k = 0; k < ROWS(values); k++) {
			size_t name = strcspn(values[k].line, " ");
			bool same = values[k].block == d[i].block && name == strlen(d[i].name) &&
			            strncmp(values[k].line, d[i].name, name) == 0;
			right += same && values[k].dump != NULL;
			wrong += same && values[k].dump == NULL;
		}
		ck_assert_msg(right != 0 && wrong != 0, "%s in block '%s'", d[i].name,
		              conf_block_name(d[i].block));
	}
}
END_TEST

START_TEST(table_is_sound)
{
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	for (size_t i = 0; i < n; i++) {
		size_t doc = strlen(d[i].doc);
		ck_assert_int_eq(conf_directive_find(d[i].block, d[i].name), (int)i);
		ck_assert_msg(doc > 10 && d[i].doc[doc - 1] != '.', "%s", d[i].name);
		ck_assert_msg(i == 0 || d[i].block >= d[i - 1].block, "%s", d[i].name);
		ck_assert_msg(!d[i].required || d[i].default_value == NULL, "%s", d[i].name);
		if (d[i].choices != NULL && d[i].default_value != NULL)
			ck_assert_int_ge(conf_choice(d[i].default_value, d[i].choices), 0);
	}
}
END_TEST

/* The defaults of the table are what a short configuration has, and what conf.h promises. */
START_TEST(defaults)
{
	struct conf_report report = {0};
	struct conf *c = load_text(BROKER LISTENER "otp o {\nrole verify\n}\n", &report);
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
	conf_free(c);
	conf_report_fini(&report);
}
END_TEST

static const char full[] = "payload a/# {\n"
                           "\tclient-leg encrypted two one\n"
                           "\tbroker-leg plain\n"
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
	ck_assert_uint_eq(c->payloads[0].client.n_keys, 2);
	ck_assert_uint_eq(c->payloads[0].client.keys[0], 1);
	ck_assert_uint_eq(c->payloads[0].client.keys[1], 0);
	ck_assert(c->payloads[1].pass);
	ck_assert_uint_eq(c->payloads[1].line, 5);
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
	ck_assert_uint_eq(v.line, 37);
	ck_assert_str_eq(v.file, "/etc/m/main.conf");
	who.user = slice_str("else");
	ck_assert_uint_eq(acl_connect(r, &who).line, 38);
	memcpy(who.address.b, "\x20\x01\x0d\xb8", 4);
	ck_assert(acl_denied_at_accept(r, &who.address, &v));
	ck_assert_uint_eq(v.line, 36);
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

/* Where max-buffer must hold the largest envelope twice, exactly that much is enough. */
START_TEST(buffer_holds_two_envelopes)
{
	static const char rule[] =
	    "key k {\nfile a.key\n}\npayload a {\nclient-leg plain\nbroker-leg encrypted k\n}\n";
	size_t least = 2 * (24 + (2u << 20) + 16 * 128 + (128u << 10));
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

/* The gateway's sample shows every directive that there is. */
START_TEST(sample_is_complete)
{
	unsigned keys = 0;
	struct buf text = {.cap = 1 << 20};
	size_t n;
	const struct conf_directive *d = conf_directives(&n);

	ck_assert_int_eq(sample_read(&keys, samples[1], false, &text, NULL), 0);
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

	tcase_add_loop_test(t, value, 0, ROWS(values));
	tcase_add_test(t, every_directive_is_tried);
	tcase_add_test(t, table_is_sound);
	tcase_add_test(t, defaults);
	tcase_add_test(t, blocks_and_references);
	tcase_add_test(t, rules_are_compiled);
	tcase_add_test(t, includes);
	tcase_add_test(t, dump_names_origins);
	tcase_add_test(t, buffer_holds_two_envelopes);
	tcase_add_loop_test(t, samples_load, 0, ROWS(samples));
	tcase_add_test(t, installed_default_is_safe);
	tcase_add_test(t, sample_is_complete);
	suite_add_tcase(s, t);
	return suite_run(s);
}
