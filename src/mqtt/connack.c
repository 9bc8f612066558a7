/* SPDX-License-Identifier: ISC */
/* CONNACK, the broker's first word. A broker that does not know 5.0 answers a 5.0 client in two
 * bytes, without properties; that form is read, and written for the codes that exist in no other.
 */
#include "mqtt/connect.h"
#include "mqtt/disputed.h"

static enum mqtt_result get5(struct reader *r, struct mqtt_connack *out)
{
	if (r->left == 0)
		return out->code != 0 ? MQTT_OK : MQTT_MALFORMED;
	if (!mqtt_reason_valid(MQTT_CONNACK, out->code)) /* [MQTT-3.2.2-8] */
		return MQTT_ALIEN_REASON;
	out->props = reader_bytes(r, reader_varint(r));
	if (r->bad || r->left != 0)
		return MQTT_MALFORMED;
	return mqtt_props_check(out->props, MQTT_IN(CONNACK), &out->props_seen);
}

enum mqtt_result mqtt_connack_get(struct slice body, enum mqtt_version version,
                                  struct mqtt_connack *out)
{
	struct reader r = reader_of(body);

	*out = (struct mqtt_connack){0};
	uint8_t flags = reader_u8(&r);
	out->code = reader_u8(&r);
	out->session_present = (flags & 1) != 0;
	if (r.bad || flags > 1) /* [MQTT-3.2.2-1] */
		return MQTT_MALFORMED;
	if (version == MQTT_5) {
		enum mqtt_result result = get5(&r, out);
		if (result != MQTT_OK)
			return result;
	} else if (r.left != 0) {
		return MQTT_MALFORMED;
	}
	/* [MQTT-3.2.2-6], and [MQTT-3.2.2-4] of 3.1.1; 3.1 has no such flag */
	if (out->code != 0 && out->session_present && version != MQTT_31)
		return MQTT_PROTOCOL;
	return MQTT_OK;
}

void mqtt_connack_put(struct writer *w, enum mqtt_version version, const struct mqtt_connack *a,
                      const struct mqtt_props_edit *edit)
{
	bool v5 = version == MQTT_5 && mqtt_reason_valid(MQTT_CONNACK, a->code);
	size_t props = v5 ? mqtt_props_size(a->props, edit) : 0;

	writer_u8(w, MQTT_CONNACK << 4);
	writer_varint(w, 2 + (v5 ? mqtt_varint_size(props) + props : 0));
	writer_u8(w, a->session_present ? 1 : 0);
	writer_u8(w, a->code);
	if (v5)
		mqtt_props_put(w, a->props, edit);
}
