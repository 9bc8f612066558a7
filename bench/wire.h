/* SPDX-License-Identifier: ISC */
/* What the parts of the load program share: blocking sockets on loopback and the few packets of MQTT 3.1.1 that are
 * needed. Whatever fails ends the program with a word on stderr: a measurement that is half good is none. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "mqtt/frame.h"

enum { WIRE_TOPIC = 16, WIRE_BATCH = 256 * 1024 };

__attribute__((noreturn, format(printf, 1, 2))) void wire_fail(const char *format, ...);

/* Monotonic nanoseconds. */
uint64_t wire_now(void);

/* A decimal number from 1 to 10^9. */
size_t wire_number(const char *text);

/* A connection to that port of 127.0.0.1, without delay. */
int wire_connect(uint16_t port);

/* A listening socket on a port that the kernel chose. */
int wire_listen(uint16_t *port);

void wire_send(int fd, struct slice bytes);

/* Sends CONNECT for client `number`; and waits for the CONNACK that lets it in. */
void wire_hello(int fd, size_t number);
void wire_welcome(int fd);

/* A whole PUBLISH with a topic of WIRE_TOPIC bytes. id 0: QoS 0. */
void wire_publish(struct writer *w, size_t payload, uint16_t id);

/* Reads packets of at most 4 bytes until one of that type comes, which must be the next. */
void wire_expect(int fd, enum mqtt_type type);

/* The parts: each runs until it is done. words: those behind the name of the part. */
int sink_main(void);
int publish_main(uint16_t port, size_t payload, size_t ms);
int echo_main(uint16_t port, size_t count);
int connects_main(uint16_t port, size_t count);
int hold_main(uint16_t port, size_t count);

#endif
