/* SPDX-License-Identifier: ISC */
/* user import, user export: many users at once. An import is all or nothing: every line is read and
 * every error told first, then all users are stored in one transaction, so that a list that was
 * mended can simply be given again. */
#include "ctl/state.h"

#include "base/secret.h"
#include "base/text.h"
#include "ctl/entry.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIST_MAX = 64 << 20, ERRORS_MAX = 100 };

struct import {
	const char *path;
	struct ctl_state state;
	struct buf list;
	struct otp_uri_content *entry; /* of the line under way, locked memory */
	bool used;
	enum entry_format format;
	struct entry_columns columns;
	bool begun; /* the format is known */
	size_t line, errors, users;
	int64_t now;
};

static void bad_line(struct import *m, const char *why)
{
	m->errors++;
	if (m->errors <= ERRORS_MAX)
		(void)fprintf(stderr, "%s:%zu: %s\n", m->path, m->line, why);
}

/* Codes that were used elsewhere are not to be good here once more. */
static int64_t first_mark(const struct import *m)
{
	const struct otp_params *p = &m->entry->params;
	int64_t mark = m->entry->standing.mark;

	if (p->kind == OTP_HOTP)
		return m->entry->counter;
	if (mark == 0 && !m->used)
		return -1;
	int64_t window_end = m->now / (int64_t)p->step + (int64_t)p->fwd;
	return mark > window_end ? mark : window_end;
}

/* The login for the broker, where the line has one. */
static int seal_login(const struct import *m, struct store_user *user,
                      uint8_t blob[STORE_LOGIN_MAX], struct err *e)
{
	const struct otp_uri_content *entry = m->entry;
	struct ctl_login login = {0};
	int result = CTL_OK;

	if (entry->broker_user_len == 0)
		return 0;
	result =
	    ctl_login_pack(slice_of(entry->broker_user, entry->broker_user_len),
	                   slice_of(entry->broker_password, entry->broker_password_len), &login);
	if (result == CTL_OK)
		result = ctl_login_seal(m->state.key, user->name, &login, blob, &user->login);
	ctl_login_free(&login);
	return result == 0 ? 0 : err_set(e, "the login for the broker cannot be kept");
}

static int store_entry(const struct import *m, struct err *e)
{
	uint8_t blob[STORE_BLOB_MAX], login[STORE_LOGIN_MAX];
	struct store_user user = {
	    .name = slice_of(m->entry->user, m->entry->user_len),
	    .params = m->entry->params,
	    .state = {.mark = first_mark(m), .pending = -1},
	    .created = m->now,
	    .locked = m->entry->standing.locked,
	    .stale = m->entry->standing.stale && m->entry->params.kind == OTP_HOTP,
	    .expires = m->entry->standing.expires,
	};

	if (!ctl_name_ok(user.name))
		return err_set(e, "a user name has 1 to %d bytes of printable UTF-8",
		               STORE_USER_MAX);
	if (ctl_seal_user(m->state.key, &user, slice_of(m->entry->secret, m->entry->secret_len),
	                  blob) != 0)
		return err_set(e, "the secret cannot be sealed");
	if (seal_login(m, &user, login, e) != 0)
		return -1;
	return m->state.db->ops->user_add(m->state.db, &user, e);
}

static int read_entry(struct import *m, struct slice line, struct err *e)
{
	m->used = false;
	if (m->format == ENTRY_OTPAUTH)
		return otp_uri_parse(line, m->entry, e);
	if (m->format == ENTRY_OATH)
		return entry_oath(line, m->entry, &m->used, e);
	return entry_csv(line, &m->columns, m->entry, e);
}

/* false: nothing can be made of what follows either. */
static bool import_line(struct import *m, struct slice line)
{
	struct err e = {""};

	if (line.n == 0 || line.p[0] == '#')
		return true;
	if (!m->begun) {
		m->begun = true;
		m->format = entry_format(line);
		if (m->format == ENTRY_CSV) {
			if (entry_csv_head(line, &m->columns, &e) == 0)
				return true;
			bad_line(m, e.text);
			return false;
		}
	}
	int result = read_entry(m, line, &e);
	if (result == 0)
		result = store_entry(m, &e);
	secret_wipe(m->entry, sizeof *m->entry);
	if (result != 0)
		bad_line(m, e.text);
	else
		m->users++;
	return true;
}

static void import_lines(struct import *m)
{
	struct slice text = buf_view(&m->list);
	bool going = true;

	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = slice_from(text, 3); /* as some write CSV */
	while (text.n != 0 && going) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end == NULL ? text.n : (size_t)(end - text.p);
		m->line++;
		going = import_line(m, slice_trim(slice_of(text.p, n)));
		text = slice_from(text, n + 1);
	}
}

static int told(const struct import *m)
{
	if (m->errors > ERRORS_MAX)
		(void)fprintf(stderr, "%s: %zu more errors\n", m->path, m->errors - ERRORS_MAX);
	return ctl_fail("%s: nothing was imported: %zu %s", m->path, m->errors,
	                m->errors == 1 ? "line is wrong" : "lines are wrong");
}

static int import_all(const struct ctl *ctl, struct import *m)
{
	const struct store_backend_ops *ops = m->state.db->ops;
	struct err e = {""};

	if (ops->begin(m->state.db, &e) != 0)
		return ctl_fail("%s", e.text);
	import_lines(m);
	if (m->errors != 0) {
		ops->rollback(m->state.db);
		return told(m);
	}
	if (ops->commit(m->state.db, &e) != 0)
		return ctl_fail("%s", e.text);
	struct ctl_pairs pairs = {.json = ctl->json};
	ctl_pair_number(&pairs, "imported", (int64_t)m->users);
	ctl_pairs_end(&pairs);
	return CTL_OK;
}

static int import_users(const struct ctl *ctl, const struct ctl_args *args)
{
	struct import m = {.path = args->operands[0],
	                   .list = {.cap = LIST_MAX},
	                   .entry = secret_alloc(sizeof *m.entry),
	                   .now = clock_now().real_us / 1000000};
	struct err e = {""};
	int result = CTL_OK;

	if (m.entry == NULL)
		result = ctl_fail("no locked memory for a secret");
	else if (strcmp(m.path, "-") == 0)
		result = ctl_read_input(&m.list);
	else if (file_read(NULL, m.path, false, &m.list, &e) != 0)
		result = ctl_fail("%s", e.text);
	if (result == CTL_OK)
		result = ctl_state_open(ctl, CTL_KEY_MADE, &m.state);
	if (result == CTL_OK) {
		result = import_all(ctl, &m);
		ctl_state_close(&m.state);
	}
	buf_free(&m.list);
	secret_free(m.entry);
	return result;
}

struct exporting {
	const struct ctl *ctl;
	const struct ctl_state *state;
	struct buf *out;
	bool unopened;
};

static int export_one(void *ctx, const struct store_user *u)
{
	struct exporting *x = ctx;
	struct otp_credential c;
	struct ctl_login login = {0};
	struct otp_login parts;
	const struct otp_uri_standing standing = {
	    .locked = u->locked,
	    .stale = u->stale,
	    .expires = u->expires,
	    .mark = u->params.kind == OTP_TOTP ? u->state.mark : 0,
	};

	int result = ctl_open_user(x->state->key, u, &c);
	if (result == 0)
		result = ctl_login_open(x->state->key, u, &login);
	x->unopened = result != 0;
	if (result == 0)
		result = otp_uri(u->name, &u->params, u->state.mark,
		                 slice_of(c.secret, c.secret_len), x->out);
	if (result == 0)
		result = otp_uri_stand(&standing, x->out);
	if (result == 0 && otp_login_unpack(slice_of(login.packed, login.n), &parts))
		result = otp_uri_login(&parts, x->out);
	if (result == 0)
		result = buf_append(x->out, slice_str("\n"));
	ctl_login_free(&login);
	otp_credential_wipe(&c);
	return result;
}

static int export_list(void *ctx, struct buf *out)
{
	struct exporting *x = ctx;
	struct ctl_state state;
	struct err e = {""};
	int result = ctl_state_open(x->ctl, CTL_KEY_THERE, &state);

	if (result != CTL_OK)
		return result;
	x->state = &state;
	x->out = out;
	if (state.db->ops->user_each(state.db, export_one, x, &e) != 0)
		result = ctl_fail("%s", e.text[0] != '\0' ? e.text
		                        : x->unopened     ? "a secret does not open: the state key "
		                                            "is not the one it was sealed with"
		                                          : "out of memory");
	ctl_state_close(&state);
	return result;
}

/* The lines as the strings of an array; there is nothing in a URI that JSON would escape. */
static int write_json(struct slice list)
{
	const char *before = "[\"";
	int result = CTL_OK;

	if (list.n == 0)
		return ctl_write(slice_str("[]\n"));
	while (list.n != 0 && result == CTL_OK) {
		const uint8_t *end = memchr(list.p, '\n', list.n);
		size_t n = end == NULL ? list.n : (size_t)(end - list.p);
		result = ctl_write(slice_str(before));
		if (result == CTL_OK)
			result = ctl_write(slice_of(list.p, n));
		list = slice_from(list, n + 1);
		before = "\",\n \"";
	}
	return result == CTL_OK ? ctl_write(slice_str("\"]\n")) : result;
}

static int export_users(const struct ctl *ctl, const struct ctl_args *args)
{
	const char *path = ctl_arg(args, "out");
	struct exporting x = {.ctl = ctl};
	struct buf list = {.cap = LIST_MAX};
	struct err e = {""};

	if ((path != NULL) == (ctl_arg(args, "show-secrets") != NULL))
		return ctl_usage(ctl, "one of --out FILE and --show-secrets is needed: the list "
		                      "holds the secrets");
	int result = ctl_apart(export_list, &x, &list);
	if (result == CTL_OK && path == NULL)
		result = ctl->json ? write_json(buf_view(&list)) : ctl_write(buf_view(&list));
	else if (result == CTL_OK &&
	         file_create(path, 0600, (unsigned)-1, buf_view(&list), &e) != 0)
		result = ctl_fail("%s", e.text);
	else if (result == CTL_OK && ctl->json)
		(void)puts("{\"exported\": true}");
	buf_free(&list);
	return result;
}

const struct ctl_command ctl_user_import = {
    .words = "user import",
    .usage = "FILE|-",
    .summary = "let many users in, all or none: otpauth URIs, a users file of the OATH Toolkit, or "
               "CSV with a line of column names",
    .n_operands = 1,
    .run = import_users,
};

const struct ctl_command ctl_user_export = {
    .words = "user export",
    .usage = "--out FILE | --show-secrets",
    .summary = "write all users with their secrets, as otpauth URIs",
    .run = export_users,
    .options = {{"out", true, false}, {"show-secrets", false, false}},
};
