/* SPDX-License-Identifier: ISC */
/* Addresses as the rules see them: 16 bytes, IPv4 as IPv4-mapped IPv6 (::ffff:a.b.c.d), so one compare serves both. */
#ifndef ACL_CIDR_H
#define ACL_CIDR_H

#include "base/err.h"
#include "base/slice.h"

struct acl_address {
	uint8_t b[16];
};

struct acl_cidr {
	struct acl_address base; /* host bits are zero */
	uint8_t bits;            /* 0 to 128; an IPv4 /n is 96 + n */
};

/* "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::ffff:10.0.0.0/104". Host bits that are set are an error that names the
 * network that was probably meant. "0.0.0.0/0" is all of IPv4 and no IPv6; "::/0" is everything. 0 or -1. */
int acl_cidr_parse(struct slice word, struct acl_cidr *out, struct err *e);

bool acl_cidr_match(const struct acl_cidr *c, const struct acl_address *a);

/* Whether it is an IPv4 address, which then stands in the last four bytes. */
bool acl_address_is_v4(const struct acl_address *a);

#endif
