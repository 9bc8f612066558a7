/* SPDX-License-Identifier: ISC */
/* The one table of directives. Checks, defaults, the dump of the effective configuration and the
 * reference part of the manual all come from it: what is not in here does not exist. */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "base/err.h"
#include "base/slice.h"

enum conf_block {
	CONF_TOP, /* outside any block */
	CONF_LOG,
	CONF_ADMIN,
	CONF_STATE,
	CONF_LISTENER,
	CONF_BROKER,
	CONF_OTP,
	CONF_FILTER,
	CONF_KEY,
	CONF_PAYLOAD,
	CONF_BLOCKS /* how many there are */
};

enum conf_type {
	CONF_T_BLOCK,     /* opens `refers`; what its words mean depends on that block */
	CONF_T_NUMBER,    /* size_t, or 0 for the word `special` */
	CONF_T_SMALL,     /* unsigned */
	CONF_T_SIZE,      /* size_t */
	CONF_T_DURATION,  /* uint64_t, milliseconds */
	CONF_T_SECONDS,   /* uint64_t, whole seconds */
	CONF_T_CHOICE,    /* int, the index of the word in `choices` */
	CONF_T_WORD,      /* char *, one of `choices` */
	CONF_T_YESNO,     /* bool, true for the first of two words in `choices` */
	CONF_T_TEXT,      /* char *, any text that MQTT can carry */
	CONF_T_SECRET,    /* char *, a path, or @NAME for a credential */
	CONF_T_PATH,      /* char *, NULL for the word `special` */
	CONF_T_LOOPBACK,  /* char *, ADDRESS:PORT of this host, NULL for the word `special` */
	CONF_T_FLAG,      /* bool, true where the directive stands; no words */
	CONF_T_RATE,      /* struct conf_rate, "N per DURATION", zero for the word `special` */
	CONF_T_LISTEN,    /* numeric ADDR:PORT… */
	CONF_T_ADDRESS,   /* HOST:PORT */
	CONF_T_VERSIONS,  /* uint8_t, bits */
	CONF_T_REFERENCE, /* the name of a block of kind `refers`: size_t, or int and -1 for the
	                     word `special` */
	CONF_T_RULE,      /* connect CRITERIA…, or publish or subscribe and a FILTER */
	CONF_T_LIMIT,     /* connects N per T per address, and its kin */
	CONF_T_BAN,       /* after N refusals in T for T */
	CONF_T_LEG,       /* struct conf_leg */
	CONF_T_KEY_FILE,
	CONF_T_INCLUDE
};

enum { CONF_NOT_STORED = 0xffff };

struct conf_directive {
	const char *name;
	enum conf_block block; /* where it may stand */
	enum conf_type type;
	const char *argument;      /* as the manual writes it; "" for none */
	const char *default_value; /* as text; NULL: none */
	const char *doc;           /* one line, without a full stop */
	uint64_t min, max;         /* of numbers, sizes (bytes) and durations (ms) */
	const char *choices;       /* "error|warning|info|debug" */
	const char *special;       /* a word that stands beside the type's own values */
	enum conf_block refers;
	const char *role; /* of an otp block: the only role that it belongs to; NULL: both */
	bool restart;  /* a change needs a restart; else it is live on reload */
	bool repeat;   /* may stand more than once */
	bool required; /* its block needs it */
	size_t offset; /* in the struct of its block (conf.h), or CONF_NOT_STORED */
};

/* All directives, those of a block together, blocks in the order of the manual. */
const struct conf_directive *conf_directives(size_t *n);

/* "listener"; "" for CONF_TOP. */
const char *conf_block_name(enum conf_block block);

/* The index of a directive in the table, or -1. */
int conf_directive_find(enum conf_block block, const char *name);

/* What is wrong with a name that is not known in the block, and the cure, into out. Returns out. */
char *conf_directive_advice(enum conf_block block, const char *name, char *out, size_t size);

/* The word of a list separated by `|` that is nearest to `word`, copied into out; NULL where none
 * is near. */
const char *conf_nearest(const char *word, const char *choices, char *out, size_t size);

/* The index of `word` in such a list, or -1. */
int conf_choice(const char *word, const char *choices);

/* Sets a directive of one of the scalar types (up to CONF_T_LOOPBACK) in the struct of its block from
 * its text. A path is copied as it is. 0, or -1 with the reason in e; nothing is then changed. */
int conf_value_set(const struct conf_directive *d, void *base, const char *text, struct err *e);

/* The reverse: the value as text, that set() would take, into out. Returns out, or what the struct
 * holds. */
const char *conf_value_text(const struct conf_directive *d, const void *base, char *out,
                            size_t size);

#endif
