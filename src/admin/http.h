/* SPDX-License-Identifier: ISC */
/* What can be looked at by HTTP on loopback: /metrics, /healthz, /readyz and a page. GET and HEAD,
 * one request a connection, in a thread of its own, which nothing else waits for. */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "admin/facts.h"

enum { HTTP_PEERS_MAX = 32, HTTP_REQUEST_MAX = 8192, HTTP_SECONDS = 10 };

struct http;

/* Listens at ADDRESS:PORT ("127.0.0.1:9883", "[::1]:0") and says so (event=http address=…). NULL
 * and the reason. */
struct http *http_new(const char *at, struct err *e);

/* Starts to serve; facts stay the caller's until http_free(). 0 or -1. */
int http_start(struct http *h, struct facts *facts, struct err *e);

/* Ends the thread, waiting for the request that it is at. NULL-safe. */
void http_free(struct http *h);

#endif
