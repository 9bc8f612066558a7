/* SPDX-License-Identifier: ISC */
/* What the files of this room share while one configuration is loaded. */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/lexer.h"
#include "conf/schema.h"

/* One block as it stands in a file, or the top, or one of those that are there also when they are
 * not written. */
struct load_block {
	struct load_block *next;
	enum conf_block kind;
	const struct conf_node *node; /* NULL where it does not stand in a file */
	const char *name;             /* its second word; "" where there is none */
	size_t index;                 /* in its array of struct conf */
	void *base;                   /* its struct there; NULL for keys, which go into the ring */
	const struct conf_node **set; /* per directive of the table: where it was set first */
	const struct conf_node *catch_all[ACL_VERBS]; /* of a filter: rules that always apply */
	bool rule_failed; /* of a filter: a rule could not be compiled, so its last line is not
	                     judged */
	bool used;        /* somebody refers to it */
};

struct load {
	const struct conf_reader *reader;
	struct arena arena;
	struct conf_diags diags;
	struct conf *c;
	const struct conf_source *main;
	size_t n_sources;
	unsigned depth;
	struct load_block *first, *last;          /* all that stand in files, in their order */
	struct load_block *single[CONF_LISTENER]; /* top, log, admin, state */
	bool broken;                              /* some line or file could not be read */
	bool no_memory;
};

/* The path of a word, relative to the folder of the file it stands in. NULL without memory. */
const char *load_path(struct load *l, const struct conf_source *source, const char *word);

/* The same for a key file: "@NAME", a credential, stays as it is. */
const char *load_key_path(struct load *l, const struct conf_source *source, const char *word);

/* Reads a file and applies its lines; `from` is the word that includes it, NULL for the main file.
 * 0, or -1 after an error. load_include() does so for each file that a directive `include` means.
 */
int load_file(struct load *l, const char *path, const struct conf_at *from);
void load_include(struct load *l, const struct conf_node *node);

/* One line outside any block: a directive is applied, a block is put into the list. */
void load_top(struct load *l, const struct conf_node *node);

/* Finds a block and marks it used; NULL after an error at the word. */
struct load_block *load_refer(struct load *l, enum conf_block kind, const struct conf_node *node,
                              size_t word);

/* One directive each, whose words were counted. */
void load_listen(struct load *l, struct load_block *b, const struct conf_node *node);
void load_loopback(struct load *l, const struct conf_directive *d, struct load_block *b,
                   const struct conf_node *node);
void load_address(struct load *l, struct load_block *b, const struct conf_node *node);
void load_versions(struct load *l, struct load_block *b, const struct conf_node *node);
void load_rule(struct load *l, struct load_block *b, const struct conf_node *node);
void load_limit(struct load *l, struct load_block *b, const struct conf_node *node);
void load_ban(struct load *l, struct load_block *b, const struct conf_node *node);
void load_leg(struct load *l, const struct conf_directive *d, struct load_block *b,
              const struct conf_node *node);
void load_key_file(struct load *l, struct load_block *b, const struct conf_node *node);

/* The head of a block: how many words it has, its name or filter. */
void load_block_head(struct load *l, struct load_block *b);

/* "HOST:PORT" into a host (arena) and a port. -1 with the reason in e, or without memory. */
int load_host_port(struct load *l, const char *word, struct conf_address *out, struct err *e);

/* Whether this is an address beyond loopback. A name is none. */
bool load_is_exposed(const char *host);

/* Whether who connects to `to` arrives at `listen`, as far as the text alone tells. */
bool load_reaches(const struct conf_address *to, const struct conf_address *listen);

/* Whether a directive of a block can mean anything there: the options of a payload rule are about
 * envelopes, so they do where one of its legs is encrypted; some of an otp block belong to one role.
 */
bool load_has_use(const struct load_block *b, const struct conf_directive *d);

/* The node that set a directive of a block first, or NULL; and the place of a block. */
const struct conf_node *load_set(const struct load_block *b, const char *name);
struct conf_at load_block_at(const struct load_block *b);

/* Whether an otp block has that role. */
bool load_otp_says(const struct conf_otp *otp, const char *role);

/* An otp block, whole: its role, its directives, the secrets that are read from its files. And
 * whether listeners and brokers refer to the right kind, and send no code in clear by accident. */
void load_otp(struct load *l, const struct load_block *b);
void load_otp_listener(struct load *l, const struct load_block *b);
void load_otp_broker(struct load *l, const struct load_block *b);

/* Everything that takes more than one directive to see; fills defaults that depend on other values.
 */
void load_check(struct load *l);

/* Makes c->dump. 0 or -1. */
int load_dump(struct load *l);

#endif
