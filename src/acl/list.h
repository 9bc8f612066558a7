/* SPDX-License-Identifier: ISC */
/* The content of a list file, compiled so that a look-up hardly depends on its length: networks in a
 * tree, exact names in a set, and only real globs tried one by one. A million entries take less than
 * 25 MB. */
#ifndef ACL_LIST_H
#define ACL_LIST_H

#include "acl/ruleset.h"

struct acl_list;

/* Compiles the text of a list whose entries are of that kind; a bad line is an error that begins
 * with `name:LINE:`. Lines may end in CR LF. Blanks around an address are ignored; a name that
 * begins or ends with one is an error unless that is escaped, since nobody sees it; so is `%u`, which
 * stands for the user name in rules. NULL with the reason in e. */
struct acl_list *acl_list_new(enum acl_kind kind, struct slice text, struct slice name,
                              struct err *e);
void acl_list_free(struct acl_list *l);

/* Whether it has no entry at all, so that nothing can match. */
bool acl_list_empty(const struct acl_list *l);

bool acl_list_has_address(const struct acl_list *l, const struct acl_address *a);
bool acl_list_has_name(const struct acl_list *l, struct slice name);

#endif
