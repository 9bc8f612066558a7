/* SPDX-License-Identifier: ISC */
/* Judged and counted is what all addresses have in common: 16 bytes, IPv4 mapped. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int net_addr_numeric(const char *host, uint16_t port, struct net_addr *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	*out = (struct net_addr){0};
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(&out->ss, &v4, sizeof v4);
		out->len = sizeof v4;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		memcpy(&out->ss, &v6, sizeof v6);
		out->len = sizeof v6;
		return 0;
	}
	return -1;
}

int net_addr_resolve(const char *host, uint16_t port, struct net_addr *out, size_t max,
                     struct err *e)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list;
	char service[8];
	size_t n = 0;

	if (max != 0 && net_addr_numeric(host, port, out) == 0)
		return 1;
	(void)snprintf(service, sizeof service, "%u", port);
	int r = getaddrinfo(host, service, &hints, &list);
	if (r != 0)
		return err_set(e, "%s cannot be resolved: %s", host, gai_strerror(r));
	for (struct addrinfo *a = list; a != NULL && n < max; a = a->ai_next) {
		if (a->ai_addrlen > sizeof out[n].ss)
			continue;
		out[n] = (struct net_addr){.len = a->ai_addrlen};
		memcpy(&out[n].ss, a->ai_addr, a->ai_addrlen);
		n++;
	}
	freeaddrinfo(list);
	return (int)n;
}

void net_addr_bytes(const struct net_addr *a, uint8_t out[16])
{
	memset(out, 0, 16);
	if (a->ss.ss_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, &a->ss, sizeof v4);
		memcpy(out, mapped, sizeof mapped);
		memcpy(out + 12, &v4.sin_addr, 4);
	} else if (a->ss.ss_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, &a->ss, sizeof v6);
		memcpy(out, &v6.sin6_addr, 16);
	}
}

void net_addr_source(const uint8_t address[16], uint8_t out[16])
{
	memcpy(out, address, 16);
	if (memcmp(address, mapped, sizeof mapped) != 0)
		memset(out + 8, 0, 8);
}

bool net_addr_exposed(const struct net_addr *a)
{
	static const uint8_t one[16] = {[15] = 1};
	uint8_t bytes[16];

	net_addr_bytes(a, bytes);
	if (memcmp(bytes, mapped, sizeof mapped) == 0)
		return bytes[12] != 127;
	return memcmp(bytes, one, sizeof one) != 0;
}

uint16_t net_addr_port(const struct net_addr *a)
{
	uint16_t port;

	/* In both families the port is the two bytes behind the family. */
	memcpy(&port, (const uint8_t *)&a->ss + offsetof(struct sockaddr_in, sin_port),
	       sizeof port);
	return ntohs(port);
}

const char *net_bytes_text(const uint8_t address[16], uint16_t port, char *out)
{
	char host[INET6_ADDRSTRLEN];

	if (memcmp(address, mapped, sizeof mapped) == 0) {
		(void)inet_ntop(AF_INET, address + 12, host, sizeof host);
		(void)snprintf(out, NET_ADDR_TEXT, "%s:%u", host, port);
	} else {
		(void)inet_ntop(AF_INET6, address, host, sizeof host);
		(void)snprintf(out, NET_ADDR_TEXT, "[%s]:%u", host, port);
	}
	return out;
}

const char *net_network_text(const uint8_t base[16], unsigned bits, char *out)
{
	bool ipv4 = memcmp(base, mapped, sizeof mapped) == 0 && bits >= 96;
	size_t n;

	(void)inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? base + 12 : base, out, NET_ADDR_TEXT);
	n = strlen(out);
	if (bits < 128)
		(void)snprintf(out + n, NET_ADDR_TEXT - n, "/%u", ipv4 ? bits - 96 : bits);
	return out;
}

const char *net_addr_text(const struct net_addr *a, char *out)
{
	uint8_t bytes[16];

	net_addr_bytes(a, bytes);
	return net_bytes_text(bytes, net_addr_port(a), out);
}
