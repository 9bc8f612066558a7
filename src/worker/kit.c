/* SPDX-License-Identifier: ISC */
#include "worker/kit.h"

#include "base/secret.h"
#include "sys/log.h"

#include <stdlib.h>
#include <sys/mman.h>

/* The engine sees a kit; this is all of it. */
struct full_kit {
	struct kit kit; /* first */
	size_t n_sealers;
	size_t mapped; /* of scratch */
};

struct kit *kit_new(const struct snapshot *s, struct err *e)
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
	/* Plaintext lies here: mapped apart, left out of dumps. It costs memory only where it is
	 * touched. */
	k->scratch_size = s->conf->max_message + SEAL_PREFIX_MAX + 3 * ((size_t)UINT16_MAX + 1);
	f->mapped = k->scratch_size;
	k->scratch =
	    mmap(NULL, f->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (k->scratch == MAP_FAILED) {
		k->scratch = NULL;
		err_errno(e, "no memory for messages");
		goto fail;
	}
	(void)madvise(k->scratch, f->mapped, MADV_DONTDUMP);
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
	if (k->scratch != NULL)
		(void)munmap(k->scratch, f->mapped); /* the kernel gives pages out zeroed */
	free(f);
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
