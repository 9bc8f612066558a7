/* SPDX-License-Identifier: ISC */
/* It only walks headers: the session has judged the packets already. */
#include "proxy/passage.h"

#include "mqtt/frame.h"

static void skip(struct passage *p, struct slice *view, size_t *consumed)
{
	size_t n = *consumed < p->left ? *consumed : p->left;

	p->left -= (uint32_t)n;
	*view = slice_from(*view, n);
	*consumed -= n;
}

static struct slice topic_of(struct slice body)
{
	if (body.n < 2)
		return slice_of(NULL, 0);
	size_t n = (size_t)body.p[0] << 8 | body.p[1];
	return n > body.n - 2 ? slice_of(NULL, 0) : slice_of(body.p + 2, n);
}

bool passage_next(struct passage *p, struct slice *view, size_t *consumed, struct passing *out)
{
	struct mqtt_frame f;

	skip(p, view, consumed);
	if (*consumed == 0 || mqtt_frame_next(*view, &f) != MQTT_OK)
		return false;
	*out =
	    (struct passing){.type = mqtt_type_name(f.type), .size = f.head + (size_t)f.remaining};
	if (f.type == MQTT_PUBLISH) {
		out->qos = (unsigned)f.flags >> 1 & 3u;
		out->retain = (f.flags & 1u) != 0;
		out->topic = topic_of(slice_from(*view, f.head));
	}
	p->left = (uint32_t)out->size;
	return true;
}
