/* SPDX-License-Identifier: ISC */
/* All of a kit is made at once, when a configuration is taken: a worker that has it can do whatever
 * its rules demand without asking for memory. */
#include "worker/kit.h"

#include "base/secret.h"
#include "proxy/payload.h"
#include "sys/log.h"

#include <stdlib.h>
#include <sys/mman.h>

/* The engine sees a kit; this is all of it. */
struct full_kit {
	struct kit kit; /* first */
	size_t n_sealers;
	uint8_t *output[2];
};

uint8_t *kit_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_DONTDUMP);
	return p;
}

void kit_unmap(uint8_t *p, size_t size)
{
	if (p != NULL)
		(void)munmap(p, size); /* the kernel gives pages out zeroed */
}

struct kit *kit_new(const struct snapshot *s, struct spoiled *spoiled, struct err *e)
{
	struct full_kit *f = calloc(1, sizeof *f);
	struct kit *k = &f->kit;

	if (f == NULL) {
		err_set(e, "out of memory");
		return NULL;
	}
	f->n_sealers = s->conf->keys.n;
	k->sealers = calloc(f->n_sealers + 1, sizeof(struct sealer *));
	k->hotp = hotp_new(e);
	k->opener = opener_new(&s->conf->keys, SEAL_LRU_DEFAULT, e);
	if (k->sealers == NULL || k->hotp == NULL || k->opener == NULL)
		goto fail;
	for (size_t i = 0; i < f->n_sealers; i++) {
		k->sealers[i] = sealer_new(&s->conf->keys.keys[i], e);
		if (k->sealers[i] == NULL)
			goto fail;
	}
	k->spoiled = spoiled;
	k->scratch_size = PAYLOAD_SCRATCH;
	k->scratch = kit_map(k->scratch_size);
	f->output[SIDE_CLIENT] = kit_map(KIT_OUTPUT);
	f->output[SIDE_BROKER] = kit_map(KIT_OUTPUT);
	if (k->scratch == NULL || f->output[SIDE_CLIENT] == NULL ||
	    f->output[SIDE_BROKER] == NULL) {
		err_set(e, "no memory for a worker's buffers");
		goto fail;
	}
	return k;
fail:
	kit_free(k);
	return NULL;
}

void kit_free(struct kit *k)
{
	struct full_kit *f = (struct full_kit *)k;

	if (k == NULL)
		return;
	if (k->sealers != NULL) {
		for (size_t i = 0; i < f->n_sealers; i++)
			sealer_free(k->sealers[i]);
	}
	free(k->sealers);
	opener_free(k->opener);
	hotp_free(k->hotp);
	kit_unmap(k->scratch, k->scratch_size);
	kit_unmap(f->output[SIDE_CLIENT], KIT_OUTPUT);
	kit_unmap(f->output[SIDE_BROKER], KIT_OUTPUT);
	free(f);
}

uint8_t *kit_output(const struct kit *k, enum side to)
{
	return ((const struct full_kit *)k)->output[to];
}

void kit_freshen(struct kit *k, struct now now)
{
	struct full_kit *f = (struct full_kit *)k;
	uint8_t salt[SEAL_SALT_SIZE];
	struct err e;

	for (size_t i = 0; i < f->n_sealers; i++) {
		if (!sealer_stale(k->sealers[i], now))
			continue;
		secret_random(salt, sizeof salt);
		if (sealer_renew(k->sealers[i], salt, now, &e) != 0)
			log_say(LOG_LEVEL_ERROR, "sealer", "no new session key: %s", e.text);
	}
}
