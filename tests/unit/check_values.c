/* SPDX-License-Identifier: ISC */
#include "conf/schema.h"
#include "tests/unit/conf_dump.h"

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
    {CONF_TOP, "max-message 256M", "max-message 256M"},
    {CONF_TOP, "max-message 262145k", NULL},
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
    {CONF_LOG, "to auto", "to auto"},
    {CONF_LOG, "to journal", "to journal"},
    {CONF_LOG, "to stderr", "to stderr"},
    {CONF_LOG, "to syslog", NULL},
    {CONF_LOG, "format logfmt", "format logfmt"},
    {CONF_LOG, "format json", "format json"},
    {CONF_LOG, "format xml", NULL},
    {CONF_LOG, "client-ids plain", "client-ids plain"},
    {CONF_LOG, "client-ids hashed", "client-ids hashed"},
    {CONF_LOG, "client-ids", NULL},
    {CONF_LOG, "rate-limit off", "rate-limit off"},
    {CONF_LOG, "rate-limit 1 per 1s", "rate-limit 1 per 1s"},
    {CONF_LOG, "rate-limit 1000000 per 1h", "rate-limit 1000000 per 1h"},
    {CONF_LOG, "rate-limit 1000001 per 1h", NULL},
    {CONF_LOG, "rate-limit 0 per 10s", NULL},
    {CONF_LOG, "rate-limit 20 per 999ms", NULL},
    {CONF_LOG, "rate-limit 20 per 61m", NULL},
    {CONF_LOG, "rate-limit 20", NULL},
    {CONF_LOG, "rate-limit 20 per", NULL},
    {CONF_LOG, "rate-limit 20 in 10s", NULL},
    {CONF_LOG, "rate-limit per 10s", NULL},
    {CONF_LOG, "rate-limit 20 per 10s more", NULL},
    {CONF_LOG, "rate-limit off 10s", NULL},
    {CONF_LOG, "level info", "level info"},
    {CONF_LOG, "level debug", "level debug"},
    {CONF_LOG, "level trace", NULL},
    {CONF_ADMIN, "socket none", "socket none"},
    {CONF_ADMIN, "socket /run/x", "socket /run/x"},
    {CONF_ADMIN, "socket x.sock", "socket /etc/m/x.sock"},
    {CONF_ADMIN, "socket \"\"", NULL},
    {CONF_ADMIN, "http off", "http off"},
    {CONF_ADMIN, "http 127.0.0.1:9883", "http 127.0.0.1:9883"},
    {CONF_ADMIN, "http 127.200.0.1:0", "http 127.200.0.1:0"},
    {CONF_ADMIN, "http [0::1]:9883", "http [::1]:9883"},
    {CONF_ADMIN, "http 0.0.0.0:9883", NULL},
    {CONF_ADMIN, "http [::]:9883", NULL},
    {CONF_ADMIN, "http 192.0.2.1:9883", NULL},
    {CONF_ADMIN, "http [::ffff:127.0.0.1]:9883", NULL},
    {CONF_ADMIN, "http localhost:9883", NULL},
    {CONF_ADMIN, "http 127.0.0.1", NULL},
    {CONF_ADMIN, "http 127.0.0.1:65536", NULL},
    {CONF_ADMIN, "http 127.0.0.1:1 127.0.0.1:2", NULL},
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
    {CONF_BROKER, "otp i", "otp i"},
    {CONF_BROKER, "otp none", "otp none"},
    {CONF_BROKER, "otp v", NULL},
    {CONF_BROKER, "otp x", NULL},
    {CONF_BROKER, "insecure-ok yes", "insecure-ok yes"},
    {CONF_BROKER, "insecure-ok no", "insecure-ok no"},
    {CONF_BROKER, "insecure-ok maybe", NULL},
    {CONF_BROKER, "tcp-keepalive 1s", "tcp-keepalive 1s"},
    {CONF_BROKER, "tcp-keepalive 999ms", NULL},
    {CONF_BROKER, "tcp-keepalive 9h", "tcp-keepalive 9h"},
    {CONF_BROKER, "tcp-keepalive 32401s", NULL},
    {CONF_OTP, "profile people", "profile people"},
    {CONF_OTP, "profile machine-totp", "profile machine-totp"},
    {CONF_OTP, "profile machine-hotp", "profile machine-hotp"},
    {CONF_OTP, "profile totp", NULL},
    {CONF_OTP, "secret-file otp", "secret-file /etc/m/otp"},
    {CONF_OTP, "secret-file @otp", "secret-file @otp"},
    {CONF_OTP, "secret-file sub/otp-%u", "secret-file /etc/m/sub/otp-%u"},
    {CONF_OTP, "secret-file \"\"", NULL},
    {CONF_OTP, "secret-file otp.gone", NULL},
    {CONF_OTP, "secret-file otp.open", NULL},
    {CONF_OTP, "secret-file otp.short", NULL},
    {CONF_OTP, "secret-file otp.bad", NULL},
    {CONF_OTP, "user \"a b/ü\"", "user \"a b/ü\""},
    {CONF_OTP, "user \"\"", NULL},
    {CONF_OTP, "user a b", NULL},
    {CONF_OTP, "password-file password", "password-file /etc/m/password"},
    {CONF_OTP, "password-file @otp", "password-file @otp"},
    {CONF_OTP, "password-file no-password", NULL},
    {CONF_OTP, "password-file otp.open", NULL},
    {CONF_OTP, "password-file gone", NULL},
    {CONF_OTP, "role verify", "role verify"},
    {CONF_OTP, "role inject", "role inject"},
    {CONF_OTP, "role both", NULL},
    {CONF_OTP, "layout password+otp", "layout password+otp"},
    {CONF_OTP, "layout otp+password", "layout otp+password"},
    {CONF_OTP, "layout otp", "layout otp"},
    {CONF_OTP, "layout none", NULL},
    {CONF_OTP, "forward password", "forward password"},
    {CONF_OTP, "layout otp\nforward stored", "forward stored"},
    {CONF_OTP, "layout otp\nforward none", "forward none"},
    {CONF_OTP, "forward stored", NULL},
    {CONF_OTP, "forward otp", NULL},
    {CONF_OTP, "digits 6", "digits 6"},
    {CONF_OTP, "digits 8", "digits 8"},
    {CONF_OTP, "digits 5", NULL},
    {CONF_OTP, "digits 9", NULL},
    {CONF_OTP, "lease off", "lease off"},
    {CONF_OTP, "lease 1s", "lease 1s"},
    {CONF_OTP, "lease 1d", "lease 24h"},
    {CONF_OTP, "lease 25h", NULL},
    {CONF_OTP, "lease 500ms", NULL},
    {CONF_OTP, "lease 0s", NULL},
    {CONF_OTP, "lease on", NULL},
    {CONF_OTP, "unknown-users refuse", "unknown-users refuse"},
    {CONF_OTP, "unknown-users pass", "unknown-users pass"},
    {CONF_OTP, "unknown-users refuse pass", NULL},
    {CONF_FILTER, "allow connect client-id \"a b\"", "allow connect client-id \"a b\""},
    {CONF_FILTER, "allow connect address @nets.txt", "allow connect address @/etc/m/nets.txt"},
    {CONF_FILTER, "allow connect user @names.txt", "allow connect user @/etc/m/names.txt"},
    {CONF_FILTER, "allow connect user '\\@x'", "allow connect user \"\\\\@x\""},
    {CONF_FILTER, "allow connect client-id %u-*", "allow connect client-id %u-*"},
    {CONF_FILTER, "allow publish", "allow publish"},
    {CONF_FILTER, "allow subscribe", "allow subscribe"},
    {CONF_FILTER, "allow receive", NULL},
    {CONF_FILTER, "allow", NULL},
    {CONF_FILTER, "deny connect address ::/0", "deny connect address ::/0"},
    {CONF_FILTER, "deny connect address", NULL},
    {CONF_FILTER, "refuse silent", "refuse silent"},
    {CONF_FILTER, "refuse connack", "refuse connack"},
    {CONF_FILTER, "refuse", NULL},
    {CONF_FILTER, "on-deny disconnect", "on-deny disconnect"},
    {CONF_FILTER, "on-deny pass", NULL},
    {CONF_FILTER, "dry-run on", "dry-run on"},
    {CONF_FILTER, "dry-run off", "dry-run off"},
    {CONF_FILTER, "dry-run no", NULL},
    {CONF_FILTER, "limit connects 10 per 1m per user", "limit connects 10 per 1m per user"},
    {CONF_FILTER, "limit connects 1 per 100ms per address",
     "limit connects 1 per 100ms per address"},
    {CONF_FILTER, "limit connections 1000000 per address", "limit connections 1000000 per address"},
    {CONF_FILTER, "limit connections 5 per user", "limit connections 5 per user"},
    {CONF_FILTER, "limit publish 5 per 24h per client", "limit publish 5 per 24h per client"},
    {CONF_FILTER, "limit connections 1000001 per user", NULL},
    {CONF_FILTER, "limit connections per user", NULL},
    {CONF_FILTER, "limit connects 5 per 99ms per user", NULL},
    {CONF_FILTER, "limit", NULL},
    {CONF_FILTER, "ban after 5 refusals in 1m for 30d", "ban after 5 refusals in 1m for 30d"},
    {CONF_FILTER, "ban after 5 refusals in 1m for 31d", NULL},
    {CONF_FILTER, "ban", NULL},
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
    {CONF_PAYLOAD, "on-bad-payload drop", "on-bad-payload drop"},
    {CONF_PAYLOAD, "on-bad-payload disconnect", "on-bad-payload disconnect"},
    {CONF_PAYLOAD, "on-bad-payload", NULL},
    {CONF_PAYLOAD, "on-bad-payload pass", NULL},
    {CONF_PAYLOAD, "plaintext require", "plaintext require"},
    {CONF_PAYLOAD, "plaintext prefer", "plaintext prefer"},
    {CONF_PAYLOAD, "plaintext allow", NULL},
    {CONF_PAYLOAD, "empty deliver", "empty deliver"},
    {CONF_PAYLOAD, "empty drop", "empty drop"},
    {CONF_PAYLOAD, "empty", NULL},
    {CONF_PAYLOAD, "seal-properties yes", "seal-properties yes"},
    {CONF_PAYLOAD, "seal-properties no", "seal-properties no"},
    {CONF_PAYLOAD, "seal-properties off", NULL},
    {CONF_PAYLOAD, "pad off", "pad off"},
    {CONF_PAYLOAD, "pad 16", "pad 16"},
    {CONF_PAYLOAD, "pad 1024", "pad 1024"},
    {CONF_PAYLOAD, "pad 15", NULL},
    {CONF_PAYLOAD, "pad 1025", NULL},
    {CONF_PAYLOAD, "pad 0", NULL},
    {CONF_PAYLOAD, "max-age off", "max-age off"},
    {CONF_PAYLOAD, "max-age 1s", "max-age 1s"},
    {CONF_PAYLOAD, "max-age 365d", "max-age 8760h"},
    {CONF_PAYLOAD, "max-age 999ms", NULL},
    {CONF_PAYLOAD, "max-age 366d", NULL},
    {CONF_PAYLOAD, "max-age 30", NULL},
    {CONF_PAYLOAD, "bind-topic yes", "bind-topic yes"},
    {CONF_PAYLOAD, "bind-topic no", "bind-topic no"},
    {CONF_PAYLOAD, "bind-topic none", NULL},
    {CONF_PAYLOAD, "strict-retain yes", "strict-retain yes"},
    {CONF_PAYLOAD, "strict-retain no", "strict-retain no"},
    {CONF_PAYLOAD, "strict-retain", NULL},
};

/* The role that a line of an otp block belongs to. */
static size_t put_role(char *out, size_t size, const char *line)
{
	static const char *const injects[] = {"profile", "secret-file", "user ", "password-file"};
	bool inject = strcmp(line, "role inject") == 0;

	for (int i = 0; i < ROWS(injects); i++)
		inject = inject || strncmp(line, injects[i], strlen(injects[i])) == 0;
	return (size_t)snprintf(
	    out, size, "%s%s%s", strncmp(line, "role", 4) == 0 ? "" : "role ",
	    strncmp(line, "role", 4) == 0 ? ""
	    : inject                      ? "inject\n"
	                                  : "verify\n",
	    inject && strncmp(line, "secret-file", 11) != 0 ? "secret-file otp\n" : "");
}

/* A line in a block that has whatever else it needs. */
static void put_block(char *out, size_t size, const struct value_row *row)
{
	static const char *const heads[CONF_BLOCKS] = {
	    "",         "log",   "admin",    "state", "listener x",
	    "broker x", "otp x", "filter x", "key x", "payload x"};
	static const char *const needs[][3] = {
	    {"listener", "listen", "listen 127.0.0.1:9"},
	    {"listener", "broker", "broker b"},
	    {"broker", "address", "address 127.0.0.1:1"},
	    {"key", "file", "file a.key"},
	    {"payload", "client-leg", "client-leg plain"},
	    {"payload", "broker-leg", "broker-leg encrypted k"},
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
	if (row->block == CONF_OTP)
		at += put_role(out + at, size - at, row->line);
	if (row->block == CONF_FILTER)
		at += (size_t)snprintf(out + at, size - at, "deny connect\n");
	if (row->block != CONF_TOP)
		at += (size_t)snprintf(out + at, size - at, "}\n");
	(void)snprintf(out + at, size - at, "%s" BROKER LISTENER,
	               row->block == CONF_PAYLOAD && strncmp(row->line, "pass", 4) != 0
	                   ? "key k {\nfile a.key\n}\n"
	               : row->block == CONF_BROKER
	                   ? "otp i {\nrole inject\nsecret-file otp\n}\notp v {\nrole verify\n}\n"
	                   : "");
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

int main(void)
{
	Suite *s = suite_create("values");
	TCase *t = tcase_create("values");

	tcase_add_loop_test(t, value, 0, ROWS(values));
	tcase_add_test(t, every_directive_is_tried);
	tcase_add_test(t, table_is_sound);
	suite_add_tcase(s, t);
	return suite_run(s);
}
