/* SPDX-License-Identifier: ISC */
/* Who may ask and how an answer looks: bytes in, bytes out. What stands here names users' devices
 * and rules, so a browser is told with every answer to show it to no other page. */
#include "admin/answer.h"

#include <stdio.h>

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 421:
		return "Misdirected Request";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "Bad Request";
	}
}

/* Splits off what stands before the first blank. */
static struct slice take_word(struct slice *line)
{
	const uint8_t *blank = line->n == 0 ? NULL : memchr(line->p, ' ', line->n);
	struct slice word = slice_of(line->p, blank == NULL ? line->n : (size_t)(blank - line->p));

	*line = slice_from(*line, blank == NULL ? word.n : word.n + 1);
	return word;
}

static bool begins(struct slice s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* Digits and dots behind 127. are an address; a name like 127.0.0.1.example is not. */
static bool is_local(struct slice host)
{
	if (begins(host, "[::1]"))
		return true;
	const uint8_t *colon = host.n == 0 ? NULL : memchr(host.p, ':', host.n);
	if (colon != NULL)
		host.n = (size_t)(colon - host.p);
	if (slice_eq(host, slice_str("localhost")))
		return true;
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	}
	return begins(host, "127.");
}

int answer_judge(const struct question *q, bool *head, struct slice *path)
{
	struct slice line = q->line, method = take_word(&line), target = take_word(&line);
	const uint8_t *query = target.n == 0 ? NULL : memchr(target.p, '?', target.n);

	*head = slice_eq(method, slice_str("HEAD"));
	if (!begins(line, "HTTP/1.") || line.n != strlen("HTTP/1.1") || !begins(target, "/"))
		return 400;
	if (q->host.n != 0 && !is_local(q->host))
		return 421;
	if (!*head && !slice_eq(method, slice_str("GET")))
		return 405;
	*path = slice_of(target.p, query == NULL ? target.n : (size_t)(query - target.p));
	return 200;
}

int answer_put(struct buf *out, int status, const char *type, const char *nonce, struct slice body,
               bool head)
{
	char text[1024], style[96] = "";

	if (nonce != NULL)
		(void)snprintf(style, sizeof style, "img-src data:; style-src 'nonce-%s'; ", nonce);
	int n = snprintf(
	    text, sizeof text,
	    "HTTP/1.1 %d %s\r\n"
	    "Content-Type: %s\r\n"
	    "Content-Length: %zu\r\n"
	    "Connection: close\r\n"
	    "Cache-Control: no-store\r\n"
	    "Content-Security-Policy: default-src 'none'; %sbase-uri 'none'; form-action 'none'; "
	    "frame-ancestors 'none'\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Referrer-Policy: no-referrer\r\n"
	    "Cross-Origin-Resource-Policy: same-origin\r\n"
	    "%s\r\n",
	    status, reason(status), type, body.n, style,
	    status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (buf_append(out, slice_of(text, (size_t)n)) != 0)
		return -1;
	return head ? 0 : buf_append(out, body);
}

int answer_text(struct buf *out, int status, const char *text, bool head)
{
	return answer_put(out, status, "text/plain; charset=utf-8", NULL, slice_str(text), head);
}
