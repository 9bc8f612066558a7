/* SPDX-License-Identifier: ISC */
/* Socket addresses: read, written, resolved, and in the 16 bytes that lists and the store know. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

enum { NET_ADDR_TEXT = 64 };

/* A numeric host and a port. 0 or -1. */
int net_addr_numeric(const char *host, uint16_t port, struct net_addr *out);

/* Resolves a name to at most max addresses; blocks, so never on an event loop. Returns how many, or
 * -1 and the reason. */
int net_addr_resolve(const char *host, uint16_t port, struct net_addr *out, size_t max,
                     struct err *e);

/* "192.0.2.1:1883", "[2001:db8::1]:1883" into out (NET_ADDR_TEXT bytes). Returns out. */
const char *net_addr_text(const struct net_addr *a, char *out);

/* The address alone as 16 bytes, IPv4 as IPv4-mapped. */
void net_addr_bytes(const struct net_addr *a, uint8_t out[16]);

/* What guesses are counted by: an IPv4 address, or the /64 of an IPv6 one. */
void net_addr_source(const uint8_t address[16], uint8_t out[16]);

/* The text of a 16-byte address and a port, as above. */
const char *net_bytes_text(const uint8_t address[16], uint16_t port, char *out);

/* Whether others than this machine can reach it. */
bool net_addr_exposed(const struct net_addr *a);

/* The text of a network of 16-byte addresses: "192.0.2.0/24", "2001:db8::/32"; of a single address
 * without its length. Into out (NET_ADDR_TEXT bytes). Returns out. */
const char *net_network_text(const uint8_t base[16], unsigned bits, char *out);

uint16_t net_addr_port(const struct net_addr *a);

#endif
