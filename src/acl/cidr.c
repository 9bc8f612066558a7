/* SPDX-License-Identifier: ISC */
/* Every address is 16 bytes, so an IPv4 network is an IPv6 network below ::ffff:0:0/96 and one
 * compare of leading bits serves both. That is also why 0.0.0.0/0 is no IPv6 address: it is 96 bits
 * long. */
#include "acl/cidr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { QUOTE_SIZE = 100, V4_BITS = 96 };

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The host part of a word; *width is the number of bits that its notation has, 32 or 128. */
static int parse_host(struct slice word, struct acl_address *out, unsigned *width)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (word.n == 0 || word.n >= sizeof text || memchr(word.p, '\0', word.n) != NULL)
		return -1;
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	*width = 128;
	if (inet_pton(AF_INET6, text, out->b) == 1)
		return 0;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return -1;
	*width = 32;
	memcpy(out->b, v4_prefix, sizeof v4_prefix);
	memcpy(out->b + sizeof v4_prefix, &v4, sizeof v4);
	return 0;
}

/* Clears the bits behind the first `bits`; tells whether any was set. */
static bool clear_host_bits(struct acl_address *a, unsigned bits)
{
	bool any = false;

	for (unsigned i = bits / 8; i < sizeof a->b; i++) {
		uint8_t keep = i == bits / 8 ? (uint8_t)((0xff00u >> bits % 8) & 0xff) : 0;
		if ((a->b[i] & ~keep) != 0)
			any = true;
		a->b[i] &= keep;
	}
	return any;
}

static int host_bits_error(struct slice word, const struct acl_address *network, unsigned width,
                           unsigned length, struct err *e)
{
	char quote[QUOTE_SIZE], text[INET6_ADDRSTRLEN];
	const uint8_t *p = network->b + (width == 32 ? sizeof v4_prefix : 0);

	if (inet_ntop(width == 32 ? AF_INET : AF_INET6, p, text, sizeof text) == NULL)
		text[0] = '\0';
	return err_set(e, "\"%s\" has bits set behind the first %u: did you mean %s/%u?",
	               text_escape(word, quote, sizeof quote), length, text, length);
}

int acl_cidr_parse(struct slice word, struct acl_cidr *out, struct err *e)
{
	const uint8_t *slash = word.n == 0 ? NULL : memchr(word.p, '/', word.n);
	size_t host = slash == NULL ? word.n : (size_t)(slash - word.p);
	char quote[QUOTE_SIZE];
	struct acl_address a;
	unsigned width;
	uint64_t length;

	if (parse_host(slice_of(word.p, host), &a, &width) != 0)
		return err_set(e,
		               "\"%s\" is not an address or network (192.0.2.1, 10.0.0.0/8, "
		               "2001:db8::/32)",
		               text_escape(word, quote, sizeof quote));
	length = width;
	if (slash != NULL &&
	    text_number(slice_of(slash + 1, word.n - host - 1), 0, width, &length, NULL) != 0)
		return err_set(e,
		               "\"%s\" has no good prefix length: behind the / stands a number "
		               "from 0 to %u",
		               text_escape(word, quote, sizeof quote), width);
	unsigned bits = (unsigned)length + (width == 32 ? (unsigned)V4_BITS : 0u);
	if (clear_host_bits(&a, bits))
		return host_bits_error(word, &a, width, (unsigned)length, e);
	out->base = a;
	out->bits = (uint8_t)bits;
	return 0;
}

bool acl_cidr_match(const struct acl_cidr *c, const struct acl_address *a)
{
	size_t whole = c->bits / 8u;
	unsigned rest = c->bits % 8u;

	if (memcmp(c->base.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((c->base.b[whole] ^ a->b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool acl_address_is_v4(const struct acl_address *a)
{
	return memcmp(a->b, v4_prefix, sizeof v4_prefix) == 0;
}
