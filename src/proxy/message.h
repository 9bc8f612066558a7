/* SPDX-License-Identifier: ISC */
/* One PUBLISH on its way, between the files that judge it (stage_publish.c) and that change it
 * (change.c). */
#ifndef PROXY_MESSAGE_H
#define PROXY_MESSAGE_H

#include "mqtt/publish.h"
#include "proxy/stage.h"

struct message {
	const struct session_env *env;
	struct session *s;
	struct mqtt_publish p;
	struct payload_in in; /* its topic is the one that is meant; p.topic the one that goes on.
	                         Of its payload only `there` bytes may be there */
	size_t total;         /* bytes of the packet */
	size_t there;         /* bytes of the payload that are there */
	struct mqtt_alias *alias; /* NULL: it has none */
	bool named; /* its receiver does not know the alias: the topic is written in */
	struct writer *to;
	struct session_step *step;
};

/* Writes the head for a payload of `size` bytes, of which `now` are to be written behind it at
 * once. False, with what came of it, where the output lacks room now (STAGE_WAIT), or where the
 * packet is more than its receiver takes, as it was refused. */
bool message_head(const struct message *m, const struct mqtt_props_edit *edit, size_t size,
                  size_t now, enum progress *came);

/* Its head and so many bytes of its payload were used, and something of it went on. */
void message_begun(const struct message *m, size_t used);

/* It may not pass, as its payload cannot be opened or sealed: it is skipped and its handshake
 * completed, or, as the rule says, the session ends. A fault of the proxy's own always ends it: no
 * message is acknowledged away for that. */
enum progress message_refuse(const struct message *m, enum seal_error error, const char *why);

/* Too long to be taken, or for the side that it goes to. */
enum progress message_refuse_length(const struct message *m, const char *why);

/* A fault of the proxy's own, in whatever state its receiver is. */
enum progress message_fault(const struct message *m, const char *why);

/* change.c: one under a rule that changes it. */
enum progress message_change(const struct message *m);

#endif
