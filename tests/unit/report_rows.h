/* SPDX-License-Identifier: ISC */
/* What people are told about configurations that are wrong, word for word. */
#ifndef UNIT_REPORT_ROWS_H
#define UNIT_REPORT_ROWS_H

#include <stdbool.h>

/* A good configuration, put behind the text of a row where that is only about something else. */
#define BASE "broker b {\n\taddress a:1\n}\nlistener l {\n\tlisten 127.0.0.1:2\n\tbroker b\n}\n"

struct report_row {
	const char *what, *text;
	bool alone; /* without BASE */
	const char *report;
};

/* clang-format off */
static const struct report_row report_rows[] = {
	{"unknown directive, nothing near",
	 "frobnicate 1\n", false,
	 "/etc/m/main.conf:1:1: error: unknown directive \"frobnicate\": what may stand here is workers, shutdown-grace, pre-auth-memory, max-message, include, log, admin, state, listener, broker, otp, filter, key, payload\n"
	 "frobnicate 1\n"
	 "^\n"},
	{"unknown directive, something near",
	 "worker 4\n", false,
	 "/etc/m/main.conf:1:1: error: unknown directive \"worker\": did you mean \"workers\"?\n"
	 "worker 4\n"
	 "^\n"},
	{"unknown directive of one letter more",
	 "listenner x {\n"
	 "\tlisten 1\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:1: error: unknown directive \"listenner\": did you mean \"listener\"?\n"
	 "listenner x {\n"
	 "^\n"},
	{"directive that belongs into a block",
	 "listen 127.0.0.1:1\n", false,
	 "/etc/m/main.conf:1:1: error: \"listen\" belongs inside a 'listener' block\n"
	 "listen 127.0.0.1:1\n"
	 "^\n"},
	{"directive that belongs into several blocks",
	 "connect-timeout 1s\n", false,
	 "/etc/m/main.conf:1:1: error: \"connect-timeout\" belongs inside a 'listener' block or inside a 'broker' block\n"
	 "connect-timeout 1s\n"
	 "^\n"},
	{"directive that belongs outside",
	 "log {\n"
	 "\tworkers 1\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:2: error: \"workers\" belongs outside any block\n"
	 "\tworkers 1\n"
	 "\t^\n"},
	{"unknown directive in a block",
	 "log {\n"
	 "\tlevle info\n"
	 "\tcolour red\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:2: error: unknown directive \"levle\": did you mean \"level\"?\n"
	 "\tlevle info\n"
	 "\t^\n"
	 "/etc/m/main.conf:3:2: error: unknown directive \"colour\": what may stand here is level, to, format, client-ids, rate-limit\n"
	 "\tcolour red\n"
	 "\t^\n"},
	{"set twice",
	 "workers 1\n"
	 "  workers 2\n", false,
	 "/etc/m/main.conf:2:3: error: \"workers\" is set twice: first in /etc/m/main.conf:1\n"
	 "  workers 2\n"
	 "  ^\n"},
	{"set twice in a block",
	 "log {\n"
	 "\tlevel info\n"
	 "\tlevel info\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:2: error: \"level\" is set twice: first in /etc/m/main.conf:2\n"
	 "\tlevel info\n"
	 "\t^\n"},
	{"block set twice",
	 "log {\n"
	 "}\n"
	 "log {\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:1: error: \"log\" is set twice: first in /etc/m/main.conf:1\n"
	 "log {\n"
	 "^\n"},
	{"set twice across files",
	 "include sub/level.conf\n"
	 "log {\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:1: error: \"log\" is set twice: first in /etc/m/sub/level.conf:1\n"
	 "log {\n"
	 "^\n"},
	{"name set twice",
	 "broker b {\n"
	 "\taddress a:1\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:8: error: broker \"b\" is set twice: first in /etc/m/main.conf:1\n"
	 "broker b {\n"
	 "       ^\n"},
	{"value missing",
	 "workers\n", false,
	 "/etc/m/main.conf:1:1: error: a value is missing: workers auto|N\n"
	 "workers\n"
	 "^\n"},
	{"word too many",
	 "workers 1 2\n", false,
	 "/etc/m/main.conf:1:11: error: one word too many: it is \"workers auto|N\"\n"
	 "workers 1 2\n"
	 "          ^\n"},
	{"number out of range",
	 "workers 0\n", false,
	 "/etc/m/main.conf:1:9: error: \"0\" is not a number from 1 to 256, or auto\n"
	 "workers 0\n"
	 "        ^\n"},
	{"number out of range above",
	 "workers 257\n", false,
	 "/etc/m/main.conf:1:9: error: \"257\" is not a number from 1 to 256, or auto\n"
	 "workers 257\n"
	 "        ^\n"},
	{"bad size",
	 "max-message 10MB\n", false,
	 "/etc/m/main.conf:1:13: error: \"10MB\" is not a size (4096, 64k, 2M) from 1k to 256M\n"
	 "max-message 10MB\n"
	 "            ^\n"},
	{"bad duration",
	 "shutdown-grace 10\n", false,
	 "/etc/m/main.conf:1:16: error: \"10\" is not a duration (500ms, 10s, 5m, 2h, 7d) from 0ms to 1h\n"
	 "shutdown-grace 10\n"
	 "               ^\n"},
	{"part of a second",
	 "broker b2 {\n"
	 "\taddress a:1\n"
	 "\ttcp-keepalive 1500ms\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this broker block\n"
	 "broker b2 {\n"
	 "       ^\n"
	 "/etc/m/main.conf:3:16: error: only whole seconds are possible here\n"
	 "\ttcp-keepalive 1500ms\n"
	 "\t              ^\n"},
	{"near choice",
	 "log {\n"
	 "\tlevel warn\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:8: error: \"warn\" is not known here: did you mean \"warning\"?\n"
	 "\tlevel warn\n"
	 "\t      ^\n"},
	{"choice, nothing near",
	 "log {\n"
	 "\tlevel 7\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:8: error: \"7\" is not known here: it is \"level error|warning|info|debug\"\n"
	 "\tlevel 7\n"
	 "\t      ^\n"},
	{"unknown users whom nobody would judge",
	 "otp o {\n"
	 "\tunknown-users pass\n"
	 "\trole verify\n"
	 "\tlayout otp\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no listener or broker uses this otp block\n"
	 "otp o {\n"
	 "    ^\n"
	 "/etc/m/main.conf:2:16: error: with \"layout otp\" the broker gets no passwords, so unknown users would be judged by nobody: refuse them, or take another layout\n"
	 "\tunknown-users pass\n"
	 "\t              ^\n"},
	{"passwords that nobody would check",
	 "otp o {\n"
	 "\trole verify\n"
	 "\tforward stored\n"
	 "}\n"
	 "otp p {\n"
	 "\trole verify\n"
	 "\tlayout otp\n"
	 "\tforward none\n"
	 "\tunknown-users pass\n"
	 "}\n"
	 "listener x {\n\tlisten 127.0.0.1:1884\n\tbroker b\n\totp o\n}\n"
	 "listener y {\n\tlisten 127.0.0.1:1885\n\tbroker b\n\totp p\n}\n", false,
	 "/etc/m/main.conf:3:10: error: nobody would check the password beside the code, since the broker does not get it: let clients send the code alone, and say \"layout otp\"\n"
	 "\tforward stored\n"
	 "\t        ^\n"
	 "/etc/m/main.conf:9:16: error: with \"forward none\" the broker gets no passwords, so unknown users would be judged by nobody: refuse them, or say \"forward stored\"\n"
	 "\tunknown-users pass\n"
	 "\t              ^\n"},
	{"codes for a user name that does not go up",
	 "otp p {\n\trole verify\n\tlayout otp\n\tforward none\n}\n"
	 "otp q {\n\trole inject\n\tsecret-file k/%u\n}\n"
	 "broker c {\n\taddress 127.0.0.1:1\n\totp q\n}\n"
	 "listener y {\n\tlisten 127.0.0.1:1885\n\tbroker c\n\totp p\n}\n", false,
	 "/etc/m/main.conf:17:6: error: \"forward none\" there takes the user name away, and otp \"q\" of the broker needs one: say \"user NAME\" in it\n"
	 "\totp p\n"
	 "\t    ^\n"},
	{"directives of the other role",
	 "otp o {\n"
	 "\tsecret-file otp\n"
	 "\trole verify\n"
	 "\tprofile people\n"
	 "}\n"
	 "otp p {\n"
	 "\tdigits 8\n"
	 "\trole inject\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no listener or broker uses this otp block\n"
	 "otp o {\n"
	 "    ^\n"
	 "/etc/m/main.conf:2:2: error: \"secret-file\" belongs to role inject: leave it out, or say \"role inject\"\n"
	 "\tsecret-file otp\n"
	 "\t^\n"
	 "/etc/m/main.conf:4:2: error: \"profile\" belongs to role inject: leave it out, or say \"role inject\"\n"
	 "\tprofile people\n"
	 "\t^\n"
	 "/etc/m/main.conf:6:5: error: this otp needs a line \"secret-file PATH\", since its role is inject\n"
	 "otp p {\n"
	 "    ^\n"
	 "/etc/m/main.conf:6:5: warning: no listener or broker uses this otp block\n"
	 "otp p {\n"
	 "    ^\n"
	 "/etc/m/main.conf:7:2: error: \"digits\" belongs to role verify: leave it out, or say \"role verify\"\n"
	 "\tdigits 8\n"
	 "\t^\n"},
	{"otp blocks in the wrong place, codes in clear",
	 "broker a {\n"
	 "\taddress 127.0.0.1:1\n"
	 "\totp v\n"
	 "}\n"
	 "broker c {\n"
	 "\taddress [::1]:1\n"
	 "\taddress 10.0.0.1:1\n"
	 "\taddress localhost:1\n"
	 "\taddress a.example:1\n"
	 "\tinsecure-ok no\n"
	 "\totp i\n"
	 "}\n"
	 "listener x {\n"
	 "\tlisten 127.0.0.1:0\n"
	 "\tbroker a\n"
	 "\totp i\n"
	 "}\n"
	 "listener y {\n"
	 "\tlisten 127.0.0.1:0\n"
	 "\tbroker c\n"
	 "}\n"
	 "otp i {\n"
	 "\trole inject\n"
	 "\tsecret-file otp\n"
	 "}\n"
	 "otp v {\n"
	 "\trole verify\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:6: error: a broker needs an otp block of role inject; this one belongs to a listener\n"
	 "\totp v\n"
	 "\t    ^\n"
	 "/etc/m/main.conf:7:10: error: one-time passwords in plain TCP beyond loopback: whoever is on the way could use them first; where the network can be trusted, say \"insecure-ok yes\" in this broker\n"
	 "\taddress 10.0.0.1:1\n"
	 "\t        ^\n"
	 "/etc/m/main.conf:9:10: error: one-time passwords in plain TCP beyond loopback: whoever is on the way could use them first; where the network can be trusted, say \"insecure-ok yes\" in this broker\n"
	 "\taddress a.example:1\n"
	 "\t        ^\n"
	 "/etc/m/main.conf:16:6: error: a listener needs an otp block of role verify; this one belongs to a broker\n"
	 "\totp i\n"
	 "\t    ^\n"},
	{"secrets that are none",
	 "otp a {\n"
	 "\trole inject\n"
	 "\tsecret-file otp.short\n"
	 "\tpassword-file no-password\n"
	 "}\n"
	 "otp b {\n"
	 "\trole inject\n"
	 "\tsecret-file otp.bad\n"
	 "\tpassword-file otp.open\n"
	 "}\n"
	 "broker c {\n"
	 "\taddress 127.0.0.1:1\n"
	 "\totp a\n"
	 "}\n"
	 "broker d {\n"
	 "\taddress 127.0.0.1:1\n"
	 "\totp b\n"
	 "}\n"
	 "listener x {\n"
	 "\tlisten 127.0.0.1:0\n"
	 "\tbroker c\n"
	 "}\n"
	 "listener y {\n"
	 "\tlisten 127.0.0.1:0\n"
	 "\tbroker d\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:14: error: /etc/m/otp.short: a secret has at least 16 bytes, this one 10\n"
	 "\tsecret-file otp.short\n"
	 "\t            ^\n"
	 "/etc/m/main.conf:4:16: error: /etc/m/no-password: the password is empty\n"
	 "\tpassword-file no-password\n"
	 "\t              ^\n"
	 "/etc/m/main.conf:8:14: error: /etc/m/otp.bad: this is not a secret of 16 to 128 bytes in base32\n"
	 "\tsecret-file otp.bad\n"
	 "\t            ^\n"
	 "/etc/m/main.conf:9:16: error: /etc/m/otp.open has mode 0644: chmod g-wx,o= /etc/m/otp.open\n"
	 "\tpassword-file otp.open\n"
	 "\t              ^\n"},
	{"block where a value is meant",
	 "workers {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:1: error: \"workers\" takes no block\n"
	 "workers {\n"
	 "^\n"},
	{"value where a block is meant",
	 "log info\n", false,
	 "/etc/m/main.conf:1:1: error: \"log\" is a block: log { \342\200\246 }\n"
	 "log info\n"
	 "^\n"},
	{"block in a block",
	 "log {\n"
	 "\tlevel {\n"
	 "\t\tlevel info\n"
	 "\t}\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:2: error: \"level\" takes no block\n"
	 "\tlevel {\n"
	 "\t^\n"},
	{"block with a word too many",
	 "log info {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: error: one word too many: it is \"log {\"\n"
	 "log info {\n"
	 "    ^\n"},
	{"block without a name",
	 "key {\n"
	 "\tfile a.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:1: error: a name is missing: key NAME { \342\200\246 }\n"
	 "key {\n"
	 "^\n"},
	{"block with two names",
	 "key a b {\n"
	 "\tfile a.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a b {\n"
	 "    ^\n"
	 "/etc/m/main.conf:1:7: error: one word too many: it is \"key NAME {\"\n"
	 "key a b {\n"
	 "      ^\n"},
	{"bad name",
	 "key a/b {\n"
	 "\tfile a.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: error: \"a/b\" cannot be a name: names have 1 to 64 letters, digits, _ . and -\n"
	 "key a/b {\n"
	 "    ^\n"
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a/b {\n"
	 "    ^\n"},
	{"name that says nothing",
	 "otp none {\n"
	 "\trole verify\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: error: \"none\" cannot be a name: it says that there is nothing\n"
	 "otp none {\n"
	 "    ^\n"
	 "/etc/m/main.conf:1:5: warning: no listener or broker uses this otp block\n"
	 "otp none {\n"
	 "    ^\n"},
	{"control characters are not shown",
	 "\"\\\033[2Jworkers\" 1\n", false,
	 "/etc/m/main.conf:1:3: error: a control character: only tabs are allowed\n"
	 "\"\\?[2Jworkers\" 1\n"
	 "  ^\n"},
	{"escaped",
	 "\"a\\\"b\tc\" \\# # x\n", false,
	 "/etc/m/main.conf:1:1: error: unknown directive \"a\\\"b\\x09c\": what may stand here is workers, shutdown-grace, pre-auth-memory, max-message, include, log, admin, state, listener, broker, otp, filter, key, payload\n"
	 "\"a\\\"b\tc\" \\# # x\n"
	 "^\n"},
	{"columns count characters",
	 "\"gr\303\274n\" \"\342\202\254\" 2\n"
	 "workers \"\342\202\254\342\202\254\" 2\n", false,
	 "/etc/m/main.conf:1:1: error: unknown directive \"gr\303\274n\": what may stand here is workers, shutdown-grace, pre-auth-memory, max-message, include, log, admin, state, listener, broker, otp, filter, key, payload\n"
	 "\"gr\303\274n\" \"\342\202\254\" 2\n"
	 "^\n"
	 "/etc/m/main.conf:2:14: error: one word too many: it is \"workers auto|N\"\n"
	 "workers \"\342\202\254\342\202\254\" 2\n"
	 "             ^\n"},
	{"lexer: quote not closed",
	 "log \"x {\n"
	 "\tlevel\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: error: this quote is not closed on its line\n"
	 "log \"x {\n"
	 "    ^\n"},
	{"lexer: single quote not closed",
	 "workers 'auto\n", false,
	 "/etc/m/main.conf:1:9: error: this quote is not closed on its line\n"
	 "workers 'auto\n"
	 "        ^\n"},
	{"lexer: quote inside",
	 "workers a\"uto\"\n", false,
	 "/etc/m/main.conf:1:10: error: a quote inside a word: quote the whole word, or put a backslash before the quote\n"
	 "workers a\"uto\"\n"
	 "         ^\n"},
	{"lexer: word behind a quote",
	 "workers \"1\"2\n", false,
	 "/etc/m/main.conf:1:12: error: a blank is needed behind the closing quote\n"
	 "workers \"1\"2\n"
	 "           ^\n"},
	{"lexer: brace inside",
	 "log{\n"
	 "\tlevel info\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:4: error: a brace inside a word: put a blank before it, or quote the word\n"
	 "log{\n"
	 "   ^\n"},
	{"lexer: block in one line",
	 "log { level info }\n", false,
	 "/etc/m/main.conf:1:7: error: nothing but a comment may stand behind {: the block goes on in the next line, and its } has a line of its own\n"
	 "log { level info }\n"
	 "      ^\n"},
	{"lexer: close with a word",
	 "log {\n"
	 "\tlevel info }\n", false,
	 "/etc/m/main.conf:2:13: error: } must stand on a line of its own\n"
	 "\tlevel info }\n"
	 "\t           ^\n"},
	{"lexer: word behind a close",
	 "log {\n"
	 "} log\n", false,
	 "/etc/m/main.conf:2:3: error: nothing but a comment may stand behind }\n"
	 "} log\n"
	 "  ^\n"},
	{"lexer: close without open",
	 "}\n", false,
	 "/etc/m/main.conf:1:1: error: no block is open that this } could close\n"
	 "}\n"
	 "^\n"},
	{"lexer: open without a name",
	 "{\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:1: error: a { needs the name of its block before it\n"
	 "{\n"
	 "^\n"},
	{"lexer: backslash at the end",
	 "workers 1\\\n", false,
	 "/etc/m/main.conf:1:10: error: a backslash at the end of the line: write two for one that is meant\n"
	 "workers 1\\\n"
	 "         ^\n"},
	{"lexer: not UTF-8",
	 "workers \3771\n", false,
	 "/etc/m/main.conf:1:9: error: not valid UTF-8: the file must be UTF-8 text\n"
	 "workers ?1\n"
	 "        ^\n"},
	{"lexer: escape in comment",
	 "# \007\n", false,
	 "/etc/m/main.conf:1:3: error: a control character: only tabs are allowed\n"
	 "# ?\n"
	 "  ^\n"},
	{"lexer: CR inside",
	 "workers\0151\n", false,
	 "/etc/m/main.conf:1:8: error: a control character: only tabs are allowed\n"
	 "workers?1\n"
	 "       ^\n"},
	{"lexer: block not closed",
	 "log {\n"
	 "\tlevel info\n", false,
	 "/etc/m/main.conf:1:1: error: this block is not closed: a } is missing\n"
	 "log {\n"
	 "^\n"
	 "/etc/m/main.conf:3:1: error: \"broker\" belongs outside any block or inside a 'listener' block\n"
	 "broker b {\n"
	 "^\n"
	 "/etc/m/main.conf:6:1: error: \"listener\" belongs outside any block\n"
	 "listener l {\n"
	 "^\n"},
	{"unknown broker, near",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker bb\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:9: error: there is no broker \"bb\": a block \"broker bb { \342\200\246 }\" is needed\n"
	 "\tbroker bb\n"
	 "\t       ^\n"},
	{"unknown broker",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker main-one\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:9: error: there is no broker \"main-one\": a block \"broker main-one { \342\200\246 }\" is needed\n"
	 "\tbroker main-one\n"
	 "\t       ^\n"},
	{"unknown otp",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\totp zero\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:6: error: there is no otp \"zero\": a block \"otp zero { \342\200\246 }\" is needed\n"
	 "\totp zero\n"
	 "\t    ^\n"},
	{"unknown filter",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\tfilter zero\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:9: error: there is no filter \"zero\": a block \"filter zero { \342\200\246 }\" is needed\n"
	 "\tfilter zero\n"
	 "\t       ^\n"},
	{"none where it cannot be",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker none\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:9: error: there is no broker \"none\": a block \"broker none { \342\200\246 }\" is needed\n"
	 "\tbroker none\n"
	 "\t       ^\n"},
	{"unknown key",
	 "payload a {\n"
	 "\tclient-leg encrypted zero\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:23: error: there is no key \"zero\": a block \"key zero { \342\200\246 }\" is needed\n"
	 "\tclient-leg encrypted zero\n"
	 "\t                     ^\n"},
	{"listener without anything",
	 "listener x {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:10: error: this listener needs a line \"listen ADDRESS:PORT\342\200\246\"\n"
	 "listener x {\n"
	 "         ^\n"
	 "/etc/m/main.conf:1:10: error: this listener needs a line \"broker NAME\"\n"
	 "listener x {\n"
	 "         ^\n"},
	{"listen beyond loopback",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9 0.0.0.0:9 [2001:db8::1]:9 10.0.0.1:0\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:21: error: plain TCP beyond loopback: listen on 127.0.0.1 or [::1], or, if the network can be trusted, say \"insecure-ok yes\" in this listener\n"
	 "\tlisten 127.0.0.1:9 0.0.0.0:9 [2001:db8::1]:9 10.0.0.1:0\n"
	 "\t                   ^\n"
	 "/etc/m/main.conf:2:31: error: plain TCP beyond loopback: listen on 127.0.0.1 or [::1], or, if the network can be trusted, say \"insecure-ok yes\" in this listener\n"
	 "\tlisten 127.0.0.1:9 0.0.0.0:9 [2001:db8::1]:9 10.0.0.1:0\n"
	 "\t                             ^\n"
	 "/etc/m/main.conf:2:47: error: plain TCP beyond loopback: listen on 127.0.0.1 or [::1], or, if the network can be trusted, say \"insecure-ok yes\" in this listener\n"
	 "\tlisten 127.0.0.1:9 0.0.0.0:9 [2001:db8::1]:9 10.0.0.1:0\n"
	 "\t                                             ^\n"},
	{"listen star",
	 "listener x {\n"
	 "\tlisten *:1883\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"*:1883\": say 0.0.0.0:1883 or [::]:1883 for all addresses\n"
	 "\tlisten *:1883\n"
	 "\t       ^\n"},
	{"listen by name",
	 "listener x {\n"
	 "\tlisten localhost:1883\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"localhost:1883\": an address to listen on is numeric, as in 127.0.0.1:1883 or [::1]:1883\n"
	 "\tlisten localhost:1883\n"
	 "\t       ^\n"},
	{"listen without a port",
	 "listener x {\n"
	 "\tlisten 127.0.0.1\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"127.0.0.1\" is not HOST:PORT\n"
	 "\tlisten 127.0.0.1\n"
	 "\t       ^\n"},
	{"listen without brackets",
	 "listener x {\n"
	 "\tlisten ::1:1883\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"::1:1883\": an IPv6 address stands in brackets, as in [::1]:1883\n"
	 "\tlisten ::1:1883\n"
	 "\t       ^\n"},
	{"listen with half brackets",
	 "listener x {\n"
	 "\tlisten [::1]1883\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"[::1]1883\" is not [ADDRESS]:PORT\n"
	 "\tlisten [::1]1883\n"
	 "\t       ^\n"},
	{"listen port",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:65536\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"65536\" is not a port from 0 to 65535\n"
	 "\tlisten 127.0.0.1:65536\n"
	 "\t       ^\n"},
	{"listen address with a slip",
	 "listener x {\n"
	 "\tlisten 127.0.0.256:1\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: \"127.0.0.256\" is not a host name or an address\n"
	 "\tlisten 127.0.0.256:1\n"
	 "\t       ^\n"},
	{"listen twice",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:2\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:9:9: error: \"127.0.0.1:2\" is listened on already\n"
	 "\tlisten 127.0.0.1:2\n"
	 "\t       ^\n"},
	{"listen twice, spelt otherwise",
	 "listener x {\n"
	 "\tlisten [::1]:9 [0:0:0:0:0:0:0:1]:9\n"
	 "\tbroker b\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:17: error: \"[0:0:0:0:0:0:0:1]:9\" is listened on already\n"
	 "\tlisten [::1]:9 [0:0:0:0:0:0:0:1]:9\n"
	 "\t               ^\n"},
	{"a listener before itself",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:8 [::1]:9\n"
	 "\tbroker loop\n"
	 "}\n"
	 "broker loop {\n"
	 "\taddress [::1]:9\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:9: error: broker \"loop\" is at port 9, where this listener listens itself: give one of them another port\n"
	 "\tbroker loop\n"
	 "\t       ^\n"},
	{"the second address of a broker is the listener",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker loop\n"
	 "}\n"
	 "broker loop {\n"
	 "\taddress a:1\n"
	 "\taddress 127.0.0.1:9\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:9: error: broker \"loop\" is at port 9, where this listener listens itself: give one of them another port\n"
	 "\tbroker loop\n"
	 "\t       ^\n"},
	{"a listener on all addresses before itself",
	 "listener x {\n"
	 "\tlisten 0.0.0.0:9\n"
	 "\tinsecure-ok yes\n"
	 "\tbroker loop\n"
	 "}\n"
	 "broker loop {\n"
	 "\taddress 127.3.2.1:9\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:9: error: broker \"loop\" is at port 9, where this listener listens itself: give one of them another port\n"
	 "\tbroker loop\n"
	 "\t       ^\n"},
	{"all of IPv6 is not IPv4",
	 "listener x {\n"
	 "\tlisten [::]:9\n"
	 "\tinsecure-ok yes\n"
	 "\tbroker other\n"
	 "}\n"
	 "broker other {\n"
	 "\taddress 127.0.0.1:9\n"
	 "\taddress 192.0.2.1:9\n"
	 "}\n", false, ""},
	{"the same port elsewhere",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker loop\n"
	 "}\n"
	 "broker loop {\n"
	 "\taddress 127.0.0.2:9\n"
	 "}\n", false,
	 ""},
	{"mqtt version",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\tmqtt 5\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:7: error: \"5\" is no version of MQTT: there are 3.1, 3.1.1 and 5.0\n"
	 "\tmqtt 5\n"
	 "\t     ^\n"},
	{"mqtt version twice",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\tmqtt 5.0 5.0\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:11: error: \"5.0\" stands here twice\n"
	 "\tmqtt 5.0 5.0\n"
	 "\t         ^\n"},
	{"%u in a payload rule",
	 "payload a/%u/# {\n"
	 "\tpass\n"
	 "}\n"
	 "payload b-%c {\n"
	 "\tpass\n"
	 "}\n"
	 "payload 100%/us {\n"
	 "\tpass\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:9: error: payload rules are about topics of all clients: in place of %u or %c write +, which matches any one level\n"
	 "payload a/%u/# {\n"
	 "        ^\n"
	 "/etc/m/main.conf:4:9: error: payload rules are about topics of all clients: in place of %u or %c write +, which matches any one level\n"
	 "payload b-%c {\n"
	 "        ^\n"},
	{"broker port 0",
	 "broker b2 {\n"
	 "\taddress a:0\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this broker block\n"
	 "broker b2 {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:10: error: a broker has no port 0\n"
	 "\taddress a:0\n"
	 "\t        ^\n"},
	{"broker without address",
	 "broker b2 {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: error: this broker needs a line \"address HOST:PORT\"\n"
	 "broker b2 {\n"
	 "       ^\n"
	 "/etc/m/main.conf:1:8: warning: no listener uses this broker block\n"
	 "broker b2 {\n"
	 "       ^\n"},
	{"broker host",
	 "broker b2 {\n"
	 "\taddress a_b.example:1\n"
	 "\taddress a/b:1\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this broker block\n"
	 "broker b2 {\n"
	 "       ^\n"
	 "/etc/m/main.conf:3:10: error: \"a/b\" is not a host name or an address\n"
	 "\taddress a/b:1\n"
	 "\t        ^\n"},
	{"max-buffer too small",
	 "max-message 4M\n"
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\tmax-buffer 800k\n"
	 "}\n"
	 "key a {\n"
	 "\tfile a.key\n"
	 "}\n"
	 "payload x {\n"
	 "\tclient-leg encrypted a\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:5:13: error: max-buffer is too small for max-message: 801k would hold the largest envelope that is opened whole twice\n"
	 "\tmax-buffer 800k\n"
	 "\t           ^\n"},
	{"filter without a last line",
	 "filter f {\n"
	 "\tallow connect user a\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: error: the connect rules must end in a line without criteria, \"deny connect\" or \"allow connect\", which says what holds for all others\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"},
	{"filter without rules",
	 "filter f {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: this filter has no rule: everybody may connect\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"},
	{"filter rule never reached",
	 "filter f {\n"
	 "\tdeny connect\n"
	 "\tallow connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:3:2: warning: this rule is never reached: the one in line 2 applies to everybody\n"
	 "\tallow connect\n"
	 "\t^\n"},
	{"filter verb unknown",
	 "filter f {\n"
	 "\tdeny receive x\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:7: error: \"receive\" cannot be filtered: connect, publish and subscribe can\n"
	 "\tdeny receive x\n"
	 "\t     ^\n"},
	{"filter verb near",
	 "filter f {\n"
	 "\tdeny subscibe x\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:7: error: \"subscibe\" cannot be filtered: did you mean \"subscribe\"?\n"
	 "\tdeny subscibe x\n"
	 "\t     ^\n"},
	{"topic rules without a last line",
	 "filter f {\n"
	 "\tallow publish a/#\n"
	 "\tdeny subscribe cmd/#\n"
	 "\tallow subscribe a\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: error: the publish rules must end in a line without a filter, \"deny publish\" or \"allow publish\", which says what holds for all others\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:1:8: error: the subscribe rules must end in a line without a filter, \"deny subscribe\" or \"allow subscribe\", which says what holds for all others\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"},
	{"topic rule never reached",
	 "filter f {\n"
	 "\tdeny publish\n"
	 "\tallow publish a\n"
	 "\tallow publish\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:3:2: warning: this rule is never reached: the one in line 2 applies to every topic\n"
	 "\tallow publish a\n"
	 "\t^\n"
	 "/etc/m/main.conf:4:2: warning: this rule is never reached: the one in line 2 applies to every topic\n"
	 "\tallow publish\n"
	 "\t^\n"},
	{"topic rule with two filters",
	 "filter f {\n"
	 "\tdeny publish a b\n"
	 "\tdeny publish\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:17: error: one word too many: a rule has one topic filter\n"
	 "\tdeny publish a b\n"
	 "\t               ^\n"},
	{"topic rule with a bad filter",
	 "filter f {\n"
	 "\tdeny publish a/b#\n"
	 "\tdeny subscribe a+/b\n"
	 "\tdeny publish\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:15: error: \"a/b#\" is not a topic filter: + stands alone between slashes, # alone at the end\n"
	 "\tdeny publish a/b#\n"
	 "\t             ^\n"
	 "/etc/m/main.conf:3:17: error: \"a+/b\" is not a topic filter: + stands alone between slashes, # alone at the end\n"
	 "\tdeny subscribe a+/b\n"
	 "\t               ^\n"},
	{"topic rule of a shared subscription",
	 "filter f {\n"
	 "\tdeny subscribe $share/g/a\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:17: error: \"$share/g/a\" is a shared subscription: write the filter without $share/GROUP/\n"
	 "\tdeny subscribe $share/g/a\n"
	 "\t               ^\n"},
	{"topic rule with a list",
	 "filter f {\n"
	 "\tdeny publish @topics.txt\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:15: error: topic filters cannot stand in a list: write a rule for each\n"
	 "\tdeny publish @topics.txt\n"
	 "\t             ^\n"},
	{"topic rule with many names",
	 "filter f {\n"
	 "\tdeny publish %u/%c/%u/%c/%u\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:15: error: more than 4 names stand in this filter\n"
	 "\tdeny publish %u/%c/%u/%c/%u\n"
	 "\t             ^\n"},
	{"names in globs",
	 "filter f {\n"
	 "\tdeny connect user %u client-id %c\n"
	 "\tallow connect client-id %u-* user \\\\%c\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:20: error: a user name is compared with no other name: \"client-id %u\" ties the two together, and a backslash before % makes it ordinary\n"
	 "\tdeny connect user %u client-id %c\n"
	 "\t                  ^\n"
	 "/etc/m/main.conf:2:33: error: %c is the client id itself: the user name, %u, can stand here, and a backslash before % makes it ordinary\n"
	 "\tdeny connect user %u client-id %c\n"
	 "\t                               ^\n"},
	{"unknown limit",
	 "filter f {\n"
	 "\tlimit conects 1 per 1s per user\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:8: error: \"conects\" cannot be limited: connects, connections and publish can\n"
	 "\tlimit conects 1 per 1s per user\n"
	 "\t      ^\n"},
	{"limit that ends early",
	 "filter f {\n"
	 "\tlimit connects 10\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:2: error: \"per\" is missing: limit connects N per DURATION per address\n"
	 "\tlimit connects 10\n"
	 "\t^\n"},
	{"limit of the wrong word",
	 "filter f {\n"
	 "\tlimit connects 10 in 1s per user\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:20: error: \"in\" cannot stand here, but \"per\": limit connects N per DURATION per user\n"
	 "\tlimit connects 10 in 1s per user\n"
	 "\t                  ^\n"},
	{"limit per the wrong word",
	 "filter f {\n"
	 "\tlimit publish 10 per 1s per user\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:30: error: \"user\" cannot stand here, but \"client\": limit publish N per DURATION per client\n"
	 "\tlimit publish 10 per 1s per user\n"
	 "\t                            ^\n"},
	{"limit of too many words",
	 "filter f {\n"
	 "\tlimit connections 10 per user now\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:32: error: one word too many: it is \"limit connections N per user\"\n"
	 "\tlimit connections 10 per user now\n"
	 "\t                              ^\n"},
	{"limit out of range",
	 "filter f {\n"
	 "\tlimit connections 0 per user\n"
	 "\tlimit publish 1 per 25h per client\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:20: error: \"0\" is not a number from 1 to 1000000: limit connections N per user\n"
	 "\tlimit connections 0 per user\n"
	 "\t                  ^\n"
	 "/etc/m/main.conf:3:22: error: \"25h\" is not a duration (500ms, 10s, 5m, 2h, 7d) from 100ms to 1d: limit publish N per DURATION per client\n"
	 "\tlimit publish 1 per 25h per client\n"
	 "\t                    ^\n"},
	{"limit set twice",
	 "filter f {\n"
	 "\tlimit connects 10 per 1s per user\n"
	 "\tlimit connects 10 per 1s per address\n"
	 "\tlimit connects 20 per 2s per user\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:4:2: error: this limit is set twice: first in line 2\n"
	 "\tlimit connects 20 per 2s per user\n"
	 "\t^\n"},
	{"ban",
	 "filter f {\n"
	 "\tban after 5 failures in 1m for 1h\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:14: error: \"failures\" cannot stand here, but \"refusals\": ban after N refusals in DURATION for DURATION\n"
	 "\tban after 5 failures in 1m for 1h\n"
	 "\t            ^\n"},
	{"ban set twice",
	 "filter f {\n"
	 "\tban after 5 refusals in 1m for 1h\n"
	 "\tban after 5 refusals in 1m for 1h\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:3:2: error: \"ban\" is set twice: first in /etc/m/main.conf:2\n"
	 "\tban after 5 refusals in 1m for 1h\n"
	 "\t^\n"},
	{"dry run",
	 "filter f {\n"
	 "\tdry-run on\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:2: warning: this filter denies nothing as long as dry-run is on\n"
	 "\tdry-run on\n"
	 "\t^\n"},
	{"dry run neither on nor off",
	 "filter f {\n"
	 "\tdry-run yes\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:10: error: \"yes\" is not known here: it is \"dry-run on|off\"\n"
	 "\tdry-run yes\n"
	 "\t        ^\n"},
	{"refuse",
	 "filter f {\n"
	 "\trefuse loudly\n"
	 "\ton-deny close\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:9: error: \"loudly\" is not known here: it is \"refuse connack|silent\"\n"
	 "\trefuse loudly\n"
	 "\t       ^\n"
	 "/etc/m/main.conf:3:10: error: \"close\" is not known here: it is \"on-deny drop|disconnect\"\n"
	 "\ton-deny close\n"
	 "\t        ^\n"},
	{"filter criterion unknown",
	 "filter f {\n"
	 "\tdeny connect client x\n"
	 "\tdeny connect zzz x\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:15: error: \"client\" is no criterion: did you mean \"client-id\"?\n"
	 "\tdeny connect client x\n"
	 "\t             ^\n"
	 "/etc/m/main.conf:3:15: error: \"zzz\" is no criterion: there are address, client-id and user\n"
	 "\tdeny connect zzz x\n"
	 "\t             ^\n"},
	{"filter criterion near",
	 "filter f {\n"
	 "\tdeny connect adress 10.0.0.0/8\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:15: error: \"adress\" is no criterion: did you mean \"address\"?\n"
	 "\tdeny connect adress 10.0.0.0/8\n"
	 "\t             ^\n"},
	{"filter criterion without a value",
	 "filter f {\n"
	 "\tdeny connect address ::1 user\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:27: error: a value is missing: user GLOB or @FILE\n"
	 "\tdeny connect address ::1 user\n"
	 "\t                         ^\n"},
	{"filter criterion twice",
	 "filter f {\n"
	 "\tdeny connect user a user b\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:22: error: \"user\" stands twice in this rule\n"
	 "\tdeny connect user a user b\n"
	 "\t                    ^\n"},
	{"filter criteria bad, all of them",
	 "filter f {\n"
	 "\tdeny connect address 10.0.0.1/8 client-id 'x\\' user y\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:23: error: \"10.0.0.1/8\" has bits set behind the first 8: did you mean 10.0.0.0/8?\n"
	 "\tdeny connect address 10.0.0.1/8 client-id 'x\\' user y\n"
	 "\t                     ^\n"
	 "/etc/m/main.conf:2:44: error: \"x\\\\\" ends in a lone backslash: write two for one that is meant\n"
	 "\tdeny connect address 10.0.0.1/8 client-id 'x\\' user y\n"
	 "\t                                          ^\n"},
	{"filter address",
	 "filter f {\n"
	 "\tdeny connect address localhost\n"
	 "\tdeny connect address 10.0.0.0/33\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:23: error: \"localhost\" is not an address or network (192.0.2.1, 10.0.0.0/8, 2001:db8::/32)\n"
	 "\tdeny connect address localhost\n"
	 "\t                     ^\n"
	 "/etc/m/main.conf:3:23: error: \"10.0.0.0/33\" has no good prefix length: behind the / stands a number from 0 to 32\n"
	 "\tdeny connect address 10.0.0.0/33\n"
	 "\t                     ^\n"},
	{"filter list",
	 "filter f {\n"
	 "\tdeny connect address @bad.txt user a\n"
	 "\tdeny connect address @missing.txt\n"
	 "\tdeny connect user @\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:23: error: /etc/m/bad.txt:3: \"10.0.0.1/8\" has bits set behind the first 8: did you mean 10.0.0.0/8?\n"
	 "\tdeny connect address @bad.txt user a\n"
	 "\t                     ^\n"
	 "/etc/m/main.conf:3:23: error: /etc/m/missing.txt: No such file or directory\n"
	 "\tdeny connect address @missing.txt\n"
	 "\t                     ^\n"
	 "/etc/m/main.conf:4:20: error: behind @ stands the path of a list\n"
	 "\tdeny connect user @\n"
	 "\t                  ^\n"},
	{"filter list of another kind",
	 "filter f {\n"
	 "\tdeny connect address @names.txt\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"
	 "/etc/m/main.conf:2:23: error: /etc/m/names.txt:1: \"one\" is not an address or network (192.0.2.1, 10.0.0.0/8, 2001:db8::/32)\n"
	 "\tdeny connect address @names.txt\n"
	 "\t                     ^\n"},
	{"key unreadable",
	 "key a {\n"
	 "\tfile gone.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a {\n"
	 "    ^\n"
	 "/etc/m/main.conf:2:7: error: /etc/m/gone.key: No such file or directory\n"
	 "\tfile gone.key\n"
	 "\t     ^\n"},
	{"key with a bad mode",
	 "key a {\n"
	 "\tfile open.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a {\n"
	 "    ^\n"
	 "/etc/m/main.conf:2:7: error: /etc/m/open.key has mode 0644: chmod g-wx,o= /etc/m/open.key\n"
	 "\tfile open.key\n"
	 "\t     ^\n"},
	{"key with bad content",
	 "key a {\n"
	 "\tfile short.key\n"
	 "}\n"
	 "payload x {\n"
	 "\tclient-leg encrypted a\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:7: error: /etc/m/short.key: a key is 32 bytes, written as 64 hexadecimal or 44 base64 digits; this text has 12 characters or others among them\n"
	 "\tfile short.key\n"
	 "\t     ^\n"},
	{"keys of one id",
	 "key a {\n"
	 "\tfile a.key\n"
	 "}\n"
	 "key b {\n"
	 "\tfile twin.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a {\n"
	 "    ^\n"
	 "/etc/m/main.conf:4:5: warning: no payload rule uses this key block\n"
	 "key b {\n"
	 "    ^\n"
	 "/etc/m/main.conf:5:7: error: the keys \"a\" and \"b\" have the same key id; make one of them anew\n"
	 "\tfile twin.key\n"
	 "\t     ^\n"},
	{"key without a file",
	 "key a {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: error: this key needs a line \"file PATH|@NAME\"\n"
	 "key a {\n"
	 "    ^\n"
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a {\n"
	 "    ^\n"},
	{"key twice",
	 "key a {\n"
	 "\tfile a.key\n"
	 "}\n"
	 "key a {\n"
	 "\tfile b.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a {\n"
	 "    ^\n"
	 "/etc/m/main.conf:4:5: error: key \"a\" is set twice: first in /etc/m/main.conf:1\n"
	 "key a {\n"
	 "    ^\n"},
	{"key that nobody uses",
	 "key a {\n"
	 "\tfile a.key\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no payload rule uses this key block\n"
	 "key a {\n"
	 "    ^\n"},
	{"otp, broker and filter that nobody uses",
	 "otp o {\n"
	 "\trole verify\n"
	 "}\n"
	 "broker c {\n"
	 "\taddress c:1\n"
	 "}\n"
	 "filter f {\n"
	 "\tdeny connect\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: warning: no listener or broker uses this otp block\n"
	 "otp o {\n"
	 "    ^\n"
	 "/etc/m/main.conf:4:8: warning: no listener uses this broker block\n"
	 "broker c {\n"
	 "       ^\n"
	 "/etc/m/main.conf:7:8: warning: no listener uses this filter block\n"
	 "filter f {\n"
	 "       ^\n"},
	{"otp without a role",
	 "otp o {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:5: error: this otp needs a line \"role verify|inject\"\n"
	 "otp o {\n"
	 "    ^\n"
	 "/etc/m/main.conf:1:5: warning: no listener or broker uses this otp block\n"
	 "otp o {\n"
	 "    ^\n"},
	{"payload of all topics, unquoted",
	 "payload # {\n", false,
	 "/etc/m/main.conf:1:1: error: \"payload\" is a block: payload FILTER { \342\200\246 }; a bare # begins a comment, so write \"#\"\n"
	 "payload # {\n"
	 "^\n"},
	{"payload never reached",
	 "payload a/+ {\n"
	 "\tpass\n"
	 "}\n"
	 "payload \"#\" {\n"
	 "\tpass\n"
	 "}\n"
	 "payload a/# {\n"
	 "\tpass\n"
	 "}\n"
	 "payload $SYS/# {\n"
	 "\tpass\n"
	 "}\n", false,
	 "/etc/m/main.conf:7:9: warning: this block is never reached: the one in /etc/m/main.conf:4 matches all its topics\n"
	 "payload a/# {\n"
	 "        ^\n"},
	{"payload filter bad",
	 "payload a/#/b {\n"
	 "\tpass\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:9: error: \"a/#/b\" is not a topic filter: + stands alone between slashes, # alone at the end\n"
	 "payload a/#/b {\n"
	 "        ^\n"},
	{"payload filter shared",
	 "payload $share/g/a {\n"
	 "\tpass\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:9: error: \"$share/g/a\" is a shared subscription: write the filter without $share/GROUP/\n"
	 "payload $share/g/a {\n"
	 "        ^\n"},
	{"payload without a filter",
	 "payload {\n"
	 "\tpass\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:1: error: a topic filter is missing: payload FILTER { \342\200\246 }\n"
	 "payload {\n"
	 "^\n"},
	{"payload twice",
	 "payload a/+ {\n"
	 "\tpass\n"
	 "}\n"
	 "payload a/+ {\n"
	 "\tpass\n"
	 "}\n", false,
	 "/etc/m/main.conf:4:9: error: payload \"a/+\" is set twice: first in /etc/m/main.conf:1, and the first that matches decides\n"
	 "payload a/+ {\n"
	 "        ^\n"},
	{"payload without anything",
	 "payload a {\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:9: error: this rule needs a line \"pass\", or \"client-leg \342\200\246\" and \"broker-leg \342\200\246\"\n"
	 "payload a {\n"
	 "        ^\n"},
	{"payload with half of the legs",
	 "payload a {\n"
	 "\tclient-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:1:9: error: this rule needs a line \"broker-leg plain|encrypted KEY\342\200\246\"\n"
	 "payload a {\n"
	 "        ^\n"},
	{"payload that passes and does not",
	 "payload a {\n"
	 "\tpass\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:2: error: \"broker-leg\" cannot stand beside \"pass\", which leaves payloads alone\n"
	 "\tbroker-leg plain\n"
	 "\t^\n"},
	{"payload options that mean nothing",
	 "payload a {\n"
	 "\tpass\n"
	 "\tplaintext require\n"
	 "}\n"
	 "payload b {\n"
	 "\tclient-leg plain\n"
	 "\tbroker-leg plain\n"
	 "\tmax-age 30s\n"
	 "\ton-bad-payload drop\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:2: error: \"plaintext\" cannot stand beside \"pass\", which leaves payloads alone\n"
	 "\tplaintext require\n"
	 "\t^\n"
	 "/etc/m/main.conf:8:2: error: \"max-age\" has no meaning where nothing is sealed or opened: leave it out, or make a leg \"encrypted KEY\342\200\246\"\n"
	 "\tmax-age 30s\n"
	 "\t^\n"
	 "/etc/m/main.conf:9:2: error: \"on-bad-payload\" has no meaning where nothing is sealed or opened: leave it out, or make a leg \"encrypted KEY\342\200\246\"\n"
	 "\ton-bad-payload drop\n"
	 "\t^\n"},
	{"payload option beside a bad leg, and out of its range",
	 "payload a {\n"
	 "\tclient-leg encryptd k\n"
	 "\tbroker-leg plain\n"
	 "\tpad 8\n"
	 "\tempty drop\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:13: error: \"encryptd\" is not known here: a leg is plain|encrypted KEY\342\200\246\n"
	 "\tclient-leg encryptd k\n"
	 "\t           ^\n"
	 "/etc/m/main.conf:4:6: error: \"8\" is not a number from 16 to 1024, or off\n"
	 "\tpad 8\n"
	 "\t    ^\n"},
	{"payload leg unknown",
	 "payload a {\n"
	 "\tclient-leg sealed k\n"
	 "\tbroker-leg plain k\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:13: error: \"sealed\" is not known here: a leg is plain|encrypted KEY\342\200\246\n"
	 "\tclient-leg sealed k\n"
	 "\t           ^\n"
	 "/etc/m/main.conf:3:19: error: a plain leg has no keys\n"
	 "\tbroker-leg plain k\n"
	 "\t                 ^\n"},
	{"payload leg without a key",
	 "payload a {\n"
	 "\tclient-leg encrypted\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:13: error: a key is missing: encrypted KEY\342\200\246\n"
	 "\tclient-leg encrypted\n"
	 "\t           ^\n"},
	{"payload key twice",
	 "key a {\n"
	 "\tfile a.key\n"
	 "}\n"
	 "payload a {\n"
	 "\tclient-leg encrypted a a\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 "/etc/m/main.conf:5:25: error: \"a\" stands here twice\n"
	 "\tclient-leg encrypted a a\n"
	 "\t                       ^\n"},
	{"pass with a word",
	 "payload a {\n"
	 "\tpass yes\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:7: error: one word too many: it is \"pass\"\n"
	 "\tpass yes\n"
	 "\t     ^\n"},
	{"memory state",
	 "state {\n"
	 "\ttype memory\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:7: warning: codes used up are forgotten at restart and may then be used again\n"
	 "\ttype memory\n"
	 "\t     ^\n"},
	{"socket path too long",
	 "admin {\n"
	 "\tsocket /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:9: error: the path is longer than the 107 bytes that are possible here\n"
	 "\tsocket /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
	 "\t       ^\n"},
	{"empty path",
	 "state {\n"
	 "\tpath \"\"\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:7: error: the path is empty\n"
	 "\tpath \"\"\n"
	 "\t     ^\n"},
	{"include missing",
	 "include gone.conf\n", false,
	 "/etc/m/main.conf:1:9: error: /etc/m/gone.conf: No such file or directory\n"
	 "include gone.conf\n"
	 "        ^\n"},
	{"include unreadable",
	 "include secret.conf\n", false,
	 "/etc/m/main.conf:1:9: error: /etc/m/secret.conf: Permission denied\n"
	 "include secret.conf\n"
	 "        ^\n"},
	{"include with an error",
	 "include wrong.conf\n", false,
	 "/etc/m/wrong.conf:1:9: error: \"0\" is not a number from 1 to 256, or auto\n"
	 "workers 0\n"
	 "        ^\n"},
	{"include empty",
	 "include \"\"\n", false,
	 "/etc/m/main.conf:1:9: error: the path is empty\n"
	 "include \"\"\n"
	 "        ^\n"},
	{"include cycle",
	 "include loop/a.conf\n", false,
	 "/etc/m/loop/b.conf:1:9: error: /etc/m/loop/a.conf is read already: a file may be included once\n"
	 "include a.conf\n"
	 "        ^\n"},
	{"include of itself",
	 "include *.conf\n"
	 "include main.conf\n", false,
	 "/etc/m/main.conf:1:9: error: /etc/m/secret.conf: Permission denied\n"
	 "include *.conf\n"
	 "        ^\n"
	 "/etc/m/main.conf:2:9: error: /etc/m/main.conf is read already: a file may be included once\n"
	 "include main.conf\n"
	 "        ^\n"
	 "/etc/m/wrong.conf:1:9: error: \"0\" is not a number from 1 to 256, or auto\n"
	 "workers 0\n"
	 "        ^\n"},
	{"include in a block",
	 "log {\n"
	 "\tinclude x\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:2: error: \"include\" belongs outside any block\n"
	 "\tinclude x\n"
	 "\t^\n"},
	{"nothing at all",
	 "", true,
	 "/etc/m/main.conf: error: there is no listener: at least one block \"listener NAME { \342\200\246 }\" is needed\n"
	 "/etc/m/main.conf: error: there is no broker: at least one block \"broker NAME { \342\200\246 }\" is needed\n"},
	{"listener only",
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "}\n", true,
	 "/etc/m/main.conf: error: there is no broker: at least one block \"broker NAME { \342\200\246 }\" is needed\n"
	 "/etc/m/main.conf:3:9: error: there is no broker \"b\": a block \"broker b { \342\200\246 }\" is needed\n"
	 "\tbroker b\n"
	 "\t       ^\n"},
	{"a broken line hides what may be missing in its block only",
	 "filter f {\n"
	 "\tdeny connect 'x\n"
	 "}\n"
	 "filter g {\n"
	 "\tdeny connect user a\n"
	 "}\n"
	 "listener x {\n"
	 "\tlisten \"\n"
	 "}\n"
	 "listener y {\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:15: error: this quote is not closed on its line\n"
	 "\tdeny connect 'x\n"
	 "\t             ^\n"
	 "/etc/m/main.conf:4:8: error: the connect rules must end in a line without criteria, \"deny connect\" or \"allow connect\", which says what holds for all others\n"
	 "filter g {\n"
	 "       ^\n"
	 "/etc/m/main.conf:8:9: error: this quote is not closed on its line\n"
	 "\tlisten \"\n"
	 "\t       ^\n"
	 "/etc/m/main.conf:10:10: error: this listener needs a line \"listen ADDRESS:PORT\342\200\246\"\n"
	 "listener y {\n"
	 "         ^\n"
	 "/etc/m/main.conf:10:10: error: this listener needs a line \"broker NAME\"\n"
	 "listener y {\n"
	 "         ^\n"},
	{"nothing is missing where a file is",
	 "include gone.conf\n", true,
	 "/etc/m/main.conf:1:9: error: /etc/m/gone.conf: No such file or directory\n"
	 "include gone.conf\n"
	 "        ^\n"},
	{"criterion cut short",
	 "filter f {\n"
	 "\tdeny connect client x\n"
	 "\tdeny connect\n"
	 "}\n"
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\tfilter f\n"
	 "}\n", false,
	 "/etc/m/main.conf:2:15: error: \"client\" is no criterion: did you mean \"client-id\"?\n"
	 "\tdeny connect client x\n"
	 "\t             ^\n"},
	{"a bad last rule is not a missing one",
	 "filter f {\n"
	 "\tallow connect user a\n"
	 "\tdeny connect user\n"
	 "}\n"
	 "listener x {\n"
	 "\tlisten 127.0.0.1:9\n"
	 "\tbroker b\n"
	 "\tfilter f\n"
	 "}\n", false,
	 "/etc/m/main.conf:3:15: error: a value is missing: user GLOB or @FILE\n"
	 "\tdeny connect user\n"
	 "\t             ^\n"},
	{"sound",
	 "", false,
	 ""},
	{"sound, key of a credential and of a folder",
	 "key a {\n"
	 "\tfile @cred\n"
	 "}\n"
	 "include sub/*.conf\n"
	 "payload x {\n"
	 "\tclient-leg encrypted a c\n"
	 "\tbroker-leg plain\n"
	 "}\n", false,
	 ""},
	{"pattern that matches nothing",
	 "include none/*.conf\n", false,
	 ""},
	{"insecure-ok said",
	 "listener x {\n"
	 "\tlisten 0.0.0.0:9\n"
	 "\tbroker b\n"
	 "\tinsecure-ok yes\n"
	 "}\n", false,
	 ""},
	{"several, in the order of the file",
	 "payload x {\n"
	 "\tpass\n"
	 "\tpass\n"
	 "}\n"
	 "workers x\n"
	 "log {\n"
	 "\tlevel x\n"
	 "}\n"
	 "frob\n", false,
	 "/etc/m/main.conf:3:2: error: \"pass\" is set twice: first in /etc/m/main.conf:2\n"
	 "\tpass\n"
	 "\t^\n"
	 "/etc/m/main.conf:5:9: error: \"x\" is not a number from 1 to 256, or auto\n"
	 "workers x\n"
	 "        ^\n"
	 "/etc/m/main.conf:7:8: error: \"x\" is not known here: it is \"level error|warning|info|debug\"\n"
	 "\tlevel x\n"
	 "\t      ^\n"
	 "/etc/m/main.conf:9:1: error: unknown directive \"frob\": what may stand here is workers, shutdown-grace, pre-auth-memory, max-message, include, log, admin, state, listener, broker, otp, filter, key, payload\n"
	 "frob\n"
	 "^\n"},
};
/* clang-format on */

#endif
