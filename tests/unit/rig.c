/* SPDX-License-Identifier: ISC */
#include "tests/unit/rig.h"

#include "tests/scenario/sim_call.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>

static struct making making_of(const struct rig *r)
{
	return (struct making){
	    .world = r->host.world, .version = r->version, .now = r->host.env.now};
}

static struct packet made_of(struct rig *r, const char *text)
{
	struct making m = making_of(r);
	char copy[RIG_TEXT];
	struct words w = {.n = 0};
	struct packet p;

	ck_assert_uint_lt(strlen(text), sizeof copy);
	memcpy(copy, text, strlen(text) + 1);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		w.w[w.n++] = word;
	ck_assert_msg(packet_make(&m, &w, &p, &r->fault), "%s", r->fault.text);
	return p;
}

void rig_add(struct rig *r, const char *text)
{
	struct packet p = made_of(r, text);

	stream_add(&r->made, slice_of(p.p, p.n));
	packet_free(&p);
}

void rig_addf(struct rig *r, const char *format, ...)
{
	char text[RIG_TEXT];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	rig_add(r, text);
}

void rig_send_all(struct rig *r, enum side from)
{
	bool ok = host_send(&r->host, from, slice_of(r->made.p, r->made.n));

	free(r->made.p);
	r->made = (struct stream){0};
	ck_assert_msg(ok, "%s", r->fault.text);
}

void rig_send(struct rig *r, enum side from, const char *text)
{
	rig_add(r, text);
	rig_send_all(r, from);
}

void rig_expect(struct rig *r, enum side to, const char *text)
{
	struct stream *o = &r->host.out[to];
	struct making m = making_of(r);
	struct packet p = made_of(r, text);

	ck_assert_msg(o->n - o->at >= p.n, "%s: %zu bytes", text, o->n - o->at);
	ck_assert_msg(packet_match(&m, &p, slice_of(o->p + o->at, p.n), &r->fault), "%s: %s", text,
	              r->fault.text);
	o->at += p.n;
	packet_free(&p);
}

void rig_expect_nothing(const struct rig *r, enum side to)
{
	ck_assert_uint_eq(r->host.out[to].n - r->host.out[to].at, 0);
}

struct rig *rig_new(const struct world *world, enum mqtt_version version, const struct sim_way *way)
{
	struct rig *r = calloc(1, sizeof *r);

	ck_assert_ptr_nonnull(r);
	r->version = version;
	host_init(&r->host, world, way, &r->fault);
	return r;
}

void rig_free(struct rig *r)
{
	host_fini(&r->host);
	stream_clear(&r->made);
	free(r);
}

void rig_connect(struct rig *r, const char *props)
{
	char connect[RIG_TEXT], connack[RIG_TEXT];

	(void)snprintf(connect, sizeof connect, "connect id=c1 %s", props);
	(void)snprintf(connack, sizeof connack, "connack %s", props);
	rig_send(r, SIDE_CLIENT, connect);
	rig_expect(r, SIDE_BROKER, connect);
	rig_send(r, SIDE_BROKER, connack);
	rig_expect(r, SIDE_CLIENT, connack);
}

void rig_exchange(struct rig *r, const struct world *world)
{
	r->host.env.policy = &world->policy;
	r->host.env.kit = &world->kit;
}
