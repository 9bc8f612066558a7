/* SPDX-License-Identifier: ISC */
/* A PUBLISH whose payload is opened, sealed, or both. What is sealed goes segment by segment as it
 * comes. An envelope is opened whole where it is not long, so that one that fails is only dropped;
 * a longer one segment by segment. Here is what is taken at once, or the beginning; changing.c has
 * the rest. Nothing of a message that fails here is ever left in an output. */
#include "proxy/changing.h"

#include "base/hot.h"

enum { SEALED_SEGMENT = SEAL_SEGMENT + SEAL_TAG };

static const char too_long[] = "a payload is longer than max-message";
static const char cannot_open[] = "a payload could not be opened";
static const char cannot_seal[] = "a payload could not be sealed";

/* The message went on, all of it. */
static enum progress passed(const struct message *m, enum payload_form form)
{
	message_begun(m, m->in.payload.n);
	meter_passed(m->env, &m->in, form, m->step);
	return STAGE_ON;
}

/* What is to be sealed, and into how many bytes. */
struct sealing {
	struct seal_message message;
	struct mqtt_props_edit edit;
	size_t inner, size;
};

/* False, with what came of it, where it cannot be. */
static bool prepare(const struct message *m, struct payload_clear *clear, struct sealing *s,
                    enum progress *came)
{
	bool fits = payload_take_props(m->env, &m->in, clear);

	s->message = payload_message(&m->in, clear);
	s->edit = payload_edit(m->env, &m->in, clear, true);
	if (fits)
		s->inner = seal_inner_size(&s->message, &fits);
	if (!fits) {
		*came = message_refuse_length(m, "sealed properties are too long");
		return false;
	}
	s->size = envelope_size(s->inner);
	return true;
}

/* Seals a payload that is there. */
static enum progress seal_whole(const struct message *m, struct payload_clear *clear)
{
	HOT_LOCAL struct sealing s;
	size_t before = m->to->len;
	enum progress came;

	if (!prepare(m, clear, &s, &came) || !message_head(m, &s.edit, s.size, s.size, &came))
		return came;
	enum seal_error error = seal_message(payload_sealer(m->env, &m->in), &s.message,
	                                     m->env->now, writer_space(m->to, s.size));
	if (error == SEAL_OK) {
		meter_sealed(m->env, &m->in, m->step);
		return passed(m, clear->form);
	}
	m->to->len = before;
	return message_refuse(m, error, cannot_seal);
}

/* Writes head and first segment of what gets sealed, of which `n` bytes are there, and then what
 * else of these makes segments; *rest is what does not. False, with what came of it, where it did
 * not begin. */
static bool begin_sealing(const struct message *m, struct payload_clear *clear, size_t n,
                          struct changing *c, struct slice *rest, enum progress *came)
{
	struct sealing s;
	size_t before = m->to->len, missing = clear->payload.n - n;

	if (!prepare(m, clear, &s, came))
		return false;
	size_t now =
	    missing == 0 ? s.size : SEAL_HEADER + changing_sealed_size(s.inner - missing, false);
	if (!message_head(m, &s.edit, s.size, now, came))
		return false;
	enum seal_error error = seal_begin(payload_sealer(m->env, &m->in), &s.message, m->env->now,
	                                   writer_space(m->to, envelope_first(s.size)), &c->out);
	if (error == SEAL_OK) {
		*rest = slice_from(slice_of(clear->payload.p, n), clear->payload.n - c->out.left);
		error = changing_seal(c, rest, m->to, 0);
	}
	if (error == SEAL_OK)
		return true;
	m->to->len = before;
	*came = message_refuse(m, error, cannot_seal);
	return false;
}

/* In clear as it came, and part of it is there: its beginning is sealed. */
static enum progress seal_part(const struct message *m, struct payload_clear *clear)
{
	struct changing c = {.form = clear->form, .topic = m->in.topic};
	size_t n = m->there < SEAL_SEGMENT ? m->there : SEAL_SEGMENT;
	enum progress came;
	struct slice rest;

	if (begin_sealing(m, clear, n, &c, &rest, &came))
		came = changing_begun(m, &c, n - rest.n);
	changing_fini(&c);
	return came;
}

/* In clear as it came: it passes as it comes, or is sealed so. */
static enum progress change_clear(const struct message *m, enum payload_form form)
{
	struct payload_clear clear = {.form = form, .utf8 = m->in.utf8, .payload = m->in.payload};
	enum progress came;

	if (payload_gets_sealed(&m->in, &clear)) {
		bool whole = m->there == m->in.payload.n && m->there <= m->env->policy->max_whole;
		return whole ? seal_whole(m, &clear) : seal_part(m, &clear);
	}
	struct mqtt_props_edit edit = payload_edit(m->env, &m->in, &clear, false);
	if (!message_head(m, &edit, clear.payload.n, 0, &came))
		return came;
	message_begun(m, 0);
	meter_passed(m->env, &m->in, form, m->step);
	return STAGE_ON;
}

/* Opened, all of it: goes on in clear, or sealed. */
static enum progress send_whole(const struct message *m, struct payload_clear *clear)
{
	enum progress came;

	if (payload_gets_sealed(&m->in, clear))
		return seal_whole(m, clear);
	struct mqtt_props_edit edit = payload_edit(m->env, &m->in, clear, false);
	if (!message_head(m, &edit, clear->payload.n, clear->payload.n, &came))
		return came;
	writer_bytes(m->to, clear->payload);
	return passed(m, clear->form);
}

/* Opens straight into the output: an envelope with neither properties nor padding inside, whose
 * plaintext length the header tells. */
static enum progress open_in_place(const struct message *m, const struct envelope *e)
{
	struct payload_clear clear = {.form = PAYLOAD_SEALED, .utf8 = (e->flags & SEAL_UTF8) != 0};
	struct mqtt_props_edit edit = payload_edit(m->env, &m->in, &clear, false);
	struct seal_demand demand = payload_demand(&m->in);
	HOT_LOCAL struct seal_opened opened;
	size_t before = m->to->len;
	enum progress came;

	if (!message_head(m, &edit, e->inner, e->inner, &came))
		return came;
	enum seal_error error = seal_open(m->env->kit->opener, &demand, m->in.topic, m->in.payload,
	                                  m->env->now, writer_space(m->to, e->inner), &opened);
	if (error == SEAL_OK)
		return passed(m, clear.form);
	m->to->len = before;
	return message_refuse(m, error, cannot_open);
}

/* An envelope that is opened whole. */
static enum progress change_whole(const struct message *m)
{
	HOT_LOCAL struct payload_clear clear;
	HOT_LOCAL struct seal_opened opened;
	struct envelope e;

	if (!m->in.rule->leg[side_other(m->in.from)].encrypted &&
	    envelope_looks_sealed(m->in.payload) && envelope_get(m->in.payload, &e) == SEAL_OK &&
	    (e.flags & (SEAL_PROPS | SEAL_PADDED)) == 0)
		return e.inner > m->env->policy->max_message ? message_refuse_length(m, too_long)
		                                             : open_in_place(m, &e);
	enum seal_error error = payload_open(m->env, &m->in, &clear, &opened);
	if (error != SEAL_OK)
		return message_refuse(m, error, cannot_open);
	if (clear.payload.n > m->env->policy->max_message)
		return message_refuse_length(m, too_long);
	return send_whole(m, &clear);
}

/* Head and first segments of what is opened segment by segment, n bytes of
 * whose payload are opened. */
static enum progress begin_opened(const struct message *m, struct payload_clear *clear, size_t n,
                                  struct changing *c)
{
	size_t used = envelope_first(m->in.payload.n);
	enum progress came;
	struct slice rest;

	if (!payload_gets_sealed(&m->in, clear)) {
		struct mqtt_props_edit edit = payload_edit(m->env, &m->in, clear, false);
		if (!message_head(m, &edit, clear->payload.n, n, &came))
			return came;
		writer_bytes(m->to, slice_of(clear->payload.p, n));
		return changing_begun(m, c, used);
	}
	/* With the second there is enough to seal a first one, whatever stands before the payload
	 * here and there. */
	size_t more = seal_stream_next(&c->in);
	if (more != 0) {
		enum seal_error error =
		    seal_stream_open(&c->in, m->in.payload.p + used,
		                     m->env->kit->scratch + PAYLOAD_OPENED_AT + SEAL_SEGMENT);
		if (error != SEAL_OK)
			return message_refuse(m, error, cannot_open);
		used += more + SEAL_TAG;
	}
	size_t before = m->to->len;
	if (!begin_sealing(m, clear, n + more, c, &rest, &came))
		return came;
	if (changing_reseal(c, rest, m->to) == SEAL_OK)
		return changing_begun(m, c, used);
	m->to->len = before;
	return message_refuse(m, SEAL_E_INTERNAL, cannot_seal);
}

/* An envelope that is opened segment by segment. */
static enum progress change_long(const struct message *m)
{
	struct changing c = {.form = PAYLOAD_SEALED, .topic = m->in.topic};
	HOT_LOCAL struct payload_clear clear;
	enum progress came;
	size_t n;
	enum seal_error error = payload_begin(m->env, &m->in, &clear, &n, &c.in);

	if (error != SEAL_OK)
		return message_refuse(m, error, cannot_open);
	memcpy(c.header, m->in.payload.p, SEAL_HEADER);
	came = clear.payload.n > m->env->policy->max_message ? message_refuse_length(m, too_long)
	                                                     : begin_opened(m, &clear, n, &c);
	changing_fini(&c);
	return came;
}

/* Bytes of the payload that must be there to begin. */
static size_t first_size(const struct message *m)
{
	const struct payload_leg *leg = m->in.rule->leg;
	size_t n = m->in.payload.n, first = envelope_first(n);

	if (!leg[m->in.from].encrypted)
		return n < SEAL_SEGMENT ? n : SEAL_SEGMENT;
	if (n <= m->env->policy->max_whole)
		return n;
	if (!leg[side_other(m->in.from)].encrypted)
		return first;
	return n - first < SEALED_SEGMENT ? n : first + SEALED_SEGMENT;
}

enum progress message_change(const struct message *m)
{
	const struct policy *policy = m->env->policy;
	size_t limit = m->in.rule->leg[m->in.from].encrypted
	                   ? envelope_size(policy->max_message + SEAL_PREFIX_MAX)
	                   : policy->max_message;

	if (m->in.payload.n > limit)
		return message_refuse_length(m, too_long);
	if (m->there < first_size(m)) {
		m->step->want = m->p.head + first_size(m);
		return STAGE_WAIT;
	}
	enum payload_form form = payload_form(m->env, &m->in);
	if (form != PAYLOAD_SEALED)
		return m->in.payload.n > policy->max_message ? message_refuse_length(m, too_long)
		                                             : change_clear(m, form);
	return m->in.payload.n > policy->max_whole ? change_long(m) : change_whole(m);
}
