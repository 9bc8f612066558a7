/* SPDX-License-Identifier: ISC */
/* CONNECT is the one packet that is always taken apart and written anew. What was not changed comes
 * out as it went in, bit for bit, the oddities of 3.1 included: get and put are each other's
 * inverse on every packet that get accepts in its shortest form. */
#include "mqtt/connect.h"

#include "mqtt/disputed.h"
#include "mqtt/topic.h"
#include "base/utf8.h"

enum {
	RESERVED = 0x01,
	CLEAN = 0x02,
	WILL = 0x04,
	WILL_QOS = 0x18,
	WILL_RETAIN = 0x20,
	PASSWORD = 0x40,
	USER = 0x80,
	BRIDGE = 0x80 /* in the level */
};

/* Sets the version from protocol name and level [3.1.2.1, 3.1.2.2]. */
static enum mqtt_result protocol(struct reader *r, struct mqtt_connect *out)
{
	struct slice name = reader_binary(r);
	uint8_t level = reader_u8(r);
	uint8_t plain = level & 0x7F;
	bool mqtt = slice_eq(name, slice_str("MQTT")), mqisdp = slice_eq(name, slice_str("MQIsdp"));

	out->version = MQTT_311;
	if (r->bad)
		return MQTT_MALFORMED;
	out->bridge = (level & BRIDGE) != 0;
	if (mqtt && plain >= MQTT_5)
		out->version = MQTT_5;
	if (mqisdp && plain == MQTT_31)
		out->version = MQTT_31;
	else if (!mqtt || (plain != MQTT_311 && plain != MQTT_5))
		return MQTT_UNSUPPORTED;
	return MQTT_OK;
}

static enum mqtt_result connect_flags(uint8_t flags, struct mqtt_connect *out)
{
	out->clean = (flags & CLEAN) != 0;
	out->has_will = (flags & WILL) != 0;
	out->will_qos = (uint8_t)((flags & WILL_QOS) >> 3);
	out->will_retain = (flags & WILL_RETAIN) != 0;
	out->has_user = (flags & USER) != 0;
	out->has_password = (flags & PASSWORD) != 0;
	out->reserved = (flags & RESERVED) != 0;
	if (out->reserved && out->version != MQTT_31) /* [MQTT-3.1.2-3]; 3.1 does not care */
		return MQTT_MALFORMED;
	if (out->will_qos == 3) /* [MQTT-3.1.2-12] */
		return MQTT_MALFORMED;
	/* [MQTT-3.1.2-11], [MQTT-3.1.2-13]; in 3.1 both are disregarded without a Will. */
	if (!out->has_will && (out->will_qos != 0 || out->will_retain) && out->version != MQTT_31)
		return MQTT_MALFORMED;
	/* [MQTT-3.1.2-22] of 3.1.1; 3.1 says the same. */
	if (out->has_password && !out->has_user && out->version != MQTT_5)
		return MQTT_PROTOCOL;
	return MQTT_OK;
}

static enum mqtt_result properties(struct reader *r, uint32_t in, struct slice *block,
                                   uint64_t *seen)
{
	*block = reader_bytes(r, reader_varint(r));
	return r->bad ? MQTT_MALFORMED : mqtt_props_check(*block, in, seen);
}

static enum mqtt_result will(struct reader *r, struct mqtt_connect *out)
{
	enum mqtt_result result = MQTT_OK;

	if (!out->has_will)
		return MQTT_OK;
	if (out->version == MQTT_5)
		result = properties(r, MQTT_IN_WILL, &out->will_props, &out->will_props_seen);
	if (result != MQTT_OK)
		return result;
	out->will_topic = reader_binary(r);
	out->will_payload = reader_binary(r);
	if (r->bad || !utf8_valid(out->will_topic)) /* [MQTT-3.1.3-11] */
		return MQTT_MALFORMED;
	if (out->will_topic.n == 0)
		return MQTT_NO_TOPIC; /* [MQTT-4.7.3-1] */
	return mqtt_topic_wild(out->will_topic) ? MQTT_WILD_TOPIC : MQTT_OK;
}

/* In 3.1 the remaining length goes before the flags: a user name or password that is announced may
 * be missing. */
static bool missing(const struct reader *r, const struct mqtt_connect *out)
{
	return out->version == MQTT_31 && r->left == 0;
}

static enum mqtt_result credentials(struct reader *r, struct mqtt_connect *out)
{
	if (out->has_user && missing(r, out)) {
		out->user_flag_only = true;
		out->has_user = false;
	}
	if (out->has_user)
		out->user = reader_binary(r);
	if (out->has_password && missing(r, out)) {
		out->password_flag_only = true;
		out->has_password = false;
	}
	if (out->has_password)
		out->password = reader_binary(r);
	if (r->bad || r->left != 0 || !utf8_valid(out->user)) /* [MQTT-3.1.3-12] */
		return MQTT_MALFORMED;
	return MQTT_OK;
}

enum mqtt_result mqtt_connect_get(struct slice body, bool minimal, struct mqtt_connect *out)
{
	struct reader r = reader_of(body);

	*out = (struct mqtt_connect){0};
	enum mqtt_result result = protocol(&r, out);
	if (result != MQTT_OK)
		return result;
	if (out->version == MQTT_5 && !minimal) /* [MQTT-1.5.5-1] */
		return MQTT_MALFORMED;
	uint8_t flags = reader_u8(&r);
	out->keep_alive = reader_u16(&r);
	if (r.bad)
		return MQTT_MALFORMED;
	result = connect_flags(flags, out);
	if (result == MQTT_OK && out->version == MQTT_5)
		result = properties(&r, MQTT_IN(CONNECT), &out->props, &out->props_seen);
	if (result != MQTT_OK)
		return result;
	out->client_id = reader_binary(&r);
	if (r.bad || !utf8_valid(out->client_id)) /* [MQTT-3.1.3-4] */
		return MQTT_MALFORMED;
	result = will(&r, out);
	return result != MQTT_OK ? result : credentials(&r, out);
}

static uint8_t flags_of(const struct mqtt_connect *c)
{
	unsigned flags = (c->reserved ? RESERVED : 0u) | (c->clean ? CLEAN : 0u) |
	                 (c->has_will ? WILL : 0u) | ((unsigned)c->will_qos << 3 & WILL_QOS) |
	                 (c->will_retain ? WILL_RETAIN : 0u) |
	                 (c->has_user || c->user_flag_only ? USER : 0u) |
	                 (c->has_password || c->password_flag_only ? PASSWORD : 0u);

	return (uint8_t)flags;
}

static size_t block_size(struct slice block, const struct mqtt_props_edit *edit)
{
	size_t n = mqtt_props_size(block, edit);

	return mqtt_varint_size(n) + n;
}

static size_t will_size(const struct mqtt_connect *c, const struct mqtt_props_edit *edit)
{
	if (!c->has_will)
		return 0;
	return (c->version == MQTT_5 ? block_size(c->will_props, edit) : 0) + 4 + c->will_topic.n +
	       c->will_payload.n;
}

/* What stands behind the flags that could not be read back: 3.1's missing fields are the last ones.
 */
static bool flags_readable(const struct mqtt_connect *c)
{
	if (c->user_flag_only && !c->has_user && c->has_password)
		return false;
	return c->version == MQTT_31 || (!(c->user_flag_only && !c->has_user) &&
	                                 !(c->password_flag_only && !c->has_password));
}

void mqtt_connect_put(struct writer *w, const struct mqtt_connect *c,
                      const struct mqtt_props_edit *props, const struct mqtt_props_edit *will_props)
{
	struct slice name = slice_str(c->version == MQTT_31 ? "MQIsdp" : "MQTT");
	bool v5 = c->version == MQTT_5;
	size_t size = 2 + name.n + 4 + (v5 ? block_size(c->props, props) : 0) + 2 + c->client_id.n +
	              will_size(c, will_props) + (c->has_user ? 2 + c->user.n : 0) +
	              (c->has_password ? 2 + c->password.n + c->password_rest.n : 0);

	if (!flags_readable(c) || c->password.n + c->password_rest.n > UINT16_MAX) {
		w->full = true;
		return;
	}
	writer_u8(w, MQTT_CONNECT << 4);
	writer_varint(w, size);
	writer_binary(w, name);
	writer_u8(w, (uint8_t)(c->version | (c->bridge ? BRIDGE : 0)));
	writer_u8(w, flags_of(c));
	writer_u16(w, c->keep_alive);
	if (v5)
		mqtt_props_put(w, c->props, props);
	writer_binary(w, c->client_id);
	if (c->has_will && v5)
		mqtt_props_put(w, c->will_props, will_props);
	if (c->has_will) {
		writer_binary(w, c->will_topic);
		writer_binary(w, c->will_payload);
	}
	if (c->has_user)
		writer_binary(w, c->user);
	if (c->has_password) {
		writer_u16(w, (uint16_t)(c->password.n + c->password_rest.n));
		writer_bytes(w, c->password);
		writer_bytes(w, c->password_rest);
	}
}
