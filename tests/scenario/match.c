/* SPDX-License-Identifier: ISC */
/* Whether bytes are the packet that was expected: the same, but for envelopes, which are opened. */
#include "base/text.h"
#include "tests/scenario/packet.h"

#include <stdlib.h>

static bool match_hole(const struct making *m, const struct hole *h, struct slice got,
                       struct fault *f)
{
	struct seal_demand demand = {.keys = &h->key,
	                             .n_keys = 1,
	                             .retain = (h->flags & SEAL_RETAIN) != 0,
	                             .unbound_ok = true};
	struct seal_opened opened;
	uint8_t *inner = take(got.n);
	enum seal_error e = seal_open(m->world->kit.opener, &demand, h->topic,
	                              slice_of(got.p + h->at, h->n), m->now, inner, &opened);
	bool ok = true;

	if (e != SEAL_OK)
		ok = fault_set(f, "the envelope does not open: %s", seal_error_name(e));
	else if (opened.flags != h->flags)
		ok = fault_set(f, "the envelope has flags %02x, not %02x", opened.flags, h->flags);
	else if (!slice_eq(opened.payload, h->plain))
		ok = fault_set(f, "the envelope holds another payload");
	else if (!slice_eq(opened.props, h->props))
		ok = fault_set(f, "the envelope holds other properties");
	free(inner);
	return ok;
}

static bool in_hole(const struct packet *p, size_t at)
{
	for (size_t i = 0; i < p->n_holes; i++) {
		if (at >= p->holes[i].at && at - p->holes[i].at < p->holes[i].n)
			return true;
	}
	return false;
}

bool packet_match(const struct making *m, const struct packet *want, struct slice got,
                  struct fault *f)
{
	char g[97], w[97];

	for (size_t i = 0; i < want->n; i++) {
		if (got.p[i] == want->p[i] || in_hole(want, i))
			continue;
		size_t from = i < 12 ? 0 : i - 12, n = want->n - from < 48 ? want->n - from : 48;
		text_hex(got.p + from, n, g);
		text_hex(want->p + from, n, w);
		return fault_set(f, "byte %zu: got …%s want …%s", i, g, w);
	}
	for (size_t i = 0; i < want->n_holes; i++) {
		if (!match_hole(m, &want->holes[i], got, f))
			return false;
	}
	return true;
}
