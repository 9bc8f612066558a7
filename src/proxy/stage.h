/* SPDX-License-Identifier: ISC */
/* What the files of the engine share among themselves; nobody else includes this. */
#ifndef PROXY_STAGE_H
#define PROXY_STAGE_H

#include "mqtt/frame.h"
#include "proxy/payload.h"
#include "proxy/session.h"
#include "proxy/meter.h"

/* Whether a stage got on with its view or has to wait for bytes, for room, or for good. */
enum progress { STAGE_ON, STAGE_WAIT };

/* session.c: the one door between states. */
void session_enter(struct session *s, enum session_state to);
/* Remembers who the client is, in one piece of memory; `user` may be the one remembered. 0 or -1.
 */
int session_identify(struct session *s, struct slice client_id, bool has_user, struct slice user);

/* Makes session.extra, if it is not there: false without memory. And wipes and frees it. */
bool session_extra(struct session *s);
void session_forget_extra(struct session *s);

struct session_note *session_noted(struct session_step *step, enum note_kind kind);

/* Notes and counts a payload that may not pass. */
void session_note_payload(const struct session_env *env, struct session_step *step,
                          enum seal_error error, const struct payload_in *in);

/* ends.c: the verdict on the CONNECT is a refusal: noted, and answered now or when its time has
 * come. code: the reason code of a MALFORMED, the broker's own of a BROKER_REFUSED, else 0; why: a
 * static phrase or NULL; rule: what decided, or NULL. */
struct refusal {
	enum verdict verdict;
	uint8_t code;
	const char *why;
	const struct acl_verdict *rule;
};
void session_decide(struct session *s, const struct session_env *env, const struct refusal *r,
                    struct session_step *step);

/* The same where there is nothing but the verdict and, or NULL, a static phrase. */
void session_deny(struct session *s, const struct session_env *env, enum verdict v, const char *why,
                  struct session_step *step);

/* Where a guess was taken at that credential, asks to give it back: no code was judged for it, or a
 * right one was not used up. */
void session_give_back(struct session *s, int64_t id, bool taken, struct session_step *step);

/* An established session ends because of what `from` sent. A v5 client is told `tell` (0: nothing),
 * if its side is at a frame boundary; the broker is never told. */
void session_fail(struct session *s, enum side from, uint8_t tell, const char *why,
                  struct session_step *step);

/* Closes both sides behind what was written. */
void session_finish(struct session *s, struct session_step *step);

/* lease.c: whether passwords of this client may come again; and what stands for one. */
bool lease_wanted(const struct session *s, const struct session_env *env);
void lease_tag(struct session *s, const struct session_env *env, const struct mqtt_connect *c);

/* meter.c: n packets of that side are on their way or were answered; a payload came through, was
 * sealed, or may not pass. */
void meter_packets(const struct session_env *env, enum side from, enum mqtt_type type, size_t n,
                  struct session_step *step);
void meter_passed(const struct session_env *env, const struct payload_in *in,
                  enum payload_form form, struct session_step *step);
void meter_sealed(const struct session_env *env, const struct payload_in *in,
                  struct session_step *step);
void meter_failed(const struct session_env *env, const struct payload_in *in,
                  enum seal_error error, struct session_step *step);

/* access.c: the lists. Each returns true where it may go on: it is allowed, or the filter is but
 * tried. v is the verdict; what it denies is noted by access_deny(), once, when it is carried out.
 */
bool access_name(const struct session *s, const struct session_env *env, enum acl_kind name,
                 struct acl_verdict *v);
bool access_publish(const struct session *s, const struct session_env *env, enum side from,
                    struct slice topic, struct acl_verdict *v);
bool access_subscribe(const struct session *s, const struct session_env *env, struct slice filter,
                      struct acl_verdict *v);
void access_deny(const struct session_env *env, enum side from, enum acl_verb verb,
                 struct slice topic, const struct acl_verdict *v, struct session_step *step);

/* pace.c: the limit on publishing. Whether the client's next PUBLISH has to wait (which is then
 * arranged); and that one was taken. */
bool pace_holds(struct session *s, const struct session_env *env, struct session_step *step);
void pace_count(struct session *s, const struct session_env *env, struct session_step *step);

/* own.c: what the proxy itself says to a side goes out at that side's frame boundary, at once or
 * later; behind the side's DISCONNECT or FIN, never. 0, or -1 where too much waits already. */
int own_say(struct session *s, enum side to, struct slice packet, struct session_step *step);
void own_flush(struct session *s, struct session_step *step);

/* Whether one more packet can be said to `to`: it goes out now, or with the boundary. */
bool own_room(const struct session *s, enum side to, const struct session_step *step);

/* Whether the last packet to `to` is said: it has its DISCONNECT, or its FIN. */
bool own_ended(const struct session *s, enum side to);

/* Whether nothing waits for `to` and nothing is half written there. */
bool own_idle(const struct session *s, enum side to);

/* flight.c: packet ids whose QoS handshake the proxy completes itself, since the other side never
 * saw the PUBLISH. */

/* Answers a dropped PUBLISH of `from`, for which there is own_room(): PUBACK, or PUBREC, and then
 * the id is owned until its PUBREL, unless the code frees it or the message came before (see
 * flight.c). 0, or -1 without memory. */
int flight_drop(struct session *s, enum side from, const struct drop *d, struct session_step *step);

/* Whether the handshake of this id of `from` is the proxy's. */
bool flight_owns(const struct session *s, enum side from, uint16_t packet_id);

/* Answers the PUBREL of an owned id, for which there is own_room(). 0, or -1 without memory. */
int flight_release(struct session *s, enum side from, uint16_t packet_id,
                   struct session_step *step);

/* A PUBLISH of `from` with this id is passed on, so its handshake is the other side's. */
void flight_passed(struct session *s, enum side from, uint16_t packet_id);

/* alive.c: keep-alive, in force from alive_begin() on, with the time that s->alive.keep_ms says. */
void alive_begin(struct session *s, int64_t now_ms);

/* Bytes of `from` were worked on. went_up: something was written to the broker; left: some of them
 * are still there. */
void alive_relayed(struct session *s, int64_t now_ms, enum side from, bool went_up, bool left);

/* The client's PINGREQ goes up. */
void alive_pinged(struct session *s);

/* Whether this PINGRESP answers a PINGREQ of the proxy, so that the client must not see it. */
bool alive_keeps_answer(struct session *s);

/* When alive_timer() is to be called, 0 never. It may be called early. */
int64_t alive_deadline(const struct session *s);
void alive_timer(struct session *s, const struct session_env *env, struct session_step *step);

/* limits.c: v5 Maximum Packet Size and Topic Alias Maximum. Notes what `whose` says it takes and
 * edits its properties (found in `props`) to what the other side is to be shown. `room` holds what
 * the edit appends. */
enum { LIMITS_ROOM = 8 };
struct mqtt_props_edit limits_edit(struct session *s, const struct session_env *env,
                                   enum side whose, struct slice props, uint8_t room[LIMITS_ROOM]);

/* Whether a packet of that many bytes is more than `to` takes. */
bool limits_passed(const struct session *s, enum side to, size_t total);

/* Whether a packet of that many bytes is too long for `to`, and it was the proxy that told its
 * sender a higher limit. A packet other than PUBLISH then goes without what it can do without: a
 * Reason String and User Properties [MQTT-3.4.2-2 and its like]. */
bool limits_raised(const struct session *s, const struct session_env *env, enum side to,
                   size_t total);
extern const struct mqtt_props_edit limits_brief;

/* stage_connect.c: GREET, and FORWARDING. */
void stage_greet(struct session *s, const struct session_env *env, struct slice bytes,
                 struct session_step *step);
void stage_forward(struct session *s, const struct session_env *env, struct slice bytes,
                   struct session_step *step);

/* Whether there is a user name to draw a code for; else the login is refused. */
bool stage_may_draw(struct session *s, const struct session_env *env, struct session_step *step);

/* stage_login.c: the CONNECT is judged, its code included if it has one: asks for the broker. */
void stage_dial(struct session *s, const struct session_env *env, struct session_step *step);

/* The login that the state keeps, borrowed. False where there is none. */
bool stage_stored(const struct session *s, struct otp_login *out);

/* stage_connack.c: AWAIT_CONNACK, both sides; and DRAWING, in which the broker must be silent. */
void stage_await(struct session *s, const struct session_env *env, enum side from,
                 struct slice bytes, struct session_step *step);

/* stage_relay.c: RELAYING and DRAINING. */
void stage_relay(struct session *s, const struct session_env *env, enum side from,
                 struct slice bytes, struct session_step *step);

/* stage_subscribe.c: a whole and checked SUBSCRIBE of the client, judged filter by filter; and the
 * SUBACK for one that went on without some of its filters, which subscribing_find() finds by the
 * body (NULL: it is for another). */
enum progress stage_subscribe(struct session *s, const struct session_env *env,
                              const struct mqtt_frame *f, struct slice view,
                              struct session_step *step);
struct subscribing *subscribing_find(const struct session *s, struct slice body);
enum progress stage_suback(struct session *s, const struct session_env *env,
                           const struct mqtt_frame *f, struct slice view, struct subscribing *codes,
                           struct session_step *step);
void subscribing_free(struct session *s);

/* The longest head of a PUBLISH. It is taken whole, and an alias may lengthen it by a topic that came
 * in another. */
static inline size_t publish_head_max(const struct policy *p)
{
	return SESSION_HEAD_MAX < p->max_packet ? SESSION_HEAD_MAX : p->max_packet;
}

/* stage_publish.c: one PUBLISH whose header is f, at the start of view. */
enum progress stage_publish(struct session *s, const struct session_env *env, enum side from,
                            const struct mqtt_frame *f, struct slice view,
                            struct session_step *step);

/* change.c: goes on with a PUBLISH of `from` that is sealed or opened segment by segment. STAGE_WAIT
 * where it could not, or where the session has ended. */
enum progress stage_changing(struct session *s, const struct session_env *env, enum side from,
                             struct slice view, struct session_step *step);
void changing_end(struct flow *flow); /* also where there is none */

#endif
