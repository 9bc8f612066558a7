/* SPDX-License-Identifier: ISC */
/* A state and its key belong together: none is made for a state that was used with another, and one
 * that opens nothing is refused. In place of a cipher: a secret's first byte is that of its key. */
#include "store/backend.h"
#include "tests/unit/scratch.h"
#include "tests/unit/store_behaviour.h"

#include <stdio.h>
#include <unistd.h>

#define ONE "01"
#define TWO "02"
#define REST "000000000000000000000000000000000000000000000000000000000000ff"

static bool opens(const uint8_t key[32], const struct store_user *u)
{
	return u->blob.n != 0 && u->blob.p[0] == key[0];
}

static const struct {
	const char *key;   /* in the file, or NULL: there is none */
	const char *users; /* the first byte of each one's secret */
	bool draws;
	const char *why; /* it is refused; NULL: not */
} rows[] = {
    {NULL, "", false, NULL},
    {NULL, "\x01", false, "is missing"},
    {NULL, "", true, "is missing"},
    {ONE, "", false, NULL},
    {ONE, "", true, NULL},
    {ONE, "\x01", false, NULL},
    {ONE, "\x02\x02\x01", false, NULL},
    {TWO, "\x01\x01", false, "opens none"},
    {TWO, "\x01", true, "opens none"},
    {"x", "", false, "hexadecimal"},
};

static void fill(struct store_backend *b, size_t row)
{
	char name[2] = "a";
	struct store_user u = {.params = {.kind = OTP_HOTP, .algorithm = OTP_SHA1, .digits = 6}};
	struct store_op draw = {.verb = STORE_DRAW, .kind = OTP_HOTP, .drawer = {7}, .now = 1};

	for (const char *c = rows[row].users; *c != '\0'; c++, name[0]++) {
		u.name = slice_str(name);
		u.blob = slice_of((const uint8_t *)c, 1);
		ck_assert_int_eq(b->ops->user_add(b, &u, NULL), 0);
	}
	if (rows[row].draws)
		store_behaviour_run(b, &draw);
}

START_TEST(key_of_a_state)
{
	const char *path = scratch_path("state.key");
	struct err e = {""};
	char text[80];
	uint8_t key[32] = {0xaa};
	struct store_backend *b = store_sqlite_open(scratch_path("state.db"), &e);

	ck_assert_ptr_nonnull(b);
	fill(b, (size_t)_i);
	if (rows[_i].key != NULL) {
		(void)snprintf(text, sizeof text, "%s%s\n", rows[_i].key, REST);
		(void)scratch_file("state.key", text, 0600);
	}
	int result = store_key_of(b, path, opens, key, &e);
	b->ops->close(b);
	ck_assert_msg(result == (rows[_i].why == NULL ? 0 : -1), "%s", e.text);
	ck_assert_int_eq(access(path, F_OK), rows[_i].key == NULL ? result : 0);
	if (rows[_i].why == NULL)
		return;
	ck_assert_msg(strstr(e.text, rows[_i].why) != NULL, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	ck_assert_uint_eq(key[31], 0); /* wiped */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state key");
	TCase *t = tcase_create("state key");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_loop_test(t, key_of_a_state, 0, (int)(sizeof rows / sizeof rows[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
