/* SPDX-License-Identifier: ISC */
/* One user as a list of another program has it. */
#ifndef CTL_ENTRY_H
#define CTL_ENTRY_H

#include "otp/uri.h"

/* The formats of lists, told apart by their first line that says something. */
enum entry_format { ENTRY_OTPAUTH, ENTRY_OATH, ENTRY_CSV };
enum entry_format entry_format(struct slice line);

/* CSV: what each column holds, from the line of their names. */
enum entry_column {
	ENTRY_NAME,
	ENTRY_SECRET,
	ENTRY_SECRET_HEX,
	ENTRY_PROFILE,
	ENTRY_TYPE,
	ENTRY_ALGORITHM,
	ENTRY_DIGITS,
	ENTRY_PERIOD,
	ENTRY_COUNTER,
	ENTRY_BROKER_USER,
	ENTRY_BROKER_PASSWORD,
	ENTRY_COLUMNS
};
struct entry_columns {
	enum entry_column column[ENTRY_COLUMNS];
	size_t n;
};
int entry_csv_head(struct slice line, struct entry_columns *out, struct err *e);

/* A line of each format. The user's name, parameters, counter and secret go to out, which the
 * caller wipes in any case; used: the list says that codes of a TOTP user were used already. 0, or
 * -1 with the reason, in which nothing of the secret stands. (For otpauth: otp_uri_parse().) */
int entry_oath(struct slice line, struct otp_uri_content *out, bool *used, struct err *e);
int entry_csv(struct slice line, const struct entry_columns *columns, struct otp_uri_content *out,
              struct err *e);

#endif
